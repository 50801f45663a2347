//! `rotation status`.

use clap::{Args, Subcommand};
use ledger_contract::queries::{FieldRotation, RotationQuery, RotationView};

use super::{read_answer, short_time};
use crate::failure::Failure;
use crate::session::Session;
use crate::table::Table;
use crate::verbs::archived;

/// The subcommands of `rotation`.
#[derive(Debug, Subcommand)]
pub(crate) enum RotationCommand {
    /// Show which consumers have changed over to the current secrets, and which have not
    Status(StatusArgs),
}

/// Shows how far consumers are.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger rotation status openai-prod
  connledger rotation status openai-prod --json | jq .fields")]
pub(crate) struct StatusArgs {
    /// Id or slug
    name: String,
}

pub(super) async fn run(session: &Session, command: RotationCommand) -> Result<(), Failure> {
    let RotationCommand::Status(args) = command;
    let query = RotationQuery { connection: args.name };
    let answer = match session.client.query(&session.workspace, "rotation", &query).await {
        Ok(answer) => answer,
        Err(error) => {
            return Err(archived::with_hint(session, error.into(), &query.connection).await);
        }
    };
    if session.out.is_json() {
        return session.out.raw(&answer);
    }
    let view: RotationView = read_answer(&answer)?;
    for (field, rotation) in &view.fields {
        session.out.line(line(field, rotation))?;
    }
    if view.consumers.is_empty() {
        session.out.say("no consumer has confirmed a generation");
        return Ok(());
    }
    session.out.table(&table(&view))
}

/// Returns how far the consumers of a field are, in words.
fn line(field: &str, rotation: &FieldRotation) -> String {
    let FieldRotation { generation, former, consumers, confirmed } = rotation;
    let line = format!("{field}: generation {generation}: {confirmed} of {consumers} consumers");
    let Some(former) = former else { return line };
    let (number, until) = (former.generation, &former.until);
    let waits = if former.waits_for == "confirmation" { "confirmed, or " } else { "" };
    format!("{line}; generation {number} is kept until {waits}{until}")
}

/// Returns the consumers, those that are behind first.
fn table(view: &RotationView) -> Table {
    let mut table = Table::new(&["CONSUMER", "USES", "STATE", "LAST SEEN", "ACTOR"]);
    let mut consumers: Vec<_> = view.consumers.iter().collect();
    consumers.sort_by_key(|(name, one)| (!one.behind, *name));
    for (name, one) in consumers {
        let used = one.generations.iter().map(|(field, number)| format!("{field}={number}"));
        let state = match (one.gone, one.behind) {
            (true, _) => "gone",
            (false, true) => "behind",
            (false, false) => "confirmed",
        };
        table.row([
            name.clone(),
            used.collect::<Vec<_>>().join(" "),
            state.to_owned(),
            short_time(&one.last_seen),
            one.actor.clone(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ledger_contract::queries::ConsumerView;
    use ledger_contract::view::FormerView;

    use super::*;

    fn consumer(generation: u64, behind: bool, gone: bool) -> ConsumerView {
        ConsumerView {
            generations: BTreeMap::from([("api_key".to_owned(), generation)]),
            behind,
            actor: "key:eu".to_owned(),
            confirmed_at: "2026-11-28T19:25:16.187929Z".to_owned(),
            last_seen: "2026-11-28T19:25:16.187929Z".to_owned(),
            gone,
        }
    }

    #[test]
    fn stragglers_come_first_with_when_they_were_seen() {
        let former = FormerView {
            reference: None,
            generation: 4,
            masked: "********".into(),
            until: "2026-12-12T19:25:16.187929Z".to_owned(),
            waits_for: "confirmation".into(),
        };
        let rotation =
            FieldRotation { generation: 5, former: Some(former), consumers: 9, confirmed: 7 };
        assert_eq!(
            line("api_key", &rotation),
            "api_key: generation 5: 7 of 9 consumers; generation 4 is kept until confirmed, or \
             2026-12-12T19:25:16.187929Z"
        );
        let consumers = [
            ("a-1".to_owned(), consumer(5, false, false)),
            ("b-2".to_owned(), consumer(4, true, false)),
            ("c-3".to_owned(), consumer(4, true, true)),
        ];
        let view = RotationView {
            connection: "c".to_owned(),
            fields: BTreeMap::new(),
            consumers: consumers.into(),
        };
        let lines = table(&view).lines(None);
        assert!(lines[1].starts_with("b-2") && lines[1].contains("behind"), "{lines:?}");
        assert!(lines[2].starts_with("c-3") && lines[2].contains("gone"), "{lines:?}");
        assert!(lines[3].starts_with("a-1") && lines[3].contains("confirmed"), "{lines:?}");
    }
}
