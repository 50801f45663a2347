//! A plan as a file.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use ledger_contract::ResumePoint;
use ledger_contract::queries::UndoStep;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::text;

/// The version of the form.
const FORM: u32 = 1;

/// What is to be done.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Plan {
    /// The version of the form of the file.
    form: u32,
    /// Its id: the causation id of all its events, and the beginning of its command ids.
    pub(super) id: String,
    /// The end of the log at the moment.
    pub(super) as_of: ResumePoint,
    /// The steps, one for each connection.
    pub(super) steps: Vec<UndoStep>,
}

impl Plan {
    pub(super) fn new(as_of: ResumePoint, steps: Vec<UndoStep>) -> Self {
        Self { form: FORM, id: ledger_client::new_command_id(), as_of, steps }
    }

    /// Reads a plan that was kept.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let json = text::read_file(path).map_err(|error| Failure::file("read", path, &error))?;
        let plan: Self = serde_json::from_str(&json).map_err(|error| {
            Failure::usage(format!("{} is not a plan: {error}", path.display()))
                .hint("make one: connledger undo --as-of MOMENT --out FILE")
        })?;
        if plan.form != FORM {
            let form = plan.form;
            return Err(Failure::usage(format!("{} is a plan of form {form}", path.display()))
                .hint("make it anew with this version of the program"));
        }
        Ok(plan)
    }

    /// Writes it to a new file.
    pub(super) fn write(&self, path: &Path) -> Result<(), Failure> {
        let failed = |error| Failure::file("write", path, &error);
        let json = serde_json::to_vec_pretty(self)
            .map_err(|error| Failure::internal(format!("cannot write the plan: {error}")))?;
        let mut file =
            OpenOptions::new().write(true).create_new(true).open(path).map_err(failed)?;
        file.write_all(&json).map_err(failed)
    }
}
