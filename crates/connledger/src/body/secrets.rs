//! `--secret` flags: a value, a file, or standard input.

use std::fmt;
use std::io::Read as _;
use std::path::PathBuf;
use std::str::FromStr;

use serde_json::Value;

use super::{Body, insert_under};
use crate::failure::Failure;
use crate::output::say;

/// `FIELD=VALUE`, `FIELD=@FILE` or `FIELD=-`. Its debug output omits the value.
#[derive(Clone)]
pub(crate) struct SecretArg {
    field: String,
    source: Source,
}

#[derive(Clone)]
enum Source {
    CommandLine(String),
    File(PathBuf),
    StandardInput,
}

impl FromStr for SecretArg {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The message must not repeat the text, which is a secret.
        let (field, value) = text.split_once('=').ok_or("must have the form FIELD=VALUE")?;
        let source = match (value, value.strip_prefix('@')) {
            ("-", _) => Source::StandardInput,
            (_, Some(path)) => Source::File(PathBuf::from(path)),
            (_, None) => Source::CommandLine(value.to_owned()),
        };
        Ok(Self { field: field.to_owned(), source })
    }
}

impl fmt::Debug for SecretArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretArg").field("field", &self.field).finish_non_exhaustive()
    }
}

/// Reads the secrets of one command line; standard input can supply only one of them.
#[derive(Debug, Default)]
pub(crate) struct SecretReader {
    stdin_taken: bool,
    warned: bool,
}

impl SecretReader {
    /// Reads all given secrets into `secrets` of the body.
    pub(crate) fn read_into(&mut self, args: &[SecretArg], body: &mut Body) -> Result<(), Failure> {
        for arg in args {
            let text = self.read(arg)?;
            insert_under(body, "secrets", arg.field.clone(), Value::String(text));
        }
        Ok(())
    }

    fn read(&mut self, arg: &SecretArg) -> Result<String, Failure> {
        match &arg.source {
            Source::CommandLine(text) => {
                self.warn(&arg.field);
                Ok(text.clone())
            }
            Source::File(path) => match std::fs::read_to_string(path) {
                Ok(text) => Ok(without_line_end(text)),
                Err(error) => Err(Failure::file("read", path, &error)),
            },
            Source::StandardInput => self.read_stdin(),
        }
    }

    fn read_stdin(&mut self) -> Result<String, Failure> {
        if std::mem::replace(&mut self.stdin_taken, true) {
            return Err(Failure::usage("only one secret can come from standard input"));
        }
        let mut text = String::new();
        match std::io::stdin().read_to_string(&mut text) {
            Ok(_) => Ok(without_line_end(text)),
            Err(error) => Err(Failure::usage(format!("cannot read standard input: {error}"))),
        }
    }

    fn warn(&mut self, field: &str) {
        if !std::mem::replace(&mut self.warned, true) {
            say("hint: a secret on the command line is visible to others (ps, shell history)");
            say(format!(
                "hint: prefer --secret {field}=@FILE, or --secret {field}=- for standard input"
            ));
        }
    }
}

/// Drops the single newline that editors and `echo` put at the end of a file.
fn without_line_end(mut text: String) -> String {
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_never_shows_a_value() {
        let arg: SecretArg = "api_key=sk-canary".parse().unwrap();
        assert!(!format!("{arg:?}").contains("canary"));
    }

    #[test]
    fn one_trailing_newline_is_dropped() {
        assert_eq!(without_line_end("key\n".to_owned()), "key");
        assert_eq!(without_line_end("key\r\n".to_owned()), "key");
        assert_eq!(without_line_end("key\n\n".to_owned()), "key\n");
        assert_eq!(without_line_end(" key ".to_owned()), " key ");
    }
}
