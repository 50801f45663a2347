//! What happened to a connection: plots, and the latest events.

use std::collections::BTreeMap;

use ledger_contract::queries::HistoryQuery;
use ledger_contract::time;
use ledger_domain::Micros;
use ledger_engine::{QueryError, Reader};
use maud::{Markup, html};

use super::{ConnectionData, PLOT_DAYS};
use crate::request::PageRequest;
use crate::view::event::{EventRecord, Timeline};
use crate::view::parts::{counted, nothing, thousands};
use crate::view::plot;
use crate::view::times::span_of_seconds;

/// Events that are shown.
const EVENTS_MAX: u32 = 10;
/// Reveals that are counted for the plot.
const REVEALS_MAX: u32 = 500;
const DAY_MICROS: i64 = 86_400_000_000;

/// The latest events, and the reveals of each day.
pub(super) struct Activity {
    events: Vec<EventRecord>,
    days: Vec<(String, u64)>,
    reveals: u64,
    /// Whether there were more reveals than are in the plot.
    truncated: bool,
}

impl Activity {
    pub(super) fn find(reader: &Reader<'_>, id: &str, now: Micros) -> Result<Self, QueryError> {
        let of_this = HistoryQuery { connection: Some(id.to_owned()), ..HistoryQuery::default() };
        let latest = HistoryQuery { page_size: Some(EVENTS_MAX), ..of_this.clone() };
        let events = EventRecord::all(&reader.history(&latest)?);
        let first = Micros::new(now.get() - i64::from(PLOT_DAYS - 1) * DAY_MICROS);
        let from = time::format(first).get(..10).map(|day| format!("{day}T00:00:00Z"));
        let reveals = HistoryQuery {
            event_type: vec!["secret_revealed".to_owned()],
            from,
            page_size: Some(REVEALS_MAX),
            ..of_this
        };
        let page = reader.history(&reveals)?;
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for event in EventRecord::all(&page) {
            let day = event.recorded_at.get(..10).unwrap_or_default().to_owned();
            *counts.entry(day).or_default() += 1;
        }
        let day = |number: u32| {
            let at = Micros::new(first.get() + i64::from(number) * DAY_MICROS);
            let day = time::format(at).get(..10).unwrap_or_default().to_owned();
            let count = counts.get(&day).copied().unwrap_or(0);
            (day, count)
        };
        let days = (0..PLOT_DAYS).map(day).collect();
        Ok(Self { events, days, reveals: page.total, truncated: page.next_cursor.is_some() })
    }
}

/// Returns the plots.
pub(super) fn plots(found: &ConnectionData) -> Markup {
    let uptime = &found.uptime;
    let percent = uptime.operational_percent.map(|percent| format!("{percent:.1} % operational"));
    let percent = percent.unwrap_or_else(|| "no health reported".to_owned());
    let failures = counted(uptime.failures, "failure", "failures");
    let described = format!("Health of the last {PLOT_DAYS} days: {percent}, {failures}");
    html! {
        section.card #uptime aria-labelledby="uptime-title" {
            h2 #uptime-title { "Last " (PLOT_DAYS) " days" }
            p {
                strong { (percent) } " \u{b7} " (failures)
                @if let Some(mean) = uptime.mean_seconds_to_recovery {
                    " \u{b7} recovers in " (span_of_seconds(mean)) " on average"
                }
            }
            (plot::uptime(&uptime.steps, &described))
            (legend())
            @if let Some(activity) = &found.activity {
                @let reveals = counted(activity.reveals, "reveal", "reveals");
                p {
                    strong { (reveals) } " of its secrets"
                    @if activity.truncated { ", the latest " (thousands(u64::from(REVEALS_MAX))) " of which are below" }
                }
                (plot::counts(&activity.days, &format!("Reveals by day: {reveals}")))
            }
        }
    }
}

fn legend() -> Markup {
    let all =
        [("good", "Operational"), ("warn", "Degraded"), ("bad", "Failed"), ("none", "Unknown")];
    html! {
        ul.legend aria-hidden="true" {
            @for (class, word) in all { li { span class={ "swatch " (class) } {} (word) } }
        }
    }
}

/// Returns the latest events.
pub(super) fn latest(
    request: &PageRequest,
    found: &ConnectionData,
    path: &str,
    now: Micros,
) -> Markup {
    let shown = Timeline { names: None, now, proves: request.frame.proves() };
    html! {
        section.card #latest aria-labelledby="latest-title" {
            div.section-head {
                h2 #latest-title { "History" }
                @if found.activity.is_some() {
                    span.links {
                        a href={ (path) "/history" } { "Whole history" }
                        a href={ (path) "/compare" } { "Compare versions" }
                        a href={ (path) "/then" } { "Go back in time" }
                    }
                }
            }
            @match &found.activity {
                Some(activity) => (shown.render(&activity.events)),
                None => (nothing("Who did what is shown to those who may audit it.")),
            }
        }
    }
}
