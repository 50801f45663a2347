//! `--secret` flags: a question, standard input, a file, or a value. No message repeats a value.

use std::convert::Infallible;
use std::fmt;
use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::str::FromStr;

use ledger_domain::FieldName;
use serde_json::Value;

use super::{Body, insert_under, prompt};
use crate::failure::Failure;
use crate::output::Output;
use crate::text;

/// `FIELD`, `FIELD=-`, `FIELD=@FILE` or `FIELD=VALUE`. Its debug output omits the value.
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
    /// The terminal, at which the value is asked for.
    Terminal,
    /// It names no field.
    Malformed,
}

impl FromStr for SecretArg {
    type Err = Infallible;

    /// Reports a malformed text later, because the parser of the command line would repeat it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some((field, value)) = text.split_once('=') else {
            // What is no name of a field may be a value, which must not be repeated.
            let (field, source) = match FieldName::parse("field", text) {
                Ok(_) => (text.to_owned(), Source::Terminal),
                Err(_) => (String::new(), Source::Malformed),
            };
            return Ok(Self { field, source });
        };
        let source = match (value, value.strip_prefix('@')) {
            ("-", _) => Source::StandardInput,
            (_, Some(literal)) if literal.starts_with('@') => {
                Source::CommandLine(literal.to_owned())
            }
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
#[derive(Debug)]
pub(crate) struct SecretReader {
    out: Output,
    stdin_taken: bool,
    warned: bool,
}

impl SecretReader {
    /// Creates a reader whose warnings go to an output.
    pub(crate) fn new(out: Output) -> Self {
        Self { out, stdin_taken: false, warned: false }
    }

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
            Source::File(path) => text::read_file(path).map(without_line_end).map_err(|error| {
                let field = &arg.field;
                Failure::usage(format!("cannot read the file of --secret {field}=@FILE: {error}"))
                    .hint("for a value that begins with @, write @@")
            }),
            Source::StandardInput => self.read_stdin(),
            Source::Terminal => prompt::ask(&arg.field),
            Source::Malformed => Err(Failure::usage("--secret must have the form FIELD=VALUE")),
        }
    }

    fn read_stdin(&mut self) -> Result<String, Failure> {
        if std::mem::replace(&mut self.stdin_taken, true) {
            return Err(Failure::usage("only one secret can come from standard input"));
        }
        match text::read_stdin() {
            Ok(text) => Ok(without_line_end(text)),
            Err(error) => Err(Failure::usage(format!("cannot read standard input: {error}"))),
        }
    }

    fn warn(&mut self, field: &str) {
        if !std::mem::replace(&mut self.warned, true) {
            self.out.hint("a secret on the command line is visible to others (ps, shell history)");
            self.out.hint(format!(
                "prefer --secret {field}=- for standard input, {field}=@FILE, or --secret {field} \
                 to be asked for it"
            ));
        }
    }
}

/// Asks for a secret at the terminal; reads standard input if that is none.
pub(crate) fn ask_or_read(what: &str) -> Result<String, Failure> {
    if io::stdin().is_terminal() {
        return prompt::ask(what);
    }
    text::read_stdin()
        .map_err(|error| Failure::usage(format!("cannot read standard input: {error}")))
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
    fn a_value_that_begins_with_an_at_sign_is_written_with_two() {
        let read = |text: &str| SecretReader::new(Output::new(false)).read(&text.parse().unwrap());
        assert_eq!(read("password=@@home@").unwrap(), "@home@");
        assert_eq!(read("password=a@@b").unwrap(), "a@@b");
        for text in ["password=@canary-file", "canary 1"] {
            let lines = read(text).unwrap_err().lines().join("\n");
            assert!(lines.contains("--secret") && !lines.contains("canary"), "{lines}");
        }
    }

    #[test]
    fn one_trailing_newline_is_dropped() {
        assert_eq!(without_line_end("key\n".to_owned()), "key");
        assert_eq!(without_line_end("key\r\n".to_owned()), "key");
        assert_eq!(without_line_end("key\n\n".to_owned()), "key\n");
        assert_eq!(without_line_end(" key ".to_owned()), " key ");
    }
}
