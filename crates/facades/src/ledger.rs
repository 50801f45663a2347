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
    CommandRequest, Engine, Executed, ListOptions, ListResult, QueryError, Reader, Received,
};

use crate::draft::{Changes, Draft};
use crate::request::FacadeRequest;

impl FacadeRequest {
    /// Runs a function that reads the store.
    pub(crate) async fn read_store<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Engine) -> Result<T, QueryError> + Send + 'static,
    ) -> Result<T, Problem> {
        self.shared.state.read(self.headers.deadline, work).await
    }

    /// Runs a query on the request's workspace for the caller.
    pub(crate) async fn query<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Reader<'_>) -> Result<T, QueryError> + Send + 'static,
    ) -> Result<T, Problem> {
        let (caller, workspace) = (self.caller.clone(), self.query_workspace());
        self.read_store(move |engine| work(&engine.reader(&caller, &workspace)?)).await
    }

    fn query_workspace(&self) -> QueryWorkspace {
        QueryWorkspace::Named(self.workspace.clone())
    }

    /// Lists connections.
    pub(crate) async fn list(&self, options: ListOptions) -> Result<ListResult, Problem> {
        self.query(move |reader| reader.list(&options)).await
    }

    /// Returns an active connection. Products have no archive, so an archived connection is
    /// missing.
    ///
    /// Errors: `connection_unknown`, `forbidden`.
    pub(crate) async fn find(&self, target: ConnectionRef) -> Result<Connection, Problem> {
        let found = self.query(move |reader| reader.connection(&target)).await?;
        match found.lifecycle {
            Lifecycle::Active => Ok(found),
            Lifecycle::Archived { .. } => {
                self.shared.state.counted(Err(Problem::new(Code::ConnectionUnknown)))
            }
        }
    }

    /// Creates a connection and returns it.
    pub(crate) async fn create(&self, draft: Draft) -> Result<Connection, Problem> {
        let command = self.counted(draft.check(&self.workspace))?;
        let executed = self.execute(command).await?;
        let id = executed.receipt.connection.as_deref().and_then(|id| id.parse().ok());
        let id = id.ok_or_else(|| Problem::new(Code::Internal))?;
        self.find_after(ConnectionRef::Id(id)).await
    }

    /// Counts the refusal of a field in the ledger's status.
    fn counted<T>(&self, checked: Result<T, InvalidField>) -> Result<T, Problem> {
        self.shared.state.counted(checked.map_err(Problem::from))
    }

    /// Returns a connection after a command to it.
    async fn find_after(&self, target: ConnectionRef) -> Result<Connection, Problem> {
        let (caller, workspace) = (self.caller.clone(), self.query_workspace());
        let read = move |engine: &Engine| engine.reader(&caller, &workspace)?.connection(&target);
        self.shared.state.read_after(read).await
    }

    /// Updates a connection and returns it. A change without effect succeeds, as in the products'
    /// own APIs.
    pub(crate) async fn update(
        &self,
        connection: &Connection,
        changes: Changes,
    ) -> Result<Connection, Problem> {
        let target = ConnectionRef::Id(connection.id);
        let command = self.counted(changes.check(target.clone()))?;
        self.execute_or_ignore_no_op(command).await?;
        self.find_after(target).await
    }

    /// Executes a command without secrets. A command without effect succeeds.
    pub(crate) async fn change(&self, id: ConnectionId, command: Command) -> Result<(), Problem> {
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
    ) -> Result<(), Problem> {
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
    ) -> Result<(), Problem> {
        let target = ConnectionRef::Id(connection.id);
        let command = ParsedCommand::change(target, command);
        let seen = Expected::At(connection.version);
        let expected =
            if self.headers.expected == Expected::Any { seen } else { self.headers.expected };
        ignore_no_op(self.execute_at(command, expected).await)
    }

    /// Enables or disables a connection.
    pub(crate) async fn switch_to(&self, connection: &Connection, on: bool) -> Result<(), Problem> {
        let command = if on { Command::Enable } else { Command::Disable { reason: None } };
        self.change(connection.id, command).await
    }

    /// Archives a connection, which is what deleting means at a facade.
    ///
    /// Errors: `connection_in_use` if something depends on it.
    pub(crate) async fn delete(&self, connection: &Connection) -> Result<(), Problem> {
        let command = Command::Archive { reason: None, force: false };
        let target = ConnectionRef::Id(connection.id);
        let command = ParsedCommand::change(target, command);
        self.execute(command).await.map(drop)
    }

    async fn execute_or_ignore_no_op(&self, command: ParsedCommand) -> Result<(), Problem> {
        ignore_no_op(self.execute(command).await)
    }

    /// Executes a command. Its receipt is durable when this returns `Ok`.
    ///
    /// A request may consist of several commands. The first has the request's own id and expected
    /// version; the others have ids derived from it, so that a repeated request repeats all of
    /// them.
    pub(crate) async fn execute(&self, command: ParsedCommand) -> Result<Executed, Problem> {
        let first = self.commands_sent.load(Ordering::Relaxed) == 0;
        self.execute_at(command, if first { self.headers.expected } else { Expected::Any }).await
    }

    async fn execute_at(
        &self,
        command: ParsedCommand,
        expected: Expected,
    ) -> Result<Executed, Problem> {
        let permit = self.shared.state.acquire_command()?;
        let engine = self.shared.state.engine();
        let number = self.commands_sent.fetch_add(1, Ordering::Relaxed);
        let command_id = match (&self.headers.command_id, number) {
            (Some(id), 1..) => {
                Some(MessageId::parse("Idempotency-Key", &format!("{}/{number}", id.as_str()))?)
            }
            (id, _) => id.clone(),
        };
        let headers = Headers { command_id, expected, ..self.headers.clone() };
        let kind = format!("{} {number} {}", self.api.via.as_str(), self.request_line);
        let received = Received::new(kind, self.body.clone());
        let digest = *self.body_digest.get_or_init(|| engine.body_digest(&self.body));
        let fingerprint = engine.request_fingerprint(&self.workspace, digest, received);
        let request = CommandRequest {
            fingerprint,
            workspace: self.workspace.clone(),
            command,
            context: engine.context(self.caller.clone(), self.api.via, headers),
        };
        let executed = engine.execute(request).await;
        drop(permit);
        Ok(executed?)
    }
}

/// Treats a command without effect as a success.
fn ignore_no_op(executed: Result<Executed, Problem>) -> Result<(), Problem> {
    match executed {
        Err(problem)
            if matches!(
                problem.code,
                Code::NothingToChange | Code::AlreadyEnabled | Code::AlreadyDisabled
            ) =>
        {
            Ok(())
        }
        executed => executed.map(drop),
    }
}
