//! The API's description of itself, which requires no key.

use axum::http::StatusCode;
use axum::response::Response;
use ledger_contract::errors::Problem;
use ledger_http_server::answer;

use super::refusals as r;
use super::{Answer, Route, Terms, open};
use crate::api::state::AppState;
use crate::page;

pub(super) fn routes() -> Vec<Route> {
    vec![
        own(
            "/api/v1/openapi.json",
            "openapi",
            "Returns the OpenAPI 3.1 document",
            |state| Ok(answer::json(StatusCode::OK, state.document.clone())),
            Answer::json(200, "The document.", "OpenApi", &[]),
        ),
        own(
            "/api/v1/docs",
            "docs",
            "Returns the documentation page",
            |_| Ok(page::file("page.html")),
            file("The page.", "text/html"),
        ),
        own(
            "/api/v1/docs/page.js",
            "docsScript",
            "Returns the page's script",
            |_| Ok(page::file("page.js")),
            file("The script.", "text/javascript"),
        ),
        own(
            "/api/v1/docs/page.css",
            "docsStyle",
            "Returns the page's style sheet",
            |_| Ok(page::file("page.css")),
            file("The style sheet.", "text/css"),
        ),
    ]
}

fn file(about: &'static str, media_type: &'static str) -> Answer {
    Answer { status: 200, about, content: vec![(media_type, None)], headers: &[] }
}

fn own(
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    answer: fn(&AppState) -> Result<Response, Problem>,
    described: Answer,
) -> Route {
    let terms = Terms {
        tag: "description",
        about: "Requires no key.".to_owned(),
        answers: vec![described],
        refusals: vec![r::DOOR],
        ..Terms::open()
    };
    open(path, id, summary, terms, answer)
}
