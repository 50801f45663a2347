//! What became of a plan.

use std::collections::BTreeMap;

use serde_json::json;

use crate::failure::Failure;
use crate::output::Output;

/// Refusals that are shown one by one. `--json` shows all.
const SHOWN_MAX: usize = 20;

/// What became of one thing.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The word for what was done: `created`, `updated` and so on.
    Done(&'static str),
    /// Something was refused.
    Refused {
        /// The stable code.
        code: String,
        /// Why.
        message: String,
    },
}

/// What became of all.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// The causation id of all events.
    run: String,
    counts: BTreeMap<&'static str, u64>,
    refused: Vec<(String, String, String)>,
    /// Whether it was ended before everything was done.
    is_interrupted: bool,
}

impl Tally {
    pub(super) fn new(run: String) -> Self {
        Self { run, ..Self::default() }
    }

    pub(super) fn count(&mut self, name: &str, outcome: Outcome) {
        match outcome {
            Outcome::Done(word) => *self.counts.entry(word).or_default() += 1,
            Outcome::Refused { code, message } => {
                self.refused.push((name.to_owned(), code, message));
            }
        }
    }

    /// Adds what was refused before anything was sent.
    pub(super) fn refuse(&mut self, name: &str, message: &str) {
        self.refused.push((name.to_owned(), "manifest_invalid".to_owned(), message.to_owned()));
    }

    pub(super) fn interrupt(&mut self) {
        self.is_interrupted = true;
    }

    /// Writes the counts, which are also of use if the run ended early.
    pub(super) fn write(&self, out: Output) -> Result<(), Failure> {
        let number = |word: &str| self.counts.get(word).copied().unwrap_or(0);
        if out.is_json() {
            for (name, code, message) in &self.refused {
                out.object(&json!({ "name": name, "code": code, "message": message }))?;
            }
            return out.object(&json!({
                "created": number("created"),
                "updated": number("updated"),
                "restored": number("restored"),
                "archived": number("archived"),
                "unchanged": number("unchanged"),
                "refused": self.refused.len(),
                "causation_id": self.run,
            }));
        }
        for (name, code, message) in self.refused.iter().take(SHOWN_MAX) {
            out.say(format!("{name}: {message} [{code}]"));
        }
        if self.refused.len() > SHOWN_MAX {
            out.say(format!("and {} more; --json shows all", self.refused.len() - SHOWN_MAX));
        }
        let mut words = vec![format!("created {}", number("created"))];
        words.push(format!("updated {}", number("updated")));
        for word in ["restored", "archived"].into_iter().filter(|word| number(word) > 0) {
            words.push(format!("{word} {}", number(word)));
        }
        words.push(format!("unchanged {}", number("unchanged")));
        words.push(format!("refused {}", self.refused.len()));
        out.line(words.join(", "))?;
        if self.counts.keys().any(|word| *word != "unchanged") {
            out.say(format!("causation id of all events: {}", self.run));
        }
        Ok(())
    }

    /// Returns an error if not everything was done.
    pub(super) fn verdict(&self) -> Result<(), Failure> {
        if self.is_interrupted {
            return Err(Failure::interrupted().hint("repeat the command to go on"));
        }
        match self.refused.len() {
            0 => Ok(()),
            1 => Err(Failure::refused("one of them was refused").hint(AGAIN)),
            number => Err(Failure::refused(format!("{number} of them were refused")).hint(AGAIN)),
        }
    }
}

const AGAIN: &str = "what was done stays; repeat the command, which does nothing twice";
