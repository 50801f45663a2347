//! `revert`.

use clap::Args;
use ledger_contract::queries::GetQuery;
use ledger_contract::view::ConnectionView;

use super::archived;
use super::pending::{PendingCommand, WriteArgs};
use crate::failure::Failure;
use crate::queries::read_answer;
use crate::session::Session;

/// Brings back the settings and secret values of an earlier version, as a new change.
#[derive(Debug, Args)]
#[command(after_help = "\
The secret values of that version also come back, each as a new generation. A value that was
replaced because it had leaked is then in use again: rotate it right afterwards.

Examples:
  connledger history openai-prod                  shows the versions
  connledger revert openai-prod --to-version 3
  connledger revert openai-prod --as-of 2h        the version that it had two hours ago")]
pub(crate) struct RevertArgs {
    /// Id or slug
    name: String,
    /// Version to bring back
    #[arg(long, value_name = "VERSION", required_unless_present = "as_of")]
    to_version: Option<u64>,
    /// Moment whose version is brought back: a time, how long ago (24h), or a position of the log
    /// like 1042; takes the right to audit
    #[arg(long, value_name = "MOMENT", conflicts_with = "to_version")]
    as_of: Option<String>,
    /// If that version sends secrets elsewhere than the present one, leave its secrets out; without
    /// it, such a revert takes the right to reveal
    #[arg(long)]
    detach_secrets: bool,
    #[command(flatten)]
    write: WriteArgs,
}

impl RevertArgs {
    /// Returns the connection and the moment, if the version has to be found out.
    pub(super) fn moment(&self) -> Option<GetQuery> {
        let as_of = self.as_of.clone()?;
        Some(GetQuery { connection: self.name.clone(), as_of: Some(as_of) })
    }

    pub(super) fn command(self) -> PendingCommand {
        let command = PendingCommand::about("revert", &self.name, self.write);
        let command = command.with_some("to_version", self.to_version);
        if self.detach_secrets { command.with("detach_secrets", true) } else { command }
    }
}

/// Adds the version that a connection had at a moment to the command.
pub(super) async fn with_version(
    session: &Session,
    command: PendingCommand,
    query: &GetQuery,
) -> Result<PendingCommand, Failure> {
    let answer = match session.client.query(&session.workspace, "get", query).await {
        Ok(answer) => answer,
        Err(error) => {
            return Err(archived::with_hint(session, error.into(), &query.connection).await);
        }
    };
    let view: ConnectionView<'_> = read_answer(&answer)?;
    Ok(command.with("to_version", view.version))
}
