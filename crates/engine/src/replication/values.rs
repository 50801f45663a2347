//! Values that are not in the log stream, because they must be possible to destroy, and rows that
//! are in it beside records.

use ledger_contract::log_stream::AlertRows;
use ledger_contract::records::encode_handover_row;
use ledger_domain::{ConnectionId, Handover, HandoverContent, HandoverId, Position};

use crate::alerts::AlertWrites;

/// Returns the name of a connection's wrapped data key.
pub(crate) fn data_key_name(id: ConnectionId) -> String {
    format!("data-key.{id}")
}

/// What the names of values begin with that are removed once their time is over.
pub const HANDOVER_NAMES: &str = "handover.";

/// Returns the name of the row of a handover with the key that is handed over.
pub(crate) fn handover_name(id: &HandoverId) -> String {
    format!("{HANDOVER_NAMES}{}", id.as_str())
}

/// Returns the row of a handover without a key that is handed over.
pub(super) fn row_without_key(handover: &Handover) -> Box<str> {
    let mut handover = handover.clone();
    if let HandoverContent::Key { sealed, .. } = &mut handover.content {
        *sealed = None;
    }
    let row = encode_handover_row(&handover);
    String::from_utf8(row).expect("a row is JSON text").into()
}

/// Returns what has changed of the messages of an alert, as the log has it.
pub(super) fn alert_rows((alert, writes): &(Position, AlertWrites)) -> AlertRows {
    let AlertWrites { progress, held, letters } = writes;
    AlertRows {
        alert: alert.get(),
        progress: progress.clone(),
        held: held.iter().map(|(at, row)| (at.get(), row.clone())).collect(),
        letters: letters.iter().map(|(at, row)| (at.get(), row.clone())).collect(),
    }
}

/// The reverse of [`alert_rows`].
pub(crate) fn alert_writes(rows: AlertRows) -> (Position, AlertWrites) {
    let AlertRows { alert, progress, held, letters } = rows;
    let held = held.into_iter().map(|(at, row)| (Position::new(at), row)).collect();
    let letters = letters.into_iter().map(|(at, row)| (Position::new(at), row)).collect();
    (Position::new(alert), AlertWrites { progress, held, letters })
}
