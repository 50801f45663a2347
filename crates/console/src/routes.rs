//! The table of pages.

use std::sync::LazyLock;

use axum::http::Method;
use axum::response::Response;
use ledger_http::toolkit::{Operation, Refusal, Route};

use crate::console::Console;
use crate::pages::{
    access, changes, compare, connection, connections, create, deeds, edit, events, exposure,
    files, history, keys, ledger, overview, principals, proof, refusals, reveal, rotate, sign_in,
    undo,
};
use crate::request::PageRequest;

/// A page, or where a form is sent.
pub type PageRoute = Route<Console>;

/// Returns every route of the console.
pub fn routes() -> impl Iterator<Item = &'static PageRoute> {
    static ROUTES: LazyLock<Vec<PageRoute>> = LazyLock::new(|| {
        [entrance(), whole(), of_access(), of_connection()].into_iter().flatten().collect()
    });
    ROUTES.iter()
}

/// The path of a connection.
macro_rules! connection {
    ($rest:literal) => {
        concat!("/workspaces/{workspace}/connections/{connection}", $rest)
    };
}

/// The path of a key.
macro_rules! key {
    ($rest:literal) => {
        concat!("/access/{principal}/keys/{key}", $rest)
    };
}

/// What everybody may ask for.
fn entrance() -> Vec<PageRoute> {
    vec![
        get("/assets/{name}", "consoleFile", Operation::open_to(files::answer)),
        get("/sign-in", "signInForm", Operation::open_to(sign_in::form)),
        post("/sign-in", "signIn", Operation::open_to(sign_in::sign_in)),
        get("/sign-in/issuer", "signInAtIssuer", Operation::open_to(sign_in::issuer::start)),
        get("/sign-in/callback", "signedInAtIssuer", Operation::open_to(sign_in::issuer::callback)),
        post("/sign-out", "signOut", page(sign_in::sign_out)),
    ]
}

fn whole() -> Vec<PageRoute> {
    vec![
        get("/", "overview", page(overview::show)),
        get("/events", "consoleEvents", page(events::follow)),
        get("/connections", "connectionsPage", page(connections::show)),
        get("/history", "historyPage", page(history::show)),
        get("/changes", "changesPage", page(changes::show)),
        get("/undo", "undoPage", page(undo::show)),
        post("/undo", "undo", page(undo::apply)),
        get("/refusals", "refusalsPage", page(refusals::show)),
        get("/proof", "proofPage", page(proof::show)),
        get("/proof/file", "proofFile", page(proof::file)),
        get("/ledger", "ledgerPage", page(ledger::show)),
        get("/new", "newConnectionPage", page(create::choose)),
        get("/new/{provider}", "createForm", page(create::form)),
        post("/new/{provider}", "create", page(create::create)),
    ]
}

fn of_access() -> Vec<PageRoute> {
    vec![
        get("/access", "accessPage", page(access::show)),
        get("/access/new", "newPrincipalForm", page(principals::form)),
        post("/access/new", "createPrincipal", page(principals::create)),
        get("/access/{principal}/keys/new", "newKeyForm", page(keys::issue_form)),
        post("/access/{principal}/keys/new", "issueKey", page(keys::issue)),
        get(key!("/revoke"), "revokeKeyForm", page(keys::revoke_form)),
        post(key!("/revoke"), "revokeKey", page(keys::revoke)),
    ]
}

fn of_connection() -> Vec<PageRoute> {
    vec![
        get(connection!(""), "connectionPage", page(connection::show)),
        get(connection!("/then"), "connectionThenPage", page(connection::then::show)),
        get(connection!("/history"), "connectionHistoryPage", page(history::of_connection)),
        get(connection!("/compare"), "comparePage", page(compare::show)),
        get(connection!("/exposure"), "exposurePage", page(exposure::show)),
        get(connection!("/edit"), "editForm", page(edit::form)),
        post(connection!("/edit"), "edit", page(edit::save)),
        get(connection!("/rotate"), "rotateForm", page(rotate::form)),
        post(connection!("/rotate"), "rotate", page(rotate::rotate)),
        get(connection!("/reveal"), "revealForm", page(reveal::form)),
        post(connection!("/reveal"), "reveal", page(reveal::reveal)),
        get(connection!("/do/{verb}"), "deedForm", page(deeds::form)),
        post(connection!("/do/{verb}"), "deed", page(deeds::act)),
    ]
}

fn get(path: &'static str, id: &'static str, operation: Operation<Console>) -> PageRoute {
    PageRoute { method: Method::GET, path, id, summary: "", terms: (), operation }
}

fn post(path: &'static str, id: &'static str, operation: Operation<Console>) -> PageRoute {
    PageRoute { method: Method::POST, ..get(path, id, operation) }
}

/// Makes an operation of a handler, whose refusals become pages.
fn page<F, Answer>(handler: F) -> Operation<Console>
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
