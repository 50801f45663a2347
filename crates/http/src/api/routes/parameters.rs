//! Parameters in path, query and headers.

use ledger_contract::commands::Verb;
use ledger_contract::queries::{PAGE_SIZE_MAX, access_check};
use ledger_contract::{schemas, subjects};
use ledger_domain::connection::{AuthMethod, Environment, HealthState, IdentityKind, Kind};
use ledger_domain::limits;
use ledger_domain::principal::Scope;

use super::{CONNECTION, Form, KEY, PRINCIPAL, WORKSPACE};

/// Largest number that every JSON parser represents exactly.
const POSITION_MAX: u64 = (1 << 53) - 1;

/// The location of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// In the path.
    Path,
    /// In the query string.
    Query,
    /// In a header.
    Header,
}

impl Place {
    /// Returns the name that OpenAPI uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
        }
    }
}

/// One parameter.
#[derive(Debug)]
pub struct Parameter {
    /// The name.
    pub name: &'static str,
    /// The location.
    pub place: Place,
    /// Whether it may be repeated.
    pub many: bool,
    /// Whether it is required.
    pub required: bool,
    /// The format of its text.
    pub form: Form,
    /// The description.
    pub about: &'static str,
}

const fn path(name: &'static str, form: Form, about: &'static str) -> Parameter {
    Parameter { name, place: Place::Path, many: false, required: true, form, about }
}

const fn one(name: &'static str, form: Form, about: &'static str) -> Parameter {
    Parameter { name, place: Place::Query, many: false, required: false, form, about }
}

const fn must(name: &'static str, form: Form, about: &'static str) -> Parameter {
    Parameter { name, place: Place::Query, many: false, required: true, form, about }
}

const fn many(name: &'static str, form: Form, about: &'static str) -> Parameter {
    Parameter { name, place: Place::Query, many: true, required: false, form, about }
}

const fn header(name: &'static str, form: Form, about: &'static str) -> Parameter {
    Parameter { name, place: Place::Header, many: false, required: false, form, about }
}

/// The workspace of a command.
pub(super) const IN_WORKSPACE: &[Parameter] =
    &[path(WORKSPACE, Form::Workspace, "Name of the workspace.")];

/// The workspace of a query.
pub(super) const IN_ANY_WORKSPACE: &[Parameter] =
    &[path(WORKSPACE, Form::AnyWorkspace, "Name of the workspace; `_all` means every workspace.")];

/// The connection.
pub(super) const ON_CONNECTION: &[Parameter] = &[path(
    CONNECTION,
    Form::Connection,
    "Id or slug of the connection; for an archived one, the id.",
)];

/// The principal.
pub(super) const ON_PRINCIPAL: &[Parameter] =
    &[path(PRINCIPAL, Form::Principal, "Name of the principal.")];

/// The key.
pub(super) const ON_KEY: &[Parameter] =
    &[path(KEY, Form::ApiKey, "Id of the key: its third part.")];

/// The parameters of an access check.
pub(super) const ACCESS_CHECK: &[Parameter] = &[
    must("as", Form::Principal, "Name of a principal, or the id of one of its keys."),
    must("may", Form::Word(deeds), "A scope, a verb, or the name of a query."),
    one("on", Form::Connection, "Id or slug of a connection; all connections if omitted."),
    one(WORKSPACE, Form::AnyWorkspace, "The workspace; the whole ledger if omitted or `_all`."),
];

/// The parameters of every route.
pub(super) const COMMON: &[Parameter] = &[header(
    "X-Request-Id",
    Form::Any,
    "The caller's id of this request, of letters, digits and `._:-`; generated if missing or \
    malformed. The answer repeats it.",
)];

/// The headers of a command.
pub(super) const COMMAND: &[Parameter] = &[
    header(
        "Idempotency-Key",
        Form::MessageId,
        "The caller's id of the command. Repeating the command with the same id returns the first \
        receipt, at any later time; the same id with another body is refused. \
        `Ledger-Command-Id` is another name for this header.",
    ),
    header(
        subjects::DEADLINE,
        Form::Time,
        "The time after which the command is refused instead of executed.",
    ),
    header(subjects::CORRELATION_ID, Form::MessageId, "Id that links related messages."),
    header(subjects::CAUSATION_ID, Form::MessageId, "Id of the direct parent message."),
    header(subjects::TRACEPARENT, Form::Any, "W3C trace context; the trace id is recorded."),
];

/// The headers of a command to something that exists.
pub(super) const CHANGING: &[Parameter] = &[header(
    "If-Match",
    Form::Version,
    "The expected version of the connection, as returned in `ETag`; `*` is any. \
    `Ledger-Expected-Version` holds the same without quotes.",
)];

/// The headers of a command that creates something.
pub(super) const MAKING: &[Parameter] = &[header(
    "If-None-Match",
    Form::Anything,
    "`*`: the command is refused if its target already exists.",
)];

/// The headers of a query.
pub(super) const QUERY: &[Parameter] = &[header(
    subjects::DEADLINE,
    Form::Time,
    "The time after which the query is no longer answered.",
)];

/// The versions that a reader already has.
pub(super) const CONDITIONAL: &[Parameter] = &[header(
    "If-None-Match",
    Form::Any,
    "Versions that the caller already has, as returned in `ETag`; if the present one is among \
     them, the answer is 304 without a body.",
)];

/// Paging by cursor.
pub(super) const PAGE: &[Parameter] = &[
    one("page_size", Form::Number(1, PAGE_SIZE_MAX as u64), "Rows per page; 50 by default."),
    one("cursor", Form::Cursor, "The `next_cursor` of the previous page."),
];

/// Filters and order of `list`.
pub(super) const LIST: &[Parameter] = &[
    many(
        "provider",
        Form::Text(limits::PROVIDER_CHARS),
        "The external service; repeat to match any of several.",
    ),
    one(
        "environment",
        Form::Word(|| of(Environment::ALL, Environment::as_str)),
        "The environment.",
    ),
    one("enabled", Form::Switch, "Whether gateways may use it."),
    one("lifecycle", Form::Word(|| vec!["active", "archived", "any"]), "`active` by default."),
    many(
        "health",
        Form::Word(|| of(HealthState::ALL, HealthState::as_str)),
        "The health; repeat to match any of several.",
    ),
    many(
        "kind",
        Form::Word(|| of(Kind::ALL, Kind::as_str)),
        "The kind of service; repeat to match any of several.",
    ),
    many(
        "auth_method",
        Form::Word(|| of(AuthMethod::ALL, AuthMethod::as_str)),
        "The authentication method; repeat to match any of several.",
    ),
    many("tag", Form::Text(limits::TAG_CHARS), "A tag; if repeated, all must be present."),
    many(
        "label",
        Form::Text(limits::LABEL_KEY_CHARS + 1 + limits::LABEL_VALUE_CHARS),
        "A label, `key=value` or `key` alone; if repeated, all must be present.",
    ),
    one(
        "identity_type",
        Form::Word(|| of(IdentityKind::ALL, IdentityKind::as_str)),
        "The type of the connection's owner.",
    ),
    one(
        "identity",
        Form::Text(limits::IDENTITY_CHARS),
        "The id of the connection's owner, as the caller knows it.",
    ),
    one(
        "text",
        Form::Text(limits::DISPLAY_NAME_CHARS),
        "Text in the display name or slug; case is ignored.",
    ),
    one("sort", Form::Word(|| vec!["created", "updated", "name"]), "`created` by default."),
    one("descending", Form::Switch, "Reverses the order."),
    one("page", Form::Number(1, u32::MAX as u64), "Page number; not together with `cursor`."),
];

/// Filters and order of `history`, without the connection.
pub(super) const HISTORY: &[Parameter] = &[
    one("actor", Form::Text(limits::SLUG_CHARS), "The actor."),
    many("type", Form::Word(event_types), "A stored type name; repeat to match any of several."),
    one("from", Form::Time, "Recorded at or after this time."),
    one("until", Form::Time, "Recorded before this time."),
    one("correlation_id", Form::MessageId, "Id that links related messages."),
    one("command_id", Form::MessageId, "Command id; not with `_all`."),
    one("oldest_first", Form::Switch, "Newest first by default."),
];

/// The connection as a filter.
pub(super) const OF_CONNECTION: &[Parameter] =
    &[one(CONNECTION, Form::Connection, "Id or slug of the connection.")];

/// The parameters of the feed.
pub(super) const FEED: &[Parameter] = &[
    one(
        "after",
        Form::Number(0, POSITION_MAX),
        "Continue after this position; 0 is the start of the log. If omitted, the feed starts at \
         the present end of the log.",
    ),
    one("wait", Form::Wait, "How long a page waits for its first event, up to `60s`."),
    header(
        "Last-Event-ID",
        Form::Number(0, POSITION_MAX),
        "The id of the last event received, as browsers send it; takes precedence over `after`.",
    ),
];

fn of<T: Copy>(all: &[T], word: fn(T) -> &'static str) -> Vec<&'static str> {
    all.iter().copied().map(word).collect()
}

fn event_types() -> Vec<&'static str> {
    schemas::event_types().collect()
}

/// Returns everything that an access check can be about.
fn deeds() -> Vec<&'static str> {
    let scopes = Scope::ALL.iter().copied().map(Scope::as_str);
    let verbs = Verb::ALL.iter().map(|verb| verb.as_str());
    scopes.chain(verbs).chain(access_check::words()).collect()
}
