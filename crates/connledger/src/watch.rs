//! `watch`: follows connections as a gateway does.

use clap::Args;
use futures::StreamExt as _;
use ledger_client::{Notice, ResumePoint, WatchItem, WatchScope};
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
order and exactly once. Starts anew with the current states if the ledger was restored, or if the
changes are no longer in the event stream, and says so.

--json names with every notification its position and the incarnation of the ledger's history. A
position alone is compared with the end of the log only; POSITION@INCARNATION is refused if the
ledger was restored since.

Examples:
  connledger watch
  connledger watch --all-workspaces --json
  connledger watch --after 1042        continue after a known position
  connledger watch --after 1042@018f3c1e-7d1a-7e39-8c0f-5d1b2a3c4d5e")]
pub(crate) struct WatchArgs {
    /// Continue after this position, without the initial state
    #[arg(long, value_name = "POSITION[@INCARNATION]", value_parser = resume_point)]
    after: Option<ResumePoint>,
    /// Exit after the initial state
    #[arg(long, conflicts_with = "after")]
    once: bool,
    /// Follow all workspaces
    #[arg(long, short = 'A')]
    all_workspaces: bool,
}

fn resume_point(text: &str) -> Result<ResumePoint, String> {
    ResumePoint::parse("after", text).map_err(|invalid| invalid.problem)
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
    CaughtUp { position: u64, resume_after: ResumePoint },
    Change { notification: &'a RawValue },
    Interrupted { reason: &'a str },
    Resumed,
    Restarted { cause: &'a str, reason: String },
}

fn show(out: Output, item: &WatchItem) -> Result<(), Failure> {
    if out.is_json() {
        return match item {
            WatchItem::Initial(notice) => out.object(&Line::Initial { notification: raw(notice)? }),
            WatchItem::Change(notice) => out.object(&Line::Change { notification: raw(notice)? }),
            WatchItem::CaughtUp { point } => {
                let position = point.position.get();
                out.object(&Line::CaughtUp { position, resume_after: *point })
            }
            WatchItem::Interrupted { reason } => out.object(&Line::Interrupted { reason }),
            WatchItem::Resumed => out.object(&Line::Resumed),
            WatchItem::Restarted { reason } => {
                let (cause, reason) = (reason.as_str(), reason.to_string());
                out.object(&Line::Restarted { cause, reason })
            }
            _ => Ok(()),
        };
    }
    match item {
        WatchItem::Initial(notice) => out.line(format!("initial  {}", notice.summary())),
        WatchItem::Change(notice) => out.line(format!("change   {}", notice.summary())),
        WatchItem::CaughtUp { point } => {
            let position = point.position;
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
        WatchItem::Restarted { reason } => {
            let cause = reason.as_str();
            out.say(format!("starting anew: {reason} [{cause}]; the current states follow"));
            Ok(())
        }
        _ => Ok(()),
    }
}

fn raw(notice: &Notice) -> Result<&RawValue, Failure> {
    serde_json::from_slice(notice.json())
        .map_err(|error| Failure::internal(format!("a notification cannot be read: {error}")))
}
