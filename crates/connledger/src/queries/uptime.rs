//! `uptime`.

use clap::Args;
use ledger_contract::queries::UptimeView;
use ledger_contract::queries::uptime::StateSeconds;
use serde_json::json;

use super::read_answer;
use crate::body::Body;
use crate::failure::Failure;
use crate::session::Session;

/// Steps of the plot.
const STEPS: u32 = 60;

/// Shows how long connections worked.
#[derive(Debug, Args)]
#[command(after_help = "\
The plot shows the worst of each step: # operational, d degraded, F failed, ? unknown, and nothing
where there was no connection.

Examples:
  connledger uptime openai-prod
  connledger uptime openai-prod --since 24h
  connledger uptime --provider openai --since 30d
  connledger uptime --json --steps 7                all connections of the workspace, as data")]
pub(crate) struct UptimeArgs {
    /// Id or slug; all connections that may be read when absent
    name: Option<String>,
    /// Only the connections of this provider
    #[arg(long, value_name = "NAME", conflicts_with = "name")]
    provider: Option<String>,
    /// When the time begins: how long ago, such as 24h or 30d, or an RFC 3339 time
    #[arg(long, default_value = "7d", value_name = "TIME")]
    since: String,
    /// Into how many steps the time is divided, 1 to 366
    #[arg(long, default_value_t = STEPS, value_name = "NUMBER")]
    steps: u32,
}

pub(super) async fn run(session: &Session, args: UptimeArgs) -> Result<(), Failure> {
    let UptimeArgs { name, provider, since, steps } = args;
    let mut body = Body::new();
    body.extend(name.map(|name| ("connection".to_owned(), json!(name))));
    body.extend(provider.map(|name| ("provider".to_owned(), json!(name))));
    body.insert("since".to_owned(), json!(since));
    body.insert("steps".to_owned(), json!(steps));
    let answer = session.client.query(&session.workspace, "uptime", &body).await?;
    if session.out.is_json() {
        return session.out.raw(&answer);
    }
    let view: UptimeView = read_answer(&answer)?;
    let plot: String = view.steps.iter().map(|step| mark(step.seconds)).collect();
    session.out.line(format!("|{plot}|"))?;
    let percent = view.operational_percent.map(|percent| format!("{percent:.3} %"));
    let recovery = view.mean_seconds_to_recovery.map(length);
    let none = || "-".to_owned();
    let StateSeconds { operational, degraded, failed, unknown } = view.seconds;
    let mut facts = vec![
        ("time", format!("{} to {}", view.from, view.until)),
        ("connections", view.connections.to_string()),
        ("operational", percent.unwrap_or_else(none)),
        ("  for", length(operational)),
        ("degraded for", length(degraded)),
        ("failed for", length(failed)),
        ("unknown for", length(unknown)),
        ("failures", view.failures.to_string()),
        ("recoveries", view.recoveries.to_string()),
        ("  after, on average", recovery.unwrap_or_else(none)),
    ];
    if view.truncated {
        facts.push(("incomplete", "there are more events or connections".to_owned()));
    }
    session.out.facts(&facts)
}

/// Returns the mark of the worst state in a step.
fn mark(seconds: StateSeconds) -> char {
    let StateSeconds { operational, degraded, failed, unknown } = seconds;
    let states = [(failed, 'F'), (degraded, 'd'), (operational, '#'), (unknown, '?')];
    states.into_iter().find(|(seconds, _)| *seconds > 0.0).map_or(' ', |(_, mark)| mark)
}

/// Returns a length of time in its two largest units.
fn length(seconds: f64) -> String {
    let whole = std::time::Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default();
    let whole = whole.as_secs();
    let (days, hours, minutes) = (whole / 86_400, whole / 3_600 % 24, whole / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds:.1}s"),
        (0, 0, _) => format!("{minutes}m {}s", whole % 60),
        (0, _, _) => format!("{hours}h {minutes}m"),
        _ => format!("{days}d {hours}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_shows_its_worst_state() {
        let step = StateSeconds { operational: 9.0, degraded: 0.0, failed: 0.1, unknown: 0.0 };
        assert_eq!(mark(step), 'F');
        assert_eq!(mark(StateSeconds { failed: 0.0, degraded: 0.1, ..step }), 'd');
        assert_eq!(mark(StateSeconds { failed: 0.0, unknown: 9.0, ..step }), '#');
        assert_eq!(mark(StateSeconds::default()), ' ');
    }

    #[test]
    fn lengths_have_two_units() {
        let lengths = [0.25, 61.0, 3_660.0, 90_000.0].map(length);
        assert_eq!(lengths, ["0.2s", "1m 1s", "1h 1m", "1d 1h"]);
    }
}
