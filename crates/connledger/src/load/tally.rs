//! What became of the lines.

use serde_json::json;

use crate::failure::Failure;
use crate::output::Output;

/// Lines shown one by one. All are counted, and `--json` shows all.
const SHOWN_MAX: usize = 20;

/// A line after which its connection is not in use, and why.
#[derive(Debug)]
pub(super) struct Remark {
    pub(super) line: u64,
    pub(super) code: String,
    pub(super) message: String,
}

/// What became of one line.
#[derive(Debug)]
pub(super) enum Loaded {
    /// Its connection was created.
    Created,
    /// It had been loaded before.
    Repeated,
    /// It had been loaded before, and its connection has been archived since.
    Archived(Remark),
    /// It was refused.
    Refused(Remark),
}

/// The counts.
#[derive(Debug, Default)]
pub(super) struct Tally {
    created: u64,
    repeated: u64,
    archived: u64,
    refused: u64,
    remarks: Vec<Remark>,
}

impl Tally {
    pub(super) fn count(&mut self, loaded: Loaded) {
        let (count, remark) = match loaded {
            Loaded::Created => (&mut self.created, None),
            Loaded::Repeated => (&mut self.repeated, None),
            Loaded::Archived(remark) => (&mut self.archived, Some(remark)),
            Loaded::Refused(remark) => (&mut self.refused, Some(remark)),
        };
        *count += 1;
        self.remarks.extend(remark);
    }

    /// Writes the counts, which are also of use if the load ended early.
    pub(super) fn write(&mut self, out: Output) -> Result<(), Failure> {
        self.remarks.sort_by_key(|remark| remark.line);
        let Self { created, repeated, archived, refused, remarks } = self;
        if out.is_json() {
            for Remark { line, code, message } in remarks {
                out.object(&json!({ "line": line, "code": code, "message": message }))?;
            }
            return out.object(&json!({
                "created": created,
                "repeated": repeated,
                "archived": archived,
                "refused": refused,
            }));
        }
        for Remark { line, code, message } in remarks.iter().take(SHOWN_MAX) {
            out.say(format!("line {line}: {message} [{code}]"));
        }
        if remarks.len() > SHOWN_MAX {
            out.say(format!("and {} more; --json shows all of them", remarks.len() - SHOWN_MAX));
        }
        let archived = match archived {
            0 => String::new(),
            archived => format!("archived since {archived}, "),
        };
        out.line(format!("created {created}, repeated {repeated}, {archived}refused {refused}"))
    }

    /// Returns an error if the connections of some lines are not in use.
    pub(super) fn verdict(&self) -> Result<(), Failure> {
        match (self.refused, self.archived) {
            (0, 0) => Ok(()),
            (0, archived) => Err(Failure::refused(format!(
                "{archived} lines stand for connections that have been archived"
            ))
            .hint("`connledger restore ID` brings one back")),
            (refused, _) => Err(Failure::refused(format!("{refused} lines were refused")).hint(
                "each line is one whole JSON object; correct these and load the file again, which \
                 creates none of the others twice",
            )),
        }
    }
}
