//! The models that providers list for connections.
//!
//! The catalogue says where a provider lists them, and the request is sent as that of a test is. A
//! reveal records it before; the answer is in no event. It is kept in memory only: it is what
//! another system said, so nothing in the log implies it, and asking again costs one request.

mod asking;
mod known;

use std::collections::BTreeSet;
use std::time::Duration;

use futures::FutureExt as _;
use ledger_contract::commands::{ConnectionRef, ParsedCommand};
use ledger_contract::errors::Code;
use ledger_contract::reply::{ModelList, ModelView};
use ledger_contract::time;
use ledger_domain::connection::{ModelPolicy, check_expected};
use ledger_domain::principal::Scope;
use ledger_domain::{
    Connection, Expected, FieldName, Micros, RevealSecret, SecretRevealed, WorkspaceName,
};
use ledger_providers::{Capability, Provider, Untestable};
use tokio::time::timeout;

use crate::access::Permit;
use crate::engine::Engine;
use crate::errors::{ExecuteError, Fault};
use crate::executed::Executed;
use crate::provider_tokens::again;
use crate::request::RequestContext;
use crate::trials;

pub(crate) use known::Listings;
use known::{Basis, Ended, Flight, Known, Listed, micros};

/// The reason of the reveal that a request begins with.
const REASON: &str = "to list the models of the connection";
/// Where the request for that reveal comes from: the server itself, which alone sees the values.
const FROM: &str = "models";
/// An answer is recent for so long, even to those who want it anew.
const RECENT: Duration = Duration::from_secs(10);
/// How long a request waits for others to be done.
const ROOM_WAIT_MAX: Duration = Duration::from_secs(2);
/// How often it is tried again after the first who asked could not.
const TRIES: usize = 2;

/// Why there is no list of models of a provider.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct ModelsRefusal {
    /// What kind of reason it is.
    pub why: NotListed,
    /// What happened, without anything of a secret.
    pub reason: String,
    /// How long to wait before asking again.
    pub wait: Option<Duration>,
}

/// Kinds of reasons for which there is no list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotListed {
    /// There is nothing to ask, or nobody who asks.
    Impossible,
    /// The provider does not tell the credentials.
    Refused,
    /// The provider was asked too often.
    Limited,
    /// The provider gave no list.
    Unavailable,
}

impl NotListed {
    /// Returns the error code for callers.
    pub const fn code(self) -> Code {
        match self {
            Self::Impossible => Code::ModelsImpossible,
            Self::Refused => Code::ModelsRefused,
            Self::Limited => Code::ModelsLimited,
            Self::Unavailable => Code::ModelsUnavailable,
        }
    }
}

impl ModelsRefusal {
    fn new(why: NotListed, reason: impl Into<String>) -> Self {
        Self { why, reason: reason.into(), wait: None }
    }
}

impl From<ModelsRefusal> for ExecuteError {
    fn from(refusal: ModelsRefusal) -> Self {
        Self::Models(Box::new(refusal))
    }
}

impl From<Untestable> for ModelsRefusal {
    fn from(untestable: Untestable) -> Self {
        Self::new(NotListed::Impossible, untestable.to_string())
    }
}

/// Returns the command that reveals the fields of a request for models to the server itself.
pub(crate) fn reveal(fields: BTreeSet<FieldName>) -> RevealSecret {
    trials::reveal_for(fields, REASON, FROM)
}

/// Returns whether values were revealed to list models, to nobody but the server and the provider.
pub(crate) fn is_of_listing(revealed: &SecretRevealed) -> bool {
    revealed.from.as_ref().is_some_and(|from| from.as_str() == FROM)
}

/// A request for the models of a connection.
struct ModelsRequest<'a> {
    workspace: &'a WorkspaceName,
    target: &'a ConnectionRef,
    context: RequestContext,
    is_forced: bool,
}

impl Engine {
    /// Gives lists of models for so long without asking providers again; zero if no provider is
    /// ever asked.
    pub fn set_models_age_max(&self, age: Duration) {
        self.shared.listings.set_age_max(age);
    }

    /// Lists the models of a connection.
    ///
    /// Errors: `connection_unknown`, `forbidden`, and those of the verb.
    pub(crate) async fn list_models(
        &self,
        workspace: WorkspaceName,
        command: ParsedCommand,
        mut context: RequestContext,
    ) -> Result<Executed, ExecuteError> {
        let attempt = context.attempt(&workspace, &command);
        let listed = async {
            let ParsedCommand::ListModels { target, refresh, .. } = &command else {
                return Err(ExecuteError::VerbUnknown);
            };
            self.in_time(context.deadline)?;
            self.renew(&mut context.caller)?;
            let permit = Permit::of(context.caller.clone(), &workspace, &command)?;
            let connection = self.reached(&workspace, target)?;
            permit.check_before(&connection)?;
            check_expected(connection.version, context.expected)?;
            connection.lifecycle.check_active()?;
            let context = RequestContext { expected: Expected::Any, ..context };
            let request =
                ModelsRequest { workspace: &workspace, target, context, is_forced: *refresh };
            let list = self.models_of(&connection, &request).await?;
            Ok(Executed { models: Some(list), ..self.unchanged(&connection) })
        };
        let listed: Result<Executed, ExecuteError> = listed.await;
        listed.inspect_err(|error| {
            self.refused(error.code(), &attempt);
        })
    }

    async fn models_of(
        &self,
        connection: &Connection,
        request: &ModelsRequest<'_>,
    ) -> Result<ModelList, ExecuteError> {
        let shown = request.context.caller.shown(connection.clone());
        let provider = self.shared.catalogue.find(connection.details.provider.as_str());
        let from_catalogue = |because: String| {
            let known = provider.filter(|provider| !provider.models.known.is_empty())?;
            Some(of_catalogue(known, &shown.models, because))
        };
        let caller = &request.context.caller;
        if ![Scope::Reveal, Scope::Write].iter().any(|scope| caller.may_with(*scope, connection)) {
            let because = "what the provider lists is for those who may reveal or change the \
                           connection";
            let empty = || ModelList { models: Vec::new(), ..catalogue_list(because.to_owned()) };
            return Ok(from_catalogue(because.to_owned()).unwrap_or_else(empty));
        }
        if self.shared.listings.age_max_micros() == 0 {
            let refusal = ModelsRefusal::new(
                NotListed::Impossible,
                "this server asks no provider for models (--models-max-age 0)",
            );
            let list = from_catalogue(refusal.reason.clone()).filter(|_| !request.is_forced);
            return list.ok_or_else(|| refusal.into());
        }
        let fields = match self.listing_fields(connection) {
            Ok(fields) => fields,
            Err(untestable) => {
                let is_unlisted =
                    matches!(untestable, Untestable::NoListing(_)) && !request.is_forced;
                let list = from_catalogue(untestable.to_string()).filter(|_| is_unlisted);
                return list.ok_or_else(|| ModelsRefusal::from(untestable).into());
            }
        };
        let answer = self.known_or_asked(connection, fields, request).await?;
        Ok(self.of_provider(&answer, provider, &shown.models))
    }

    /// Returns the secret fields that the request takes.
    fn listing_fields(&self, connection: &Connection) -> Result<BTreeSet<FieldName>, Untestable> {
        let (trial, _) = asking::listing(&self.shared.catalogue, &connection.details)?;
        trials::secret_fields(trial, &trials::Fields::of(connection))
    }

    /// Returns a list that is young enough, or asks the provider. If it gives none, an older list
    /// is returned with the reason.
    async fn known_or_asked(
        &self,
        connection: &Connection,
        fields: BTreeSet<FieldName>,
        request: &ModelsRequest<'_>,
    ) -> Result<Answer, ExecuteError> {
        let listings = &self.shared.listings;
        // Values elsewhere change without a generation, and who may follow a reference is asked
        // with each request.
        let refers = fields.iter().any(|field| {
            let secret = connection.secrets.get(field);
            secret.is_some_and(|secret| secret.held.reference().is_some())
        });
        let basis = if refers { Basis::of_one_request(self) } else { Basis::of(connection) };
        let known = listings.known(connection.id, basis).filter(|_| !refers);
        if let Some(answer) = known.as_ref().and_then(|known| self.recent(known, request.is_forced))
        {
            return answer.map_err(Into::into);
        }
        // The catalogue and what is known take no reveal.
        self.ready()?;
        for _ in 0..TRIES {
            let (flight, is_own) = self.ask_once(connection, basis, fields.clone(), request);
            match flight.await {
                Ended::Listed(listed) => return Ok(Answer { listed, refusal: None }),
                Ended::Refused(refusal) => {
                    let known = listings.known(connection.id, basis);
                    let listed = known.and_then(|known| known.listed);
                    return match listed {
                        Some(listed) => Ok(Answer { listed, refusal: Some(refusal) }),
                        None => Err(refusal.into()),
                    };
                }
                // Whoever asked first may lack a right that this caller has.
                Ended::Failed(error) if is_own => return Err(again(&error)),
                Ended::Failed(_) => {}
            }
        }
        Err(ExecuteError::Busy)
    }

    /// Returns what is known, if nobody is to be asked.
    fn recent(&self, known: &Known, is_forced: bool) -> Option<Result<Answer, ModelsRefusal>> {
        let now = self.clock().now();
        // The clock was set back, so that no time in it means anything.
        if known.asked_at > now {
            return None;
        }
        let since = |then: Micros| now.get().saturating_sub(then.get());
        let was_asked = (0..micros(RECENT)).contains(&since(known.asked_at));
        let age_max =
            if is_forced { micros(RECENT) } else { self.shared.listings.age_max_micros() };
        if let Some((refusal, until)) = &known.refusal {
            let is_limited = refusal.why == NotListed::Limited;
            let is_blocked = was_asked || (*until > now && (is_limited || !is_forced));
            if !is_blocked {
                return None;
            }
            let left = u64::try_from(until.get().saturating_sub(now.get())).unwrap_or_default();
            let wait = Some(Duration::from_micros(left));
            let refusal = ModelsRefusal { wait, ..refusal.clone() };
            return Some(match &known.listed {
                Some(listed) => Ok(Answer { listed: listed.clone(), refusal: Some(refusal) }),
                None => Err(refusal),
            });
        }
        let listed = known.listed.as_ref()?;
        let is_young = (0..age_max).contains(&since(listed.at));
        is_young.then(|| Ok(Answer { listed: listed.clone(), refusal: None }))
    }

    /// Returns the flight of a connection, or begins one, which goes on if everybody leaves.
    fn ask_once(
        &self,
        connection: &Connection,
        basis: Basis,
        fields: BTreeSet<FieldName>,
        request: &ModelsRequest<'_>,
    ) -> (Flight, bool) {
        let listings = &self.shared.listings;
        let (engine, room) = (self.clone(), listings.room.clone());
        let (workspace, context) = (request.workspace.clone(), request.context.clone());
        let (target, id) = (request.target.clone(), connection.id);
        listings.join(id, basis, |landing| {
            let asked = tokio::spawn(async move {
                let _landing = landing;
                let Ok(Ok(_room)) = timeout(ROOM_WAIT_MAX, room.acquire_owned()).await else {
                    return Ended::Failed(ExecuteError::Busy.into());
                };
                engine.ask_provider(id, workspace, target, fields, context).await
            });
            let panicked = |_| {
                let fault = Fault::bug("a request for models panicked");
                Ended::Failed(std::sync::Arc::new(fault.into()))
            };
            asked.map(move |ended| ended.unwrap_or_else(panicked)).boxed()
        })
    }

    /// Returns the list that a provider gave.
    fn of_provider(
        &self,
        answer: &Answer,
        provider: Option<&Provider>,
        policy: &ModelPolicy,
    ) -> ModelList {
        let Answer { listed, refusal } = answer;
        let age = self.clock().now().get().saturating_sub(listed.at.get());
        let known = provider.map(|provider| provider.models.known.as_slice()).unwrap_or_default();
        let models = listed.models.iter().map(|model| {
            let known = known.iter().find(|known| known.id == model.id);
            let capabilities = match known {
                Some(known) => &known.capabilities,
                None => &model.capabilities,
            };
            let name = model.name.clone().or_else(|| known.map(|known| known.name.clone()));
            view(&model.id, name, capabilities, policy)
        });
        ModelList {
            source: "provider".to_owned(),
            because: refusal.as_ref().map(|refusal| refusal.reason.clone()),
            listed_at: Some(time::format(listed.at)),
            age_seconds: Some(u64::try_from(age / 1_000_000).unwrap_or_default()),
            stale: refusal.is_some(),
            truncated: listed.truncated,
            models: models.collect(),
        }
    }
}

/// A list of a provider, and why there is no newer one.
struct Answer {
    listed: std::sync::Arc<Listed>,
    refusal: Option<ModelsRefusal>,
}

/// Returns the models that were known when the description of a provider was written.
fn of_catalogue(provider: &Provider, policy: &ModelPolicy, because: String) -> ModelList {
    let models = provider.models.known.iter();
    let models =
        models.map(|model| view(&model.id, Some(model.name.clone()), &model.capabilities, policy));
    ModelList { models: models.collect(), ..catalogue_list(because) }
}

fn catalogue_list(because: String) -> ModelList {
    ModelList {
        source: "catalogue".to_owned(),
        because: Some(because),
        listed_at: None,
        age_seconds: None,
        stale: false,
        truncated: false,
        models: Vec::new(),
    }
}

fn view(
    id: &str,
    name: Option<String>,
    capabilities: &[Capability],
    policy: &ModelPolicy,
) -> ModelView {
    ModelView {
        id: id.to_owned(),
        name,
        capabilities: capabilities.iter().map(|one| one.as_str().to_owned()).collect(),
        allowed: policy.models.get(id).map_or(policy.allow_all, |rule| rule.enabled),
    }
}
