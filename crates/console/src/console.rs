//! The console of one ledger, and how it admits requests.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::Method;
use axum::http::request::Parts;
use axum::middleware::from_fn;
use axum::response::Response;
use ledger_contract::errors::{Code, Problem};
use ledger_contract::records::Via;
use ledger_engine::{Attempt, Engine};
use ledger_http::AppState;
use ledger_http::toolkit::{HttpApi, Inputs, Refusal, RequestId, Route, router};
use ledger_http_server::ClientAddress;
use ledger_http_server::request_id::identify;
use ledger_providers::Catalogue;
use ledger_tokens::SignIn;
use tower_http::compression::CompressionLayer;

use crate::answers;
use crate::door;
use crate::form::Form;
use crate::pages::sign_in::{self, Why};
use crate::request::{Frame, PageRequest};
use crate::routes::routes;
use crate::session::{Cookies, Session, Sessions};

/// Options of the console.
#[derive(Clone, Debug, Default)]
pub struct ConsoleOptions {
    /// Whether browsers reach the server over TLS, so that they keep the cookie from any other
    /// transport.
    pub secure: bool,
    /// How people sign in at an issuer, if they can.
    pub sign_in: Option<Arc<SignIn>>,
}

/// The console of one ledger. Sessions end with it.
pub struct Console {
    pub(crate) state: Arc<AppState>,
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) sessions: Sessions,
    pub(crate) cookies: Cookies,
    /// How people sign in at an issuer.
    pub(crate) sign_in: Option<Arc<SignIn>>,
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Console({:?})", self.state.engine())
    }
}

impl Console {
    /// Creates the console. It shares the limits of `state` with the native API.
    pub fn new(state: Arc<AppState>, catalogue: Arc<Catalogue>, options: ConsoleOptions) -> Self {
        let cookies = Cookies::new(state.engine().ledger_id(), options.secure);
        let sign_in = options.sign_in;
        Self { state, catalogue, sessions: Sessions::default(), cookies, sign_in }
    }

    /// Returns a router of all pages. Nodes of a cluster keep sessions for themselves, so requests
    /// to these routes are answered where they arrive.
    pub fn router(self) -> Router {
        router(&Arc::new(self), routes()).layer(CompressionLayer::new()).layer(from_fn(identify))
    }

    /// Returns the session of a request, with the caller as of now.
    fn visitor(
        &self,
        parts: &Parts,
        attempt: &mut Attempt,
        to: &str,
    ) -> Result<Arc<Session>, Refusal> {
        let engine = self.state.engine();
        let asked_to_do = parts.method != Method::GET && parts.method != Method::HEAD;
        let gone = |why: Why| {
            if asked_to_do {
                return Refusal::Worded(
                    Code::SessionEnded,
                    Box::new(sign_in::ended(self, &why, "/")),
                );
            }
            let answer = answers::see_other(&sign_in::path_to(to, &why));
            Refusal::Worded(Code::SessionEnded, Box::new(answer))
        };
        let Some(id) = self.cookies.read(&parts.headers) else {
            return Err(gone(if asked_to_do { Why::Ended } else { Why::New }));
        };
        let now = engine.clock().now();
        // A page that watches by itself does not keep a session alive.
        let watches = door::is_by_script(&parts.headers);
        let found = if watches { self.sessions.peek(id, now) } else { self.sessions.find(id, now) };
        let why = if asked_to_do { Why::Ended } else { Why::Over };
        let session = found.ok_or_else(|| gone(why))?;
        let known = session.caller();
        match engine.renewed(&known) {
            Ok(caller) => {
                let caller = caller.through(attempt.via(), attempt.address());
                attempt.by(&caller);
                session.keep(&caller);
                Ok(session)
            }
            Err(error) => {
                attempt.by(&known);
                self.sessions.end(id);
                let problem = Problem::from(error);
                let code = problem.code;
                let answer = sign_in::ended(self, &Why::Refused(problem), to);
                let answer = answers::with_cookie(answer, self.cookies.remove());
                Err(Refusal::Worded(code, Box::new(answer)))
            }
        }
    }
}

impl HttpApi for Console {
    type Request = PageRequest;
    type Terms = ();

    fn engine(&self) -> &Engine {
        self.state.engine()
    }

    fn via(&self) -> Via {
        Via::Http
    }

    fn operation(&self, route: &Route<Self>) -> &'static str {
        route.id
    }

    async fn admit(
        self: Arc<Self>,
        route: &Route<Self>,
        request: Request,
        id: &RequestId,
        attempt: &mut Attempt,
    ) -> Result<PageRequest, Refusal> {
        let (mut parts, body) = request.into_parts();
        let to = parts.uri.path_and_query().map_or("/", |to| to.as_str()).to_owned();
        // A form from elsewhere is not to learn whether somebody is signed in.
        if route.method == Method::POST && !door::is_of_this_site(&parts) {
            return Err(answers::foreign_form(self.engine(), attempt));
        }
        let session = self.visitor(&parts, attempt, &to)?;
        let caller = session.caller();
        let mut inputs = Inputs::of(&mut parts).await?;
        let mut form = Form::default();
        if route.method == Method::POST {
            inputs.body = self.state.read_form(&caller, &parts.headers, body).await?;
            form = Form::parse(&inputs.body)?;
            if !session.is_token(form.text(crate::form::TOKEN)) {
                return Err(answers::foreign_form(self.engine(), attempt));
            }
        }
        let address = parts.extensions.get::<ClientAddress>().map(|address| address.0);
        let frame = Frame::new(&session, &caller, id.clone());
        Ok(PageRequest {
            console: self,
            session,
            caller: caller.through(Via::Http, address),
            inputs,
            form,
            frame,
            headers: parts.headers,
        })
    }

    fn refuse(&self, problem: &Problem, id: &RequestId) -> Response {
        answers::bare_problem(problem, id)
    }
}
