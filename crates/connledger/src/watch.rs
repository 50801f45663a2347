//! `watch`: what a gateway sees.

use clap::Args;
use futures::StreamExt as _;
use ledger_client::{Notice, WatchItem, WatchScope};
use ledger_contract::reply::Notification;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::common::Common;
use crate::failure::Failure;
use crate::output::{Output, say};
use crate::questions::EVERY_WORKSPACE;
use crate::session::Session;

/// Follows connections.
#[derive(Debug, Args)]
#[command(after_help = "\
Ends on Ctrl-C. Goes on over reconnects and restarts; what happened meanwhile is told then, in
order, each change once.

Examples:
  connledger watch
  connledger watch --all-workspaces --json
  connledger watch --after 1042        go on after a position seen before")]
pub(crate) struct WatchArgs {
    /// Go on after this position, without the initial state
    #[arg(long, value_name = "POSITION")]
    after: Option<u64>,
    /// End when the initial state has been told
    #[arg(long, conflicts_with = "after")]
    once: bool,
    /// Connections of every workspace
    #[arg(long, short = 'A')]
    all_workspaces: bool,
}

pub(crate) async fn run(common: &Common, args: &WatchArgs, out: Output) -> Result<(), Failure> {
    let session = Session::open(common, out).await?;
    let scope = match session.workspace.as_str() {
        _ if args.all_workspaces => WatchScope::Everything,
        EVERY_WORKSPACE => WatchScope::Everything,
        workspace => WatchScope::Workspace(workspace.to_owned()),
    };
    let mut items = session.client.watch(scope, args.after);
    loop {
        let item = tokio::select! {
            item = items.next() => item,
            _ = tokio::signal::ctrl_c() => None,
        };
        let Some(item) = item else {
            return Ok(());
        };
        show(out, &item)?;
        if args.once && matches!(item, WatchItem::CaughtUp { .. }) {
            return Ok(());
        }
    }
}

/// One line of `--json`.
#[derive(Serialize)]
#[serde(tag = "item", rename_all = "snake_case")]
enum Line<'a> {
    Initial { notification: &'a RawValue },
    CaughtUp { position: u64 },
    Change { notification: &'a RawValue },
    Interrupted { reason: &'a str },
    Resumed,
}

fn show(out: Output, item: &WatchItem) -> Result<(), Failure> {
    if out.is_json() {
        return match item {
            WatchItem::Initial(notice) => out.object(&Line::Initial { notification: raw(notice)? }),
            WatchItem::Change(notice) => out.object(&Line::Change { notification: raw(notice)? }),
            WatchItem::CaughtUp { position } => out.object(&Line::CaughtUp { position: *position }),
            WatchItem::Interrupted { reason } => out.object(&Line::Interrupted { reason }),
            WatchItem::Resumed => out.object(&Line::Resumed),
            _ => Ok(()),
        };
    }
    match item {
        WatchItem::Initial(notice) => out.line(format!("initial  {}", describe(notice))),
        WatchItem::Change(notice) => out.line(format!("change   {}", describe(notice))),
        WatchItem::CaughtUp { position } => {
            say(format!("caught up at position {position}; changes follow"));
            Ok(())
        }
        WatchItem::Interrupted { reason } => {
            say(format!("interrupted: {reason}; trying on"));
            Ok(())
        }
        WatchItem::Resumed => {
            say("resumed");
            Ok(())
        }
        _ => Ok(()),
    }
}

fn raw(notice: &Notice) -> Result<&RawValue, Failure> {
    serde_json::from_slice(notice.json())
        .map_err(|error| Failure::internal(format!("a notification cannot be read: {error}")))
}

/// What a line for people says of a record.
#[derive(Deserialize)]
struct Outline {
    #[serde(rename = "type")]
    event_type: String,
    actor: String,
}

/// Tells a notification in one line.
pub(crate) fn describe(notice: &Notice) -> String {
    let position = notice.position;
    match notice.notification() {
        Ok(notification) => format!("{position:>6}  {}", outline(&notification)),
        Err(error) => format!("{position:>6}  cannot be read: {error}"),
    }
}

fn outline(notification: &Notification<'_>) -> String {
    let event: Result<Outline, _> = serde_json::from_str(notification.event.get());
    let (event_type, actor) = match &event {
        Ok(event) => (event.event_type.as_str(), event.actor.as_str()),
        Err(_) => ("(unknown)", "?"),
    };
    let Some(view) = &notification.connection else {
        return format!("{event_type:<22}  by {actor}");
    };
    let state = match (view.lifecycle.as_ref(), view.enabled) {
        ("archived", _) => "archived",
        (_, true) => "enabled",
        (_, false) => "disabled",
    };
    let (workspace, slug, version) = (&view.workspace, &view.slug, view.version);
    let health = &view.health.state;
    format!("{event_type:<22}  {workspace}/{slug}  v{version}  {state}, {health}  by {actor}")
}
