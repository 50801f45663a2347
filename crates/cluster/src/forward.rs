//! Takes HTTP requests to the writer, sealed, over NATS, and answers those of other nodes.
//!
//! A request is sealed to the ledger's curve key, and has a code that only nodes of the ledger can
//! make, so that nobody else has a request answered as that of a client whose address or transport
//! he made up. It is good once, for half a minute, and at one node.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_nats::client::RequestErrorKind;
use async_nats::{HeaderMap as NatsHeaders, Message, Request as NatsRequest};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::request::Parts;
use axum::http::{
    Extensions, HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri,
};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::StreamExt as _;
use ledger_bus::Freshness;
use ledger_contract::cluster::{ForwardedAnswer, ForwardedRequest};
use ledger_contract::errors::{Code, Problem};
use ledger_contract::sealed::{join, split};
use ledger_contract::subjects::XKEY;
use ledger_contract::time;
use ledger_engine::{OpenedRequest, Unavailable};
use ledger_http_server::request_id::RequestId;
use ledger_http_server::{ClientAddress, answer};
use ledger_vault::CurveKey;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};
use tower::ServiceExt as _;

use crate::door;
use crate::stream::MAC;
use crate::{Common, away};

/// How long an answer of the writer is waited for.
const ANSWER_PATIENCE: Duration = Duration::from_secs(30);
/// How long a writer is waited for.
const WRITER_PATIENCE: Duration = Duration::from_secs(15);
/// Wait between two attempts to find the writer.
const RETRY_DELAY: Duration = Duration::from_millis(100);
/// Requests of other nodes that are answered at the same time.
const AT_ONCE_MAX: usize = 512;
/// Requests of other nodes that are remembered.
const REMEMBERED_MAX: usize = 200_000;
/// What a request or an answer takes besides its body, about.
const HEAD_BYTES: usize = 16 * 1024;
/// The header with the command id.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// An HTTP request on its way to the writer.
pub struct Forwarded {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    extensions: Extensions,
    private: bool,
    body: Bytes,
}

impl fmt::Debug for Forwarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Forwarded({} {})", self.method, self.uri.path())
    }
}

impl Forwarded {
    pub(crate) fn of(parts: &Parts, body: Bytes, private: bool) -> Self {
        Self {
            method: parts.method.clone(),
            uri: parts.uri.clone(),
            headers: parts.headers.clone(),
            extensions: parts.extensions.clone(),
            private,
            body,
        }
    }

    fn head(&self, subject: &str, made_at: String) -> ForwardedRequest {
        let address = self.extensions.get::<ClientAddress>();
        ForwardedRequest {
            subject: subject.to_owned(),
            request_id: format!("{:032x}", rand::random::<u128>()),
            made_at,
            method: self.method.to_string(),
            target: self.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned(),
            headers: as_text(&self.headers),
            address: address.map(|address| address.0.to_string()),
            private: self.private,
        }
    }

    /// Returns the request as it came here.
    fn request(&self) -> axum::extract::Request {
        let mut request = Request::new(Body::from(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        *request.extensions_mut() = self.extensions.clone();
        request
    }
}

/// What came of one attempt.
enum Tried {
    Answered(Box<Response>),
    /// Nobody has received it.
    Nobody,
}

/// Has the writer answer a request, or answers it `here` if this node has become the writer. Waits
/// a while for a writer.
///
/// Errors: `not_owner` without a writer, or if its answer does not come.
pub(crate) async fn send(
    common: &Common,
    forwarded: Forwarded,
    here: Next,
) -> Result<Response, Problem> {
    let until = Instant::now() + WRITER_PATIENCE;
    let is_repeatable = forwarded.headers.contains_key(IDEMPOTENCY_KEY);
    loop {
        if !matches!(common.engine.ready(), Err(Unavailable::NotOwner(_))) {
            // This node has become the writer.
            return Ok(here.run(forwarded.request()).await);
        }
        let writer = writer(common).filter(|writer| *writer != common.node);
        let tried = match &writer {
            Some(writer) => attempt(common, writer, &forwarded).await,
            None => Ok(Tried::Nobody),
        };
        let last = match tried {
            Ok(Tried::Answered(response)) => {
                let (is_refusal, response) = refuses(*response).await;
                if !(is_refusal && is_repeatable) {
                    return Ok(response);
                }
                Ok(response)
            }
            Ok(Tried::Nobody) => Err(no_writer(writer.as_deref())),
            Err(problem) if is_repeatable => Err(problem),
            Err(problem) => return Err(problem),
        };
        if Instant::now() >= until {
            return last;
        }
        sleep(RETRY_DELAY).await;
    }
}

/// Returns the name of the node that holds the lease.
fn writer(common: &Common) -> Option<String> {
    common.engine.names()?.holder.map(|holder| holder.instance)
}

fn no_writer(writer: Option<&str>) -> Problem {
    let which = writer.map_or("no node".to_owned(), |writer| format!("the node {writer}"));
    Problem::because(
        Code::NotOwner,
        format!("the cluster has no writer now: {which} holds the lease; repeat the request"),
    )
}

fn unknown(writer: &str) -> Problem {
    Problem::because(
        Code::NotOwner,
        format!(
            "the writer {writer} did not answer, so it is unknown whether the command was \
             executed; repeat it with the same command id"
        ),
    )
}

/// Returns whether an answer says that the node is not the writer.
pub(crate) async fn refuses(response: Response) -> (bool, Response) {
    if response.status() != StatusCode::SERVICE_UNAVAILABLE {
        return (false, response);
    }
    let (head, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let refusal = Code::NotOwner.as_str().as_bytes();
    let is_refusal = body.windows(refusal.len()).any(|part| part == refusal);
    (is_refusal, Response::from_parts(head, Body::from(body)))
}

async fn attempt(common: &Common, writer: &str, forwarded: &Forwarded) -> Result<Tried, Problem> {
    let Common { engine, client, subjects, .. } = common;
    let subject = subjects.node(writer);
    let made_at = time::format(engine.clock().now());
    let text = join(&forwarded.head(&subject, made_at), &forwarded.body);
    if text.len() + HEAD_BYTES > client.server_info().max_payload {
        let message = "the request is too large to be taken to the writer; send it there";
        return Err(Problem::because(Code::MessageTooLarge, message));
    }
    let (own, ledger) = (CurveKey::generate(), engine.xkey());
    let sealed = own.seal(&text, &ledger);
    let sealed = sealed.map_err(|error| Problem::because(Code::Internal, error.to_string()))?;
    let mut headers = NatsHeaders::new();
    headers.insert(XKEY, own.public());
    headers.insert(MAC, STANDARD.encode(engine.log_mac(0, &sealed)));
    let request =
        NatsRequest::new().payload(sealed.into()).headers(headers).timeout(Some(ANSWER_PATIENCE));
    let sending = client.send_request(subject, request);
    let answer = tokio::select! {
        answer = sending => answer,
        // The old writer may have executed it, and will not answer any more.
        () = until_other(common, writer) => return Err(unknown(writer)),
    };
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) if error.kind() == RequestErrorKind::NoResponders => return Ok(Tried::Nobody),
        Err(_) => return Err(unknown(writer)),
    };
    let text = own.open(&answer.payload, &ledger).map_err(|_| unknown(writer))?;
    let (head, body_at) = split::<ForwardedAnswer>(&text)?;
    let mut response = Response::new(Body::from(text.get(body_at..).unwrap_or_default().to_vec()));
    *response.status_mut() = head.status.try_into().map_err(|_| unknown(writer))?;
    *response.headers_mut() = of_text(&head.headers);
    Ok(Tried::Answered(Box::new(response)))
}

/// Waits until another node has been the writer for a moment.
async fn until_other(common: &Common, before: &str) {
    loop {
        sleep(Duration::from_secs(1)).await;
        if writer(common).is_some_and(|writer| writer != before) {
            // An answer that was already on its way has arrived by then.
            sleep(Duration::from_secs(1)).await;
            return;
        }
    }
}

/// Answers the requests that other nodes send to this one. Returns the task that does.
pub(crate) async fn receive(
    common: Arc<Common>,
    private: Router,
    open: Router,
) -> Result<impl Future<Output = ()> + Send + 'static, Problem> {
    let subject = common.subjects.node(&common.node);
    let subscribed = common.client.subscribe(subject.clone()).await;
    let failed = |error| away(format!("requests of other nodes cannot be received: {error}"));
    let mut requests = subscribed.map_err(failed)?;
    let freshness = Freshness::new(common.engine.clock().now(), REMEMBERED_MAX);
    let receiver = Arc::new(Receiver { common, subject, freshness, private, open });
    let places = Arc::new(Semaphore::new(AT_ONCE_MAX));
    Ok(async move {
        while let Some(message) = requests.next().await {
            // Without a place the sender waits, and is told after a while that it is unknown.
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let receiver = Arc::clone(&receiver);
            tokio::spawn(async move {
                if let Err(problem) = receiver.answer(message).await {
                    let code = problem.code.as_str();
                    tracing::warn!(
                        ledger.error.code = code,
                        error = problem.message,
                        "a request of another node is not answered"
                    );
                }
                drop(place);
            });
        }
    })
}

/// Answers requests of other nodes.
struct Receiver {
    common: Arc<Common>,
    subject: String,
    freshness: Freshness,
    private: Router,
    open: Router,
}

impl Receiver {
    async fn answer(&self, message: Message) -> Result<(), Problem> {
        let engine = &self.common.engine;
        let Some(inbox) = message.reply else { return Ok(()) };
        let header = |name: &str| Some(message.headers.as_ref()?.get(name)?.as_str().to_owned());
        let unreadable = |text: &str| Problem::because(Code::SealedUnreadable, text);
        let mac = header(MAC).and_then(|mac| STANDARD.decode(mac).ok());
        if !mac.is_some_and(|mac| engine.is_log_mac(&mac, 0, &message.payload)) {
            return Err(unreadable("no node of this ledger sent it"));
        }
        let sender = header(XKEY).ok_or_else(|| unreadable("it is not sealed"))?;
        let opened = engine.open_sealed(&message.payload, &sender)?;
        let OpenedRequest { text, ledger_xkey } = opened;
        let (head, body_at) = split::<ForwardedRequest>(&text)?;
        if head.subject != self.subject {
            return Err(unreadable("it was sealed for another node"));
        }
        let now = engine.clock().now();
        let made_at = time::parse("made_at", &head.made_at)?;
        let mut response = match self.freshness.check_time(made_at, now) {
            Ok(()) => {
                self.freshness.note(&sender, &head.request_id, now)?;
                let body = Bytes::from_owner(text).slice(body_at..);
                self.routed(&head, body).await?
            }
            // It may be a copy of an old one, so nothing is done. The sender is told what to mend.
            Err(problem) => {
                let node = &self.common.node;
                let why = format!(
                    "the clocks of this node and of the writer {node} are apart: {}; synchronize \
                     them, or send the request to the writer",
                    problem.message
                );
                let problem = Problem::because(Code::NotOwner, why);
                answer::problem(&problem, &RequestId::of(&HeaderMap::new()))
            }
        };
        door::tell_position(&self.common, &mut response);
        let (parts, body) = response.into_parts();
        let most = self.common.client.server_info().max_payload.saturating_sub(HEAD_BYTES);
        let body = to_bytes(body, most).await;
        let body = body.map_err(|_| Problem::new(Code::MessageTooLarge))?;
        let answer =
            ForwardedAnswer { status: parts.status.as_u16(), headers: as_text(&parts.headers) };
        let sealed = engine.seal_for(&join(&answer, &body), &sender, &ledger_xkey)?;
        let sent = self.common.client.publish(inbox, sealed.into()).await;
        sent.map_err(|error| away(format!("an answer to another node was not sent: {error}")))
    }

    async fn routed(&self, head: &ForwardedRequest, body: Bytes) -> Result<Response, Problem> {
        let malformed = |_| Problem::because(Code::SealedUnreadable, "it is no HTTP request");
        let built = Request::builder().method(head.method.as_str()).uri(head.target.as_str());
        let mut request =
            built.body(Body::from(body)).map_err(|error| malformed(error.to_string()))?;
        *request.headers_mut() = of_text(&head.headers);
        if let Some(address) = head.address.as_deref().and_then(|text| text.parse().ok()) {
            request.extensions_mut().insert(ClientAddress(address));
        }
        let routes = if head.private { self.private.clone() } else { self.open.clone() };
        match routes.oneshot(request).await {
            Ok(response) => Ok(response),
            Err(never) => match never {},
        }
    }
}

fn as_text(headers: &HeaderMap) -> Vec<(String, String)> {
    let pair = |(name, value): (&HeaderName, &HeaderValue)| {
        (name.as_str().to_owned(), STANDARD.encode(value.as_bytes()))
    };
    headers.iter().map(pair).collect()
}

/// Returns the headers that [`as_text`] wrote, without what belongs to a connection.
fn of_text(pairs: &[(String, String)]) -> HeaderMap {
    let of_connection = ["connection", "content-length", "keep-alive", "transfer-encoding"];
    let pair = |(name, value): &(String, String)| {
        let name = HeaderName::try_from(name.as_str()).ok()?;
        let value = HeaderValue::from_bytes(&STANDARD.decode(value).ok()?).ok()?;
        (!of_connection.contains(&name.as_str())).then_some((name, value))
    };
    let mut headers = HeaderMap::new();
    for (name, value) in pairs.iter().filter_map(pair) {
        headers.append(name, value);
    }
    headers
}
