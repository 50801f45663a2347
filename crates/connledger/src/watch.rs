//! `watch`: follows connections as a gateway does.

use clap::Args;
use futures::StreamExt as _;
use ledger_client::{Notice, WatchItem, WatchScope};
use ledger_contract::queries::ALL_WORKSPACES;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::common::Common;
use crate::failure::Failure;
use crate::output::Output;
use crate::session::Session;

/// Follows connections.
#[derive(Debug, Args)]
#[command(after_help = "\
Ends on Ctrl-C. Survives reconnects and restarts: changes in between are delivered afterwards, in
order and exactly once.

Examples:
  connledger watch
  connledger watch --all-workspaces --json
  connledger watch --after 1042        continue after a known position")]
pub(crate) struct WatchArgs {
    /// Continue after this position, without the initial state
    #[arg(long, value_name = "POSITION")]
    after: Option<u64>,
    /// Exit after the initial state
    #[arg(long, conflicts_with = "after")]
    once: bool,
    /// Follow all workspaces
    #[arg(long, short = 'A')]
    all_workspaces: bool,
}

pub(crate) async fn run(common: &Common, args: &WatchArgs, out: Output) -> Result<(), Failure> {
    let session = Session::open(common, out).await?;
    let scope = match session.workspace.as_str() {
        _ if args.all_workspaces => WatchScope::Everything,
        ALL_WORKSPACES => WatchScope::Everything,
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
        WatchItem::Initial(notice) => out.line(format!("initial  {}", notice.summary())),
        WatchItem::Change(notice) => out.line(format!("change   {}", notice.summary())),
        WatchItem::CaughtUp { position } => {
            out.say(format!("caught up at position {position}; changes follow"));
            Ok(())
        }
        WatchItem::Interrupted { reason } => {
            out.say(format!("interrupted: {reason}; retrying"));
            Ok(())
        }
        WatchItem::Resumed => {
            out.say("resumed");
            Ok(())
        }
        _ => Ok(()),
    }
}

fn raw(notice: &Notice) -> Result<&RawValue, Failure> {
    serde_json::from_slice(notice.json())
        .map_err(|error| Failure::internal(format!("a notification cannot be read: {error}")))
}
