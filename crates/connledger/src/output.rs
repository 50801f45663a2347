//! Standard output for data, standard error for messages.

use std::fmt::Display;
use std::io::{self, Write as _};
use std::process::ExitCode;

use ledger_contract::errors::ProblemBody;
use serde::Serialize;
use serde_json::json;

use crate::failure::Failure;

/// The form of what is written: JSON or text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    /// Creates an output for programs if `json` is set, for people otherwise.
    pub(crate) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Returns whether the output is for programs.
    pub(crate) const fn is_json(self) -> bool {
        self.json
    }

    /// Writes a line of data.
    #[expect(clippy::unused_self, reason = "data is written through an output, for the reader")]
    pub(crate) fn line(self, text: impl Display) -> Result<(), Failure> {
        // `println!` would panic on a closed pipe.
        writeln!(io::stdout().lock(), "{text}").map_err(|error| Failure::from_stdout(&error))
    }

    /// Writes one object as a line of JSON.
    pub(crate) fn object(self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string(value)
            .map_err(|error| Failure::internal(format!("cannot write the answer: {error}")))?;
        self.line(text)
    }

    /// Writes bytes that already are one JSON object.
    pub(crate) fn raw(self, json: &[u8]) -> Result<(), Failure> {
        self.line(String::from_utf8_lossy(json))
    }

    /// Writes a message to standard error.
    pub(crate) fn say(self, text: impl Display) {
        self.tell("note", "", text);
    }

    /// Writes a hint to standard error.
    pub(crate) fn hint(self, text: impl Display) {
        self.tell("hint", "hint: ", text);
    }

    /// Writes a message: as an object with one member, or as text.
    fn tell(self, member: &str, prefix: &str, text: impl Display) {
        if self.json {
            say(json!({ member: text.to_string() }));
        } else {
            say(format!("{prefix}{text}"));
        }
    }

    /// Reports on standard error why a command failed, and returns its exit code.
    pub(crate) fn report(self, failure: &Failure) -> ExitCode {
        match failure.body() {
            Some(body) if self.json => {
                let body = ProblemBody { error: body.clone() };
                say(serde_json::to_string(&body).unwrap_or_default());
            }
            None if self.json => failure.object().iter().for_each(say),
            _ => failure.lines().iter().for_each(say),
        }
        ExitCode::from(failure.exit_code())
    }
}

/// Writes a message to standard error. A closed standard error is ignored.
pub(crate) fn say(text: impl Display) {
    writeln!(io::stderr().lock(), "{text}").ok();
}
