//! Where each verb of the contract is on the command line, and its summary there.

use ledger_contract::commands::{Target, Verb};

/// Returns the subcommands that lead to a verb. Those about a connection are called like the verb;
/// of the others, as in `create-principal`, the noun is the group and the rest the subcommand.
/// Those about leases, and those about the ledger itself, are in one group each, by their first
/// word.
fn path(verb: Verb) -> Vec<&'static str> {
    let name = verb.as_str();
    match verb.spec().target {
        _ if verb == Verb::RevealSecret => vec!["reveal"],
        _ if verb == Verb::TestConnection => vec!["test"],
        _ if verb == Verb::RefreshToken => vec!["refresh"],
        _ if verb == Verb::ListModels => vec!["models"],
        _ if verb == Verb::RevokeWorkspaceLeases => vec!["lease", "revoke-all"],
        Target::Connection if verb == Verb::LeaseSecrets => vec!["lease", "take"],
        Target::Connection if is_of_leases(verb) => {
            vec!["lease", name.split('-').next().unwrap_or(name)]
        }
        Target::Connection | Target::NewConnection | Target::Token => vec![name],
        Target::Alerts if verb == Verb::RotateAlertSecret => vec!["alert", "rotate-secret"],
        Target::Policies => vec!["policy", name.split('-').next().unwrap_or(name)],
        Target::Ledger => vec!["keys", name.split('-').next().unwrap_or(name)],
        Target::Alerts
        | Target::Workspace
        | Target::NewWorkspace
        | Target::NewPrincipal
        | Target::Principal
        | Target::Key
        | Target::Handover
        | Target::Tokens => name.rsplit('-').collect(),
    }
}

/// Returns whether a verb is about leases on the secrets of a connection.
fn is_of_leases(verb: Verb) -> bool {
    use Verb as V;
    matches!(verb, V::ReadLeasedSecrets | V::RenewLease | V::ReturnLease | V::RevokeLeases)
}

/// Sets the summary of every verb, as the contract has it, in the help of its subcommand.
pub(crate) fn with_summaries(command: clap::Command) -> clap::Command {
    let set = |command, verb: &Verb| set_summary(command, &path(*verb), verb.spec().summary);
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
    fn help_lists_verbs_in_the_order_of_the_contract() {
        let cli = Cli::command();
        let place =
            |name: &&str| cli.get_subcommands().position(|command| command.get_name() == *name);
        let changes = Verb::ALL.iter().filter(|verb| **verb != Verb::RevealSecret);
        let places: Vec<_> = changes.filter_map(|verb| path(*verb).first().map(place)).collect();
        assert!(places.is_sorted(), "{places:?}");
    }

    #[test]
    fn help_shows_the_summary_of_the_contract() {
        let mut command = with_summaries(Cli::command());
        let help = command.render_long_help().to_string();
        assert!(help.contains(Verb::RotateSecret.spec().summary), "{help}");
    }
}
