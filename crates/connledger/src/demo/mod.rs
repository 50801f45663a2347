//! `demo`: the whole product at work, for someone who sees it for the first time.
//!
//! Everything is real: a server process of its own with a real nats-server, this program's own
//! commands, a gateway that watches. Every step is checked; the first surprise ends it.

mod acts;
mod fleet;
mod gateway;
mod scan;
mod secrets;
mod server;
mod shell;
mod stage;

use clap::Args;

use crate::failure::Failure;
use crate::output::say;
use stage::Stage;

/// Fewest connections the demo works with.
const CONNECTIONS_MIN: usize = 44;

/// Shows the whole product at work in a temporary folder.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger demo
  connledger demo --keep                  leave the ledger in place, to try things on it
  connledger demo --connections 5000")]
pub(crate) struct DemoArgs {
    /// Keep the folder afterwards
    #[arg(long)]
    keep: bool,
    /// How many connections to load, at least 44
    #[arg(long, default_value_t = 52, value_name = "NUMBER")]
    connections: usize,
}

pub(crate) async fn run(args: &DemoArgs) -> Result<(), Failure> {
    if args.connections < CONNECTIONS_MIN {
        return Err(Failure::usage(format!("--connections must be at least {CONNECTIONS_MIN}")));
    }
    let folder = tempfile::Builder::new()
        .prefix("connledger-demo-")
        .tempdir()
        .map_err(|error| Failure::internal(format!("cannot make a temporary folder: {error}")))?;
    let done = Box::pin(play(folder.path(), args.connections)).await;
    let failed = done.as_ref().is_err_and(|failure| !failure.is_broken_pipe());
    if args.keep || failed {
        let kept = folder.keep();
        let data = kept.join("data");
        say(format!("kept: {}", kept.display()));
        if done.is_ok() {
            say(format!("serve it again: connledger serve --dev --data-dir {}", data.display()));
        }
    }
    done.map_err(|failure| failure.hint("the demo did not go as it should; its folder is kept"))
}

async fn play(folder: &std::path::Path, connections: usize) -> Result<(), Failure> {
    let mut stage = Stage::raise(folder, connections).await?;
    let played = Box::pin(all_acts(&mut stage)).await;
    if let Some(server) = stage.server.take() {
        // An act has failed, which is what to report; the folder must come to rest all the same.
        server.stop().await.ok();
    }
    played?;
    stage::goodbye()
}

async fn all_acts(stage: &mut Stage) -> Result<(), Failure> {
    acts::fleet::watch_and_load(stage).await?;
    acts::life::rotate_a_secret(stage).await?;
    acts::life::degrade_and_recover(stage).await?;
    acts::life::archive_and_restore(stage).await?;
    acts::refusals::stale_version(stage).await?;
    acts::refusals::same_command_twice(stage).await?;
    acts::questions::list_with_filters(stage).await?;
    acts::questions::history_by_actor(stage).await?;
    acts::access::one_workspace_and_no_more(stage).await?;
    acts::recovery::kill_and_restart(stage).await?;
    acts::recovery::replay(stage).await?;
    acts::recovery::stop_and_look_for_secrets(stage).await
}
