//! Answering queries.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, LINK};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use ledger_contract::errors::{Code, Problem};
use ledger_contract::queries::{PAGE_SIZE, QueryName, QueryRequest, QueryWorkspace};
use ledger_domain::Micros;
use ledger_engine::{Engine, QueryAnswer};

use super::caller::Caller;
use super::links::Page;
use super::params::RequestParams;
use super::state::AppState;
use super::{answer, headers, version};

const X_TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");

/// Answers one query from the store.
pub(super) async fn run(
    state: &AppState,
    query: QueryName,
    caller: &Caller,
    params: &RequestParams,
    map: &HeaderMap,
) -> Result<Response, Problem> {
    let Read { workspace, request, deadline, known } = state.counted(read(query, params, map))?;
    let caller = caller.clone();
    let work = move |engine: &Engine| {
        let answer = caller.query(engine, &workspace, request)?;
        Ok(Written::new(&answer, known.as_deref()))
    };
    state.read(deadline, work).await.map(|written| written.respond(params))
}

/// Parses a query and its headers.
struct Read {
    workspace: QueryWorkspace,
    request: QueryRequest,
    deadline: Option<Micros>,
    known: Option<String>,
}

fn read(query: QueryName, params: &RequestParams, map: &HeaderMap) -> Result<Read, Problem> {
    let deadline = headers::of_query(map)?.deadline;
    let known = headers::if_none_match(map)?;
    let workspace = QueryWorkspace::parse(&params.workspace)?;
    let request = QueryRequest::deserialize(query, &params.query).map_err(|_| {
        // The parser's error would repeat a value.
        tracing::error!(query = query.as_str(), "a route's parameters do not match its query");
        Problem::new(Code::Internal)
    })?;
    Ok(Read { workspace, request, deadline, known })
}

/// A serialized answer with the data for its headers. Serializing takes time, so it is done on the
/// thread that reads the store.
struct Written {
    body: Vec<u8>,
    about: About,
}

/// The data for the headers of an answer.
enum About {
    /// None.
    Plain,
    /// The version of the answer.
    Version(u64),
    /// The version that the caller already has; there is no body.
    Unchanged(u64),
    /// The number of rows, and the cursor of the next page.
    Page { total: u64, next: Option<String> },
}

impl Written {
    fn new(answer: &QueryAnswer, known: Option<&str>) -> Self {
        let about = match answer {
            QueryAnswer::Get(connection) => {
                let number = connection.version.get();
                if known.is_some_and(|known| version::is_named(known, number)) {
                    return Self { body: Vec::new(), about: About::Unchanged(number) };
                }
                About::Version(number)
            }
            QueryAnswer::List(result) => {
                About::Page { total: result.total, next: result.next.clone() }
            }
            QueryAnswer::History(page) => {
                About::Page { total: page.total, next: page.next_cursor.clone() }
            }
            QueryAnswer::Workspaces(_)
            | QueryAnswer::Status(_)
            | QueryAnswer::Principals(_)
            | QueryAnswer::AccessCheck(_)
            | QueryAnswer::Whoami(_) => About::Plain,
        };
        Self { body: answer.to_json(), about }
    }

    fn respond(self, params: &RequestParams) -> Response {
        match self.about {
            About::Plain => answer::json(StatusCode::OK, self.body),
            About::Version(number) => versioned(answer::json(StatusCode::OK, self.body), number),
            About::Unchanged(number) => {
                let mut response = answer::json(StatusCode::NOT_MODIFIED, Body::empty());
                response.headers_mut().remove(CONTENT_TYPE);
                versioned(response, number)
            }
            About::Page { total, next } => {
                let response = answer::json(StatusCode::OK, self.body);
                paged(response, params, total, next.as_deref())
            }
        }
    }
}

fn versioned(response: Response, number: u64) -> Response {
    let response = answer::with(response, CACHE_CONTROL, answer::PRIVATE);
    answer::with(response, ETAG, version::tag(number))
}

fn paged(response: Response, params: &RequestParams, total: u64, next: Option<&str>) -> Response {
    let response = answer::with(response, X_TOTAL_COUNT, HeaderValue::from(total));
    let page = Page {
        path: &params.path,
        pairs: &params.pairs,
        number: params.number("page"),
        size: params.number("page_size").unwrap_or(u64::from(PAGE_SIZE)),
        total,
        next_cursor: next,
    };
    match page.links() {
        Some(links) => answer::with(response, LINK, links),
        None => response,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;
    use crate::api::routes::{CONNECTION, Form, Keyed, Parameter, WORKSPACE, Work, routes};

    /// Returns a valid value of a parameter, the largest if there is one.
    fn sample(parameter: &Parameter) -> Value {
        let one = match parameter.form {
            Form::Switch => json!(true),
            Form::Number(_, max) => json!(max),
            Form::Word(words) => json!(words()[0]),
            _ => json!("x"),
        };
        if parameter.many { json!([one]) } else { one }
    }

    #[test]
    fn the_parameters_of_every_route_are_those_of_its_query() {
        for route in routes() {
            let Work::Keyed(Keyed::Query(query)) = route.work else { continue };
            let named = route.query_parameters().filter(|known| known.name != WORKSPACE);
            let named = named.map(|known| (known.name.to_owned(), sample(known)));
            let mut parameters: Map<String, Value> = named.collect();
            if route.path.contains("{connection}") {
                parameters.insert(CONNECTION.to_owned(), json!("x"));
            }
            let read = QueryRequest::deserialize(query, &parameters);
            assert!(read.is_ok(), "{}: {:?}", route.id, read.err());
        }
    }
}
