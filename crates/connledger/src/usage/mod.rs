//! Command lines that are wrong: what is told to people and to programs.

mod near;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};

use crate::failure::Failure;
use crate::output::Output;

/// What stands before a suggestion.
const TIP: &str = "tip: ";

/// Longest word of a command line that an error repeats.
const SHOWN_CHARS: usize = 40;

/// Returns an error that suggests what was meant, and repeats no word that may be a secret.
pub(crate) fn improve(error: clap::Error) -> clap::Error {
    let mut error = near::with_near_word(error);
    let word = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(word)) => word.clone(),
        _ => return error,
    };
    let plain = |byte: u8| byte.is_ascii_alphabetic() || byte == b'-' || byte == b'_';
    let is_name = word.starts_with('-') || word.bytes().all(plain);
    if word.len() > SHOWN_CHARS || !is_name {
        let hidden = ContextValue::String("(not shown)".to_owned());
        error.insert(ContextKind::InvalidArg, hidden);
        error.remove(ContextKind::Suggested);
    }
    error
}

/// Reports why a command line was not accepted, or writes the help that it asked for.
pub(crate) fn report(error: &clap::Error, line: impl IntoIterator<Item = OsString>) -> ExitCode {
    if error.use_stderr() && wants_json(line) {
        return Output::new(true).report(&failure(&error.to_string()));
    }
    // A closed pipe is no reason to fail.
    error.print().ok();
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(u8::MAX))
}

/// Returns whether a command line that cannot be parsed asks for JSON.
fn wants_json(line: impl IntoIterator<Item = OsString>) -> bool {
    line.into_iter().take_while(|argument| argument != "--").any(|argument| argument == "--json")
}

/// Makes a failure of the paragraphs of an error: what is wrong, suggestions, usage.
fn failure(text: &str) -> Failure {
    let (wrong, rest) = text.split_once("\n\n").unwrap_or((text, ""));
    let wrong = wrong.split_whitespace().collect::<Vec<_>>().join(" ");
    let failure = Failure::usage(wrong.strip_prefix("error: ").unwrap_or(&wrong));
    let tips = rest.lines().filter_map(|line| line.trim_start().strip_prefix(TIP));
    tips.fold(failure, Failure::hint).hint("`connledger help` shows the commands and their flags")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::Cli;

    fn line(text: &str) -> Vec<OsString> {
        text.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn a_word_that_may_be_a_secret_is_not_repeated() {
        let told = |text: &str| Cli::read(line(text)).unwrap_err().to_string();
        for text in ["create --secret api_key sk-canary-1", "get main sk-canary-1"] {
            let told = told(&format!("connledger {text}"));
            assert!(!told.contains("canary") && told.contains("(not shown)"), "{told}");
        }
        assert!(told("connledger get main other").contains("'other'"));
        assert!(told("connledger get main --no-such-1").contains("'--no-such-1'"));
    }

    #[test]
    fn programs_get_a_wrong_command_line_as_one_object() {
        for text in ["connledger --json get", "connledger gte x --json", "connledger --json"] {
            let error = Cli::read(line(text)).unwrap_err();
            assert!(error.use_stderr() && wants_json(line(text)), "{text}");
            let object = failure(&error.to_string()).object().unwrap();
            assert!(object["error"]["message"].as_str().is_some_and(|text| !text.is_empty()));
        }
        let error = Cli::read(line("connledger lsit x")).unwrap_err();
        let lines = failure(&error.to_string()).lines();
        assert_eq!(lines[0], "error: unrecognized subcommand 'lsit'");
        assert!(lines[1].contains("'list'"), "{lines:?}");
        assert!(!wants_json(line("connledger create -- --json")));
    }
}
