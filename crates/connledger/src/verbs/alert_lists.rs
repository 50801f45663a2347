//! `alert list`, `alert show` and `alert dead-letters`.

use clap::Args;
use ledger_contract::errors::{Code, Problem};
use ledger_contract::queries::{
    ALL_WORKSPACES, AlertDelivery, AlertView, AlertsAnswer, DeadLettersAnswer,
};
use ledger_contract::subjects::LEDGER;

use super::alert::PlaceArgs;
use crate::body::Body;
use crate::common::Common;
use crate::failure::Failure;
use crate::output::Output;
use crate::queries::{read_answer, short_time};
use crate::session::Session;
use crate::table::Table;

/// Lists alerts.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger alert list
  connledger alert list --ledger --json")]
pub(crate) struct ListArgs {
    #[command(flatten)]
    place: PlaceArgs,
}

/// Shows an alert.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger alert show ops")]
pub(crate) struct ShowArgs {
    /// The alert
    name: String,
    #[command(flatten)]
    place: PlaceArgs,
}

/// Lists dead letters.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger alert dead-letters ops
  connledger alert dead-letters leaks --ledger --json")]
pub(crate) struct DeadLettersArgs {
    /// The alert
    name: String,
    #[command(flatten)]
    place: PlaceArgs,
}

/// Returns the workspace to which a query about the alerts of a place is sent.
fn place_of(session: &Session) -> &str {
    if session.workspace == LEDGER { ALL_WORKSPACES } else { &session.workspace }
}

pub(super) async fn list(common: &Common, args: ListArgs, out: Output) -> Result<(), Failure> {
    let session = args.place.open(common, out).await?;
    let answer = session.client.query(place_of(&session), "alerts", &Body::new()).await?;
    if out.is_json() {
        return out.raw(&answer);
    }
    let answer: AlertsAnswer = read_answer(&answer)?;
    if answer.alerts.is_empty() {
        out.say("there is no alert here");
        return Ok(());
    }
    let mut table = Table::new(&["ALERT", "TO", "ON", "STATE", "BEHIND", "WAITING", "DEAD"]);
    for one in answer.alerts {
        table.row([
            one.alert.clone(),
            receiver(&one).to_owned(),
            one.on.join(", "),
            state(&one),
            one.delivery.behind.to_string(),
            one.delivery.waiting.to_string(),
            one.delivery.dead_letters.to_string(),
        ]);
    }
    out.table(&table)
}

pub(super) async fn show(common: &Common, args: ShowArgs, out: Output) -> Result<(), Failure> {
    let session = args.place.open(common, out).await?;
    let answer = session.client.query(place_of(&session), "alerts", &Body::new()).await?;
    let answer: AlertsAnswer = read_answer(&answer)?;
    let one = answer.alerts.into_iter().find(|one| one.alert == args.name);
    let one = one.ok_or_else(|| Problem::new(Code::AlertUnknown))?;
    if out.is_json() {
        return out.object(&one);
    }
    out.facts(&facts(one))
}

fn facts(one: AlertView) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("alert", one.alert.clone()),
        ("workspace", one.workspace.clone().unwrap_or_else(|| "all".to_owned())),
        ("to", receiver(&one).to_owned()),
        ("on", one.on.join(", ")),
        ("state", state(&one)),
    ];
    let labels: Vec<_> = one.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    facts.extend(one.provider.map(|provider| ("provider", provider)));
    facts.extend((!labels.is_empty()).then(|| ("labels", labels.join(", "))));
    facts.push(("signature", one.signature));
    facts.extend(one.public_key.map(|key| ("public key", key)));
    facts.extend(one.former_secret_until.map(|until| ("former secret", format!("until {until}"))));
    facts.push(("created", format!("{} by {}", short_time(&one.created_at), one.created_by)));
    let AlertDelivery { after, behind, waiting, dead_letters, dead_letters_dropped, .. } =
        one.delivery;
    facts.push(("position", format!("{after} ({behind} behind)")));
    facts.push(("waiting", waiting.to_string()));
    facts.push(("dead letters", dead_letters.to_string()));
    if dead_letters_dropped > 0 {
        facts.push(("dropped", format!("{dead_letters_dropped} dead letters made room")));
    }
    let AlertDelivery { delivered, failed, delivered_at, .. } = one.delivery;
    facts
        .push(("delivered", format!("{delivered}, and {failed} attempts failed, since the start")));
    facts.extend(delivered_at.map(|at| ("last delivery", at)));
    facts.extend(one.delivery.last_failure.map(|why| ("last failure", why)));
    facts.extend(one.delivery.next_attempt_at.map(|at| ("next attempt", at)));
    facts
}

/// Returns where messages go.
fn receiver(one: &AlertView) -> &str {
    one.email.as_ref().unwrap_or(&one.url)
}

/// Returns in a few words whether messages are sent and taken.
fn state(one: &AlertView) -> String {
    match (&one.disabled_because, &one.delivery.down_since) {
        (Some(because), _) => format!("disabled: {because}"),
        (None, _) if !one.enabled => "disabled".to_owned(),
        (None, Some(since)) => format!("receiver down since {}", short_time(since)),
        (None, None) => "ok".to_owned(),
    }
}

pub(super) async fn dead_letters(
    common: &Common,
    args: DeadLettersArgs,
    out: Output,
) -> Result<(), Failure> {
    let session = args.place.open(common, out).await?;
    let body = Body::from_iter([("alert".to_owned(), args.name.into())]);
    let answer = session.client.query(place_of(&session), "dead-letters", &body).await?;
    if out.is_json() {
        return out.raw(&answer);
    }
    let answer: DeadLettersAnswer = read_answer(&answer)?;
    let mut table = Table::new(&["POSITION", "EVENT", "STREAM", "ATTEMPTS", "LAST", "REASON"]);
    for one in answer.dead_letters {
        let reason = if one.replaying { "being sent again".to_owned() } else { one.reason };
        table.row([
            one.position.to_string(),
            one.event_type,
            one.stream,
            one.attempts.to_string(),
            short_time(&one.last_attempt_at),
            reason,
        ]);
    }
    out.table(&table)?;
    if let Some(dropped) = answer.dropped {
        out.say(format!("{dropped} older ones made room; the history has their events"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_of_an_alert_says_why_nothing_is_sent() {
        let mut view = AlertView {
            workspace: None,
            alert: "ops".to_owned(),
            url: "https://a.example".to_owned(),
            email: None,
            on: vec!["health_changed".to_owned()],
            provider: None,
            labels: std::collections::BTreeMap::new(),
            enabled: true,
            disabled_because: None,
            signature: "hmac".to_owned(),
            public_key: None,
            former_secret_until: None,
            created_by: "key:admin".to_owned(),
            created_at: "2026-11-21T01:02:03.123456Z".to_owned(),
            delivery: AlertDelivery::default(),
        };
        assert_eq!(state(&view), "ok");
        view.delivery.down_since = Some("2026-11-21T01:02:03.123456Z".to_owned());
        assert!(state(&view).starts_with("receiver down since 2026"), "{}", state(&view));
        view.enabled = false;
        assert_eq!(state(&view), "disabled");
        view.disabled_because = Some("it is gone".to_owned());
        assert_eq!(state(&view), "disabled: it is gone");
        let shown = facts(view);
        assert!(shown.contains(&("workspace", "all".to_owned())), "{shown:?}");
    }
}
