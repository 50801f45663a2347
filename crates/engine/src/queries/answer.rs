//! Answers to all queries, typed and as JSON.

use ledger_contract::queries::{
    AccessAnswer, AccessCheck, Alerts, AlertsAnswer, Attempts, AttemptsView, Audit, AuditPage,
    BlockedTokens, BlockedTokensAnswer, CallerView, Changes, ChangesPage, DeadLetters,
    DeadLettersAnswer, Diff, DiffView, Erasure, ErasureView, Exposure, ExposurePage, Get,
    Handovers, HandoversAnswer, History, HistoryPage, Leases, LeasesPage, List, MasterKeys,
    MasterKeysAnswer, PrincipalPage, Principals, Proof, ProofView, Query, QueryRequest, Rotation,
    RotationView, SecretPolicies, SecretPoliciesAnswer, Status, StatusView, UndoPlan, UndoPlanPage,
    Uptime, UptimeView, WhoMay, WhoMayPage, Whoami, Why, WhyView, WorkspacePage, Workspaces,
};
use ledger_contract::view::ConnectionView;
use ledger_domain::{Connection, SecretAges};

use super::{ListAsOf, ListOptions, ListResult, Reader, as_of};
use crate::errors::QueryError;

/// Approximate size of a connection in JSON; only the initial capacity of the buffer.
const CONNECTION_BYTES: usize = 1_536;

/// The answer to a query.
#[derive(Debug)]
pub enum QueryAnswer {
    /// See [`Reader::get`].
    Get(Box<Connection>, SecretAges),
    /// See [`Reader::why`].
    Why(Box<WhyView>),
    /// See [`Reader::uptime`].
    Uptime(Box<UptimeView>),
    /// See [`Reader::rotation`].
    Rotation(RotationView),
    /// See [`Reader::attempts`].
    Attempts(AttemptsView),
    /// See [`Reader::erasure`].
    Erasure(Box<ErasureView>),
    /// See [`Reader::list`].
    List(ListResult),
    /// See [`Reader::list_as_of`].
    ListAsOf(ListAsOf),
    /// See [`Reader::diff`].
    Diff(Box<DiffView>),
    /// See [`Reader::who_may`].
    WhoMay(WhoMayPage),
    /// See [`Reader::changes`].
    Changes(ChangesPage),
    /// See [`Reader::undo_plan`].
    UndoPlan(UndoPlanPage),
    /// See [`Reader::history`].
    History(HistoryPage),
    /// See [`Reader::audit`].
    Audit(AuditPage),
    /// See [`Reader::exposure`].
    Exposure(Box<ExposurePage>),
    /// See [`Reader::handovers`].
    Handovers(HandoversAnswer),
    /// See [`Reader::leases`].
    Leases(LeasesPage),
    /// See [`Reader::workspaces`].
    Workspaces(WorkspacePage),
    /// See [`Reader::status`].
    Status(Box<StatusView>),
    /// See [`Reader::principals`].
    Principals(PrincipalPage),
    /// See [`Reader::blocked_tokens`].
    BlockedTokens(BlockedTokensAnswer),
    /// See [`Reader::secret_policies`].
    SecretPolicies(SecretPoliciesAnswer),
    /// See [`Reader::alerts`].
    Alerts(AlertsAnswer),
    /// See [`Reader::dead_letters`].
    DeadLetters(DeadLettersAnswer),
    /// See [`Reader::master_keys`].
    MasterKeys(MasterKeysAnswer),
    /// See [`Reader::proof`].
    Proof(Box<ProofView>),
    /// See [`Reader::access_check`].
    AccessCheck(AccessAnswer),
    /// See [`Reader::whoami`].
    Whoami(CallerView),
}

impl Reader<'_> {
    /// Answers any query. Blocks.
    ///
    /// Errors: those of the query.
    pub fn answer(&self, request: QueryRequest) -> Result<QueryAnswer, QueryError> {
        Ok(match request {
            QueryRequest::Get(query) => {
                let (connection, ages) = self.get(&query)?;
                QueryAnswer::Get(Box::new(connection), ages)
            }
            QueryRequest::Diff(query) => QueryAnswer::Diff(Box::new(self.diff(&query)?)),
            QueryRequest::WhoMay(query) => QueryAnswer::WhoMay(self.who_may(&query)?),
            QueryRequest::Changes(query) => QueryAnswer::Changes(self.changes(&query)?),
            QueryRequest::UndoPlan(query) => QueryAnswer::UndoPlan(self.undo_plan(&query)?),
            QueryRequest::Why(query) => QueryAnswer::Why(Box::new(self.why(&query)?)),
            QueryRequest::Uptime(query) => QueryAnswer::Uptime(Box::new(self.uptime(&query)?)),
            QueryRequest::Rotation(query) => QueryAnswer::Rotation(self.rotation(&query)?),
            QueryRequest::Attempts(query) => QueryAnswer::Attempts(self.attempts(&query)?),
            QueryRequest::Erasure(query) => QueryAnswer::Erasure(Box::new(self.erasure(&query)?)),
            QueryRequest::List(query) => match as_of::parse("as_of", query.as_of.as_deref())? {
                Some(as_of) => QueryAnswer::ListAsOf(self.list_as_of(query, &as_of)?),
                None => QueryAnswer::List(self.list(&ListOptions::page(query)?)?),
            },
            QueryRequest::History(query) => QueryAnswer::History(self.history(&query)?),
            QueryRequest::Audit(query) => QueryAnswer::Audit(self.audit(&query)?),
            QueryRequest::Exposure(query) => {
                QueryAnswer::Exposure(Box::new(self.exposure(&query)?))
            }
            QueryRequest::Handovers(_) => QueryAnswer::Handovers(self.handovers()?),
            QueryRequest::Leases(query) => QueryAnswer::Leases(self.leases(&query)?),
            QueryRequest::Workspaces(query) => QueryAnswer::Workspaces(self.workspaces(&query)?),
            QueryRequest::Status(_) => QueryAnswer::Status(Box::new(self.status()?)),
            QueryRequest::Principals(query) => QueryAnswer::Principals(self.principals(&query)?),
            QueryRequest::BlockedTokens(_) => QueryAnswer::BlockedTokens(self.blocked_tokens()?),
            QueryRequest::SecretPolicies(_) => QueryAnswer::SecretPolicies(self.secret_policies()?),
            QueryRequest::Alerts(_) => QueryAnswer::Alerts(self.alerts()?),
            QueryRequest::DeadLetters(query) => {
                QueryAnswer::DeadLetters(self.dead_letters(&query)?)
            }
            QueryRequest::MasterKeys(_) => QueryAnswer::MasterKeys(self.master_keys()?),
            QueryRequest::Proof(query) => QueryAnswer::Proof(Box::new(self.proof(&query)?)),
            QueryRequest::AccessCheck(query) => {
                QueryAnswer::AccessCheck(self.access_check(&query)?)
            }
            QueryRequest::Whoami(_) => QueryAnswer::Whoami(self.whoami()),
        })
    }
}

impl QueryAnswer {
    /// Returns the JSON defined by the contract.
    pub fn to_json(&self) -> Vec<u8> {
        match self {
            Self::Get(connection, ages) => {
                json::<Get>(&ConnectionView::of(connection).with_ages(ages), 1)
            }
            Self::Why(view) => json::<Why>(view, 1),
            Self::Uptime(view) => json::<Uptime>(view, view.steps.len()),
            Self::Rotation(view) => json::<Rotation>(view, 1),
            Self::Attempts(view) => json::<Attempts>(view, 1),
            Self::Erasure(view) => json::<Erasure>(view, 1),
            Self::List(result) => json::<List>(&result.view(), result.rows.len()),
            Self::ListAsOf(result) => json::<List>(&result.view(), result.rows.len()),
            Self::Diff(view) => json::<Diff>(view, 1),
            Self::WhoMay(page) => json::<WhoMay>(page, page.principals.len()),
            Self::Changes(page) => json::<Changes>(page, page.connections.len()),
            Self::UndoPlan(page) => json::<UndoPlan>(page, page.steps.len()),
            Self::History(page) => json::<History>(page, page.events.len()),
            Self::Audit(page) => json::<Audit>(page, page.entries.len()),
            Self::Exposure(page) => json::<Exposure>(page, page.readers.len()),
            Self::Handovers(answer) => json::<Handovers>(answer, answer.handovers.len()),
            Self::Leases(page) => json::<Leases>(page, page.leases.len()),
            Self::Workspaces(page) => json::<Workspaces>(page, page.workspaces.len()),
            Self::Status(status) => json::<Status>(status, 1),
            Self::Principals(page) => json::<Principals>(page, page.principals.len()),
            Self::BlockedTokens(answer) => json::<BlockedTokens>(answer, answer.blocked.len()),
            Self::SecretPolicies(answer) => json::<SecretPolicies>(answer, answer.policies.len()),
            Self::Alerts(answer) => json::<Alerts>(answer, answer.alerts.len()),
            Self::DeadLetters(answer) => json::<DeadLetters>(answer, answer.dead_letters.len()),
            Self::MasterKeys(answer) => json::<MasterKeys>(answer, answer.keys.len()),
            Self::Proof(view) => json::<Proof>(view, 1),
            Self::AccessCheck(answer) => json::<AccessCheck>(answer, 1),
            Self::Whoami(caller) => json::<Whoami>(caller, 1),
        }
    }
}

/// Serializes an answer with about `rows` rows.
fn json<Q: Query>(answer: &Q::Answer<'_>, rows: usize) -> Vec<u8> {
    let mut json = Vec::with_capacity(rows.saturating_mul(CONNECTION_BYTES));
    serde_json::to_writer(&mut json, answer).expect("answers have a JSON form");
    json
}
