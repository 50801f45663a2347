//! A file with every setting as a comment.

use std::fmt::Write as _;

use clap::{Arg, ArgAction, Command};

use super::layers::settings;
use crate::commands::Cli;

/// A witness, with a key that nobody has.
const WITNESS: &str =
    "https://w.example=w.example+39af5366+BFhmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZm";

/// Columns of a comment.
const COLUMNS: usize = 96;

const HEAD: &str = "\
# Settings of `connledger serve --config FILE`, written by `connledger config example`.
#
# Each flag of `serve` is a setting of the same name. A flag goes before an environment variable,
# that before this file, and that before the default. `connledger config check FILE` checks a file,
# `connledger config show --config FILE` shows what holds. A file with a secret must be readable by
# its owner alone. SIGHUP has `log` read again, and the certificates; all else needs a restart.
";

/// Returns the file.
pub(crate) fn example() -> String {
    let command = Cli::described();
    let mut text = HEAD.to_owned();
    let mut sections: Vec<(&str, Vec<&Arg>)> = Vec::new();
    for arg in settings(&command) {
        let heading = arg.get_help_heading().unwrap_or("Options");
        match sections.iter_mut().find(|(known, _)| *known == heading) {
            Some((_, args)) => args.push(arg),
            None => sections.push((heading, vec![arg])),
        }
    }
    for (heading, args) in sections {
        write!(text, "\n## {heading}\n").expect("text grows");
        for arg in args {
            add(&mut text, &command, arg);
        }
    }
    text
}

fn add(text: &mut String, _: &Command, arg: &Arg) {
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    text.push('\n');
    let mut line = "#".to_owned();
    for word in help.split_whitespace() {
        if line.len() + 1 + word.len() > COLUMNS {
            writeln!(text, "{line}").expect("text grows");
            "#".clone_into(&mut line);
        }
        line.push(' ');
        line.push_str(word);
    }
    let name = arg.get_long().unwrap_or_default();
    writeln!(text, "{line}\n#{name} = {}", value(arg)).expect("text grows");
}

/// Returns the default, or a sample.
fn value(arg: &Arg) -> String {
    if matches!(arg.get_action(), ArgAction::SetTrue) {
        return "false".to_owned();
    }
    let default =
        arg.get_default_values().first().map(|value| value.to_string_lossy().into_owned());
    let one = match default {
        Some(default) => literal(&default),
        None => sample(arg),
    };
    if matches!(arg.get_action(), ArgAction::Append) { format!("[{one}]") } else { one }
}

fn literal(text: &str) -> String {
    let is_number = text.parse::<i64>().is_ok() || text.parse::<f64>().is_ok();
    if is_number || ["true", "false"].contains(&text) {
        return text.to_owned();
    }
    format!("{text:?}")
}

/// Returns a value that the setting may have.
fn sample(arg: &Arg) -> String {
    let possible = arg.get_possible_values();
    if let Some(first) = possible.first() {
        return literal(first.get_name());
    }
    let name = arg.get_long().unwrap_or_default();
    let kind = arg.get_value_names().and_then(<[_]>::first).map_or("", |name| name.as_str());
    let text = match (name, kind) {
        ("nats-url", _) => "tls://nats.example.com:4222",
        ("cluster-system-url", _) => "nats://nats.example.com:4222",
        ("smtp-url", _) => "smtp://ledger@mail.example.com",
        ("smtp-from", _) => "Ledger <ledger@example.com>",
        ("backup-to", _) => "/srv/backups",
        ("check-every", _) => "10m",
        ("key", _) => "sk_live_...",
        ("master-key", _) => "file:/etc/connledger/master.key",
        ("nats-replicas", _) => return "3".to_owned(),
        ("allow-reference", _) => "env:TEAM_*",
        ("oidc-algorithms", _) => "ES256",
        ("oidc-param", _) => "resource=https://ledger.example.com",
        ("oidc-scope", _) => "integrations:list",
        ("cors-origin", _) => "https://console.example.com",
        ("nats-inbox-prefix", _) => "_INBOX_ledger",
        ("nats-js-prefix", _) => "JS.API",
        (_, "FILE") => return literal(&format!("/etc/connledger/{name}")),
        (_, "DIR") => return literal(&format!("/var/lib/connledger/{name}")),
        (_, "URL") => "https://ledger.example.com",
        (_, "URL=KEY") => WITNESS,
        (_, "NETWORK") => "10.0.0.0/8",
        (_, "TIME") => "1h",
        (_, "NUMBER" | "SECONDS" | "PORT" | "BYTES" | "DAYS") => return "10".to_owned(),
        _ => "ledger",
    };
    literal(text)
}
