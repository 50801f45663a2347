//! The feed of events.

use ledger_contract::errors::Code;

use super::parameters as p;
use super::refusals as r;
use super::{Answer, Method, Parameter, Route, Scope, Subject, Terms};
use crate::api::events;
use crate::toolkit::Operation;

const ABOUT: &str = "\
In a stream of server-sent events, `id` is the position with the name of the ledger's history, \
`event` the stored type name and `data` the notification as published on NATS. `caught_up` marks the end of the log, `closing` the end \
of the feed; comments keep the connection alive. A reader that reconnects with `Last-Event-ID` \
misses nothing and receives nothing twice. If the ledger was restored meanwhile, its history is \
another one, and the reader is refused with `history_changed`: it lists the connections again and \
follows the feed from the `resume_after` of that answer. The feed ends when the key is revoked or expires, \
when the token expires, or when the caller loses the right to read; `closing` then carries the \
code. With `Accept: application/json` the answer is one page, sent once it has an event or the \
wait is over. Every page has in `resume_after` what to continue after. Without `audit` on the \
feed's workspace or ledger, `event` holds only position, stream, version, type, schema, \
workspace and time, and reads of secrets are omitted. Events about principals and keys require \
`administer` on the ledger.";

fn feed(
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    parameters: &'static [&'static [Parameter]],
) -> Route {
    Route {
        method: Method::GET,
        path,
        id,
        summary,
        terms: Terms {
            subject: Subject::Http,
            tag: "events",
            about: ABOUT.to_owned(),
            scope: Some(Scope::Read),
            before_body: None,
            parameters,
            body: None,
            body_may_be_absent: false,
            answers: vec![Answer {
                status: 200,
                about: "Events in the order of the log.",
                content: vec![
                    ("text/event-stream", None),
                    ("application/json", Some("FeedPage".into())),
                ],
                headers: &[],
            }],
            refusals: vec![r::KEY, r::QUERY, &[Code::PositionUnknown, Code::HistoryChanged]],
        },
        operation: Operation::of(events::feed),
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
