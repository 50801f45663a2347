//! The table of routes. The router and the OpenAPI document are both generated from it, so they
//! cannot differ.

mod events;
mod operations;
mod pages;
mod parameters;
mod queries;
mod refusals;
mod verbs;

use std::sync::LazyLock;

use ledger_contract::commands::Verb;
use ledger_contract::errors::Code;
use ledger_contract::queries::QueryName;
use ledger_domain::principal::Scope;

pub use ledger_contract::parameter::{Form, Parameter, Place};
pub use ledger_contract::route::Method;

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

/// The work that a route does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Work {
    /// Work that requires a key.
    Keyed(Keyed),
    /// The OpenAPI document.
    OpenApi,
    /// A file of the documentation page, by name.
    Page(&'static str),
    /// The liveness check.
    Alive,
    /// The readiness check.
    Ready,
}

/// Work that requires a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Keyed {
    /// A command.
    Command(Verb),
    /// A query.
    Query(QueryName),
    /// A replay.
    Replay,
    /// The feed of events.
    Feed,
    /// A reveal of secrets.
    Reveal,
}

/// One kind of successful answer.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The description.
    pub about: &'static str,
    /// Media types, each with its schema if it has one; empty if there is no body.
    pub content: &'static [(&'static str, Option<&'static str>)],
    /// Headers beside those of every answer.
    pub headers: &'static [&'static str],
}

/// One route.
#[derive(Debug)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path, with parameter names in braces.
    pub path: &'static str,
    /// The operation id in the OpenAPI document; never reused.
    pub id: &'static str,
    /// The group in the OpenAPI document.
    pub tag: &'static str,
    /// The one-line summary.
    pub summary: &'static str,
    /// The further description.
    pub about: String,
    /// The work that the route does.
    pub work: Work,
    /// The required scope, if it is the same for every request to the route.
    pub scope: Option<Scope>,
    /// The parameters in path, query and headers, in groups.
    pub parameters: &'static [&'static [Parameter]],
    /// Schema of the body, if the route accepts one.
    pub body: Option<String>,
    /// Whether an empty body means `{}`.
    pub body_may_be_absent: bool,
    /// The successful answers.
    pub answers: &'static [Answer],
    /// The codes it refuses with, in groups.
    pub refusals: Vec<&'static [Code]>,
}

impl Route {
    /// Returns whether the route requires a key.
    pub fn needs_key(&self) -> bool {
        matches!(self.work, Work::Keyed(_))
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
        } else {
            "in the whole ledger"
        }
    }

    /// Returns every parameter.
    pub fn parameters(&self) -> impl Iterator<Item = &'static Parameter> + use<> {
        self.parameters.iter().flat_map(|group| group.iter())
    }

    /// Returns the parameters of the query string.
    pub(crate) fn query_parameters(&self) -> impl Iterator<Item = &'static Parameter> + use<> {
        self.parameters().filter(|parameter| parameter.place == Place::Query)
    }

    /// Returns every code that the route refuses with.
    pub fn refusals(&self) -> impl Iterator<Item = Code> + use<'_> {
        self.refusals.iter().flat_map(|group| group.iter().copied())
    }
}

/// Returns every route, in the order of the documentation.
pub fn routes() -> impl Iterator<Item = &'static Route> {
    static ROUTES: LazyLock<Vec<Route>> = LazyLock::new(|| {
        let mut routes: Vec<Route> = Verb::ALL.iter().copied().map(verbs::route).collect();
        routes.extend(queries::routes());
        routes.extend(events::routes());
        routes.extend(operations::routes());
        routes.extend(pages::routes());
        routes
    });
    ROUTES.iter()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_verb_and_every_query_has_a_route() {
        for verb in Verb::ALL {
            let work = verbs::route(*verb).work;
            assert!(routes().any(|route| route.work == work), "{verb}");
        }
        for query in QueryName::ALL {
            for at in query.spec().routes {
                let routes =
                    routes().filter(|route| route.work == Work::Keyed(Keyed::Query(*query)));
                let mut places = routes.map(|route| (route.method, route.path, route.id));
                let wanted = (at.method, at.path, at.operation_id);
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
            assert!(places.insert((route.path, route.method)), "{} {}", route.method, route.path);
        }
    }

    #[test]
    fn path_parameters_match_the_names_in_the_path() {
        for route in routes() {
            let inside = route.path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
            let in_path: BTreeSet<_> = inside.collect();
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
            assert!(told || route.scope.is_none(), "{}", route.id);
        }
    }

    #[test]
    fn only_routes_that_change_something_accept_a_body() {
        for route in routes() {
            assert_eq!(route.body.is_some(), route.method != Method::Get, "{}", route.id);
        }
    }
}
