//! Changes that are accepted only if a test with their secrets works.
//!
//! The test is of what the connection would be, so nothing is stored before the provider has
//! accepted the credentials. The change is then made to the version that was tested, and the result
//! is recorded after it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ledger_contract::commands::{ConnectionRef, GivenSecret, ParsedCommand};
use ledger_contract::reply::Receipt;
use ledger_domain::connection::{Details, TestOutcome, TestResult, check_expected};
use ledger_domain::{
    Command, Connection, ConnectionId, Expected, FieldName, Version, WorkspaceName,
};
use zeroize::Zeroizing;

use super::{Begun, Fields, Running, SendTest, TestImpossible, secret_fields};
use crate::access::Caller;
use crate::engine::Engine;
use crate::errors::{ExecuteError, Fault};
use crate::execute::Outcome;
use crate::executed::Executed;
use crate::fingerprint::Fingerprint;
use crate::master_keys::KeyUse;
use crate::request::RequestContext;
use crate::reveal::{RevealRequest, Texts};
use crate::writer::Work;

/// A change that is to be tested, once it is known that it can be.
struct Candidate {
    sender: Arc<dyn SendTest>,
    /// The settings that it will have.
    details: Details,
    /// The connection as it is, unless it is a new one.
    before: Option<Connection>,
    /// The values that the command gives.
    given: Texts,
    /// The stored secrets that the test takes besides.
    stored: BTreeSet<FieldName>,
    _running: Running,
}

impl Engine {
    /// Tests what a command would make of a connection, and executes it if the provider accepts the
    /// credentials.
    ///
    /// Errors: `check_failed`; those of a test, and those of the command.
    pub(crate) async fn checked(
        &self,
        workspace: WorkspaceName,
        command: ParsedCommand,
        fingerprint: Option<Fingerprint>,
        context: RequestContext,
    ) -> Result<Executed, ExecuteError> {
        let attempt = context.attempt(&workspace, &command);
        let refused = |error: &ExecuteError| {
            self.refused(error.code(), &attempt);
        };
        let begun = self.begin_check(&workspace, &command, fingerprint.as_ref(), &context);
        let candidate = match begun.inspect_err(refused)? {
            Begun::Done(Outcome { receipt, repeated, .. }) => {
                return Ok(Executed::of(receipt, repeated));
            }
            Begun::Starts(candidate) => candidate,
        };
        let tested = candidate.before.as_ref().map(|before| before.version);
        let result = self.test_candidate(&workspace, candidate, &context).await?;
        if result.outcome != TestOutcome::Works {
            let failed = ExecuteError::CheckFailed(Box::new(result));
            refused(&failed);
            return Err(failed);
        }
        let caller = context.caller.clone();
        // What was tested is what is stored.
        let expected = tested.map_or(context.expected, Expected::At);
        let context = RequestContext { expected, ..context };
        let engine = self.clone();
        // What is stored is also recorded as tested, even if the caller goes away meanwhile.
        let stored = tokio::spawn(async move {
            let carried_out = engine.carry_out(workspace.clone(), command, fingerprint, context);
            let mut executed = carried_out.await?;
            if !executed.repeated {
                let receipt = executed.receipt;
                executed.receipt = engine.record_check(workspace, &caller, receipt, result).await;
            }
            Ok(executed)
        });
        stored.await.map_err(|_| Fault::bug("a checked change panicked"))?
    }

    /// Checks whether the test can be made before anything is sent.
    fn begin_check(
        &self,
        workspace: &WorkspaceName,
        command: &ParsedCommand,
        fingerprint: Option<&Fingerprint>,
        context: &RequestContext,
    ) -> Result<Begun<Candidate>, ExecuteError> {
        let permit = match self.admit(workspace, command, fingerprint, context)? {
            Begun::Done(outcome) => return Ok(Begun::Done(outcome)),
            Begun::Starts(permit) => permit,
        };
        // A sealed ledger could not store what was tested.
        drop(self.shared.master_keys.enter()?);
        let (before, details, given) = match command {
            ParsedCommand::Create(new) => {
                permit.check_new(workspace)?;
                self.in_time(context.deadline)?;
                (None, new.details.clone(), &new.secrets)
            }
            ParsedCommand::RotateSecret { target, secrets, .. } => {
                let before = self.to_be_tested(&permit, workspace, target, context)?;
                let details = before.details.clone();
                (Some(before), details, secrets)
            }
            _ => return Err(ExecuteError::VerbUnknown),
        };
        let known = before.iter().flat_map(|before| before.secrets.keys());
        let fields = Fields { details: &details, secrets: known.chain(given.keys()).collect() };
        let taken = secret_fields(self.trial(&details)?, &fields)?;
        let (given, stored) = split(taken, given)?;
        let sender = self.sender()?;
        let id = before.as_ref().map(|before| before.id);
        let id = id.unwrap_or_else(|| self.shared.ports.connection_id());
        let running = self.shared.trials.begin(id)?;
        let candidate = Candidate { sender, details, before, given, stored, _running: running };
        Ok(Begun::Starts(candidate))
    }

    /// Sends the request, with stored secrets besides the given ones if it takes any.
    async fn test_candidate(
        &self,
        workspace: &WorkspaceName,
        candidate: Candidate,
        context: &RequestContext,
    ) -> Result<TestResult, ExecuteError> {
        let Candidate { sender, details, before, given, stored, _running } = candidate;
        let (mut texts, mut keys): (Texts, Option<KeyUse>) = (given, None);
        if let Some(before) = before.filter(|_| !stored.is_empty()) {
            let target = ConnectionRef::Id(before.id);
            let command = ParsedCommand::Test { target, fields: stored };
            let (workspace, context) = (workspace.clone(), context.clone());
            let request = RevealRequest { workspace, command, context };
            let (connection, opened, use_of_keys) = self.values(request, 0).await?.into_texts()?;
            // They belong to settings that are not the ones of the request any more.
            check_expected(connection.version, Expected::At(before.version))?;
            texts.extend(opened);
            keys = Some(use_of_keys);
        }
        let (result, _) = self.send_test(&*sender, &details, &texts).await?;
        // Sealing the ledger has waited until nothing stored is in memory any more.
        drop(texts);
        drop(keys);
        Ok(result)
    }

    /// Records that the credentials work, after the change that brought them. Returns the receipt
    /// of that, or of the change if it cannot be recorded any more.
    async fn record_check(
        &self,
        workspace: WorkspaceName,
        caller: &Caller,
        receipt: Receipt,
        result: TestResult,
    ) -> Receipt {
        let id = receipt.connection.as_deref().and_then(|id| id.parse::<ConnectionId>().ok());
        let Some(id) = id else { return receipt };
        let tested = Version::new(receipt.version);
        let command = Command::TestConnection { result: Box::new(result), tested };
        let work = Work::Connection { id, command: Box::new(command), new_key: None };
        // It tells of who made the change, who need not have the right to test.
        let mut own = Caller::system(caller.actor().as_str());
        if let Some(credential) = caller.credential() {
            own = own.with_credential(credential.clone());
        }
        match self.own_work(own, workspace, work).await {
            Ok(outcome) => outcome.receipt,
            Err(error) => {
                // The change is made; a later test says the same.
                tracing::warn!(error = %error, "the check of a change is not recorded");
                receipt
            }
        }
    }
}

/// Returns the values of the fields that a command gives itself, and the fields whose values are
/// stored.
fn split(
    taken: BTreeSet<FieldName>,
    given: &BTreeMap<FieldName, GivenSecret>,
) -> Result<(Texts, BTreeSet<FieldName>), ExecuteError> {
    if let Some(field) = given.keys().find(|field| !taken.contains(*field)) {
        return Err(ExecuteError::TestImpossible(TestImpossible::NotTaken(field.clone())));
    }
    let (mut texts, mut stored) = (Texts::new(), BTreeSet::new());
    for field in taken {
        match given.get(&field) {
            None => {
                stored.insert(field);
            }
            Some(GivenSecret::Reference(_)) => {
                return Err(ExecuteError::TestImpossible(TestImpossible::Refers(field)));
            }
            Some(GivenSecret::Value(value)) => {
                let text = value.given_text().ok_or_else(|| Fault::bug("a secret is not text"))?;
                texts.insert(field, Zeroizing::new(text.to_owned()));
            }
        }
    }
    Ok((texts, stored))
}
