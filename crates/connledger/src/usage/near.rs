//! Words of other programs, and the commands that do what they mean.

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// The command under which the words stand, the words, and what to type instead.
const NEAR_WORDS: &[(&str, &[&str], &str)] = &[
    ("", &["add", "new", "insert", "put", "register", "make"], "create"),
    ("", &["edit", "set", "change", "modify", "patch", "configure"], "update"),
    ("", &["rename", "mv", "move"], "update SLUG --slug NEW"),
    ("", &["rotate", "renew", "set-secret"], "rotate-secret"),
    ("", &["delete", "del", "rm", "remove", "destroy", "drop"], "archive"),
    ("", &["undelete", "unarchive", "recover"], "restore"),
    ("", &["rollback", "reset"], "revert"),
    ("", &["ls", "find", "search", "connections"], "list"),
    ("", &["show", "cat", "view", "describe", "inspect", "read"], "get"),
    ("", &["logs", "events", "changes", "versions"], "history"),
    ("", &["secret", "secrets", "unmask", "decrypt"], "reveal"),
    ("", &["ping", "health", "info", "ready"], "status"),
    ("", &["start", "run", "server", "up", "daemon"], "serve"),
    ("", &["setup", "bootstrap"], "init"),
    ("", &["plan"], "apply"),
    ("", &["convert"], "import"),
    ("", &["dump"], "export"),
    ("", &["tail", "follow", "subscribe", "stream"], "watch"),
    ("", &["rebuild", "fsck", "repair"], "replay"),
    ("", &["me", "who", "login"], "whoami"),
    ("", &["user", "users", "role", "roles", "account"], "principal"),
    ("", &["apikey", "api-key"], "key"),
    ("", &["can", "may", "permission", "permissions", "check"], "access check"),
    ("", &["error", "errors", "code", "codes"], "explain"),
    ("", &["completion", "autocomplete"], "completions"),
    ("", &["manual", "docs"], "man"),
    ("key", &["create", "add", "new", "make"], "key issue"),
    ("key", &["delete", "del", "rm", "remove", "disable", "block"], "key revoke"),
    ("key", &["ls", "show", "get"], "key list"),
    ("keys", &["list", "ls", "show", "get"], "keys status"),
    ("keys", &["issue", "create"], "key issue"),
    ("keys", &["revoke"], "key revoke"),
    ("principal", &["add", "new", "make"], "principal create"),
    ("principal", &["edit", "set", "change", "modify", "grant"], "principal update"),
    ("principal", &["delete", "del", "rm", "remove", "block", "archive"], "principal disable"),
    ("principal", &["ls"], "principal list"),
    ("principal", &["get", "cat", "view", "describe"], "principal show"),
    ("provider", &["ls"], "provider list"),
    ("provider", &["get", "cat", "view", "describe"], "provider show"),
    ("provider", &["validate", "lint", "test"], "provider check"),
    ("token", &["add", "revoke", "disable"], "token block"),
    ("token", &["delete", "del", "rm", "remove", "allow", "enable"], "token unblock"),
    ("token", &["ls", "show"], "token list"),
    ("workspace", &["add", "new", "make"], "workspace create"),
    ("workspace", &["ls", "show", "get"], "workspace list"),
];

/// Adds the command that an unknown one means, if it is known from other programs.
pub(super) fn with_near_word(mut error: clap::Error) -> clap::Error {
    if error.kind() != ErrorKind::InvalidSubcommand {
        return error;
    }
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else {
        return error;
    };
    let usage = error.get(ContextKind::Usage).map(ToString::to_string).unwrap_or_default();
    if let Some(meant) = meant(group(&usage), word) {
        error.remove(ContextKind::SuggestedSubcommand);
        let tip = StyledStr::from(format!("did you mean `connledger {meant}`?"));
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip]));
    }
    error
}

fn meant(group: &str, word: &str) -> Option<&'static str> {
    let fits = |(at, words, _): &&(&str, &[&str], _)| *at == group && words.contains(&word);
    NEAR_WORDS.iter().find(fits).map(|(_, _, meant)| *meant)
}

/// Returns the group of commands that the usage is about, as in `Usage: connledger key <COMMAND>`;
/// empty without one.
fn group(usage: &str) -> &str {
    let word = usage.split_whitespace().nth(2).unwrap_or_default();
    if word.starts_with(['<', '[']) { "" } else { word }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::Cli;

    #[test]
    fn a_word_of_another_program_leads_to_the_command() {
        for (line, meant) in [
            ("connledger delete main", "connledger archive"),
            ("connledger rm main --force", "connledger archive"),
            ("connledger ls", "connledger list"),
            ("connledger --json show main", "connledger get"),
            ("connledger -w key rename main", "connledger update SLUG --slug NEW"),
            ("connledger key rm k3x9a2bq71ce", "connledger key revoke"),
        ] {
            let error = Cli::read(line.split(' ')).unwrap_err();
            let text = error.to_string();
            assert_eq!(error.exit_code(), 2);
            assert!(text.contains(&format!("did you mean `{meant}`?")), "{line}: {text}");
        }
        let text = Cli::read(["connledger", "archvie", "main"]).unwrap_err().to_string();
        assert!(text.contains("'archive'") && !text.contains("did you mean"), "{text}");
    }

    #[test]
    fn near_words_are_no_commands_and_lead_to_some() {
        let cli = Cli::described();
        for (group, words, meant) in NEAR_WORDS {
            let group = cli.find_subcommand(group).unwrap_or(&cli);
            for word in *words {
                assert!(group.find_subcommand(word).is_none(), "{word} is a command");
            }
            let mut command = &cli;
            for name in meant.split(' ').take_while(|name| **name == *name.to_lowercase()) {
                command = command.find_subcommand(name).unwrap_or_else(|| panic!("{meant}"));
            }
        }
    }
}
