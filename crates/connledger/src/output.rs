//! Standard output for data, standard error for messages.

use std::fmt::Display;
use std::io::{self, Write as _};
use std::process::ExitCode;

use rustix::termios::tcgetwinsize;
use serde::Serialize;
use serde_json::json;

use crate::columns::one_line;
use crate::failure::Failure;
use crate::table::{Table, facts};

/// The form of what is written: JSON or text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
    /// Columns of the terminal that standard output is, if it is one.
    terminal: Option<usize>,
}

impl Output {
    /// Creates an output for programs if `json` is set, for people otherwise.
    pub(crate) fn new(json: bool) -> Self {
        let size = tcgetwinsize(io::stdout()).ok();
        let columns = size.map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0);
        Self { json, terminal: columns }
    }

    /// Returns whether the output is for programs.
    pub(crate) const fn is_json(self) -> bool {
        self.json
    }

    /// Refuses `--json` for what is no data.
    pub(crate) fn refuse_json(self, what: &str) -> Result<(), Failure> {
        if self.json {
            return Err(Failure::usage(format!("{what} is no data, so there is no --json of it")));
        }
        Ok(())
    }

    /// Writes a line of data for people.
    pub(crate) fn line(self, text: impl Display) -> Result<(), Failure> {
        self.verbatim(one_line(&text.to_string()))
    }

    /// Writes data as it is, and a line end.
    #[expect(clippy::unused_self, reason = "data is written through an output, for the reader")]
    pub(crate) fn verbatim(self, text: impl Display) -> Result<(), Failure> {
        // `println!` would panic on a closed pipe.
        writeln!(io::stdout().lock(), "{text}").map_err(|error| Failure::from_stdout(&error))
    }

    /// Writes a table: to a terminal, as wide as that is.
    pub(crate) fn table(self, table: &Table) -> Result<(), Failure> {
        table.lines(self.terminal).iter().try_for_each(|line| self.verbatim(line))
    }

    /// Writes lines with a name and a value each.
    pub(crate) fn facts<N: AsRef<str>>(self, list: &[(N, String)]) -> Result<(), Failure> {
        facts(list).iter().try_for_each(|line| self.verbatim(line))
    }

    /// Writes one object as a line of JSON.
    pub(crate) fn object(self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string(value)
            .map_err(|error| Failure::internal(format!("cannot write the answer: {error}")))?;
        self.verbatim(text)
    }

    /// Writes bytes that already are one JSON object.
    pub(crate) fn raw(self, json: &[u8]) -> Result<(), Failure> {
        self.verbatim(String::from_utf8_lossy(json))
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
            write_message(json!({ member: text.to_string() }));
        } else {
            write_message(one_line(&format!("{prefix}{text}")));
        }
    }

    /// Reports on standard error why a command failed, and returns its exit code.
    pub(crate) fn report(self, failure: &Failure) -> ExitCode {
        if self.json {
            failure.object().iter().for_each(write_message);
        } else {
            failure.lines().iter().for_each(|line| write_message(one_line(line)));
        }
        ExitCode::from(failure.exit_code())
    }
}

/// Writes a line to standard error. A closed standard error is ignored.
fn write_message(text: impl Display) {
    writeln!(io::stderr().lock(), "{text}").ok();
}
