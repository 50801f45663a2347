//! Logins by which connections to databases are tested: their descriptions, and what one connection
//! makes of them.

mod address;
mod request;
mod security;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use request::{Login, LoginHost};
pub use security::Security;

use crate::words::Protocol;

impl Protocol {
    /// Returns the port of servers whose address names none.
    pub const fn port(self) -> u16 {
        match self {
            Self::PostgreSql => 5_432,
            Self::MySql => 3_306,
            Self::Redis => 6_379,
        }
    }

    /// Returns its name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PostgreSql => "PostgreSQL",
            Self::MySql => "MySQL",
            Self::Redis => "Redis",
        }
    }

    /// Returns whether every login names a user.
    const fn needs_user(self) -> bool {
        !matches!(self, Self::Redis)
    }

    /// Returns whether clients use TLS if the server has it, and go on without if not, when the
    /// connection says nothing.
    const fn prefers_tls(self) -> bool {
        matches!(self, Self::PostgreSql | Self::MySql)
    }
}

/// A login to a database, which succeeds with valid credentials and fails without them. Its members
/// are names of fields: a URL with all that is needed, or one field for each part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginFields {
    /// How the database is spoken to.
    pub protocol: Protocol,
    /// The secret field with a URL such as `postgresql://user:password@host/database`. A connection
    /// that has it needs no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The field with the host: a name or an address.
    pub host: String,
    /// The field with the port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<String>,
    /// The field with the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The secret field with the password.
    pub password: String,
    /// The field with the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// The field that says how TLS is used: true, false, or a word of `sslmode`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<String>,
    /// The field with the certificates of authorities, in the PEM form, that are trusted in place
    /// of the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<String>,
}

impl LoginFields {
    /// Returns the names of all its fields, each with what it is of.
    pub(crate) fn names(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let Self { protocol: _, url, host, port, user, password, database, .. } = self;
        let Self { tls, authority, .. } = self;
        let needed = [("host", Some(host)), ("password", Some(password)), ("url", url.as_ref())];
        let parts = [("port", port), ("user", user), ("database", database)];
        let more = [("tls", tls), ("authority", authority)];
        let optional = parts.into_iter().chain(more).map(|(part, name)| (part, name.as_ref()));
        let all = needed.into_iter().chain(optional);
        all.filter_map(|(part, name)| Some((part, name?.as_str())))
    }

    /// Returns the names of the fields that decide where the password goes, as whom, and what the
    /// server has to prove first.
    pub(crate) fn destinations(&self) -> impl Iterator<Item = &str> {
        let decides = |part: &str| !matches!(part, "password" | "database" | "url");
        self.names().filter(move |(part, _)| decides(part)).map(|(_, name)| name)
    }
}
