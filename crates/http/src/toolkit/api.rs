//! An API: its routes, how it admits requests, and how it words refusals.

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::Request;
use axum::http::Method;
use axum::response::Response;
use ledger_contract::commands::ConnectionRef;
use ledger_contract::errors::{Code, Problem};
use ledger_contract::records::Via;
use ledger_domain::WorkspaceName;
use ledger_engine::{Attempt, Engine, log_fault};
use ledger_http_server::ClientAddress;
use ledger_http_server::request_id::RequestId;

use super::extract::HasInputs;
use super::local::is_local;
use super::operation::{Operation, Work};
use super::router::accepting;

/// An API whose routes share one way to admit requests and to word refusals.
pub trait HttpApi: Sized + Send + Sync + 'static {
    /// An admitted request, of which handlers are functions.
    type Request: HasInputs + Send + 'static;

    /// What its OpenAPI document says about a route beside what every route has.
    type Terms: Send + Sync + 'static;

    /// Returns the engine, which counts refusals.
    fn engine(&self) -> &Engine;

    /// Returns how its requests come in.
    fn via(&self) -> Via;

    /// Returns the name of what a route does, for the audit journal.
    fn operation(&self, route: &Route<Self>) -> &'static str;

    /// Admits a request: authenticates its caller before any other check, and reads it. `attempt`
    /// learns who the caller is.
    fn admit(
        self: Arc<Self>,
        route: &Route<Self>,
        request: Request,
        id: &RequestId,
        attempt: &mut Attempt,
    ) -> impl Future<Output = Result<Self::Request, Refusal>> + Send;

    /// Returns the answer for an error.
    fn refuse(&self, problem: &Problem, id: &RequestId) -> Response;
}

/// One route. The router and the OpenAPI document are both made from it.
#[derive(Debug)]
pub struct Route<A: HttpApi> {
    /// The method.
    pub method: Method,
    /// The path, with parameter names in braces. After a `*` in them, the last takes all that is
    /// left of the path.
    pub path: &'static str,
    /// The operation id in the OpenAPI document, unique in the API and never reused.
    pub id: &'static str,
    /// The summary, one or two sentences.
    pub summary: &'static str,
    /// What the document says beside that.
    pub terms: A::Terms,
    /// What the route does, with the signature of its handler.
    pub operation: Operation<A>,
}

impl<A: HttpApi> Route<A> {
    /// Returns the path as documents have it.
    pub fn documented_path(&self) -> String {
        self.path.replace("{*", "{")
    }

    /// Returns the names of the path parameters.
    pub fn path_parameters(&self) -> impl Iterator<Item = &'static str> + use<A> {
        let names = |part: &'static str| part.strip_prefix('{')?.strip_suffix('}');
        self.path.split('/').filter_map(names).map(|name| name.trim_start_matches('*'))
    }
}

/// Why a request is refused.
#[derive(Debug)]
pub enum Refusal {
    /// An error of the ledger.
    Problem(Problem),
    /// An error of a command, which the engine has counted.
    Counted(Problem),
    /// An answer in words of its own, and the code under which it is counted.
    Worded(Code, Box<Response>),
}

impl<T: Into<Problem>> From<T> for Refusal {
    fn from(problem: T) -> Self {
        Self::Problem(problem.into())
    }
}

impl Refusal {
    /// Returns the refusal of a command by the engine.
    pub fn counted(error: impl Into<Problem>) -> Self {
        Self::Counted(error.into())
    }

    /// Returns the code.
    pub const fn code(&self) -> Code {
        match self {
            Self::Problem(problem) | Self::Counted(problem) => problem.code,
            Self::Worded(code, _) => *code,
        }
    }
}

/// Answers a request to a route.
pub(super) async fn serve<A: HttpApi>(
    api: Arc<A>,
    route: impl Deref<Target = Route<A>>,
    request: Request,
    id: RequestId,
) -> Response {
    let mut attempt = attempt(&*api, &route, &request);
    let answered = match route.operation.work() {
        // A ledger that is not ready has refused nothing.
        Work::Open(answer) => answer(&api).map_err(Refusal::Counted),
        Work::OpenTo(answer) => answer(Arc::clone(&api), request).await,
        Work::Local(answer, _) if is_local(&request) => answer(Arc::clone(&api)).await,
        Work::Admitted(call) | Work::Local(_, call) => {
            match Arc::clone(&api).admit(&route, request, &id, &mut attempt).await {
                Ok(admitted) => call(admitted).await,
                Err(refusal) => Err(refusal),
            }
        }
    };
    answered.unwrap_or_else(|refusal| {
        let is_type = refusal.code() == Code::MediaTypeUnsupported;
        let answer = refused(&*api, refusal, &id, &attempt);
        if is_type && route.method == Method::PATCH { accepting(answer) } else { answer }
    })
}

/// Returns what is known of a request before it is admitted.
fn attempt<A: HttpApi>(api: &A, route: &Route<A>, request: &Request) -> Attempt {
    let address = request.extensions().get::<ClientAddress>();
    let named = |name: &str| {
        let mut parts = route.path.split('/').zip(request.uri().path().split('/'));
        let is_named =
            |part: &str| part.strip_prefix('{')?.strip_suffix('}')?.eq(name).then_some(());
        parts.find(|(part, _)| is_named(part).is_some()).map(|(_, value)| value)
    };
    let workspace = named("workspace").and_then(|name| WorkspaceName::parse("path", name).ok());
    let connection = named("connection").and_then(|text| ConnectionRef::parse("path", text).ok());
    Attempt::new(api.via(), api.operation(route))
        .from_address(address.map(|address| address.0))
        .in_workspace(workspace)
        .on_connection(connection.as_ref())
}

/// Returns the answer for a refusal, counts it in the ledger's status, records it if it matters,
/// and logs the fault behind it. Every refusal of every API passes here; the engine counts and
/// records those of commands itself.
pub(super) fn refused<A: HttpApi>(
    api: &A,
    refusal: Refusal,
    id: &RequestId,
    attempt: &Attempt,
) -> Response {
    if !matches!(refusal, Refusal::Counted(_)) {
        api.engine().refused(refusal.code(), attempt);
    }
    match refusal {
        Refusal::Problem(problem) | Refusal::Counted(problem) => {
            log_fault(&problem);
            api.refuse(&problem, id)
        }
        Refusal::Worded(_, response) => *response,
    }
}
