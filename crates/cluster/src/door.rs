//! What HTTP requests pass before they reach the routes of a node: a position that it must have,
//! and the way to the writer.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use ledger_contract::ResumePoint;
use ledger_contract::cluster::{AT_LEAST, POSITION};
use ledger_contract::errors::{Code, Problem};
use ledger_engine::{MESSAGE_BYTES_MAX, Unavailable};
use ledger_http_server::answer;
use ledger_http_server::request_id::RequestId;
use tokio::time::timeout;

use crate::Common;
use crate::forward::{self, Forwarded};

/// How long a request waits for a position.
const POSITION_PATIENCE: Duration = Duration::from_secs(5);

/// What HTTP requests pass.
#[derive(Clone, Debug)]
pub struct Door {
    common: Arc<Common>,
    /// Whether the client's transport is private.
    private: bool,
}

impl Door {
    pub(crate) fn new(common: Arc<Common>, private: bool) -> Self {
        Self { common, private }
    }

    /// Returns routes that requests reach through this.
    pub fn before(self, routes: Router) -> Router {
        routes.layer(from_fn_with_state(self, pass))
    }

    /// Waits until this node has a position that a request asks for.
    ///
    /// Errors: `header_invalid`, `history_changed`, `position_not_reached`.
    async fn await_position(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let Some(asked) = headers.get(AT_LEAST) else { return Ok(()) };
        let invalid = |text: String| Problem::because(Code::HeaderInvalid, text);
        let text = asked.to_str().map_err(|_| invalid(format!("{AT_LEAST} is not text")))?;
        let asked = ResumePoint::parse(AT_LEAST, text);
        let asked = asked.map_err(|error| invalid(error.to_string()))?;
        let engine = &self.common.engine;
        let own = engine.identity().incarnation;
        if asked.incarnation.is_some_and(|asked| asked != own) {
            return Err(Problem::because(
                Code::HistoryChanged,
                format!("{AT_LEAST} is of another history than this ledger, {}", engine.end()),
            ));
        }
        let mut head = engine.subscribe_head();
        match timeout(POSITION_PATIENCE, head.wait_for(|head| *head >= asked.position)).await {
            Ok(_) => Ok(()),
            Err(_) => Err(Problem::because(
                Code::PositionNotReached,
                format!("this node has position {}, and {} is asked for", engine.end(), text),
            )),
        }
    }
}

async fn pass(State(door): State<Door>, request: Request, next: Next) -> Response {
    let id = RequestId::of_request(&request);
    let answered = match door.await_position(request.headers()).await {
        Ok(()) => answer(&door, request, next).await,
        Err(problem) => Err(problem),
    };
    let mut response = answered.unwrap_or_else(|problem| answer::problem(&problem, &id));
    // What the writer has answered has its position, which this node may not have yet.
    if !response.headers().contains_key(POSITION) {
        tell_position(&door.common, &mut response);
    }
    response
}

/// Adds the last position of this node to an answer.
pub(crate) fn tell_position(common: &Common, response: &mut Response) {
    let end = HeaderValue::from_str(&common.engine.end().to_string());
    let end = end.expect("a position and a history are of letters, digits and few marks");
    response.headers_mut().insert(HeaderName::from_static("ledger-position"), end);
}

/// Answers here, or has the writer answer.
async fn answer(door: &Door, request: Request, next: Next) -> Result<Response, Problem> {
    let is_writer = !matches!(door.common.engine.ready(), Err(Unavailable::NotOwner(_)));
    if is_writer {
        return Ok(next.run(request).await);
    }
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if !reads {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, MESSAGE_BYTES_MAX).await;
        let body = body.map_err(|_| Problem::new(Code::MessageTooLarge))?;
        let forwarded = Forwarded::of(&parts, body, door.private);
        return forward::send(&door.common, forwarded, next).await;
    }
    // Few reads write, such as the return of a browser after signing in, and are refused here.
    let (parts, body) = request.into_parts();
    let forwarded = Forwarded::of(&parts, bytes::Bytes::new(), door.private);
    let response = next.clone().run(Request::from_parts(parts, body)).await;
    let (is_refusal, response) = forward::refuses(response).await;
    if is_refusal {
        return forward::send(&door.common, forwarded, next).await;
    }
    Ok(response)
}
