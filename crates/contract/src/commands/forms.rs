//! Forms of text in bodies, for their schemas. They say what the checks of the domain do, in the
//! words of JSON Schema.

use ledger_domain::connection::{
    AuthMethod, Environment, IdentityKind, Kind, RateCounts, RateUnit, UsageUnit,
};
use ledger_domain::limits;
use ledger_domain::principal::{PrincipalKind, Role, Scope};
use serde_json::{Value, json};

/// A slug; one that looks like a UUID is refused all the same.
pub(super) const SLUG: &str = "^[A-Za-z0-9_-]+$";
/// A workspace's name.
pub(super) const WORKSPACE: &str = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$";
/// The public part of an API key.
pub(super) const API_KEY_ID: &str = "^[a-z0-9]{12}$";
/// A workspace's name, or all of them.
pub(super) const GRANT_TO: &str = r"^(\*|[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)$";
/// One line that is not blank.
pub(super) const LINE: &str = concat!(
    r"^[^\u0000-\u001F\u007F-\u009F]*",
    r"[^\u0000-\u0020\u007F-\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000]",
    r"[^\u0000-\u001F\u007F-\u009F]*$",
);
/// Text with line breaks and tabs.
pub(super) const PROSE: &str = r"^[^\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F]*$";
/// The same, not blank.
pub(super) const SAID: &str = concat!(
    r"^[^\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F]*",
    r"[^\u0000-\u0020\u007F-\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000]",
    r"[^\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F]*$",
);
/// When counting starts again.
pub(super) const RESET: &str = "^(weekly|monthly|(36[0-5]|3[0-5][0-9]|[12][0-9]{2}|[1-9][0-9]?)d)$";

/// Names of configuration and secret fields.
pub(super) fn field_names() -> Value {
    json!({ "pattern": "^[!-~]{1,128}$" })
}

/// The name of a secret field.
pub(super) fn field_name() -> Value {
    json!({ "type": "string", "pattern": "^[!-~]{1,128}$" })
}

/// Names that are lines of at most so many characters.
pub(super) fn lines(chars_max: usize) -> Value {
    json!({ "pattern": LINE, "maxLength": chars_max })
}

/// Names of workspaces.
pub(super) fn workspaces() -> Value {
    json!({ "pattern": WORKSPACE })
}

/// A factor on a price.
pub(super) fn factor() -> Value {
    json!({ "type": "number", "minimum": 0 })
}

/// A factor on a price, or null.
pub(super) fn factor_or_null() -> Value {
    json!({ "type": ["number", "null"], "minimum": 0 })
}

/// A label's value.
pub(super) fn label() -> Value {
    json!({ "type": "string", "maxLength": limits::LABEL_VALUE_CHARS, "pattern": PROSE })
}

/// A label's value, or null.
pub(super) fn label_or_null() -> Value {
    let max = limits::LABEL_VALUE_CHARS;
    json!({ "type": ["string", "null"], "maxLength": max, "pattern": PROSE })
}

/// A tag.
pub(super) fn tag() -> Value {
    json!({ "type": "string", "maxLength": limits::TAG_CHARS, "pattern": LINE })
}

/// Names of fixed price factors.
pub(super) fn multipliers() -> Value {
    json!({ "enum": ledger_domain::connection::MULTIPLIER_KEYS })
}

fn words<T: Copy>(all: &[T], word: fn(T) -> &'static str) -> Value {
    all.iter().copied().map(word).collect()
}

/// The words, or null.
fn or_null(mut words: Value) -> Value {
    if let Value::Array(words) = &mut words {
        words.push(Value::Null);
    }
    words
}

pub(super) fn kinds() -> Value {
    or_null(words(Kind::ALL, Kind::as_str))
}

pub(super) fn environments() -> Value {
    or_null(words(Environment::ALL, Environment::as_str))
}

pub(super) fn auth_methods() -> Value {
    or_null(words(AuthMethod::ALL, AuthMethod::as_str))
}

pub(super) fn identity_kinds() -> Value {
    words(IdentityKind::ALL, IdentityKind::as_str)
}

pub(super) fn usage_units() -> Value {
    words(UsageUnit::ALL, UsageUnit::as_str)
}

pub(super) fn rate_counts() -> Value {
    words(RateCounts::ALL, RateCounts::as_str)
}

pub(super) fn rate_units() -> Value {
    words(RateUnit::ALL, RateUnit::as_str)
}

pub(super) fn principal_kinds() -> Value {
    words(PrincipalKind::ALL, PrincipalKind::as_str)
}

pub(super) fn roles() -> Value {
    or_null(words(Role::ALL, Role::as_str))
}

/// A scope.
pub(super) fn scopes() -> Value {
    json!({ "type": "string", "enum": words(Scope::ALL, Scope::as_str) })
}

/// A permission is a role, scopes, or both.
pub(super) fn some_scope() -> Value {
    json!([
        { "required": ["role"], "properties": { "role": { "type": "string" } } },
        { "required": ["scopes"], "properties": { "scopes": { "minItems": 1 } } },
    ])
}

/// The name of a workspace.
pub(super) fn workspace() -> Value {
    json!({ "type": "string", "pattern": WORKSPACE })
}

/// The name of a provider.
pub(super) fn provider() -> Value {
    json!({ "type": "string", "maxLength": limits::PROVIDER_CHARS, "pattern": LINE })
}
