//! The verbs on integrations.

use axum::http::StatusCode;
use axum::response::Response;
use ledger_contract::commands::ConnectionRef;
use ledger_contract::errors::{Code, Problem};
use ledger_domain::{Connection, InvalidField};
use ledger_engine::{Keep, ListOptions};
use ledger_http::handler::json;
use serde::Serialize;

use super::shapes::{CreatedOut, DoneOut, IntegrationChange, IntegrationIn, PageOut};
use super::{edit, ids, show};
use crate::api::Refusal;
use crate::asked::Asked;

/// Integrations on a page when nothing is said.
const PAGE_SIZE: u64 = 100;

pub(super) async fn list(asked: Asked) -> Result<Response, Refusal> {
    let page = asked.number("current_page")?.unwrap_or(0);
    let size = asked.number("page_size")?.unwrap_or(PAGE_SIZE);
    if size == 0 {
        return Err(InvalidField::new("page_size", "must be at least 1").into());
    }
    let mut options = ListOptions {
        skip: page.saturating_mul(size),
        take: usize::try_from(size).unwrap_or(usize::MAX),
        ..ListOptions::default()
    };
    let of_type = match asked.parameter("type") {
        None | Some("" | "all") => None,
        Some("workspace") => Some(true),
        Some("organisation") => Some(false),
        Some(_) => {
            let problem = "must be workspace, organisation or all";
            return Err(InvalidField::new("type", problem).into());
        }
    };
    let mut user = None;
    if let Some(text) = asked.parameter("workspace_id").filter(|text| !text.is_empty()) {
        match ids::workspace(&asked, "workspace_id", text, None).await {
            Ok(name) if name == asked.workspace => {}
            Ok(name) => user = Some(name),
            // What is no workspace's id is nobody's integrations.
            Err(problem) if problem.code == Code::FieldInvalid => options.ids = Some(Vec::new()),
            Err(problem) => return Err(problem.into()),
        }
    }
    if of_type.is_some() || user.is_some() {
        let keep: Keep = Box::new(move |connection: &Connection| {
            of_type.is_none_or(|one| show::workspace_id(connection).is_some() == one)
                && user.as_ref().is_none_or(|name| connection.access.allows(name))
        });
        options.keep = Some(keep);
    }
    let found = asked.list(options).await?;
    let data = found.rows.iter().map(|found| show::integration(&asked, found)).collect();
    Ok(answer(&PageOut { object: "list", total: found.total, data }))
}

pub(super) async fn create(asked: Asked) -> Result<Response, Refusal> {
    let body: IntegrationIn = asked.json()?;
    let body = edit::creation(&asked, body).await?;
    let made = asked.create(body).await?;
    Ok(answer(&CreatedOut { id: made.id.to_string(), slug: made.slug.to_string() }))
}

pub(super) async fn get(asked: Asked) -> Result<Response, Refusal> {
    let connection = named(&asked).await?;
    let provider = asked.catalogue().of(connection.details.provider.as_str());
    Ok(answer(&show::detail(&asked, &connection, provider)))
}

pub(super) async fn update(asked: Asked) -> Result<Response, Refusal> {
    let body: IntegrationChange = asked.json()?;
    let connection = named(&asked).await?;
    let provider = asked.catalogue().of(connection.details.provider.as_str());
    let change = edit::revision(&connection, provider, body)?;
    // Of the two, only the first can still be refused for what it says.
    if let Some(update) = change.update {
        asked.update(&connection, update).await?;
    }
    if let Some(pricing) = change.pricing {
        asked.change(connection.id, pricing).await?;
    }
    Ok(done())
}

pub(super) async fn delete(asked: Asked) -> Result<Response, Refusal> {
    let connection = named(&asked).await?;
    asked.delete(&connection).await?;
    Ok(done())
}

/// Returns the connection in the path.
///
/// Errors: `connection_unknown`, also for what can be no slug.
pub(super) async fn named(asked: &Asked) -> Result<Connection, Problem> {
    let target = ConnectionRef::parse("slug", asked.path("slug"));
    asked.find(target.map_err(|_| Problem::new(Code::ConnectionUnknown))?).await
}

/// Carries an answer.
pub(super) fn answer(body: &impl Serialize) -> Response {
    let body = serde_json::to_vec(body).expect("answers have a JSON form");
    json(StatusCode::OK, body)
}

/// Says that it is done.
pub(super) fn done() -> Response {
    answer(&DoneOut {})
}
