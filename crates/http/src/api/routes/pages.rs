//! The API's description of itself, and the page to which browsers come back. Neither requires a
//! key.

use axum::http::{Method, StatusCode};
use axum::response::Response;
use ledger_contract::errors::{Code, Problem};
use ledger_contract::parameter::{Form, Parameter, one};
use ledger_contract::route::OAUTH_CALLBACK;
use ledger_http_server::answer;

use super::parameters as p;
use super::refusals as r;
use super::{Answer, Route, Terms, open};
use crate::api::callback;
use crate::api::state::AppState;
use crate::page;
use crate::toolkit::Operation;

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
        came_back(),
    ]
}

/// What a provider sends back with the browser.
const CAME_BACK: &[Parameter] = &[
    one("state", Form::Any, "The state of the link that `connect` made."),
    one("code", Form::Any, "The code to exchange for tokens."),
    one("error", Form::Any, "The code of an error, such as `access_denied`."),
    one("error_description", Form::Any, "Not read."),
    one("error_uri", Form::Any, "Not read."),
    one("iss", Form::Any, "The issuer, which must be that of the settings if they have one."),
];

/// The page to which the browser of a person comes back who opened the link of `connect`.
fn came_back() -> Route {
    let page = |status, about| Answer { status, ..file(about, "text/html") };
    let unavailable = Answer {
        headers: &["Retry-After"],
        ..page(503, "The page says that the server cannot store tokens now; reload it later.")
    };
    Route {
        method: Method::GET,
        path: OAUTH_CALLBACK,
        id: "finishConnect",
        summary: "Takes what a provider sends back with the browser of a person, and answers a page",
        terms: Terms {
            tag: "commands",
            about:
                "Requires no key: the state was sealed by this ledger, and is good once and for \
                    ten minutes. Register this address of the server at the provider. `HEAD` is \
                    refused."
                    .to_owned(),
            parameters: &[CAME_BACK, p::COMMON],
            answers: vec![
                page(200, "The page says that the connection is connected."),
                page(400, "The page says that the answer is not complete, or not the provider's."),
                page(403, "The page says that access was denied, or may not be connected."),
                page(404, "The page says that this server made no such link."),
                page(409, "The page says what was changed meanwhile, or does not fit."),
                page(410, "The page says that the link has expired or was used."),
                page(500, "The page says that something went wrong."),
                page(502, "The page says what the provider answered."),
                unavailable,
            ],
            refusals: vec![r::DOOR, &[Code::MethodNotAllowed]],
            ..Terms::open()
        },
        operation: Operation::open_to(callback::answer),
    }
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
