//! The table of routes. The router and the OpenAPI document are both generated from it, so they
//! cannot differ.

mod events;
mod log;
mod operations;
mod pages;
mod parameters;
mod queries;
mod refusals;
mod verbs;

use std::borrow::Cow;
use std::sync::LazyLock;

use axum::http::Method;
use axum::response::Response;
use ledger_contract::commands::Verb;
use ledger_contract::errors::{Code, Problem};
use ledger_contract::queries::{QueryName, principals};
use ledger_contract::route;
use ledger_domain::principal::Scope;
use ledger_engine::Caller;
use serde_json::Value;

pub use ledger_contract::parameter::{Form, Parameter, Place};

use super::state::AppState;
use crate::toolkit::{self, Operation};

/// The path prefix of all routes.
pub const ROOT: &str = "/api/v1";
/// The path parameter for the workspace.
pub(crate) const WORKSPACE: &str = "workspace";
/// The path parameter for the connection.
pub(crate) const CONNECTION: &str = "connection";
/// The path parameter for the principal.
pub(crate) const PRINCIPAL: &str = "principal";
/// The path parameter for the key.
pub(crate) const KEY: &str = "key";

/// A route of the native API.
pub type Route = toolkit::Route<AppState>;

/// What a route is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// The command of a verb.
    Command(Verb),
    /// A query.
    Query(QueryName),
    /// Something that HTTP alone has.
    Http,
}

/// One kind of successful answer.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The description.
    pub about: &'static str,
    /// Media types, each with the name of its schema if it has one; empty if there is no body.
    pub content: Vec<(&'static str, Option<Cow<'static, str>>)>,
    /// Headers beside those of every answer.
    pub headers: &'static [&'static str],
}

impl Answer {
    /// Returns an answer in JSON.
    fn json(
        status: u16,
        about: &'static str,
        schema: impl Into<Cow<'static, str>>,
        headers: &'static [&'static str],
    ) -> Self {
        Self { status, about, content: vec![("application/json", Some(schema.into()))], headers }
    }
}

/// Returns a GET route that requires no key.
fn open(
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    terms: Terms,
    answer: fn(&AppState) -> Result<Response, Problem>,
) -> Route {
    Route { method: Method::GET, path, id, summary, terms, operation: Operation::open(answer) }
}

/// Returns the name of a schema, which is that of its type.
fn title(schema: &Value) -> String {
    schema["title"].as_str().unwrap_or_default().to_owned()
}

/// A check of a request before its body is read.
type EarlyCheck = fn(&AppState, &Caller) -> Result<(), Problem>;

/// What the OpenAPI document says about a route beside what every route has. Verbs and queries are
/// values of a registry, so that the types of bodies and answers come from there, by name.
#[derive(Debug)]
pub struct Terms {
    /// What the route is about.
    pub subject: Subject,
    /// The group in the OpenAPI document.
    pub tag: &'static str,
    /// The further description.
    pub about: String,
    /// The required scope, if it is the same for every request to the route.
    pub scope: Option<Scope>,
    /// What is checked before the body is read.
    pub(crate) before_body: Option<EarlyCheck>,
    /// The parameters in path, query and headers, in groups.
    pub parameters: &'static [&'static [Parameter]],
    /// Schema of the body, if the route accepts one.
    pub body: Option<String>,
    /// Whether an empty body means `{}`.
    pub body_may_be_absent: bool,
    /// The successful answers.
    pub answers: Vec<Answer>,
    /// The codes it refuses with, in groups.
    pub refusals: Vec<&'static [Code]>,
}

impl Terms {
    /// Returns the terms of a route that requires no key; tag, description, answers and refusals
    /// are still to be said.
    fn open() -> Self {
        Self {
            subject: Subject::Http,
            tag: "",
            about: String::new(),
            scope: None,
            before_body: None,
            parameters: &[parameters::COMMON],
            body: None,
            body_may_be_absent: false,
            answers: Vec::new(),
            refusals: Vec::new(),
        }
    }
}

impl Route {
    /// Returns whether the route requires a key.
    pub fn needs_key(&self) -> bool {
        !self.operation.is_open()
    }

    /// Returns whether it is one of those by which others check the log.
    pub(crate) fn is_of_log(&self) -> bool {
        self.path.starts_with(log::PREFIX)
    }

    /// Returns on what the key must have the scope, as part of a sentence.
    pub(crate) fn reach(&self) -> &'static str {
        let names = |name: &str| self.path.contains(&format!("{{{name}}}"));
        if names(CONNECTION) {
            "on the connection"
        } else if names(WORKSPACE) {
            "in the workspace"
        } else if self.id == "createWorkspace" {
            "in the new workspace"
        } else if self.path.starts_with(principals::PRINCIPALS.path) {
            "in the whole ledger, or in every workspace that the grants of the principal name"
        } else {
            "in the whole ledger"
        }
    }

    /// Returns every parameter.
    pub fn parameters(&self) -> impl Iterator<Item = &'static Parameter> + use<> {
        self.terms.parameters.iter().flat_map(|group| group.iter())
    }

    /// Returns the parameters of the query string.
    pub(crate) fn query_parameters(&self) -> impl Iterator<Item = &'static Parameter> + use<> {
        self.parameters().filter(|parameter| parameter.place == Place::Query)
    }

    /// Returns every code that the route refuses with.
    pub fn refusals(&self) -> impl Iterator<Item = Code> + use<'_> {
        self.terms.refusals.iter().flat_map(|group| group.iter().copied())
    }
}

/// Returns a method of the contract as HTTP has it.
fn method(method: route::Method) -> Method {
    match method {
        route::Method::Get => Method::GET,
        route::Method::Post => Method::POST,
        route::Method::Patch => Method::PATCH,
    }
}

/// Returns every route, in the order of the documentation.
pub fn routes() -> impl Iterator<Item = &'static Route> {
    static ROUTES: LazyLock<Vec<Route>> = LazyLock::new(|| {
        let mut routes: Vec<Route> = Verb::ALL.iter().copied().map(verbs::route).collect();
        routes.extend(queries::routes());
        routes.extend(events::routes());
        routes.extend(operations::routes());
        routes.extend(log::routes());
        routes.extend(pages::routes());
        routes
    });
    ROUTES.iter()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use schemars::SchemaGenerator;

    use super::*;

    #[test]
    fn every_verb_and_every_query_has_a_route() {
        for verb in Verb::ALL {
            let subject = Subject::Command(*verb);
            assert!(routes().any(|route| route.terms.subject == subject), "{verb}");
        }
        for query in QueryName::ALL {
            for at in query.spec().routes {
                let routes = routes().filter(|route| route.terms.subject == Subject::Query(*query));
                let mut places = routes.map(|route| (&route.method, route.path, route.id));
                let wanted = (&method(at.method), at.path, at.operation_id);
                assert!(places.any(|place| place == wanted), "{query:?} at {}", at.path);
            }
        }
    }

    #[test]
    fn routes_have_unique_ids_and_paths() {
        let mut names = BTreeSet::new();
        let mut places = BTreeSet::new();
        for route in routes() {
            assert!(names.insert(route.id), "{}", route.id);
            assert!(
                places.insert((route.path, route.method.as_str())),
                "{} {}",
                route.method,
                route.path
            );
        }
    }

    #[test]
    fn path_parameters_match_the_names_in_the_path() {
        for route in routes() {
            let in_path: BTreeSet<_> = route.path_parameters().collect();
            let places = route.parameters().filter(|parameter| parameter.place == Place::Path);
            let declared: BTreeSet<_> = places.map(|parameter| parameter.name).collect();
            assert_eq!(in_path, declared, "{}", route.path);
        }
    }

    #[test]
    fn routes_with_a_key_and_only_those_document_its_refusals() {
        for route in routes() {
            let told = route.refusals().any(|code| code == Code::CredentialMissing);
            assert_eq!(route.needs_key(), told, "{}", route.id);
            assert!(told || route.terms.scope.is_none(), "{}", route.id);
        }
    }

    #[test]
    fn only_routes_that_change_something_accept_a_body() {
        for route in routes() {
            let changes = route.method != Method::GET;
            assert_eq!(route.operation.takes_body(), changes, "{}", route.id);
            assert_eq!(route.terms.body.is_some(), changes, "{}", route.id);
        }
    }

    #[test]
    fn what_a_handler_takes_is_what_its_route_declares() {
        for route in routes() {
            let mut schemas = SchemaGenerator::default();
            let signature = route.operation.signature(&mut schemas);
            for read in signature.query {
                let known = route.query_parameters().any(|known| known.name == read.name);
                assert!(known, "{}: {}", route.id, read.name);
            }
            if let Some(schema) = signature.body {
                let name =
                    schema.as_value()["$ref"].as_str().and_then(|path| path.rsplit('/').next());
                assert_eq!(name, route.terms.body.as_deref(), "{}", route.id);
            }
        }
    }
}
