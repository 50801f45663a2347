//! The table of pages.

use std::sync::LazyLock;

use axum::http::Method;
use axum::response::Response;
use ledger_http::toolkit::{Operation, Refusal, Route};

use crate::console::Console;
use crate::pages::{self, files};
use crate::request::PageRequest;

/// A page, or where a form is sent.
pub type PageRoute = Route<Console>;

/// Returns every route of the console.
pub fn routes() -> impl Iterator<Item = &'static PageRoute> {
    static ROUTES: LazyLock<Vec<PageRoute>> = LazyLock::new(table);
    ROUTES.iter()
}

/// The path of a connection.
macro_rules! connection {
    ($rest:literal) => {
        concat!("/workspaces/{workspace}/connections/{connection}", $rest)
    };
}

fn table() -> Vec<PageRoute> {
    let mut all = vec![
        open("/assets/{name}", "consoleFile", Operation::open_to(files::answer)),
        open("/sign-in", "signInForm", Operation::open_to(pages::sign_in::form)),
        PageRoute {
            method: Method::POST,
            ..open("/sign-in", "signIn", Operation::open_to(pages::sign_in::sign_in))
        },
        post("/sign-out", "signOut", pages::sign_in::sign_out),
        get("/", "overview", pages::overview::show),
        get("/events", "consoleEvents", pages::events::follow),
        get("/connections", "connectionsPage", pages::connections::show),
        get("/history", "historyPage", pages::history::show),
        get("/refusals", "refusalsPage", pages::refusals::show),
        get("/access", "accessPage", pages::access::show),
        post("/access/{principal}/keys/{key}/revoke", "revokeKey", pages::access::revoke),
        get("/ledger", "ledgerPage", pages::ledger::show),
        get("/new", "newConnectionPage", pages::create::choose),
        get("/new/{provider}", "createForm", pages::create::form),
        post("/new/{provider}", "create", pages::create::create),
    ];
    all.extend(of_connection());
    all
}

fn of_connection() -> Vec<PageRoute> {
    vec![
        get(connection!(""), "connectionPage", pages::connection::show),
        get(connection!("/history"), "connectionHistoryPage", pages::history::of_connection),
        get(connection!("/compare"), "comparePage", pages::compare::show),
        get(connection!("/exposure"), "exposurePage", pages::exposure::show),
        get(connection!("/edit"), "editForm", pages::edit::form),
        post(connection!("/edit"), "edit", pages::edit::save),
        get(connection!("/rotate"), "rotateForm", pages::rotate::form),
        post(connection!("/rotate"), "rotate", pages::rotate::rotate),
        get(connection!("/reveal"), "revealForm", pages::reveal::form),
        post(connection!("/reveal"), "reveal", pages::reveal::reveal),
        get(connection!("/do/{verb}"), "deedForm", pages::deeds::form),
        post(connection!("/do/{verb}"), "deed", pages::deeds::act),
    ]
}

fn open(path: &'static str, id: &'static str, operation: Operation<Console>) -> PageRoute {
    PageRoute { method: Method::GET, path, id, summary: "", terms: (), operation }
}

fn get<F, Answer>(path: &'static str, id: &'static str, handler: F) -> PageRoute
where
    F: Fn(PageRequest) -> Answer + Send + Sync + Copy + 'static,
    Answer: Future<Output = Result<Response, Refusal>> + Send + 'static,
{
    PageRoute {
        method: Method::GET,
        path,
        id,
        summary: "",
        terms: (),
        operation: in_frame(handler),
    }
}

fn post<F, Answer>(path: &'static str, id: &'static str, handler: F) -> PageRoute
where
    F: Fn(PageRequest) -> Answer + Send + Sync + Copy + 'static,
    Answer: Future<Output = Result<Response, Refusal>> + Send + 'static,
{
    PageRoute { method: Method::POST, ..get(path, id, handler) }
}

/// Makes an operation of a handler, whose refusals become pages.
fn in_frame<F, Answer>(handler: F) -> Operation<Console>
where
    F: Fn(PageRequest) -> Answer + Send + Sync + Copy + 'static,
    Answer: Future<Output = Result<Response, Refusal>> + Send + 'static,
{
    Operation::of(move |request: PageRequest| async move {
        let frame = request.frame.clone();
        match handler(request).await {
            Ok(response) => Ok(response),
            Err(refusal) => frame.in_words(refusal),
        }
    })
}
