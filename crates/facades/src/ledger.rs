//! Queries and commands of handlers.

use std::sync::atomic::Ordering;

use ledger_contract::commands::{ConnectionRef, ParsedCommand};
use ledger_contract::errors::{Code, Problem};
use ledger_contract::headers::Headers;
use ledger_contract::queries::QueryWorkspace;
use ledger_domain::{
    Command, Connection, ConnectionId, Expected, InvalidField, Lifecycle, MessageId,
};
use ledger_engine::{
    CommandRequest, Effort, Engine, Executed, ListOptions, ListResult, QueryError, Reader, Received,
};
use ledger_http::toolkit::{Refusal, Written};
use ledger_providers::Provider;
use serde::Serialize;

use crate::draft::{Changes, Draft};
use crate::request::FacadeRequest;

impl FacadeRequest {
    /// Runs a function that reads the store.
    pub(crate) async fn read_store<T: Send + 'static>(
        &self,
        effort: Effort,
        work: impl FnOnce(&Engine) -> Result<T, QueryError> + Send + 'static,
    ) -> Result<T, Problem> {
        self.server.state.read(effort, self.headers.deadline, &self.caller, work).await
    }

    /// Runs a query on the request's workspace for the caller.
    pub(crate) async fn query<T: Send + 'static>(
        &self,
        effort: Effort,
        work: impl FnOnce(&Reader<'_>) -> Result<T, QueryError> + Send + 'static,
    ) -> Result<T, Problem> {
        let (caller, workspace) = (self.caller.clone(), self.query_workspace());
        self.read_store(effort, move |engine| work(&engine.reader(&caller, &workspace)?)).await
    }

    fn query_workspace(&self) -> QueryWorkspace {
        QueryWorkspace::Named(self.workspace.clone())
    }

    /// Lists connections and writes the answer. Of each connection, only what `show` makes of it
    /// stays in memory.
    pub(crate) async fn list<T, A: Serialize + 'static>(
        &self,
        options: ListOptions,
        show: impl Fn(&Connection, Option<&Provider>) -> T + Send + 'static,
        answer: impl FnOnce(ListResult<T>) -> A + Send + 'static,
    ) -> Result<Written<A>, Problem> {
        let catalogue = self.server.catalogue.clone();
        let show = move |connection: Connection| {
            show(&connection, catalogue.find(connection.details.provider.as_str()))
        };
        let list =
            move |reader: &Reader<'_>| Ok(Written::of(&answer(reader.list_as(&options, show)?)));
        self.query(Effort::Scan, list).await
    }

    /// Returns the number of connections that a list would have.
    pub(crate) async fn count(&self, options: ListOptions) -> Result<u64, Problem> {
        let options = ListOptions { take: 0, ..options };
        self.query(Effort::Scan, move |reader| Ok(reader.list(&options)?.total)).await
    }

    /// Returns an active connection. Products have no archive, so an archived connection is
    /// missing.
    ///
    /// Errors: `connection_unknown`, `forbidden`.
    pub(crate) async fn find(&self, target: ConnectionRef) -> Result<Connection, Problem> {
        let found = self.query(Effort::Lookup, move |reader| reader.connection(&target)).await?;
        match found.lifecycle {
            Lifecycle::Active => Ok(found),
            Lifecycle::Archived { .. } | Lifecycle::Erased { .. } => {
                Err(Problem::new(Code::ConnectionUnknown))
            }
        }
    }

    /// Creates a connection and returns it.
    pub(crate) async fn create(&self, draft: Draft) -> Result<Connection, Refusal> {
        let command = draft.check(&self.workspace).map_err(|invalid| self.in_own_names(invalid))?;
        let executed = self.execute(command).await?;
        let id = executed.receipt.connection.as_deref().and_then(|id| id.parse().ok());
        let id = id.ok_or_else(|| Problem::new(Code::Internal))?;
        Ok(self.find_after(ConnectionRef::Id(id)).await?)
    }

    /// Returns a connection after a command to it.
    async fn find_after(&self, target: ConnectionRef) -> Result<Connection, Problem> {
        let (caller, workspace) = (self.caller.clone(), self.query_workspace());
        let read = move |engine: &Engine| engine.reader(&caller, &workspace)?.connection(&target);
        self.server.state.read_after(&self.caller, read).await
    }

    /// Updates a connection and returns it. A change without effect succeeds, as in the products'
    /// own APIs.
    pub(crate) async fn update(
        &self,
        connection: &Connection,
        changes: Changes,
    ) -> Result<Connection, Refusal> {
        let target = ConnectionRef::Id(connection.id);
        let command = changes
            .check(target.clone(), self.detach_secrets)
            .map_err(|invalid| self.in_own_names(invalid))?;
        self.execute_or_ignore_no_op(command).await?;
        Ok(self.find_after(target).await?)
    }

    /// Compares the version that the request expects, if it has sent no command that does.
    ///
    /// Errors: `version_conflict`.
    pub(crate) async fn compare_version(&self, connection: &Connection) -> Result<(), Refusal> {
        let is_compared = self.commands_sent.load(Ordering::Relaxed) > 0;
        if is_compared || self.headers.expected == Expected::Any {
            return Ok(());
        }
        // A command without effect, so that a repeated request is answered as the first one was.
        self.update(connection, Changes::default()).await.map(drop)
    }

    /// Names an invalid field as the product does.
    fn in_own_names(&self, invalid: InvalidField) -> InvalidField {
        let (first, rest) = match invalid.field.split_once('.') {
            Some((first, rest)) => (first, Some(rest)),
            None => (invalid.field.as_str(), None),
        };
        let names = self.server.api.field_names.iter();
        let Some((_, own)) = names.into_iter().find(|(known, _)| *known == first) else {
            return invalid;
        };
        let field = match rest {
            Some(rest) if own.is_empty() => rest.to_owned(),
            Some(rest) => format!("{own}.{rest}"),
            None => (*own).to_owned(),
        };
        InvalidField { field, ..invalid }
    }

    /// Executes a command without secrets. A command without effect succeeds.
    pub(crate) async fn change(&self, id: ConnectionId, command: Command) -> Result<(), Refusal> {
        let target = ConnectionRef::Id(id);
        self.execute_or_ignore_no_op(ParsedCommand::change(target, command)).await
    }

    /// Executes a command without secrets that was derived from the present state. A repeated
    /// request may derive fewer commands, so an id that an earlier attempt used for another command
    /// is skipped.
    pub(crate) async fn change_left(
        &self,
        id: ConnectionId,
        command: Command,
    ) -> Result<(), Refusal> {
        loop {
            let command = ParsedCommand::change(ConnectionRef::Id(id), command.clone());
            match self.execute(command).await {
                Ok(executed) if executed.repeated => {}
                executed => return ignore_no_op(executed),
            }
        }
    }

    /// Executes a command without secrets that was derived from the given state. Fails with
    /// `version_conflict` if the connection has changed since, unless the caller expects a version.
    pub(crate) async fn change_as_seen(
        &self,
        connection: &Connection,
        command: Command,
    ) -> Result<(), Refusal> {
        let target = ConnectionRef::Id(connection.id);
        let command = ParsedCommand::change(target, command);
        let seen = Expected::At(connection.version);
        let expected =
            if self.headers.expected == Expected::Any { seen } else { self.headers.expected };
        ignore_no_op(self.execute_at(command, expected).await)
    }

    /// Enables or disables a connection.
    pub(crate) async fn switch_to(&self, connection: &Connection, on: bool) -> Result<(), Refusal> {
        let command = if on { Command::Enable } else { Command::Disable { reason: None } };
        self.change(connection.id, command).await
    }

    /// Archives a connection, which is what deleting means at a facade.
    ///
    /// Errors: `connection_in_use` if something depends on it.
    pub(crate) async fn delete(&self, connection: &Connection) -> Result<(), Refusal> {
        let command = Command::Archive { reason: None, force: false };
        let target = ConnectionRef::Id(connection.id);
        let command = ParsedCommand::change(target, command);
        self.execute(command).await.map(drop)
    }

    async fn execute_or_ignore_no_op(&self, command: ParsedCommand) -> Result<(), Refusal> {
        ignore_no_op(self.execute(command).await)
    }

    /// Executes a command. Its receipt is durable when this returns `Ok`.
    ///
    /// A request may consist of several commands. The first has the request's own id and expected
    /// version; the others have ids derived from it, so that a repeated request repeats all of
    /// them.
    pub(crate) async fn execute(&self, command: ParsedCommand) -> Result<Executed, Refusal> {
        let first = self.commands_sent.load(Ordering::Relaxed) == 0;
        self.execute_at(command, if first { self.headers.expected } else { Expected::Any }).await
    }

    pub(crate) async fn execute_at(
        &self,
        command: ParsedCommand,
        expected: Expected,
    ) -> Result<Executed, Refusal> {
        let permit = self.server.state.acquire_command(&self.caller)?;
        let engine = self.server.state.engine();
        let number = self.commands_sent.fetch_add(1, Ordering::Relaxed);
        let command_id = match (&self.headers.command_id, number) {
            (Some(id), 1..) => {
                Some(MessageId::parse("Idempotency-Key", &format!("{}/{number}", id.as_str()))?)
            }
            (id, _) => id.clone(),
        };
        let headers = Headers { command_id, expected, ..self.headers.clone() };
        let mut kind = format!("{} {number} {}", self.server.api.via.as_str(), self.request_line);
        if self.detach_secrets {
            kind.push_str(" detach");
        }
        let digest = *self.body_digest.get_or_init(|| engine.body_digest(&self.inputs.body));
        let received = Received::new(kind, self.inputs.body.clone()).identified_by(digest);
        let request = CommandRequest {
            received,
            workspace: self.workspace.clone(),
            command,
            context: engine.context(self.caller.clone(), self.server.api.via, headers),
        };
        let executed = engine.execute(request).await;
        drop(permit);
        let executed = executed.map_err(Refusal::counted)?;
        self.version.store(executed.receipt.version, Ordering::Relaxed);
        Ok(executed)
    }
}

/// Treats a command without effect as a success.
fn ignore_no_op(executed: Result<Executed, Refusal>) -> Result<(), Refusal> {
    match executed {
        Err(refusal)
            if matches!(
                refusal.code(),
                Code::NothingToChange | Code::AlreadyEnabled | Code::AlreadyDisabled
            ) =>
        {
            Ok(())
        }
        executed => executed.map(drop),
    }
}
