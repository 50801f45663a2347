//! `why`.

use clap::Args;
use ledger_contract::queries::why::{DependentName, EventView, RemedyCode};
use ledger_contract::queries::{WhyQuery, WhyView};

use super::{read_answer, short_time};
use crate::failure::Failure;
use crate::session::Session;
use crate::verbs::archived;

/// Dependents that are shown.
const HIT_MAX: usize = 8;

/// Shows why a connection is in its state.
#[derive(Debug, Args)]
#[command(after_help = "\
The event that set the health; since when it fails; the last change before that, and by whom; when
it last worked; what uses it; and what to do. Who did it is told to those who may audit the
connection. The newest 1,000 events of the connection are looked through.

Examples:
  connledger why openai-prod
  connledger why openai-prod --json | jq .what_to_do")]
pub(crate) struct WhyArgs {
    /// Id or slug
    name: String,
}

pub(super) async fn run(session: &Session, args: WhyArgs) -> Result<(), Failure> {
    let query = WhyQuery { connection: args.name };
    let answer = match session.client.query(&session.workspace, "why", &query).await {
        Ok(answer) => answer,
        Err(error) => {
            return Err(archived::with_hint(session, error.into(), &query.connection).await);
        }
    };
    if session.out.is_json() {
        return session.out.raw(&answer);
    }
    let view: WhyView = read_answer(&answer)?;
    session.out.line(headline(&view))?;
    session.out.facts(&facts(&view))
}

/// Returns the state in one line.
fn headline(view: &WhyView) -> String {
    let WhyView { slug, workspace, lifecycle, enabled, health, .. } = view;
    let since = short_time(&health.since);
    let mut line = format!("{slug} ({workspace}) is {} since {since}", health.state);
    if lifecycle != "active" {
        line = format!("{line}; {lifecycle}");
    } else if !enabled {
        line = format!("{line}; disabled");
    }
    line
}

/// Returns what led to the state, and what to do.
fn facts(view: &WhyView) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    facts.push((
        "  cause",
        match &view.cause {
            Some(cause) => event(cause),
            None => "an event before those that were looked through".to_owned(),
        },
    ));
    if let Some(first) = &view.first_failure {
        facts.push(("  failing", failing(view, first)));
    }
    if let Some(tests) = &view.tests {
        let count = counted(tests.count, "test");
        facts.push(("  tested", format!("{count} since then, the last: {}", tests.last_outcome)));
    }
    if let Some(next) = &view.next_test {
        let every = next.every_seconds;
        facts.push(("  next test", format!("{}, every {every} seconds", next.at)));
    }
    facts.extend(view.change_before.as_ref().map(|change| ("  after", event(change))));
    facts.extend(worked(view).map(|worked| ("  worked", worked)));
    if !view.dependents.is_empty() {
        facts.push(("  hits", hits(&view.dependents, view.dependents_total)));
    }
    facts.push(("  what to do", what_to_do(view)));
    facts
}

/// Returns since when it fails.
fn failing(view: &WhyView, first: &EventView) -> String {
    let count = counted(view.reports.count, "report");
    let since = short_time(&first.recorded_at);
    // The cause says the rest, if it is the first report.
    if view.cause.as_ref().is_some_and(|cause| cause.event_id == first.event_id) {
        return format!("since {since}, {count}");
    }
    format!("since {since}, {count}, the first: {}", event(first))
}

/// Returns when it last worked, if there is something to say of that.
fn worked(view: &WhyView) -> Option<String> {
    match &view.last_worked {
        Some(last) => {
            Some(format!("last at {} (version {})", short_time(&last.recorded_at), last.version))
        }
        None if view.truncated => Some("not in the newest 1,000 events".to_owned()),
        None => view.first_failure.as_ref().map(|_| "never, as far as reports tell".to_owned()),
    }
}

/// Returns an event in words.
fn event(event: &EventView) -> String {
    let EventView { r#type, position, version, actor, recorded_at, .. } = event;
    let at = short_time(recorded_at);
    let mut line = format!("{type} (version {version}, position {position}) by {actor} at {at}");
    let secrets = event.secrets.iter();
    let secrets = secrets.map(|(field, number)| format!("{field} generation {number}"));
    let said = [event.outcome.clone(), event.reason.clone()].into_iter().flatten();
    for part in said.chain(secrets) {
        line = format!("{line}: {part}");
    }
    line
}

fn counted(count: u64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// Returns the names of what uses it.
fn hits(dependents: &[DependentName], total: u64) -> String {
    let shown: Vec<_> = dependents.iter().take(HIT_MAX).collect();
    let names = shown.iter().map(|one| one.name.as_deref().unwrap_or(&one.id));
    let names = names.collect::<Vec<_>>().join(", ");
    let shown = u64::try_from(shown.len()).unwrap_or(u64::MAX);
    match total.saturating_sub(shown) {
        0 => names,
        more => format!("{names}, and {more} more"),
    }
}

/// Returns the commands that help.
fn what_to_do(view: &WhyView) -> String {
    let name = &view.slug;
    let rotate = || {
        let field = view.change_before.as_ref().and_then(|change| change.secrets.keys().next());
        let field = field.map_or("FIELD", String::as_str);
        format!("connledger rotate-secret {name} --secret {field}")
    };
    match view.what_to_do.code {
        RemedyCode::Nothing => "nothing".to_owned(),
        RemedyCode::Revert => {
            let version = view.what_to_do.to_version.unwrap_or_default();
            format!("connledger revert {name} --to-version {version}, or {}", rotate())
        }
        RemedyCode::RotateSecret => rotate(),
        RemedyCode::Test => format!("connledger test {name}"),
        RemedyCode::Report => format!("connledger mark-operational {name}, if it works"),
        RemedyCode::Enable => format!("connledger enable {name}"),
        RemedyCode::Restore => format!("connledger restore {name}"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ledger_contract::queries::why::{Remedy, ReportsView, TestsView};
    use ledger_contract::view::HealthView;

    use super::*;

    fn event_of(event_type: &str, version: u64) -> EventView {
        EventView {
            event_id: format!("e-{version}"),
            r#type: event_type.to_owned(),
            position: version + 800,
            version,
            recorded_at: "2026-11-30T01:02:03.187929Z".to_owned(),
            actor: "user:ada".to_owned(),
            ..EventView::default()
        }
    }

    fn failed() -> WhyView {
        let refused = EventView {
            outcome: Some("credentials_refused".to_owned()),
            reason: Some("the provider answered 401".to_owned()),
            ..event_of("connection_tested", 8)
        };
        let rotated = EventView {
            secrets: BTreeMap::from([("api_key".to_owned(), 4)]),
            ..event_of("secret_rotated", 7)
        };
        let dependent = |id: &str, name: Option<&str>| DependentName {
            kind: "gateway".to_owned(),
            id: id.to_owned(),
            name: name.map(str::to_owned),
        };
        WhyView {
            connection: "c".to_owned(),
            slug: "openai-prod".to_owned(),
            workspace: "default".to_owned(),
            lifecycle: "active".to_owned(),
            enabled: true,
            version: 8,
            health: HealthView {
                state: "failed".into(),
                reason: None,
                since: "2026-11-30T01:02:03.187929Z".to_owned(),
                by: "e-8".to_owned(),
            },
            cause: Some(refused.clone()),
            reports: ReportsView { count: 1, first_at: None, last_at: None },
            first_failure: Some(refused),
            last_worked: Some(event_of("connection_tested", 6)),
            change_before: Some(rotated),
            tests: Some(TestsView { count: 1, last_outcome: "credentials_refused".to_owned() }),
            next_test: None,
            dependents: vec![dependent("g-1", Some("gateway-eu")), dependent("g-2", None)],
            dependents_total: 2,
            what_to_do: Remedy { code: RemedyCode::Revert, to_version: Some(6) },
            truncated: false,
        }
    }

    #[test]
    fn what_led_to_a_failure_and_what_helps_is_said_in_a_few_lines() {
        let view = failed();
        assert_eq!(headline(&view), "openai-prod (default) is failed since 2026-11-30T01:02:03Z");
        let expected = [
            (
                "  cause",
                "connection_tested (version 8, position 808) by user:ada at \
              2026-11-30T01:02:03Z: credentials_refused: the provider answered 401",
            ),
            ("  failing", "since 2026-11-30T01:02:03Z, 1 report"),
            ("  tested", "1 test since then, the last: credentials_refused"),
            (
                "  after",
                "secret_rotated (version 7, position 807) by user:ada at \
              2026-11-30T01:02:03Z: api_key generation 4",
            ),
            ("  worked", "last at 2026-11-30T01:02:03Z (version 6)"),
            ("  hits", "gateway-eu, g-2"),
            (
                "  what to do",
                "connledger revert openai-prod --to-version 6, or connledger \
              rotate-secret openai-prod --secret api_key",
            ),
        ];
        assert_eq!(facts(&view), expected.map(|(name, text)| (name, text.to_owned())));
    }

    #[test]
    fn what_is_not_known_is_said_or_left_out() {
        let mut view = WhyView {
            cause: None,
            first_failure: Some(event_of("marked_failed", 7)),
            last_worked: None,
            change_before: None,
            tests: None,
            next_test: None,
            dependents: Vec::new(),
            truncated: true,
            enabled: false,
            what_to_do: Remedy { code: RemedyCode::RotateSecret, to_version: None },
            ..failed()
        };
        assert!(headline(&view).ends_with("; disabled"));
        let shown = facts(&view);
        let names: Vec<_> = shown.iter().map(|(name, _)| name.trim()).collect();
        assert_eq!(names, ["cause", "failing", "worked", "what to do"]);
        assert!(shown[1].1.contains("the first: marked_failed (version 7"), "{shown:?}");
        assert!(shown[2].1.contains("newest 1,000"), "{shown:?}");
        assert!(shown[3].1.ends_with("--secret FIELD"), "{shown:?}");
        view.lifecycle = "archived".to_owned();
        assert!(headline(&view).ends_with("; archived"));
    }

    #[test]
    fn of_many_dependents_some_are_named() {
        let dependent = |number: u64| DependentName {
            kind: "tool".to_owned(),
            id: format!("t{number}"),
            name: None,
        };
        let dependents: Vec<_> = (1..=9).map(dependent).collect();
        assert_eq!(hits(&dependents, 60), "t1, t2, t3, t4, t5, t6, t7, t8, and 52 more");
    }
}
