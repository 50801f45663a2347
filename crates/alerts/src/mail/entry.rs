//! What a mail tells of an event.

use std::borrow::Cow;
use std::fmt::Write as _;

use ledger_contract::records::StreamId;
use ledger_domain::{EventId, Position};
use ledger_engine::OutboxItem;
use serde::Deserialize;
use serde_json::value::RawValue;

/// Longest text of somebody's that a mail has in one place, in characters.
const TEXT_CHARS: usize = 300;

/// What a mail tells of one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) position: Position,
    pub(super) event_id: EventId,
    pub(super) type_name: &'static str,
    pub(super) stream: StreamId,
    /// What it is about and what happened, in a few words.
    pub(super) title: String,
    /// The lines about it.
    pub(super) lines: String,
}

#[derive(Deserialize)]
struct Told<'a> {
    #[serde(borrow)]
    event: ToldEvent<'a>,
    #[serde(borrow, default)]
    connection: Option<ToldConnection<'a>>,
}

#[derive(Deserialize)]
struct ToldEvent<'a> {
    #[serde(borrow, default)]
    actor: Cow<'a, str>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

/// What the data of many events has, in one form or another.
#[derive(Deserialize)]
struct ToldReason<'a> {
    #[serde(borrow)]
    reason: Cow<'a, str>,
}

#[derive(Deserialize)]
struct ToldConnection<'a> {
    #[serde(borrow)]
    slug: Cow<'a, str>,
    #[serde(borrow)]
    workspace: Cow<'a, str>,
    #[serde(borrow, default)]
    display_name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    provider: Cow<'a, str>,
    #[serde(borrow)]
    health: ToldHealth<'a>,
}

#[derive(Deserialize)]
struct ToldHealth<'a> {
    #[serde(borrow)]
    state: Cow<'a, str>,
    #[serde(borrow, default)]
    reason: Option<Cow<'a, str>>,
}

/// Lines of a name and a text.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn push(&mut self, name: &str, text: &str) {
        writeln!(self.0, "  {name:<12} {}", plain(text)).expect("a text takes everything");
    }

    fn push_some(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            self.push(name, text);
        }
    }
}

/// Returns what a mail tells of an event.
///
/// Errors: the notification is not as the ledger writes it.
pub(super) fn entry(item: &OutboxItem) -> Result<Entry, serde_json::Error> {
    let told: Told<'_> = serde_json::from_slice(&item.body)?;
    let what = item.type_name.replace('_', " ");
    let data = told.event.data.map_or("null", RawValue::get);
    let reason = serde_json::from_str::<ToldReason<'_>>(data).ok().map(|told| told.reason);
    let mut lines = Lines::default();
    let (title, to_do) = match (&told.connection, &item.stream) {
        (Some(connection), _) => {
            about(&mut lines, connection, reason.as_deref());
            let ToldConnection { slug, workspace, health, .. } = connection;
            let (place, slug) = (plain(workspace), plain(slug));
            let title = format!("{place}/{slug}: {what}, {}", plain(&health.state));
            (title, Some(format!("connledger why {slug} -w {workspace}")))
        }
        // Its state is too large to be shown.
        (None, StreamId::Connection(id)) => {
            lines.push("connection", &id.to_string());
            lines.push("workspace", item.workspace.as_str());
            lines.push_some("reason", reason.as_deref());
            let to_do = format!("connledger why {id} -w {}", item.workspace);
            (format!("{id}: {what}"), Some(to_do))
        }
        (None, _) => {
            lines.push("workspace", item.workspace.as_str());
            lines.push_some("reason", reason.as_deref());
            (what.clone(), None)
        }
    };
    lines.push("what", &what);
    lines.push_some("who", Some(&told.event.actor));
    lines.push("when", &item.recorded_at);
    lines.push("position", &item.position.to_string());
    lines.push_some("what to do", to_do.as_deref());
    Ok(Entry {
        position: item.position,
        event_id: item.event_id,
        type_name: item.type_name,
        stream: item.stream.clone(),
        title,
        lines: lines.0,
    })
}

fn about(lines: &mut Lines, connection: &ToldConnection<'_>, reason: Option<&str>) {
    lines.push("connection", &connection.slug);
    lines.push_some("name", connection.display_name.as_deref());
    lines.push("workspace", &connection.workspace);
    lines.push("provider", &connection.provider);
    lines.push("state", &connection.health.state);
    lines.push_some("reason", reason.or(connection.health.reason.as_deref()));
}

/// Returns a text on one line, without anything that could be taken for a header or that hides what
/// follows, and not too long.
pub(super) fn plain(text: &str) -> String {
    let is_harmful = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
            || matches!(c, '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    let mut characters = text.chars();
    let harmless = |c| if is_harmful(c) { ' ' } else { c };
    let mut plain: String = characters.by_ref().take(TEXT_CHARS).map(harmless).collect();
    if characters.next().is_some() {
        plain.push_str("...");
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stays_on_its_line_and_hides_nothing() {
        assert_eq!(plain("a\r\nBcc: eve"), "a  Bcc: eve");
        assert_eq!(plain("a\u{2028}b\u{202e}c\u{feff}"), "a b c ");
        assert_eq!(plain("ключ"), "ключ");
        let long = plain(&"x".repeat(TEXT_CHARS + 1));
        assert_eq!(long, format!("{}...", "x".repeat(TEXT_CHARS)));
    }
}
