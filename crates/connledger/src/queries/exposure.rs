//! `audit exposure`.

use clap::Args;
use ledger_contract::queries::exposure::{ExposedTo, ExposurePage, ExposureQuery, Readers, SetBy};
use serde_json::json;

use super::list::short_time;
use super::read_answer;
use crate::failure::Failure;
use crate::session::Session;
use crate::table::Table;

const HEADINGS: [&str; 11] = [
    "ACTOR",
    "KEY",
    "REVEALS",
    "LEASED READS",
    "LEASES HELD",
    "FIRST",
    "LAST",
    "VIA",
    "ADDRESSES",
    "MAY REVEAL",
    "LAST REASON",
];
/// Readers that are asked for at once.
const PAGE_SIZE: u32 = 500;

/// Shows who has received one value of a secret.
#[derive(Debug, Args)]
#[command(after_help = "\
Every identity to which the ledger revealed this generation of the field, and who set it. MAY REVEAL
tells whether the key could have the field revealed now; of access tokens it is not known. LEASED
READS are those under leases, of which the last minute may not be recorded yet. LEASES HELD have not
ended; --json names the leases.

Examples:
  connledger audit exposure openai-prod --field api_key
  connledger audit exposure openai-prod --field api_key --generation 4 --json")]
pub(crate) struct ExposureArgs {
    /// Id or slug
    name: String,
    /// Secret field
    #[arg(long)]
    field: String,
    /// Generation of the field; the current one if omitted
    #[arg(long, value_name = "NUMBER")]
    generation: Option<u64>,
}

pub(super) async fn run(session: &Session, args: ExposureArgs) -> Result<(), Failure> {
    let ExposureArgs { name, field, generation } = args;
    let mut query = ExposureQuery {
        connection: name,
        field,
        generation,
        page_size: Some(PAGE_SIZE),
        cursor: None,
    };
    let mut readers = Readers::default();
    let page = loop {
        let answer = session.client.query(&session.workspace, "exposure", &query).await?;
        let mut page: ExposurePage = read_answer(&answer)?;
        for reader in page.readers.drain(..) {
            readers.add(reader);
        }
        // A rotation meanwhile must not lead the next page to another generation.
        query.generation = Some(page.generation);
        match page.next_cursor.take() {
            Some(cursor) => query.cursor = Some(cursor),
            None => break page,
        }
    };
    show(session, &page, &readers.into_all())
}

fn show(session: &Session, page: &ExposurePage, readers: &[ExposedTo]) -> Result<(), Failure> {
    let ExposurePage { field, generation, current, compromised, set_by, reference, .. } = page;
    if session.out.is_json() {
        return session.out.object(&json!({
            "connection": page.connection, "field": field, "generation": generation,
            "current": current, "compromised": compromised, "set_by": set_by,
            "reference": reference, "readers": readers,
        }));
    }
    let mut table = Table::new(&HEADINGS);
    for reader in readers {
        table.row(cells(reader));
    }
    session.out.table(&table)?;
    let state = match (*current, *compromised) {
        (true, _) => "the current one",
        (false, true) => "compromised",
        (false, false) => "no longer the current one",
    };
    let SetBy { actor, at, version, .. } = set_by;
    let to = match readers.len() {
        1 => "one identity".to_owned(),
        count => format!("{count} identities"),
    };
    session.out.say(format!(
        "generation {generation} of {field}, {state}: revealed to {to}; set by {actor} at {at} with \
         version {version}"
    ));
    if let Some(reference) = reference {
        session.out.say(format!(
            "the value came from {reference}, and may have changed there: who read it at different \
             times may know different values"
        ));
    }
    Ok(())
}

fn cells(reader: &ExposedTo) -> [String; 11] {
    let mut addresses: Vec<_> = reader.addresses.iter().map(ToString::to_string).collect();
    addresses.extend(reader.more_addresses.then(|| "and others".to_owned()));
    let may = reader.may_reveal.map_or("", |may| if may { "yes" } else { "no" });
    let via: Vec<_> = reader.via.iter().map(String::as_str).collect();
    [
        reader.actor.clone(),
        reader.key.clone().unwrap_or_default(),
        reader.reveals.to_string(),
        reader.leased_reads.to_string(),
        reader.leases_held.to_string(),
        short_time(&reader.first_at),
        short_time(&reader.last_at),
        via.join(", "),
        addresses.join(", "),
        may.to_owned(),
        reader.last_reason.clone(),
    ]
}
