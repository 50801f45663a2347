//! `get`.

use clap::Args;
use ledger_contract::queries::GetQuery;
use ledger_contract::view::ConnectionView;

use super::read_answer;
use crate::failure::Failure;
use crate::fields::facts;
use crate::session::Session;

/// Shows one connection, secrets masked.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger get openai-prod
  connledger get openai-prod --json | jq .health")]
pub(crate) struct GetArgs {
    /// Id or slug
    name: String,
}

pub(super) async fn run(session: &Session, args: GetArgs) -> Result<(), Failure> {
    let query = GetQuery { connection: args.name };
    let answer = session.client.query(&session.workspace, "get", &query).await?;
    if session.out.is_json() {
        return session.out.raw(&answer);
    }
    let view: ConnectionView<'_> = read_answer(&answer)?;
    let facts = facts(&view);
    let width = facts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    facts.iter().try_for_each(|(name, value)| session.out.line(format!("{name:<width$}  {value}")))
}
