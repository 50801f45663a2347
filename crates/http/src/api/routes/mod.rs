//! The one table of routes. The router and the OpenAPI document are both made from it, so that
//! nothing can be in one and not in the other.

/// Makes a route of a query from what the contract says of it.
macro_rules! query {
    ($query:ident at $route:expr, $tag:literal, $parameters:expr, $answers:expr) => {
        query! {
            $query at $route, $tag, $parameters, $answers,
            QueryName::$query.spec().summary, QueryName::$query.spec().description
        }
    };
    ($query:ident at $route:expr, $tag:literal, $parameters:expr, $answers:expr,
     $summary:expr, $about:expr) => {
        Route {
            method: $route.method,
            path: $route.path,
            id: $route.operation_id,
            tag: $tag,
            summary: $summary,
            about: $about.to_owned(),
            work: Work::Keyed(Keyed::Query(QueryName::$query)),
            scope: super::only(QueryName::$query.spec().scopes),
            parameters: $parameters,
            body: None,
            body_may_be_absent: false,
            answers: $answers,
            refusals: vec![r::KEY, r::QUERY, QueryName::$query.spec().refusals],
        }
    };
}

mod connections;
mod events;
mod operations;
mod pages;
mod parameters;
mod principals;
mod refusals;
mod verbs;
mod workspaces;

use std::sync::LazyLock;

use ledger_contract::commands::Verb;
use ledger_contract::errors::Code;
use ledger_contract::queries::QueryName;
use ledger_domain::principal::Scope;

pub use ledger_contract::parameter::{Form, Parameter, Place};
pub use ledger_contract::route::Method;

/// Below this are all routes of the API.
pub const ROOT: &str = "/api/v1";
/// Names the workspace in a path.
pub(crate) const WORKSPACE: &str = "workspace";
/// Names the connection in a path.
pub(crate) const CONNECTION: &str = "connection";
/// Names the principal in a path.
pub(crate) const PRINCIPAL: &str = "principal";
/// Names the key in a path.
pub(crate) const KEY: &str = "key";

/// What a route stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Work {
    /// Something that a key is needed for.
    Keyed(Keyed),
    /// The OpenAPI document.
    OpenApi,
    /// A file of the page that shows it, by name.
    Page(&'static str),
    /// Whether the program lives.
    Alive,
    /// Whether commands are accepted.
    Ready,
}

/// What a key is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Keyed {
    /// A command.
    Command(Verb),
    /// A query.
    Query(QueryName),
    /// Read models rebuilt.
    Replay,
    /// The feed of events.
    Feed,
    /// Secrets in the clear.
    Reveal,
}

/// One way to answer, other than a refusal.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// What it means.
    pub about: &'static str,
    /// Media types with the schema of each, when it has one; none when there is no body.
    pub content: &'static [(&'static str, Option<&'static str>)],
    /// Headers it carries besides those of every answer.
    pub headers: &'static [&'static str],
}

/// One route.
#[derive(Debug)]
pub struct Route {
    /// How it is asked.
    pub method: Method,
    /// Where, with the names of what varies in braces.
    pub path: &'static str,
    /// Its name in the OpenAPI document, never reused.
    pub id: &'static str,
    /// Groups routes on the page.
    pub tag: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// What else there is to say.
    pub about: String,
    /// What it stands for.
    pub work: Work,
    /// What the key must be allowed, when it is one thing for all that can be asked here.
    pub scope: Option<Scope>,
    /// What can be said in path, query and headers, in groups.
    pub parameters: &'static [&'static [Parameter]],
    /// Schema of the body, when it takes one.
    pub body: Option<String>,
    /// Whether an empty body is the same as `{}` to it.
    pub body_may_be_absent: bool,
    /// How it answers when all is well.
    pub answers: &'static [Answer],
    /// How it refuses, in groups.
    pub refusals: Vec<&'static [Code]>,
}

impl Route {
    /// Tells whether a key must be shown.
    pub fn needs_key(&self) -> bool {
        matches!(self.work, Work::Keyed(_))
    }

    /// Says to what the key must be allowed it.
    pub(crate) fn reach(&self) -> &'static str {
        let names = |name: &str| self.path.contains(&format!("{{{name}}}"));
        if names(CONNECTION) {
            "to the connection"
        } else if names(WORKSPACE) {
            "in the workspace"
        } else if self.id == "createWorkspace" {
            "in the workspace to be made"
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

    /// Returns every code it refuses with.
    pub fn refusals(&self) -> impl Iterator<Item = Code> + use<'_> {
        self.refusals.iter().flat_map(|group| group.iter().copied())
    }
}

/// Returns the one scope of several, when it is one.
const fn only(scopes: &[Scope]) -> Option<Scope> {
    match scopes {
        [scope] => Some(*scope),
        _ => None,
    }
}

/// Returns every route, in the order in which they are shown.
pub fn routes() -> impl Iterator<Item = &'static Route> {
    static ROUTES: LazyLock<Vec<Route>> = LazyLock::new(|| {
        let mut routes: Vec<Route> = Verb::ALL.iter().copied().map(verbs::route).collect();
        routes.extend(workspaces::routes());
        routes.extend(connections::routes());
        routes.extend(events::routes());
        routes.extend(principals::routes());
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
    fn no_two_routes_have_a_name_or_a_place_in_common() {
        let mut names = BTreeSet::new();
        let mut places = BTreeSet::new();
        for route in routes() {
            assert!(names.insert(route.id), "{}", route.id);
            assert!(places.insert((route.path, route.method)), "{} {}", route.method, route.path);
        }
    }

    #[test]
    fn every_name_in_a_path_is_a_parameter_and_the_other_way_round() {
        for route in routes() {
            let inside = route.path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
            let in_path: BTreeSet<_> = inside.collect();
            let places = route.parameters().filter(|parameter| parameter.place == Place::Path);
            let said: BTreeSet<_> = places.map(|parameter| parameter.name).collect();
            assert_eq!(in_path, said, "{}", route.path);
        }
    }

    #[test]
    fn whoever_must_show_a_key_is_told_so_and_nobody_else() {
        for route in routes() {
            let told = route.refusals().any(|code| code == Code::CredentialMissing);
            assert_eq!(route.needs_key(), told, "{}", route.id);
            assert!(told || route.scope.is_none(), "{}", route.id);
        }
    }

    #[test]
    fn only_what_changes_something_takes_a_body() {
        for route in routes() {
            assert_eq!(route.body.is_some(), route.method != Method::Get, "{}", route.id);
        }
    }
}
