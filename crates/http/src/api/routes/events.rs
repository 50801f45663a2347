//! The feed of events.

use ledger_contract::errors::Code;

use super::parameters as p;
use super::refusals as r;
use super::{Answer, Keyed, Method, Parameter, Route, Scope, Work};

const ABOUT: &str = "\
In a stream of server-sent events, `id` is the position, `event` the stored type name and `data` \
the notification as published on NATS. `caught_up` marks the end of the log, `closing` the end \
of the feed; comments keep the connection alive. A reader that reconnects with `Last-Event-ID` \
misses nothing and receives nothing twice. The feed ends when the key is revoked or expires, \
when the token expires, or when the caller loses the right to read; `closing` then carries the \
code. With `Accept: application/json` the answer is one page, sent once it has an event or the \
wait is over. A page without events has the position to continue after. Without `audit` on the \
feed's workspace or ledger, `event` holds only position, stream, version, type, schema, \
workspace and time, and reads of secrets are omitted. Events about principals and keys require \
`administer` on the ledger.";

const ANSWERS: &[Answer] = &[Answer {
    status: 200,
    about: "Events in the order of the log.",
    content: &[("text/event-stream", None), ("application/json", Some("FeedPage"))],
    headers: &[],
}];

const REFUSALS: &[&[Code]] = &[r::KEY, r::QUERY, &[Code::PositionUnknown]];

fn feed(
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    parameters: &'static [&'static [Parameter]],
) -> Route {
    Route {
        method: Method::Get,
        path,
        id,
        tag: "events",
        summary,
        about: ABOUT.to_owned(),
        work: Work::Keyed(Keyed::Feed),
        scope: Some(Scope::Read),
        parameters,
        body: None,
        body_may_be_absent: false,
        answers: ANSWERS,
        refusals: REFUSALS.to_vec(),
    }
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        feed(
            "/api/v1/events",
            "followEvents",
            "Follows every event of the ledger",
            &[p::FEED, p::QUERY, p::COMMON],
        ),
        feed(
            "/api/v1/workspaces/{workspace}/events",
            "followWorkspaceEvents",
            "Follows the events of one workspace",
            &[p::IN_ANY_WORKSPACE, p::FEED, p::QUERY, p::COMMON],
        ),
    ]
}
