//! One connection: everything it is, why it is so, and what can be done about it.

mod actions;
mod activity;
mod consumers;
mod facts;
mod head;
mod secrets;
pub(crate) mod then;

pub(crate) use actions::{may, not_offered};

use std::sync::Arc;

use axum::response::Response;
use ledger_contract::commands::ConnectionRef;
use ledger_contract::queries::{
    LeasesPage, LeasesQuery, QueryWorkspace, RotationQuery, RotationView, UptimeQuery, UptimeView,
    WhyQuery, WhyView,
};
use ledger_contract::view::ConnectionView;
use ledger_domain::principal::{Scope, Subject};
use ledger_domain::{Connection, SecretAges};
use ledger_engine::{Effort, QueryError, Reader};
use ledger_http::toolkit::Refusal;
use maud::{Markup, html};

use crate::request::PageRequest;
use crate::view::layout::{Live, Section, live};
use crate::view::parts::{crumbs, path_of, title_of};
use activity::Activity;

/// Days that the plots show.
pub(crate) const PLOT_DAYS: u32 = 30;

/// What the read gives.
pub(crate) struct ConnectionData {
    pub(crate) connection: Connection,
    pub(crate) ages: SecretAges,
    why: WhyView,
    rotation: RotationView,
    uptime: UptimeView,
    leases: Option<LeasesPage>,
    activity: Option<Activity>,
    /// Why the caller may not do what is not offered.
    denied: Vec<actions::Denied>,
}

/// Shows the page.
pub(crate) async fn show(request: PageRequest) -> Result<Response, Refusal> {
    let (workspace, target) = request.place()?;
    let after = request.engine().end();
    let may = request.caller.may(Scope::Read, Subject::Workspace(&workspace));
    let live_of = Live::of(may, Some(workspace.as_str()), after);
    let request = Arc::new(request);
    let asking = Arc::clone(&request);
    let place = QueryWorkspace::Named(workspace);
    let read = request.read(Effort::Scan, place, move |reader| find(&asking, reader, &target));
    let found = read.await?;
    let view = ConnectionView::of(&found.connection).with_ages(&found.ages);
    let body = body(&request, &found, &view, &live_of);
    Ok(request.page(&title_of(&view), Section::Connections, &body))
}

fn find(
    request: &PageRequest,
    reader: &Reader<'_>,
    target: &ConnectionRef,
) -> Result<ConnectionData, QueryError> {
    let connection = reader.connection(target)?;
    let id = connection.id.to_string();
    let home = Subject::Connection(&connection.workspace, &connection.details);
    let audits = request.caller.may(Scope::Audit, home);
    let uptime = UptimeQuery {
        connection: Some(id.clone()),
        since: Some(format!("{PLOT_DAYS}d")),
        steps: Some(PLOT_DAYS * 2),
        ..UptimeQuery::default()
    };
    let leases = LeasesQuery { connection: Some(id.clone()), ..LeasesQuery::default() };
    Ok(ConnectionData {
        ages: reader.ages(&connection),
        why: reader.why(&WhyQuery { connection: id.clone() })?,
        rotation: reader.rotation(&RotationQuery { connection: id.clone() })?,
        uptime: reader.uptime(&uptime)?,
        leases: if audits { Some(reader.leases(&leases)?) } else { None },
        activity: if audits { Some(Activity::find(reader, &id, request.now())?) } else { None },
        denied: actions::denied(request, reader, &connection)?,
        connection,
    })
}

fn body(
    request: &PageRequest,
    found: &ConnectionData,
    view: &ConnectionView<'_>,
    live_of: &Live,
) -> Markup {
    let now = request.now();
    let path = path_of(&view.workspace, &view.id);
    html! {
        (crumbs(&[("/connections", "Connections")]))
        (head::done(request))
        (live(live_of, &html! {
            (head::head(request, found, view, &path))
            div.columns {
                div {
                    (head::health(request, found, &path, now))
                    (secrets::secrets(request, view, &path, now))
                    (consumers::consumers(request, found, &path, now))
                    (facts::settings(view, request.catalogue()))
                    (activity::plots(found))
                    (activity::latest(request, found, &path, now))
                }
                aside aria-label="Facts" { (facts::facts(request, found, view, &path, now)) }
            }
        }))
    }
}
