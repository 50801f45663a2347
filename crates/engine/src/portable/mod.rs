//! The portable form of a ledger: lines of JSON from which a data directory can be made, whatever
//! the format of the one that they were read from.
//!
//! ```text
//! {"portable_ledger":3,"ledger":"…","position":9,…,"founding":{…},"settings":{…},"mac":"…"}
//! {"journal":41,"entry":{…},"mac":"…"}                  each entry of the audit journal
//! {"key_use":"k3x9a2bq71ce","at":"…","mac":"…"}         each last use of an API key
//! {"state_end":3,"mac":"…"}                             the number of lines before it
//! {"event":{…},"key":"…","mac":"…"}                     each record of the log, in order
//! {"end":{"events":9,…},"mac":"…"}                      only in a whole export
//! ```
//!
//! The lines up to `state_end` are the *state*: what is neither in the log nor follows from it. An
//! event's line has the stored bytes of its record, the wrapped data key of the connection that it
//! creates, and the fingerprint of its command if a record of an earlier version does not have
//! it. Read models, streams, claims, receipts and bitmaps are in no line, because they follow from
//! the log and are rebuilt.
//!
//! Each line ends with a MAC of all bytes before it, which holds for one kind of line and one
//! place: the number of a line in the state, or the position of an event. So a line that was
//! changed, moved or doubled, or that is missing between others, is found and named. That lines are
//! missing at the end shows in a whole export, whose last line has a MAC over all others; whoever
//! keeps state and events apart must note the last position beside them, with [`Portable::mac`].
//!
//! Read first: `events.rs` (writes events), `read.rs` (checks them), `restore.rs`.

mod data_keys;
mod erased;
mod events;
mod header;
mod keys;
mod line;
mod read;
mod restore;
mod rows;
mod state;
mod target;
mod whole;

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use ledger_domain::{MasterKeyId, Micros, Position};
use ledger_store::Store;
use ledger_store::tables::{founding, log};
use ledger_vault::{Keyring, PortableKey, master_key_of};

pub use erased::ErasedConnection;
pub use events::EventsWritten;
pub use header::PORTABLE_VERSION;
pub use keys::PortableKeys;
pub(crate) use read::records_of;
pub use restore::{Restoration, RestoreOptions, Restored, Taken};
pub use state::StateWritten;
pub use target::Until;
pub use whole::{RestoreStage, WholeWritten};

use crate::engine::Engine;
use crate::errors::{Fault, OpenError};
use crate::founding::Opening;
use crate::identity::Identity;
use crate::master_keys::counts;
use crate::ports::Ports;
use crate::times;

/// What begins the purposes of MACs that are not those of lines.
const BESIDE: &str = "beside: ";

/// A ledger as it was at one moment, to be written in its portable form.
///
/// It holds no snapshot of the database: the log only grows, so its last position is one, and a
/// record that is emptied meanwhile is right in either form. It keeps
/// the database open, and the data directory locked, until it is dropped.
pub struct Portable {
    store: Arc<Store>,
    key: PortableKey,
    identity: Identity,
    position: Position,
}

impl fmt::Debug for Portable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { identity, position, .. } = self;
        write!(f, "Portable({}, position {position})", identity.ledger)
    }
}

impl Engine {
    /// Returns the ledger as it is now, up to its last durable event.
    pub fn portable(&self) -> Portable {
        let store = Arc::clone(&self.shared.store);
        let (key, identity) = (store.portable_key(), self.identity());
        Portable { store, key, identity, position: self.head() }
    }
}

impl Portable {
    /// Opens the ledger in a directory that nobody serves. It stays as it is.
    pub fn open(data_dir: &Path, keyring: &Keyring) -> Result<Self, OpenError> {
        let opening = Opening::begin(data_dir, keyring)?;
        if !opening.has_macs() {
            return Err(OpenError::NotUpgraded);
        }
        let (store, founding) = opening.finish(&Ports::default())?;
        let identity = Identity::of(&store, founding.ledger_id)?;
        let position = log::head(&store).map_err(Fault::from)?;
        Ok(Self { key: store.portable_key(), store: Arc::new(store), identity, position })
    }

    /// Returns the names of the ledger and of its history.
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// Returns the position of the last event.
    pub fn position(&self) -> Position {
        self.position
    }

    /// Returns the master keys that it takes to open what the ledger stores now.
    pub fn master_keys(&self) -> Result<BTreeSet<MasterKeyId>, Fault> {
        let check = founding::get(&self.store, founding::KEY_CHECK)?;
        let check =
            check.ok_or_else(|| Fault::Damaged("the ledger has no key check".to_owned()))?;
        let data_keys = counts::current(&self.store)?;
        Ok(data_keys.into_keys().chain([master_key_of(&check)?]).collect())
    }

    /// Returns when the event at a position was recorded, if there is one.
    pub fn recorded_at(&self, at: Position) -> Result<Option<Micros>, Fault> {
        if at == Position::ZERO || at > self.position {
            return Ok(None);
        }
        times::recorded_at(&self.store, at).map(Some)
    }

    /// Returns the MAC of a document beside the portable form, such as a manifest. `purpose` is the
    /// caller's own and separates kinds of documents. [`PortableKeys::verify_mac`] checks it.
    pub fn mac(&self, purpose: &str, document: &[u8]) -> [u8; 32] {
        self.key.mac(&beside(purpose), 0, document)
    }

    /// Returns whether `mac` is the one that [`Self::mac`] returns for a document.
    pub fn verify_mac(&self, purpose: &str, document: &[u8], mac: &[u8]) -> bool {
        self.key.is_mac_of(mac, &beside(purpose), 0, document)
    }
}

/// Returns the purpose of the MAC of a document, which no line has.
fn beside(purpose: &str) -> String {
    format!("{BESIDE}{purpose}")
}
