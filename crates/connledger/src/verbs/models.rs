//! `models`.

use clap::Args;

use super::trial::WAIT_MIN;
use crate::common::Common;
use crate::failure::Failure;
use crate::output::Output;
use crate::session::Session;
use crate::table::Table;

/// Lists the models that a connection reaches.
#[derive(Debug, Args)]
#[command(after_help = "\
The server asks the provider with the credentials of the connection, and keeps the answer for a
while (--models-max-age of the server). Callers who may neither reveal nor change the connection,
and providers that the catalogue has no such request for, get the models of the catalogue.

Examples:
  connledger models openai-prod
  connledger models openai-prod --refresh
  connledger models openai-prod --json | jq -r '.models[] | select(.allowed).id'")]
pub(crate) struct ModelsArgs {
    /// Id or slug
    name: String,
    /// Ask the provider although there is a recent answer; one of the last 10 seconds is recent in
    /// any case
    #[arg(long)]
    refresh: bool,
}

pub(super) async fn run(common: &Common, args: ModelsArgs, out: Output) -> Result<(), Failure> {
    let ModelsArgs { name, refresh } = args;
    let session = Session::open_waiting(common, WAIT_MIN, out).await?;
    let list = session.client.models(&session.workspace, &name, refresh).await?;
    if session.out.is_json() {
        return session.out.object(&list);
    }
    let mut table = Table::of_texts(&["ID", "NAME", "FOR", "ALLOWED"]);
    for model in &list.models {
        table.row([
            model.id.clone(),
            model.name.clone().unwrap_or_default(),
            model.capabilities.join(", "),
            if model.allowed { "yes" } else { "no" }.to_owned(),
        ]);
    }
    session.out.table(&table)?;
    let count = list.models.len();
    let listed = match (list.age_seconds, list.source.as_str()) {
        (Some(age), "provider") => format!("listed by the provider {age} s ago"),
        _ => "of the catalogue".to_owned(),
    };
    let more = if list.truncated { ", and there are more" } else { "" };
    let because = list.because.map(|because| format!("; {because}")).unwrap_or_default();
    session.out.say(format!("{count} models {listed}{more}{because}"));
    Ok(())
}
