//! Asking a provider for its models: one request, or several pages, with the values of one reveal.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use ledger_contract::commands::{ConnectionRef, ParsedCommand};
use ledger_domain::connection::{Details, TestOutcome};
use ledger_domain::{Connection, ConnectionId, FieldName, Micros, Rejection, WorkspaceName};
use ledger_providers::{Catalogue, ListedModel, Listing, Page, Pages, Request, Trial, Untestable};

use super::known::{Basis, Ended, Known, Listed, micros};
use super::{ModelsRefusal, NotListed};
use crate::engine::Engine;
use crate::errors::{ExecuteError, chain};
use crate::request::RequestContext;
use crate::reveal::{RevealRequest, Texts};
use crate::trials;
use crate::trials::{Echoes, SendTest, SentTest, reason, value_of};

/// The longest that a provider is waited for, with all its pages.
const TIME_MAX: Duration = Duration::from_secs(30);
/// Most pages of a list.
const PAGES_MAX: u32 = 20;
/// Most models of a list.
const MODELS_MAX: usize = 2_000;
/// Bytes of the ids and names of a list.
const TEXT_BYTES_MAX: usize = 256 * 1024;
/// How much of an answer is looked at for what its status means.
const BEGINNING_BYTES: usize = 16 * 1024;
/// How long a provider that refuses is let be.
const REFUSED_WAIT: Duration = Duration::from_mins(5);
/// How long a provider is let be that limits and does not say for how long.
const LIMITED_WAIT: Duration = Duration::from_mins(1);
/// The longest that a provider is let be because it asks to wait.
const LIMITED_WAIT_MAX: Duration = Duration::from_hours(1);
/// How long a provider that is away is let be.
const AWAY_WAIT: Duration = Duration::from_secs(30);

/// Returns the request that lists the models of a connection.
pub(super) fn listing<'c>(
    catalogue: &'c Catalogue,
    details: &Details,
) -> Result<(Trial<'c>, &'c Listing), Untestable> {
    let name = details.provider.as_str();
    let unknown = || Untestable::NoListing(name.to_owned());
    catalogue.find(name).ok_or_else(unknown)?.listing()
}

impl Engine {
    /// Asks the provider of a connection, and keeps what came of it.
    pub(super) async fn ask_provider(
        &self,
        id: ConnectionId,
        workspace: WorkspaceName,
        target: ConnectionRef,
        fields: BTreeSet<FieldName>,
        context: RequestContext,
    ) -> Ended {
        let opened = self.opened_for_listing(id, workspace, target, fields, context).await;
        let (connection, texts, keys) = match opened {
            Ok(opened) => opened,
            Err(error) => return Ended::Failed(Arc::new(error)),
        };
        let asked = tokio::time::timeout(TIME_MAX, self.ask_for_all(&connection, &texts)).await;
        // Sealing the ledger has waited until nothing in memory is a secret any more.
        drop(texts);
        drop(keys);
        let late = || away("the provider did not list its models in time");
        let now = self.clock().now();
        let asked = asked.unwrap_or_else(|_| Err(late()));
        let (basis, listings) = (Basis::of(&connection), &self.shared.listings);
        match asked {
            Ok(listed) => {
                let listed = Arc::new(Listed { at: now, ..listed });
                let kept = Some(Arc::clone(&listed));
                listings.keep(id, Known { basis, asked_at: now, listed: kept, refusal: None });
                tracing::info!(
                    ledger.connection.id = %id, models = listed.models.len(), "models listed"
                );
                Ended::Listed(listed)
            }
            Err(refusal) => {
                tracing::info!(
                    ledger.connection.id = %id, reason = refusal.reason, "no models were listed"
                );
                let wait = refusal.wait.unwrap_or(AWAY_WAIT);
                let until = Micros::new(now.get().saturating_add(micros(wait)));
                let before = listings.known(id, basis).and_then(|known| known.listed);
                let listed = before.filter(|_| refusal.why != NotListed::Refused);
                let kept = Some((refusal.clone(), until));
                listings.keep(id, Known { basis, asked_at: now, listed, refusal: kept });
                Ended::Refused(refusal)
            }
        }
    }

    /// Opens the secrets of a request after a reveal is durable. One that takes none needs none.
    async fn opened_for_listing(
        &self,
        id: ConnectionId,
        workspace: WorkspaceName,
        target: ConnectionRef,
        fields: BTreeSet<FieldName>,
        context: RequestContext,
    ) -> Result<(Arc<Connection>, Texts, Option<crate::master_keys::KeyUse>), ExecuteError> {
        if fields.is_empty() {
            let row = self.shared.models.load().row(id)?.ok_or(Rejection::ConnectionUnknown)?;
            return Ok((Arc::new(row.connection), Texts::new(), None));
        }
        let command = ParsedCommand::ListModels { target, refresh: false, fields };
        let context = RequestContext { deadline: None, ..context };
        let request = RevealRequest { workspace, command, context };
        let (connection, texts, keys) = self.values(request, 0).await?.into_texts()?;
        Ok((connection, texts, Some(keys)))
    }

    /// Asks for all pages.
    async fn ask_for_all(
        &self,
        connection: &Connection,
        texts: &Texts,
    ) -> Result<Listed, ModelsRefusal> {
        let details = &connection.details;
        let (trial, listing) = listing(&self.shared.catalogue, details)?;
        // The settings may be others than those of which it was asked what to reveal.
        trials::secret_fields(trial, &trials::Fields::revealed(details, texts))?;
        let sender = self.shared.trials.sender().ok_or_else(|| {
            let reason = "this server sends no requests to providers";
            ModelsRefusal::new(NotListed::Impossible, reason)
        })?;
        let values = |field: &ledger_providers::Field| value_of(details, texts, field);
        let secrets: Vec<&str> = texts.values().map(|text| text.as_str()).collect();
        let mut all = Collected::new(&secrets);
        let mut name: Option<String> = None;
        for number in 2..=PAGES_MAX + 1 {
            let parameter = listing.pages.as_ref().map(|pages| pages.parameter.as_str());
            let request = trial.page_request(&values, parameter.zip(name.as_deref()))?;
            let page = self.ask_for_page(&*sender, trial, listing, request, &secrets).await?;
            let told = page.next.clone();
            let brings_more = all.add(page);
            let next = match &listing.pages {
                None => None,
                // One that names itself as the next would be asked for again and again.
                Some(Pages { next: Some(_), .. }) => {
                    told.filter(|told| name.as_ref() != Some(told))
                }
                Some(Pages { next: None, .. }) => brings_more.then(|| number.to_string()),
            };
            if next.is_none() || all.is_full {
                return Ok(all.listed());
            }
            name = next;
        }
        all.is_full = true;
        Ok(all.listed())
    }

    async fn ask_for_page(
        &self,
        sender: &dyn SendTest,
        trial: Trial<'_>,
        listing: &Listing,
        request: Request,
        secrets: &[&str],
    ) -> Result<Page, ModelsRefusal> {
        let (status, retry_after, body) = match sender.send_for_all(request).await {
            SentTest::Answered { status, retry_after, body, .. } => (status, retry_after, body),
            SentTest::Unanswered(why) => {
                return Err(away(format!("the provider gave no list: {why}")));
            }
            SentTest::NotPermitted => {
                return Err(away(
                    "nothing was sent: the address is in a network that may not be reached, or not \
                     without TLS (--allow-check-network)",
                ));
            }
        };
        let beginning = body.get(..BEGINNING_BYTES).unwrap_or(&body);
        let outcome = trial.outcome(status, beginning);
        let why = match outcome {
            TestOutcome::Works => {
                return listing.read(&body).map_err(|error| away(chain(&error)));
            }
            TestOutcome::CredentialsRefused | TestOutcome::NotPermitted => NotListed::Refused,
            TestOutcome::RateLimited => NotListed::Limited,
            TestOutcome::Unreachable | TestOutcome::Inconclusive => NotListed::Unavailable,
        };
        let retry_after = retry_after.as_deref();
        let reason = reason::of_answer(outcome, status, retry_after, beginning, secrets);
        let asked = retry_after.and_then(|text| reason::time_to_wait(text, self.clock().now()));
        let wait = match why {
            NotListed::Refused => REFUSED_WAIT,
            NotListed::Limited => asked.unwrap_or(LIMITED_WAIT).min(LIMITED_WAIT_MAX),
            NotListed::Unavailable | NotListed::Impossible => {
                asked.unwrap_or(AWAY_WAIT).clamp(AWAY_WAIT, LIMITED_WAIT_MAX)
            }
        };
        Err(ModelsRefusal { why, reason, wait: Some(wait) })
    }
}

fn away(reason: impl Into<String>) -> ModelsRefusal {
    let wait = Some(AWAY_WAIT);
    ModelsRefusal { wait, ..ModelsRefusal::new(NotListed::Unavailable, reason) }
}

/// The models of all pages.
struct Collected {
    models: Vec<ListedModel>,
    ids: HashSet<String>,
    bytes: usize,
    is_full: bool,
    echoes: Echoes,
}

impl Collected {
    fn new(secrets: &[&str]) -> Self {
        let echoes = Echoes::of(secrets);
        Self { models: Vec::new(), ids: HashSet::new(), bytes: 0, is_full: false, echoes }
    }

    /// Adds the models of a page, without those that repeat a secret. Returns whether one is new.
    fn add(&mut self, page: Page) -> bool {
        let before = self.models.len();
        self.is_full |= page.truncated;
        for mut model in page.models {
            model.name = model.name.filter(|name| !self.echoes.are_in(name));
            if self.ids.contains(&model.id) || self.echoes.are_in(&model.id) {
                continue;
            }
            let bytes = model.id.len() + model.name.as_ref().map_or(0, String::len);
            if self.models.len() >= MODELS_MAX || self.bytes + bytes > TEXT_BYTES_MAX {
                self.is_full = true;
                break;
            }
            self.bytes += bytes;
            self.ids.insert(model.id.clone());
            self.models.push(model);
        }
        self.models.len() > before
    }

    fn listed(self) -> Listed {
        Listed { at: Micros::new(0), models: self.models, truncated: self.is_full }
    }
}
