//! Answering queries.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, LINK};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use ledger_contract::queries::{PAGE_SIZE, PagePart, QueryName, QueryRequest};
use ledger_engine::{Effort, Engine, QueryAnswer};
use ledger_http_server::answer;
use tracing::debug;

use super::links::Page;
use super::request::ApiRequest;
use super::{headers, version};
use crate::toolkit::Refusal;

const X_TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");

/// Answers one query from the store.
pub(super) async fn run(request: ApiRequest, query: QueryName) -> Result<Response, Refusal> {
    let deadline = headers::of_query(&request.headers)?.deadline;
    let known = headers::if_none_match(&request.headers)?;
    let workspace = request.workspace()?;
    let asked = request.inputs.parse(|sent| QueryRequest::deserialize(query, sent))?;
    let page = page_of(&asked);
    let caller = request.caller.clone();
    let work = move |engine: &Engine| {
        let answer = engine.reader(&caller, &workspace)?.answer(asked)?;
        Ok(Written::new(&answer, known.as_deref()))
    };
    let read = request.state.read(Effort::of(query), deadline, &request.caller, work).await;
    let written = read.inspect_err(|problem| {
        debug!(
            ledger.actor = request.caller.actor().as_str(),
            ledger.error.code = problem.code.as_str(),
            "query refused"
        );
    })?;
    Ok(written.respond(&request, page))
}

/// Returns the number and the size of the page that a query asks for.
fn page_of(asked: &QueryRequest) -> (Option<u32>, Option<u32>) {
    match asked {
        QueryRequest::List(query) => (query.page, query.page_size),
        QueryRequest::History(query) => (None, query.page_size),
        QueryRequest::Audit(query) => (None, query.page_size),
        QueryRequest::Exposure(query) => (None, query.page_size),
        QueryRequest::Leases(query) => (None, query.page_size),
        QueryRequest::Workspaces(query) => (None, query.page_size),
        QueryRequest::Principals(query) => (None, query.page_size),
        QueryRequest::Changes(query) => (None, query.page_size),
        QueryRequest::UndoPlan(query) => (None, query.page_size),
        QueryRequest::WhoMay(query) => (None, query.page_size),
        _ => (None, None),
    }
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
    /// The number of rows if it is known, the cursor of the next page, and whether this one was
    /// cut.
    Page { total: Option<u64>, next: Option<String>, truncated: bool },
}

impl About {
    /// Describes a page of an answer whose rows are not counted.
    fn unnumbered(next: Option<&String>, truncated: bool) -> Self {
        Self::Page { total: None, next: next.cloned(), truncated }
    }

    fn by_name(part: &PagePart) -> Self {
        let PagePart { total, next_cursor, truncated } = part.clone();
        Self::Page { total: Some(total), next: next_cursor, truncated }
    }
}

impl Written {
    fn new(answer: &QueryAnswer, known: Option<&str>) -> Self {
        let about = match answer {
            QueryAnswer::Get(connection, _) => {
                let number = connection.version.get();
                if known.is_some_and(|known| version::is_named(known, number)) {
                    return Self { body: Vec::new(), about: About::Unchanged(number) };
                }
                About::Version(number)
            }
            QueryAnswer::List(result) => About::Page {
                total: Some(result.total),
                next: result.next.clone(),
                truncated: result.truncated,
            },
            QueryAnswer::ListAsOf(result) => About::Page {
                total: result.total,
                next: result.next.clone(),
                truncated: result.truncated,
            },
            QueryAnswer::Changes(page) => {
                About::unnumbered(page.next_cursor.as_ref(), page.truncated)
            }
            QueryAnswer::UndoPlan(page) => {
                About::unnumbered(page.next_cursor.as_ref(), page.truncated)
            }
            QueryAnswer::WhoMay(page) => {
                About::unnumbered(page.next_cursor.as_ref(), page.truncated)
            }
            QueryAnswer::History(page) => About::Page {
                total: Some(page.total),
                next: page.next_cursor.clone(),
                truncated: page.truncated,
            },
            QueryAnswer::Audit(page) => {
                About::unnumbered(page.next_cursor.as_ref(), page.truncated)
            }
            QueryAnswer::Exposure(page) => {
                About::unnumbered(page.next_cursor.as_ref(), page.truncated)
            }
            QueryAnswer::Leases(page) => About::unnumbered(page.next_cursor.as_ref(), false),
            QueryAnswer::Workspaces(page) => About::by_name(&page.part),
            QueryAnswer::Principals(page) => About::by_name(&page.part),
            QueryAnswer::Status(_)
            | QueryAnswer::Diff(_)
            | QueryAnswer::Proof(_)
            | QueryAnswer::Why(_)
            | QueryAnswer::Uptime(_)
            | QueryAnswer::Rotation(_)
            | QueryAnswer::Attempts(_)
            | QueryAnswer::Handovers(_)
            | QueryAnswer::Erasure(_)
            | QueryAnswer::BlockedTokens(_)
            | QueryAnswer::SecretPolicies(_)
            | QueryAnswer::Alerts(_)
            | QueryAnswer::DeadLetters(_)
            | QueryAnswer::MasterKeys(_)
            | QueryAnswer::AccessCheck(_)
            | QueryAnswer::Whoami(_) => About::Plain,
        };
        Self { body: answer.to_json(), about }
    }

    fn respond(self, request: &ApiRequest, asked: (Option<u32>, Option<u32>)) -> Response {
        match self.about {
            About::Plain => answer::json(StatusCode::OK, self.body),
            About::Version(number) => versioned(answer::json(StatusCode::OK, self.body), number),
            About::Unchanged(number) => {
                let mut response = answer::json(StatusCode::NOT_MODIFIED, Body::empty());
                response.headers_mut().remove(CONTENT_TYPE);
                versioned(response, number)
            }
            About::Page { total, next, truncated } => {
                let mut response = answer::json(StatusCode::OK, self.body);
                let (number, size) = asked;
                if let Some(total) = total {
                    response = answer::with(response, X_TOTAL_COUNT, HeaderValue::from(total));
                }
                let page = Page {
                    path: &request.path,
                    pairs: &request.inputs.query,
                    number: number.map(u64::from),
                    size: size.unwrap_or(PAGE_SIZE).into(),
                    total: total.unwrap_or_default(),
                    next_cursor: next.as_deref(),
                    truncated,
                };
                match page.links() {
                    Some(links) => answer::with(response, LINK, links),
                    None => response,
                }
            }
        }
    }
}

fn versioned(response: Response, number: u64) -> Response {
    let response = answer::with(response, CACHE_CONTROL, answer::PRIVATE);
    answer::with(response, ETAG, version::tag(number))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::api::routes::{CONNECTION, Form, Parameter, Subject, WORKSPACE, routes};
    use crate::toolkit::Inputs;

    /// Returns a valid text of a parameter, the largest if there is one.
    fn sample(parameter: &Parameter) -> String {
        match parameter.form {
            Form::Switch => "true".to_owned(),
            Form::Number(_, max) => max.to_string(),
            Form::Word(words) => words()[0].to_owned(),
            _ => "x".to_owned(),
        }
    }

    #[test]
    fn the_parameters_of_every_route_are_those_of_its_query() {
        for route in routes() {
            let Subject::Query(query) = route.terms.subject else { continue };
            let named = route.query_parameters().filter(|known| known.name != WORKSPACE);
            let sent: Vec<_> = named.map(|known| (known.name.to_owned(), sample(known))).collect();
            let path = route.path_parameters().filter(|name| *name == CONNECTION);
            let path: Vec<_> = path.map(|name| (name.to_owned(), "x".to_owned())).collect();
            let schema = query.schemas().parameters.unwrap_or_default();
            let fields = schema["properties"].as_object().into_iter().flat_map(|all| all.keys());
            let all: BTreeSet<_> = sent.iter().chain(&path).map(|(name, _)| name).collect();
            assert_eq!(all, fields.collect(), "{}", route.id);
            let inputs = Inputs { path, query: sent, ..Inputs::default() };
            let read = inputs.parse(|sent| QueryRequest::deserialize(query, sent));
            assert!(read.is_ok(), "{}: {:?}", route.id, read.err());
        }
    }
}
