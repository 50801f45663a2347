//! What SIGHUP has read again: the log filter. Certificates are the listeners' own.

use super::logs::Logs;
use crate::config::{Setting, settings_of};
use crate::failure::Failure;

/// The setting that is taken over while the server runs.
const LOG: &str = "log";

/// The settings that hold, and what can be changed of them.
#[derive(Debug)]
pub(super) struct Reloading {
    logs: Logs,
    /// As they were when the server was started.
    started_with: Vec<Setting>,
}

impl Reloading {
    /// Remembers what the server is started with.
    pub(super) fn begin(logs: Logs) -> Result<Self, Failure> {
        let started_with =
            settings_of(std::env::args_os()).map_err(|error| Failure::usage(error.to_string()))?;
        Ok(Self { logs, started_with })
    }

    /// Reads the file and the environment again, and takes over what can be. What is wrong is
    /// logged, and the settings in force stay.
    pub(super) fn read_again(&mut self) {
        let now = match settings_of(std::env::args_os()) {
            Ok(now) => now,
            Err(error) => {
                let error = error.to_string();
                let error = error.split("\n\n").next().unwrap_or_default().trim();
                let error = error.strip_prefix("error: ").unwrap_or(error);
                tracing::warn!(error, "the settings cannot be read again; those in force stay");
                return;
            }
        };
        if let Some(filter) =
            now.iter().find(|one| one.name == LOG).and_then(|one| one.values.first())
        {
            match self.logs.set(filter) {
                Ok(()) => tracing::info!(filter, "the log filter is in force"),
                Err(failure) => {
                    tracing::warn!(
                        error = failure.lines().join(" "),
                        "the log filter is not changed"
                    );
                }
            }
        }
        let values = |all: &[Setting], name: &str| {
            all.iter().find(|one| one.name == name).map(|one| one.values.clone())
        };
        for setting in now.iter().filter(|setting| setting.name != LOG) {
            if values(&self.started_with, &setting.name).as_ref() != Some(&setting.values) {
                tracing::warn!(
                    setting = setting.name,
                    "a changed setting takes effect at the next start"
                );
            }
        }
    }
}
