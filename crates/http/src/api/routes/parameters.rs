//! What can be said in path, query and headers, besides what a query has of its own.

use ledger_contract::parameter::{Form, Parameter, header, one, path};
use ledger_contract::queries::PAGE_SIZE_MAX;
use ledger_contract::subjects;

use super::{CONNECTION, KEY, PRINCIPAL, WORKSPACE};

/// Largest number that every JSON reader keeps exactly.
const POSITION_MAX: u64 = (1 << 53) - 1;

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
