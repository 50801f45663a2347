//! The bucket of the lease, as the server must have it.

use async_nats::jetstream::Context;
use async_nats::jetstream::stream::Config;
use ledger_contract::errors::Problem;
use ledger_contract::subjects::Subjects;
use parking_lot::Mutex;

use super::{Choices, alarm, config, requests, settings};
use crate::connect::Denials;

/// The bucket of the lease.
#[derive(Debug)]
pub(crate) struct LeaseBucket {
    config: Config,
    replicas: Option<usize>,
    denials: Denials,
    alarmed: Mutex<Vec<String>>,
}

impl LeaseBucket {
    pub(crate) fn new(subjects: &Subjects, choices: Choices, denials: Denials) -> Self {
        let config = config::lease(subjects, choices);
        Self { config, replicas: choices.replicas, denials, alarmed: Mutex::default() }
    }

    /// Creates the bucket if it is missing, gives it the number of copies that was asked for, and
    /// logs an error for changed settings. Returns what differs from the wanted settings.
    pub(crate) async fn ensure(&self, jetstream: &Context) -> Result<Vec<String>, Problem> {
        let found = match requests::find(jetstream, &self.config.name).await? {
            Some(found) => found,
            None => requests::create(jetstream, &self.config).await?,
        };
        let mut config = found.config;
        let mut deviations = Vec::new();
        if let Some(replicas) = self.replicas.filter(|given| *given != config.num_replicas) {
            let next = Config { num_replicas: replicas, ..settings::stored(&config) };
            // Without these copies the lease still works.
            match requests::update(jetstream, &self.denials, &next).await {
                Ok(info) => config = info.config,
                Err(problem) => {
                    deviations.push(format!("{}: {}", next.name, problem.message));
                }
            }
        }
        deviations.extend(settings::deviations(&self.config, &config, self.replicas));
        alarm(&self.alarmed, deviations.clone());
        Ok(deviations)
    }
}
