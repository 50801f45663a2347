//! What one record says about streams and receipts.

use ledger_contract::records::{Frame, Repeats, StoredFingerprint, StreamId};
use ledger_domain::{CheckedText, ConnectionId, MessageId, Position, Version, WorkspaceName};
use ledger_store::tables::{Receipt, StreamKey, receipts};

use crate::errors::Fault;
use crate::history;

/// The fingerprint of a rebuilt receipt whose record does not have it. No command matches it.
pub(crate) const NO_FINGERPRINT: [u8; 16] = [0; 16];

/// The stored type name of the event that erases a connection.
const ERASED: &str = "connection_erased";

/// What a record says about streams, receipts and erasures.
pub(crate) struct Entry {
    pub(crate) stream: StreamKey,
    pub(crate) version: Version,
    pub(crate) position: Position,
    pub(crate) key: Vec<u8>,
    pub(crate) receipt: Due,
    /// The connection that the event erases, if it erases one.
    pub(crate) erases: Option<ConnectionId>,
}

/// The receipt that follows from a record.
pub(crate) enum Due {
    /// None, because nobody can repeat the command.
    None,
    /// This one but for its fingerprint, which a record of an earlier version does not have.
    WithoutFingerprint(Receipt),
    /// Exactly this one.
    Whole(Receipt),
}

impl Entry {
    /// Reads a record.
    pub(crate) fn read(position: Position, record: &[u8]) -> Result<Self, Fault> {
        let frame = Frame::read(position, record)?;
        let stream = history::stream_key(&frame.stream);
        let connection = match &frame.stream {
            StreamId::Connection(id) | StreamId::Reveals(id) | StreamId::Consumers(id) => Some(*id),
            _ => None,
        };
        let workspace = WorkspaceName::stored(frame.workspace.as_ref().into());
        let command_id = MessageId::stored(frame.command_id.as_ref().into());
        let (version, recorded_at) = (frame.version, frame.recorded_at);
        let with =
            |fingerprint| Receipt { connection, version, position, recorded_at, fingerprint };
        let receipt = match frame.repeats {
            Repeats::Never => Due::None,
            Repeats::Unknown => Due::WithoutFingerprint(with(NO_FINGERPRINT)),
            Repeats::By(StoredFingerprint(fingerprint)) => Due::Whole(with(fingerprint)),
        };
        let key = receipts::key(&workspace, &command_id);
        let erases = connection.filter(|_| frame.type_name == ERASED);
        Ok(Self { stream, version, position, key, receipt, erases })
    }
}
