//! Events as a table (RFC 4180), for spreadsheets and databases.

use std::borrow::Cow;

use crate::event::Event;

const COLUMNS: [&str; 16] = [
    "position",
    "time",
    "workspace",
    "stream",
    "version",
    "type",
    "actor",
    "via",
    "key",
    "address",
    "reason",
    "command_id",
    "correlation_id",
    "causation_id",
    "event_id",
    "data",
];

/// What begins a formula in a spreadsheet.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// Returns the line with the names of the columns.
pub(super) fn heading() -> Vec<u8> {
    format!("{}\n", COLUMNS.join(",")).into_bytes()
}

/// Returns a line for each event.
pub(super) fn rows(events: &[Event<'_>]) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for event in events {
        let some = |text: &Option<Cow<'_, str>>| text.as_deref().unwrap_or_default().to_owned();
        let cells: [String; COLUMNS.len()] = [
            event.position.to_string(),
            event.time().to_owned(),
            event.workspace.to_string(),
            event.stream.to_string(),
            event.version.to_string(),
            event.type_name.to_string(),
            event.actor.to_string(),
            event.via.to_string(),
            some(&event.key),
            some(&event.address),
            event.reason().unwrap_or_default(),
            event.command_id.to_string(),
            some(&event.correlation_id),
            some(&event.causation_id),
            event.event_id.to_string(),
            event.data.get().to_owned(),
        ];
        // Writing to memory cannot fail, and every row has as many cells.
        let (Ok(()) | Err(_)) = writer.write_record(cells.each_ref().map(|cell| harmless(cell)));
    }
    writer.into_inner().unwrap_or_default()
}

/// Returns a cell that no spreadsheet takes for a formula, and with which a row stays one line, so
/// that half a row is recognized.
fn harmless(cell: &str) -> String {
    let cell = cell.replace(['\r', '\n'], " ");
    if cell.starts_with(FORMULA) { format!("'{cell}") } else { cell }
}
