//! Where each verb of the contract is on the command line, and its summary there.

use ledger_contract::commands::Verb;

/// Returns the subcommands that lead to a verb.
const fn path(verb: Verb) -> &'static [&'static str] {
    match verb {
        Verb::Create => &["create"],
        Verb::Update => &["update"],
        Verb::RotateSecret => &["rotate-secret"],
        Verb::Enable => &["enable"],
        Verb::Disable => &["disable"],
        Verb::MarkDegraded => &["mark-degraded"],
        Verb::MarkFailed => &["mark-failed"],
        Verb::MarkOperational => &["mark-operational"],
        Verb::Archive => &["archive"],
        Verb::Restore => &["restore"],
        Verb::GrantWorkspace => &["grant-workspace"],
        Verb::RevokeWorkspace => &["revoke-workspace"],
        Verb::SetLimits => &["set-limits"],
        Verb::SetModelPolicy => &["set-model-policy"],
        Verb::SetPricing => &["set-pricing"],
        Verb::LinkDependent => &["link-dependent"],
        Verb::UnlinkDependent => &["unlink-dependent"],
        Verb::Revert => &["revert"],
        Verb::RevealSecret => &["reveal"],
        Verb::CreateWorkspace => &["workspace", "create"],
        Verb::CreatePrincipal => &["principal", "create"],
        Verb::UpdatePrincipal => &["principal", "update"],
        Verb::EnablePrincipal => &["principal", "enable"],
        Verb::DisablePrincipal => &["principal", "disable"],
        Verb::IssueKey => &["key", "issue"],
        Verb::RevokeKey => &["key", "revoke"],
    }
}

/// Sets the summary of every verb, as the contract has it, in the help of its subcommand.
pub(crate) fn with_summaries(command: clap::Command) -> clap::Command {
    let set = |command, verb: &Verb| set_summary(command, path(*verb), verb.spec().summary);
    Verb::ALL.iter().fold(command, set)
}

fn set_summary(command: clap::Command, path: &[&'static str], summary: &str) -> clap::Command {
    match path {
        [] => command.about(summary.to_owned()),
        [name, rest @ ..] => {
            command.mut_subcommand(name, |found| set_summary(found, rest, summary))
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::commands::Cli;

    /// `mut_subcommand` creates what is not there, so a path that leads nowhere has to be found.
    #[test]
    fn every_verb_is_on_the_command_line() {
        for verb in Verb::ALL {
            let mut command = &Cli::command();
            for name in path(*verb) {
                command = command.find_subcommand(name).unwrap_or_else(|| panic!("{verb}: {name}"));
            }
        }
    }

    #[test]
    fn help_shows_the_summary_of_the_contract() {
        let mut command = with_summaries(Cli::command());
        let help = command.render_long_help().to_string();
        assert!(help.contains(Verb::RotateSecret.spec().summary), "{help}");
    }
}
