//! What can be said in path, query and headers.

use ledger_contract::commands::Verb;
use ledger_contract::queries::{PAGE_SIZE_MAX, access_check};
use ledger_contract::{schemas, subjects};
use ledger_domain::connection::{AuthMethod, Environment, HealthState, IdentityKind, Kind};
use ledger_domain::limits;
use ledger_domain::principal::Scope;

use super::{CONNECTION, Form, KEY, PRINCIPAL, WORKSPACE};

/// Largest number that every JSON reader keeps exactly.
const POSITION_MAX: u64 = (1 << 53) - 1;

/// Where a parameter is said.
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
    /// Returns OpenAPI's word.
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
    /// Its name.
    pub name: &'static str,
    /// Where it is said.
    pub place: Place,
    /// Whether it may be given several times.
    pub many: bool,
    /// Whether it must be given.
    pub required: bool,
    /// What its text may be.
    pub form: Form,
    /// What it means.
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
    &[path(WORKSPACE, Form::AnyWorkspace, "Name of the workspace; `_all` stands for every one.")];

/// The connection.
pub(super) const ON_CONNECTION: &[Parameter] = &[path(
    CONNECTION,
    Form::Connection,
    "Id or slug of the connection. An archived one is named by its id.",
)];

/// The principal.
pub(super) const ON_PRINCIPAL: &[Parameter] =
    &[path(PRINCIPAL, Form::Principal, "Name of the principal.")];

/// The key.
pub(super) const ON_KEY: &[Parameter] =
    &[path(KEY, Form::ApiKey, "Id of the key: its third part.")];

/// A question about rights.
pub(super) const ACCESS_CHECK: &[Parameter] = &[
    must("as", Form::Principal, "Name of a principal, or the id of one of its keys."),
    must("may", Form::Word(deeds), "A scope, a verb, or the name of a query."),
    one("on", Form::Connection, "Id or slug of a connection; all of them when absent."),
    one(WORKSPACE, Form::AnyWorkspace, "The workspace; the whole ledger when absent or `_all`."),
];

/// What every route takes.
pub(super) const COMMON: &[Parameter] = &[header(
    "X-Request-Id",
    Form::Any,
    "The caller's id of this request, of letters, digits and `._:-`; made when absent or of \
     another form. The answer repeats it.",
)];

/// What can be said about a command.
pub(super) const COMMAND: &[Parameter] = &[
    header(
        "Idempotency-Key",
        Form::MessageId,
        "The caller's id of the command. The same id gives the same answer, forever; with another \
         body it is refused. `Ledger-Command-Id` is another name for it.",
    ),
    header(
        subjects::DEADLINE,
        Form::Time,
        "The time after which the command is refused rather than run late.",
    ),
    header(subjects::CORRELATION_ID, Form::MessageId, "Id of the whole conversation."),
    header(subjects::CAUSATION_ID, Form::MessageId, "Id of the direct parent message."),
    header(subjects::TRACEPARENT, Form::Any, "W3C trace context; the trace id is recorded."),
];

/// What can be said about a command to something that is there.
pub(super) const CHANGING: &[Parameter] = &[header(
    "If-Match",
    Form::Version,
    "The version that the connection must be at, as `ETag` gave it; `*` is any. \
     `Ledger-Expected-Version` says the same without quotes.",
)];

/// What can be said about a command that makes something.
pub(super) const MAKING: &[Parameter] = &[header(
    "If-None-Match",
    Form::Anything,
    "`*`: refused when what is to be made is there already.",
)];

/// What can be said about a query.
pub(super) const QUERY: &[Parameter] =
    &[header(subjects::DEADLINE, Form::Time, "The time after which nobody waits for the answer.")];

/// What a reader has already.
pub(super) const CONDITIONAL: &[Parameter] = &[header(
    "If-None-Match",
    Form::Any,
    "Versions that the caller has, as `ETag` gave them; when it is one of them the answer is 304 without a body.",
)];

/// Pages by cursor.
pub(super) const PAGE: &[Parameter] = &[
    one("page_size", Form::Number(1, PAGE_SIZE_MAX as u64), "Rows on a page; 50 by default."),
    one("cursor", Form::Cursor, "Where the last page ended."),
];

/// Filters and order of `list`.
pub(super) const LIST: &[Parameter] = &[
    many("provider", Form::Text(limits::PROVIDER_CHARS), "The external service; any of these."),
    one("environment", Form::Word(|| of(Environment::ALL, Environment::as_str)), "The realm."),
    one("enabled", Form::Switch, "Whether gateways may use it."),
    one("lifecycle", Form::Word(|| vec!["active", "archived", "any"]), "`active` by default."),
    many("health", Form::Word(|| of(HealthState::ALL, HealthState::as_str)), "Any of these."),
    many("kind", Form::Word(|| of(Kind::ALL, Kind::as_str)), "Sort of service; any of these."),
    many(
        "auth_method",
        Form::Word(|| of(AuthMethod::ALL, AuthMethod::as_str)),
        "How it proves itself; any of these.",
    ),
    many("tag", Form::Text(limits::TAG_CHARS), "Tags, all of which it must have."),
    many(
        "label",
        Form::Text(limits::LABEL_KEY_CHARS + 1 + limits::LABEL_VALUE_CHARS),
        "Labels, `key=value` or `key` alone, all of which it must have.",
    ),
    one(
        "identity_type",
        Form::Word(|| of(IdentityKind::ALL, IdentityKind::as_str)),
        "Sort of party it is for.",
    ),
    one("identity", Form::Text(limits::IDENTITY_CHARS), "The caller's id of that party."),
    one(
        "text",
        Form::Text(limits::DISPLAY_NAME_CHARS),
        "Text in the name or slug, without regard to case.",
    ),
    one("sort", Form::Word(|| vec!["created", "updated", "name"]), "`created` by default."),
    one("descending", Form::Switch, "Last first."),
    one("page", Form::Number(1, u32::MAX as u64), "Page number; not together with `cursor`."),
];

/// Filters and order of `history`, without the connection.
pub(super) const HISTORY: &[Parameter] = &[
    one("actor", Form::Text(limits::SLUG_CHARS), "Who did it."),
    many("type", Form::Word(event_types), "Stored type names; any of these."),
    one("from", Form::Time, "Recorded at or after this time."),
    one("until", Form::Time, "Recorded before this time."),
    one("correlation_id", Form::MessageId, "Id of the whole conversation."),
    one("command_id", Form::MessageId, "Id of the command; not with `_all`."),
    one("oldest_first", Form::Switch, "Newest first by default."),
];

/// The connection as a filter.
pub(super) const OF_CONNECTION: &[Parameter] =
    &[one(CONNECTION, Form::Connection, "Id or slug of the connection.")];

/// What can be said about the feed.
pub(super) const FEED: &[Parameter] = &[
    one(
        "after",
        Form::Number(0, POSITION_MAX),
        "Go on after this position; 0 is the start of the log. From now on when absent.",
    ),
    one("wait", Form::Wait, "How long a page waits for its first event, up to `60s`."),
    header(
        "Last-Event-ID",
        Form::Number(0, POSITION_MAX),
        "The last id that arrived, as a browser sends it; goes before `after`.",
    ),
];

fn of<T: Copy>(all: &[T], word: fn(T) -> &'static str) -> Vec<&'static str> {
    all.iter().copied().map(word).collect()
}

fn event_types() -> Vec<&'static str> {
    schemas::event_types().collect()
}

/// What a question about rights can be about.
fn deeds() -> Vec<&'static str> {
    let scopes = Scope::ALL.iter().copied().map(Scope::as_str);
    let verbs = Verb::ALL.iter().map(|verb| verb.as_str());
    scopes.chain(verbs).chain(access_check::words()).collect()
}
