//! Ids and numbers, one type each, so that no two can be swapped by accident.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use uuid::Uuid;

use crate::limits;
use crate::text::{CheckedText, InvalidField};

/// Makes a newtype over a UUID with parsing, printing and byte access.
macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a UUID made elsewhere.
            pub const fn new(id: Uuid) -> Self {
                Self(id)
            }
            /// Returns the UUID.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
            /// Returns the sixteen bytes, whose order is the order of creation for version 7.
            pub const fn to_bytes(self) -> [u8; 16] {
                self.0.into_bytes()
            }
            /// Reads back what [`Self::to_bytes`] returned.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0.hyphenated())
            }
        }
        impl FromStr for $name {
            type Err = InvalidField;
            fn from_str(text: &str) -> Result<Self, InvalidField> {
                Uuid::try_parse(text)
                    .map(Self)
                    .map_err(|_| InvalidField::new($what, "must be a UUID"))
            }
        }
    };
}

uuid_id!(
    /// Stable identity of one connection (UUIDv7, made by the ledger).
    ConnectionId, "connection"
);
uuid_id!(
    /// Identity of one event (UUIDv7, made by the ledger).
    EventId, "event_id"
);
uuid_id!(
    /// Identity of one ledger, made when its data directory was created.
    LedgerId, "ledger_id"
);

/// Makes a newtype over a `u64` counter that starts at one.
macro_rules! counter {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u64);

        impl $name {
            /// The place before the first one.
            pub const ZERO: Self = Self(0);
            /// Wraps a number.
            pub const fn new(value: u64) -> Self {
                Self(value)
            }
            /// Returns the number.
            pub const fn get(self) -> u64 {
                self.0
            }
            /// Returns the next place. A ledger that wrote a billion events a second would
            /// overflow after five centuries.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0 + 1)
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

counter!(
    /// Place of an event in the whole log: dense, from one.
    Position
);
counter!(
    /// Place of an event in its own stream: dense, from one. Also the number of accepted changes.
    Version
);
counter!(
    /// Tells the values a secret field had apart; higher is later. The first value of a
    /// connection's field has one.
    Generation
);

/// A moment in UTC, in whole microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Micros(i64);

impl Micros {
    /// Wraps a number of microseconds since the epoch.
    pub const fn new(value: i64) -> Self {
        Self(value)
    }
    /// Returns the number of microseconds since the epoch.
    pub const fn get(self) -> i64 {
        self.0
    }
}

/// The id a caller gave a command (or the ledger made for it): the key of idempotency.
///
/// 1 to 128 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(Box<str>);

impl MessageId {
    /// Checks the alphabet and length of a caller's id; `field` names it in the error.
    pub fn parse(field: &'static str, text: &str) -> Result<Self, InvalidField> {
        if text.is_empty() || text.len() > limits::MESSAGE_ID_CHARS {
            return Err(InvalidField::new(field, "must be 1 to 128 characters long"));
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidField::new(field, "must be visible ASCII without spaces"));
        }
        Ok(Self(text.into()))
    }
    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl CheckedText for MessageId {
    fn text(&self) -> &str {
        &self.0
    }
    fn stored(text: Box<str>) -> Self {
        Self(text)
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who did something: `key:<name>`, `user:<name>` or `system:<part>`. It always comes from the
/// credential, never from a header or a body. Few act often, so clones share the text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Actor(Arc<str>);

impl Actor {
    /// Carries the name the credential check found.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }
    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl CheckedText for Actor {
    fn text(&self) -> &str {
        &self.0
    }
    fn stored(text: Box<str>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a command expects of the stream it writes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expected {
    /// Nothing: the last writer wins.
    #[default]
    Any,
    /// The stream does not exist yet.
    Absent,
    /// The stream is exactly at this version.
    At(Version),
}
