//! The API's description of itself, which requires no key.

use super::parameters as p;
use super::refusals as r;
use super::{Answer, Method, Route, Work};

fn own(
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    work: Work,
    answers: &'static [Answer],
) -> Route {
    Route {
        method: Method::Get,
        path,
        id,
        tag: "description",
        summary,
        about: "Requires no key.".to_owned(),
        work,
        scope: None,
        parameters: &[p::COMMON],
        body: None,
        body_may_be_absent: false,
        answers,
        refusals: vec![r::DOOR],
    }
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        own(
            "/api/v1/openapi.json",
            "openapi",
            "Returns the OpenAPI 3.1 document",
            Work::OpenApi,
            &[Answer {
                status: 200,
                about: "The document.",
                content: &[("application/json", Some("OpenApi"))],
                headers: &[],
            }],
        ),
        own(
            "/api/v1/docs",
            "docs",
            "Returns the documentation page",
            Work::Page("page.html"),
            &[Answer {
                status: 200,
                about: "The page.",
                content: &[("text/html", None)],
                headers: &[],
            }],
        ),
        own(
            "/api/v1/docs/page.js",
            "docsScript",
            "Returns the page's script",
            Work::Page("page.js"),
            &[Answer {
                status: 200,
                about: "The script.",
                content: &[("text/javascript", None)],
                headers: &[],
            }],
        ),
        own(
            "/api/v1/docs/page.css",
            "docsStyle",
            "Returns the page's style sheet",
            Work::Page("page.css"),
            &[Answer {
                status: 200,
                about: "The style sheet.",
                content: &[("text/css", None)],
                headers: &[],
            }],
        ),
    ]
}
