//! The models of connections, as the provider lists them or else as the catalogue knows them.

use std::collections::BTreeSet;
use std::time::Duration;

use ledger_contract::commands::{ConnectionRef, ParsedCommand};
use ledger_contract::errors::{Class, Code};
use ledger_contract::reply::{ModelList, ModelView};
use ledger_domain::{Connection, Expected};
use ledger_http::toolkit::Refusal;
use ledger_providers::{Capability, KnownModel};
use tokio::time::timeout;

use crate::request::FacadeRequest;

/// How long is waited for models that are shown beside others.
const FURTHER_PATIENCE: Duration = Duration::from_secs(3);

/// A model that a connection reaches.
pub(crate) struct Model {
    pub(crate) id: String,
    /// Its name, or else its id.
    pub(crate) name: String,
    pub(crate) capabilities: Vec<Capability>,
    /// Whether the model policy of the connection permits it.
    pub(crate) allowed: bool,
}

impl FacadeRequest {
    /// Returns the models of a connection. If the provider lists none, they are those of the
    /// catalogue: the products have no place in their answers to say more.
    pub(crate) async fn models(&self, connection: &Connection) -> Result<Vec<Model>, Refusal> {
        match self.listed_models(connection).await {
            Ok(list) => Ok(Model::all_of(list)),
            Err(refusal) if is_of_list(refusal.code()) => Ok(self.known(connection)),
            Err(refusal) => Err(refusal),
        }
    }

    /// Returns the models that the provider lists for a connection, or none if there is no such
    /// list, or not for the caller.
    pub(crate) async fn further_models(
        &self,
        connection: &Connection,
    ) -> Result<Vec<Model>, Refusal> {
        if connection.lifecycle.check_active().is_err() {
            return Ok(Vec::new());
        }
        // What is shown besides does not wait for a provider that takes its time.
        let listed = timeout(FURTHER_PATIENCE, self.listed_models(connection)).await;
        match listed {
            Ok(Ok(list)) => Ok(Model::all_of(list.filter(|list| list.source == "provider"))),
            Ok(Err(refusal)) if refusal.code().class() == Class::Unauthenticated => Err(refusal),
            Ok(Err(refusal)) => {
                let code = refusal.code().as_str();
                tracing::debug!(ledger.error.code = code, "no further models are shown");
                Ok(Vec::new())
            }
            Err(_) => {
                tracing::debug!("the provider lists no models in time to show further ones");
                Ok(Vec::new())
            }
        }
    }

    async fn listed_models(&self, connection: &Connection) -> Result<Option<ModelList>, Refusal> {
        let target = ConnectionRef::Id(connection.id);
        let command = ParsedCommand::ListModels { target, refresh: false, fields: BTreeSet::new() };
        // What is read needs no version.
        let executed = self.execute_at(command, Expected::Any).await?;
        Ok(executed.models)
    }

    fn known(&self, connection: &Connection) -> Vec<Model> {
        let provider = self.provider(connection.details.provider.as_str());
        let known = provider.map(|provider| provider.models.known.as_slice()).unwrap_or_default();
        known.iter().map(|model| Model::of(model, connection)).collect()
    }
}

impl Model {
    fn all_of(list: Option<ModelList>) -> Vec<Self> {
        list.into_iter().flat_map(|list| list.models).map(Self::from).collect()
    }

    fn of(known: &KnownModel, connection: &Connection) -> Self {
        let policy = &connection.models;
        let KnownModel { id, name, capabilities } = known.clone();
        let rule = policy.models.get(id.as_str());
        let allowed = rule.map_or(policy.allow_all, |rule| rule.enabled);
        Self { id, name, capabilities, allowed }
    }
}

impl From<ModelView> for Model {
    fn from(view: ModelView) -> Self {
        let ModelView { id, name, capabilities, allowed } = view;
        let capabilities = capabilities.iter().filter_map(|word| Capability::parse(word)).collect();
        Self { name: name.unwrap_or_else(|| id.clone()), id, capabilities, allowed }
    }
}

/// Returns whether an error is about the list of the provider, and not about the connection or who
/// asks.
const fn is_of_list(code: Code) -> bool {
    let is_of_caller = matches!(code.class(), Class::Unauthenticated | Class::NotFound);
    let is_of_connection = matches!(
        code,
        Code::Forbidden
            | Code::ConnectionArchived
            | Code::ConnectionErased
            | Code::DeadlineExpired
            | Code::RateLimited
    );
    !is_of_caller && !is_of_connection
}
