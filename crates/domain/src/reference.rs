//! References: what a secret field holds in place of a value, namely where the value is.
//!
//! A reference is no secret. Whether it may be followed, and how, is not for the domain to know.

use std::fmt;

use crate::ids::ConnectionId;
use crate::limits;
use crate::text::{CheckedText as _, FieldName, InvalidField, Line, Slug};

/// The kinds of places to which a reference can lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReferenceKind {
    /// An environment variable of the server.
    Environment,
    /// A file on the server's machine.
    File,
    /// A secret in the KV engine, version 2, of HashiCorp Vault or OpenBao.
    Vault,
    /// A secret in AWS Secrets Manager.
    Aws,
    /// A secret field of another connection in the same workspace.
    Connection,
}

impl ReferenceKind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::Environment, Self::File, Self::Vault, Self::Aws, Self::Connection];

    /// Returns the stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Environment => "env",
            Self::File => "file",
            Self::Vault => "vault",
            Self::Aws => "aws",
            Self::Connection => "connection",
        }
    }

    /// Returns the form of a name of this kind, for people.
    pub const fn form(self) -> &'static str {
        match self {
            Self::Environment => "the name of a variable, like OPENAI_KEY",
            Self::File => "an absolute path without `.` and `..`, like /run/secrets/openai",
            Self::Vault => "a mount and a path, like kv/team/openai",
            Self::Aws => "the name or the ARN of a secret, like team/openai",
            Self::Connection => "a connection and its field, like openai-prod/api_key",
        }
    }

    /// Returns whether a text can be a name of this kind.
    fn is_name(self, text: &str) -> bool {
        let parts = |text: &str, also: &str| {
            let is_good = |c: char| c.is_ascii_alphanumeric() || also.contains(c);
            let part = |part: &str| !matches!(part, "" | "." | "..") && part.chars().all(is_good);
            text.split('/').all(part)
        };
        match self {
            Self::Environment => {
                !text.starts_with(|c: char| c.is_ascii_digit())
                    && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            }
            Self::File => {
                let part = |part: &str| !matches!(part, "" | "." | "..");
                text.strip_prefix('/').is_some_and(|path| path.split('/').all(part))
            }
            Self::Vault => text.contains('/') && parts(text, "_.-"),
            Self::Aws => parts(text, "_+=.@:-"),
            Self::Connection => text.split_once('/').is_some_and(|(connection, field)| {
                let is_id = || connection.parse::<ConnectionId>().is_ok();
                FieldName::parse("field", field).is_ok()
                    && (is_id() || Slug::parse("connection", connection).is_ok())
            }),
        }
    }
}

/// How what is found becomes the value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReferenceFormat {
    /// Text. What a key selects must be text, a number or a boolean.
    #[default]
    String,
    /// JSON. Text that a key selects must have JSON in it.
    Json,
}

impl ReferenceFormat {
    /// Every format.
    pub const ALL: [Self; 2] = [Self::String, Self::Json];

    /// Returns the stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Json => "json",
        }
    }
}

/// What a secret field holds in place of a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// The kind of place.
    pub kind: ReferenceKind,
    /// Its name there, in the form of the kind.
    pub name: Line,
    /// The key of the value, if what is there is a JSON object.
    pub key: Option<Line>,
    /// How what is found becomes the value.
    pub format: ReferenceFormat,
}

impl Reference {
    /// Checks a reference. `field` names it in errors.
    pub fn parse(
        field: &str,
        kind: ReferenceKind,
        name: &str,
        key: Option<&str>,
        format: ReferenceFormat,
    ) -> Result<Self, InvalidField> {
        let checked = Line::parse(field, name, limits::REFERENCE_CHARS)?;
        if !kind.is_name(name) {
            return Err(InvalidField::new(field, format!("must be {}", kind.form())));
        }
        let key = key.map(|key| Line::parse(field, key, limits::REFERENCE_CHARS)).transpose()?;
        Ok(Self { kind, name: checked, key, format })
    }

    /// Returns the connection, by slug or id, and its field, if it leads to one.
    pub fn connection(&self) -> Option<(&str, FieldName)> {
        if self.kind != ReferenceKind::Connection {
            return None;
        }
        let (connection, field) = self.name.as_str().split_once('/')?;
        Some((connection, FieldName::stored(field.into())))
    }

    /// Returns the same reference with its connection named by id, which never changes.
    #[must_use]
    pub fn by_id(self, id: ConnectionId) -> Self {
        match self.connection() {
            None => self,
            Some((_, field)) => Self { name: Line::stored(format!("{id}/{field}").into()), ..self },
        }
    }

    /// Returns about how many bytes it takes in a record.
    pub fn bytes(&self) -> usize {
        self.name.as_str().len() + self.key.as_ref().map_or(0, |key| key.as_str().len())
    }
}

/// As the command line has it: `vault:kv/team/openai#key`.
impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.as_str(), self.name)?;
        match &self.key {
            Some(key) => write!(f, "#{key}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(kind: ReferenceKind, name: &str) -> Result<Reference, InvalidField> {
        Reference::parse("secrets.k.reference", kind, name, None, ReferenceFormat::String)
    }

    #[test]
    fn each_kind_has_names_of_its_own_form() {
        let id = "018f3d3e-0000-7000-8000-000000000001/api_key";
        for (kind, name) in [
            (ReferenceKind::Environment, "_OPENAI_KEY2"),
            (ReferenceKind::File, "/run/secrets/a b"),
            (ReferenceKind::Vault, "kv/team-a/open_ai.v1"),
            (ReferenceKind::Aws, "arn:aws:secretsmanager:eu-central-1:111122223333:secret:a/b-1"),
            (ReferenceKind::Aws, "team/openai"),
            (ReferenceKind::Connection, "openai-prod/api_key"),
            (ReferenceKind::Connection, id),
        ] {
            let shown = format!("{}:{name}", kind.as_str());
            assert_eq!(parse(kind, name).unwrap().to_string(), shown);
        }
        for (kind, name) in [
            (ReferenceKind::Environment, "2A"),
            (ReferenceKind::Environment, "A-B"),
            (ReferenceKind::Environment, "A=B"),
            (ReferenceKind::File, "run/secrets/a"),
            (ReferenceKind::File, "/run/secrets/../master.key"),
            (ReferenceKind::File, "/run//a"),
            (ReferenceKind::File, "/run/./a"),
            (ReferenceKind::File, "/run/a\n"),
            (ReferenceKind::File, "/"),
            (ReferenceKind::Vault, "kv"),
            (ReferenceKind::Vault, "kv/../sys/seal"),
            (ReferenceKind::Vault, "kv/a?version=1"),
            (ReferenceKind::Vault, "kv/a%2e"),
            (ReferenceKind::Aws, "a b"),
            (ReferenceKind::Aws, ""),
            (ReferenceKind::Connection, "openai-prod"),
            (ReferenceKind::Connection, "a b/c"),
            (ReferenceKind::Connection, "a/"),
        ] {
            assert!(parse(kind, name).is_err(), "{kind:?} {name}");
        }
        let long = "a".repeat(limits::REFERENCE_CHARS + 1);
        assert!(parse(ReferenceKind::Aws, &long).is_err());
    }

    #[test]
    fn a_connection_is_named_by_its_id_in_the_end() {
        let id = ConnectionId::from_bytes([7; 16]);
        let named = parse(ReferenceKind::Connection, "openai-prod/a/b").unwrap().by_id(id);
        assert_eq!(named.name.as_str(), format!("{id}/a/b"));
        assert_eq!(named.connection().unwrap().1.as_str(), "a/b");
        let variable = parse(ReferenceKind::Environment, "A").unwrap();
        assert_eq!(variable.clone().by_id(id), variable);
    }
}
