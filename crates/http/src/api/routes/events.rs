//! The feed of events.

use ledger_contract::errors::Code;

use super::parameters as p;
use super::refusals as r;
use super::{Answer, Keyed, Method, Parameter, Route, Scope, Work};

const ABOUT: &str = "\
As server-sent events: `id` is the position, `event` the stored type name, `data` the notification \
as NATS carries it. `caught_up` marks the end of the log, `closing` the end of the feed; comments \
keep the line alive. A reader that comes back with `Last-Event-ID` misses nothing and gets nothing \
twice. A feed ends with its credential: when its key is revoked or expires, its token expires, or \
it may not read here any more, `closing` carries the code. With `Accept: application/json` the \
answer is one page, as soon as it has an event or the time to wait is over; a page without events \
has the position to go on after, as all before it was for others. Without `audit` on what is \
followed, `event` holds only position, stream, version, type, schema, workspace and time, and \
readings of secrets are left out; events about principals and keys are for those who may \
`administer` the ledger.";

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
