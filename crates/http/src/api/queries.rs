//! Queries.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, LINK};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use ledger_contract::errors::{Code, Problem};
use ledger_contract::queries::PAGE_SIZE;
use serde::Deserialize;
use serde_json::Value;

use super::asked::Asked;
use super::caller::Caller;
use super::desk::Desk;
use super::links::Page;
use super::{answer, headers, version};

const X_TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");

/// The parts of an answer that headers repeat.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Outline {
    version: Option<u64>,
    total: Option<u64>,
    next_cursor: Option<String>,
}

/// Answers one query from the store.
pub(super) async fn run(
    desk: &Desk,
    name: &'static str,
    caller: &Caller,
    asked: &Asked,
    map: &HeaderMap,
) -> Result<Response, Problem> {
    let read = desk.counted(read(asked, map))?;
    let (caller, workspace) = (caller.clone(), asked.workspace.clone());
    let question = read.question.to_string();
    let work = move |engine: &ledger_engine::Engine| {
        let body = caller.query(engine, &workspace, name, question.as_bytes())?;
        let outline: Outline = serde_json::from_slice(&body).map_err(|error| {
            tracing::error!(%error, query = name, "an answer is not of its own form");
            Problem::new(Code::Internal)
        })?;
        Ok((body, outline))
    };
    let (body, outline) = desk.read(read.deadline, work).await?;
    Ok(respond(name, asked, read.known.as_deref(), body, &outline))
}

/// What a query asks, and what it is sent with.
struct Read {
    question: Value,
    deadline: Option<ledger_domain::Micros>,
    known: Option<String>,
}

fn read(asked: &Asked, map: &HeaderMap) -> Result<Read, Problem> {
    let said = headers::of_query(map)?;
    let mut query = asked.query.clone();
    if let Some(connection) = &asked.connection {
        query.insert("connection".to_owned(), Value::from(connection.as_str()));
    }
    Ok(Read {
        question: Value::Object(query),
        deadline: said.deadline,
        known: headers::if_none_match(map)?,
    })
}

fn respond(
    name: &str,
    asked: &Asked,
    known: Option<&str>,
    body: Vec<u8>,
    outline: &Outline,
) -> Response {
    if let ("get", Some(number)) = (name, outline.version) {
        let unchanged = known.is_some_and(|known| version::is_named(known, number));
        let response = if unchanged {
            let mut response = answer::json(StatusCode::NOT_MODIFIED, Body::empty());
            response.headers_mut().remove(CONTENT_TYPE);
            response
        } else {
            answer::json(StatusCode::OK, body)
        };
        let response = answer::with(response, CACHE_CONTROL, answer::PRIVATE);
        return answer::with(response, ETAG, version::tag(number));
    }
    let response = answer::json(StatusCode::OK, body);
    let Some(total) = outline.total else { return response };
    let response = answer::with(response, X_TOTAL_COUNT, HeaderValue::from(total));
    let page = Page {
        path: &asked.path,
        pairs: &asked.pairs,
        number: asked.number("page"),
        size: asked.number("page_size").unwrap_or(u64::from(PAGE_SIZE)),
        total,
        next_cursor: outline.next_cursor.as_deref(),
    };
    match page.links() {
        Some(links) => answer::with(response, LINK, links),
        None => response,
    }
}
