//! The whole product at work, for someone who sees it for the first time.
//!
//! Everything is real: a server process of its own with a real nats-server, the commands of the
//! `connledger` program, a gateway that watches. Every step is checked; the first surprise ends it.
//!
//! Not here: the program itself, which is run as a process and known by its path alone.
//!
//! Read first: [`run`], `stage.rs` (what all acts work with), `acts` (the story).

mod acts;
mod error;
mod fleet;
mod gateway;
mod ledger;
mod options;
mod output;
mod scan;
mod secrets;
mod server;
mod shell;
mod stage;

use std::path::Path;

pub use error::DemoError;
pub use options::{CONNECTIONS_MIN, DemoOptions};

use output::say;
use stage::Stage;

/// Runs the demo in a temporary folder, and tells its story on standard output.
///
/// The folder is kept, and named on standard error, when the options ask for it or the demo fails.
pub async fn run(options: &DemoOptions) -> Result<(), DemoError> {
    let folder =
        tempfile::Builder::new().prefix("connledger-demo-").tempdir().map_err(DemoError::Folder)?;
    let done = Box::pin(play(folder.path(), options)).await;
    let failed = done.as_ref().is_err_and(|error| !error.is_broken_pipe());
    if options.keep || failed {
        let kept = folder.keep();
        let data = kept.join("data");
        say(format!("kept: {}", kept.display()));
        if done.is_ok() {
            say(format!("serve it again: connledger serve --dev --data-dir {}", data.display()));
        }
    }
    done
}

async fn play(folder: &Path, options: &DemoOptions) -> Result<(), DemoError> {
    let mut stage = Stage::raise(folder, options).await?;
    let played = Box::pin(all_acts(&mut stage)).await;
    if let Some(server) = stage.server.take() {
        // An act has failed, which is what to report; the folder must come to rest all the same.
        server.stop().await.ok();
    }
    played?;
    stage::goodbye()
}

async fn all_acts(stage: &mut Stage) -> Result<(), DemoError> {
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
