//! Plans: what it takes to make what is there what is declared. Nothing is sent here.

mod access;
mod connection;
mod fields;
mod order;
mod others;

pub use connection::{archive, connection};
pub use order::waves;
pub use others::{principal, workspace};

use ledger_domain::limits::MESSAGE_ID_CHARS;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::live::Drift;

/// What is planned for one thing.
#[derive(Debug)]
pub struct Plan {
    /// `workspace`, `principal` or `connection`.
    pub kind: &'static str,
    /// Its name for people; of a connection, `workspace/slug`.
    pub name: String,
    /// What is to be done.
    pub action: Action,
    /// The fields that differ.
    pub changes: Vec<FieldChange>,
    /// How it differs from what the last run left, and who changed it last and when.
    pub drift: Option<(Drift, String)>,
    /// What else is to be known.
    pub notes: Vec<String>,
    /// Its id, if it is a connection that is there.
    pub id: Option<String>,
    /// The version that it has, if it is there.
    pub version: Option<u64>,
    /// The commands, in order.
    pub steps: Vec<Step>,
}

/// What is to be done about one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is made.
    Create,
    /// It is changed.
    Update,
    /// It is brought back from the archive, and changed.
    Restore,
    /// It is archived, because nothing declares it any more.
    Archive,
    /// It is what is declared, as far as can be told. Steps that are left have the ledger compare
    /// values of secrets.
    None,
    /// It cannot be done, and why.
    Refuse(String),
}

impl Action {
    /// Returns the word for it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Restore => "restore",
            Self::Archive => "archive",
            Self::None => "unchanged",
            Self::Refuse(_) => "refused",
        }
    }
}

/// A field that differs. Of a secret, only masks and references are told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldChange {
    /// Its name, such as `labels.team`.
    pub field: String,
    /// What is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What is declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// One command of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The verb.
    pub verb: &'static str,
    /// The body, without the connection and without values of secrets.
    pub body: Map<String, Value>,
    /// The secret fields whose values belong into the body.
    pub secrets: Vec<String>,
    /// Whether it may change nothing, after which the steps that follow are left out.
    pub may_be_nothing: bool,
}

impl Step {
    fn new(verb: &'static str, body: Value) -> Self {
        let body = match body {
            Value::Object(members) => members,
            _ => Map::new(),
        };
        Self { verb, body, secrets: Vec::new(), may_be_nothing: false }
    }

    /// Returns the id of the command: the same for the same command to the same version of the same
    /// thing, so that it is not executed twice. It is stored with the event, so values of secrets
    /// are no part of it.
    pub fn command_id(&self, about: &str, expected: &str) -> String {
        let content = json!([about, expected, self.verb, self.body, self.secrets]).to_string();
        let id = format!("apply-{}", blake3::hash(content.as_bytes()).to_hex());
        id.chars().take(MESSAGE_ID_CHARS.min(ID_CHARS)).collect()
    }
}

/// Characters of a command id: 128 bits of its content.
const ID_CHARS: usize = 38;

/// How things are planned.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// The set of manifests that is applied.
    pub set: &'a str,
    /// Whether connections that no run has changed yet are marked as belonging to the set.
    pub adopts: bool,
    /// Whether connections that are there already may be changed.
    pub updates: bool,
    /// What is done about the archived connection that had the name of a new one.
    pub archived: Archived,
}

/// What is done about an archived connection that had the name of a new one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Archived {
    /// The new one is refused.
    #[default]
    Refuse,
    /// It is restored, and made what is declared.
    Restore,
    /// It stays in the archive, and a new one is made.
    New,
}
