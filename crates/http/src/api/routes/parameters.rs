//! What can be said in path, query and headers, besides what a query has of its own.

use ledger_contract::parameter::{Form, Parameter, header, one, path};
use ledger_contract::queries::PAGE_SIZE_MAX;
use ledger_contract::subjects;

use super::{CONNECTION, KEY, PRINCIPAL, WORKSPACE};

/// The workspace of a command.
pub(super) const IN_WORKSPACE: &[Parameter] =
    &[path(WORKSPACE, Form::Workspace, "Name of the workspace.")];

/// The workspace of a command that may be sent to the ledger as a whole.
pub(super) const IN_WORKSPACE_OR_LEDGER: &[Parameter] = &[path(
    WORKSPACE,
    Form::WorkspaceOrLedger,
    "Name of the workspace; `_ledger` means the ledger as a whole.",
)];

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
        "The caller's id of the command. The same id gives the same answer, forever; with another \
         body it is refused. `Ledger-Command-Id` is another name for it.",
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

/// What can be said about a query.
pub(super) const QUERY: &[Parameter] =
    &[header(subjects::DEADLINE, Form::Time, "The time after which nobody waits for the answer.")];

/// The versions that a reader already has.
pub(super) const CONDITIONAL: &[Parameter] = &[header(
    "If-None-Match",
    Form::Any,
    "Versions that the caller has, as `ETag` gave them; when it is one of them the answer is 304 without a body.",
)];

/// Paging by cursor.
pub(super) const PAGE: &[Parameter] = &[
    one("page_size", Form::Number(1, PAGE_SIZE_MAX as u64), "Rows per page; 50 by default."),
    one("cursor", Form::Cursor, "The `next_cursor` of the previous page."),
];

/// The connection as a filter.
pub(super) const OF_CONNECTION: &[Parameter] =
    &[one(CONNECTION, Form::Connection, "Id or slug of the connection.")];

/// The parameters of the feed.
pub(super) const FEED: &[Parameter] = &[
    one(
        "after",
        Form::ResumePoint,
        "Go on after this point, as the ledger returned it: `<position>@<incarnation>`, or a \
         position alone, which is compared with the end of the log only; 0 is the start of the \
         log. From now on when absent.",
    ),
    one("wait", Form::Wait, "How long a page waits for its first event, up to `60s`."),
    header(
        "Last-Event-ID",
        Form::LastEventId,
        "The id of the last event received, as browsers send it; takes precedence over `after`.",
    ),
];
