//! Rules of text.

use ledger_domain::connection::{GrantScope, ResetPeriod};
use ledger_domain::principal::{ApiKeyId, KeyEnd};
use ledger_domain::{
    ConsumerName, FieldName, HandoverId, InvalidField, LeaseId, Line, MasterKeyId, Micros,
    PrincipalName, Prose, Slug, WorkspaceName, limits,
};
use serde_json::{Value, json};

use super::Rule;
use super::map::Key;
use crate::commands::ConnectionRef;
use crate::errors::shown;
use crate::moment::Moment;
use crate::time;

const WORKSPACE: &str = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$";
const FIELD_NAME: &str = "^[!-~]{1,128}$";
/// One line that is not blank.
const LINE: &str = concat!(
    r"^[^\u0000-\u001F\u007F-\u009F]*",
    r"[^\u0000-\u0020\u007F-\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000]",
    r"[^\u0000-\u001F\u007F-\u009F]*$",
);
/// One line that neither begins nor ends in white space.
const TRIMMED: &str = concat!(
    r"^[^\u0000-\u0020\u007F-\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000]",
    r"([^\u0000-\u001F\u007F-\u009F]*",
    r"[^\u0000-\u0020\u007F-\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000])?$",
);
/// Text with line breaks and tabs.
const PROSE: &str = r"^[^\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F]*$";
/// Text with line breaks and tabs that is not blank.
const NOT_BLANK: &str = concat!(
    r"^[^\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F]*",
    r"[^\u0000-\u0020\u007F-\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000]",
    r"[^\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F]*$",
);
/// When a usage counter restarts.
const RESET: &str = "^(weekly|monthly|(36[0-5]|3[0-5][0-9]|[12][0-9]{2}|[1-9][0-9]?)d)$";

/// Defines a rule for text with its own schema.
macro_rules! text_rule {
    ($(#[$doc:meta])* $name:ident -> $value:ty, $check:expr, $schema:expr) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub enum $name {}

        impl Rule for $name {
            type Raw = String;
            type Value = $value;
            fn check(field: &str, raw: String) -> Result<$value, InvalidField> {
                let check: fn(&str, &str) -> Result<$value, InvalidField> = $check;
                check(field, &raw)
            }
            fn schema() -> Value {
                $schema
            }
        }
    };
}

text_rule!(
    /// The slug of a connection. The check also rejects slugs that look like a UUID.
    SlugRule -> Slug, Slug::parse,
    json!({ "type": "string", "minLength": 1, "maxLength": limits::SLUG_CHARS,
            "pattern": "^[A-Za-z0-9_-]+$" })
);
text_rule!(
    /// The name of a provider.
    ProviderRule -> Line,
    |field, text| {
        if text.trim() != text {
            return Err(InvalidField::new(field, "must not begin or end in white space"));
        }
        Line::parse(field, text, limits::PROVIDER_CHARS)
    },
    json!({ "type": "string", "minLength": 1, "maxLength": limits::PROVIDER_CHARS,
            "pattern": TRIMMED })
);
text_rule!(
    /// The name of a workspace.
    WorkspaceRule -> WorkspaceName, WorkspaceName::parse,
    json!({ "type": "string", "pattern": WORKSPACE })
);
text_rule!(
    /// The name of a principal.
    PrincipalRule -> PrincipalName, PrincipalName::parse,
    json!({ "type": "string", "pattern": WORKSPACE })
);
text_rule!(
    /// The id of a master key.
    MasterKeyIdRule -> MasterKeyId, MasterKeyId::parse,
    json!({ "type": "string", "pattern": "^[0-9a-f]{8}$" })
);
text_rule!(
    /// The public part of an API key.
    ApiKeyIdRule -> ApiKeyId, ApiKeyId::parse,
    json!({ "type": "string", "pattern": "^[a-z0-9]{12}$" })
);
text_rule!(
    /// The public part of a handover's token.
    HandoverIdRule -> HandoverId, HandoverId::parse,
    json!({ "type": "string", "pattern": "^[a-z0-9]{12}$" })
);
text_rule!(
    /// The name of a configuration or secret field.
    FieldNameRule -> FieldName, FieldName::parse,
    json!({ "type": "string", "pattern": FIELD_NAME })
);
text_rule!(
    /// The id or slug of a connection.
    ConnectionRule -> ConnectionRef, ConnectionRef::parse,
    json!({ "type": "string" })
);
text_rule!(
    /// An RFC 3339 time in UTC.
    TimeRule -> Micros, time::parse,
    time::schema()
);
text_rule!(
    /// The name of a consumer.
    ConsumerRule -> ConsumerName, ConsumerName::parse,
    json!({ "type": "string", "pattern": FIELD_NAME })
);
text_rule!(
    /// The id of a lease on secrets.
    LeaseRule -> LeaseId,
    |field, text| text.parse().map_err(|_| InvalidField::new(field, "must be the id of a lease")),
    json!({ "type": "string", "format": "uuid" })
);
text_rule!(
    /// A time, or a span of time like `36h`.
    MomentRule -> Moment, Moment::parse,
    Moment::schema()
);
text_rule!(
    /// An RFC 3339 time in UTC at which a key expires, or `never`.
    KeyEndRule -> KeyEnd,
    |field, text| match text {
        "never" => Ok(KeyEnd::Never),
        time => time::parse(field, time).map(KeyEnd::At),
    },
    json!({ "anyOf": [time::schema(), { "type": "string", "const": "never" }] })
);
text_rule!(
    /// The name of a workspace, or `*` for all.
    GrantToRule -> GrantScope,
    |field, text| match text {
        "*" => Ok(GrantScope::Everyone),
        name => WorkspaceName::parse(field, name).map(GrantScope::Workspace),
    },
    json!({ "type": "string", "pattern": r"^(\*|[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)$" })
);
text_rule!(
    /// `weekly`, `monthly`, or a number of days like `30d`.
    ResetRule -> ResetPeriod,
    |field, text| match text {
        "weekly" => Ok(ResetPeriod::Weekly),
        "monthly" => Ok(ResetPeriod::Monthly),
        _ => match text.strip_suffix('d').and_then(|days| days.parse().ok()) {
            Some(days) => ResetPeriod::days(days),
            None => Err(InvalidField::new(
                field,
                "must be weekly, monthly or a number of days like 30d",
            )),
        },
    },
    json!({ "type": "string", "pattern": RESET })
);
text_rule!(
    /// A required reason.
    ReasonRule -> Prose,
    |field, text| {
        if text.trim().is_empty() {
            return Err(InvalidField::new(field, "must give a reason"));
        }
        Prose::parse(field, text, limits::REASON_CHARS)
    },
    json!({ "type": "string", "minLength": 1, "maxLength": limits::REASON_CHARS,
            "pattern": NOT_BLANK })
);

/// One line of at most `MAX` characters.
#[derive(Debug)]
pub enum LineRule<const MAX: usize> {}

impl<const MAX: usize> Rule for LineRule<MAX> {
    type Raw = String;
    type Value = Line;
    fn check(field: &str, raw: String) -> Result<Line, InvalidField> {
        Line::parse(field, &raw, MAX)
    }
    fn schema() -> Value {
        json!({ "type": "string", "maxLength": MAX, "pattern": LINE })
    }
}

/// Text with line breaks, of at most `MAX` characters.
#[derive(Debug)]
pub enum ProseRule<const MAX: usize> {}

impl<const MAX: usize> Rule for ProseRule<MAX> {
    type Raw = String;
    type Value = Prose;
    fn check(field: &str, raw: String) -> Result<Prose, InvalidField> {
        Prose::parse(field, &raw, MAX)
    }
    fn schema() -> Value {
        json!({ "type": "string", "maxLength": MAX, "pattern": PROSE })
    }
}

impl Key for FieldNameRule {
    type Value = FieldName;
    fn check(field: &str, name: &str) -> Result<FieldName, InvalidField> {
        FieldName::parse(field, name)
    }
    fn schema() -> Value {
        json!({ "pattern": FIELD_NAME })
    }
}

impl Key for WorkspaceRule {
    type Value = WorkspaceName;
    fn check(field: &str, name: &str) -> Result<WorkspaceName, InvalidField> {
        WorkspaceName::parse(field, name)
    }
    fn schema() -> Value {
        json!({ "pattern": WORKSPACE })
    }
}

impl<const MAX: usize> Key for LineRule<MAX> {
    type Value = Line;
    fn check(field: &str, name: &str) -> Result<Line, InvalidField> {
        Line::parse(field, name, MAX)
    }
    fn schema() -> Value {
        json!({ "pattern": LINE, "maxLength": MAX })
    }
}

/// Returns the name of a map's entry for an error, such as `labels.team`. The key may be a
/// misplaced secret, so a key that does not look like a name is shown as `?`.
pub fn entry(field: &str, key: &str) -> String {
    format!("{field}.{}", shown(key))
}
