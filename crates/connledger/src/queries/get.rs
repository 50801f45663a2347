//! `get`.

use clap::Args;
use ledger_contract::queries::GetQuery;
use ledger_contract::view::ConnectionView;

use super::read_answer;
use crate::failure::Failure;
use crate::fields::facts;
use crate::session::Session;
use crate::verbs::archived;

/// Shows one connection, secrets masked.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger get openai-prod
  connledger get openai-prod --json | jq .health
  connledger get openai-prod --as-of 24h              as it was a day ago
  connledger get openai-prod --as-of v3               as it was at version 3")]
pub(crate) struct GetArgs {
    /// Id or slug
    name: String,
    /// Show it as it was at a moment: a time, how long ago (24h), a position of the log (1042), or
    /// at a version like v3; takes the right to audit
    #[arg(long, value_name = "MOMENT")]
    as_of: Option<String>,
}

pub(super) async fn run(session: &Session, args: GetArgs) -> Result<(), Failure> {
    let query = GetQuery { connection: args.name, as_of: args.as_of };
    let answer = match session.client.query(&session.workspace, "get", &query).await {
        Ok(answer) => answer,
        Err(error) => {
            return Err(archived::with_hint(session, error.into(), &query.connection).await);
        }
    };
    if session.out.is_json() {
        return session.out.raw(&answer);
    }
    let view: ConnectionView<'_> = read_answer(&answer)?;
    session.out.facts(&facts(&view))
}
