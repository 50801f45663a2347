//! Paths to claims.

use std::str::FromStr;

use ledger_domain::InvalidField;
use serde_json::{Map, Value};

/// The OAuth2 claim that lists granted scopes.
const DEFAULT: &str = "scope";
/// Maximum length of a path.
const PATH_BYTES_MAX: usize = 256;

/// The path of a claim or a member of one, such as `scope` or `realm_access.roles`. A claim with
/// dots in its own name takes precedence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimPath(Box<str>);

impl Default for ClaimPath {
    fn default() -> Self {
        Self(DEFAULT.into())
    }
}

impl FromStr for ClaimPath {
    type Err = InvalidField;

    fn from_str(text: &str) -> Result<Self, InvalidField> {
        let empty_part = text.split('.').any(str::is_empty);
        if empty_part || text.len() > PATH_BYTES_MAX || text.chars().any(char::is_control) {
            let problem = "must be the name of a claim, like scope or realm_access.roles";
            return Err(InvalidField::new("claim", problem));
        }
        Ok(Self(text.into()))
    }
}

impl ClaimPath {
    /// Returns the values of the claim: the words of a string, or the strings of a list.
    pub(crate) fn values<'a>(&self, claims: &'a Map<String, Value>) -> Vec<&'a str> {
        match self.find(claims) {
            Some(Value::String(text)) => text.split_ascii_whitespace().collect(),
            Some(Value::Array(values)) => values.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    fn find<'a>(&self, claims: &'a Map<String, Value>) -> Option<&'a Value> {
        if let Some(value) = claims.get(self.0.as_ref()) {
            return Some(value);
        }
        let mut parts = self.0.split('.');
        let first = claims.get(parts.next()?);
        parts.fold(first, |value, part| value?.as_object()?.get(part))
    }
}
