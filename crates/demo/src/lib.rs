//! The whole product at work, for someone who sees it for the first time.
//!
//! Everything is real: a server process of its own with a real nats-server, the commands of the
//! `connledger` program, a gateway that watches. Every step is checked; the first surprise ends it.
//!
//! Not here: the program itself, which is run as a process and known by its path alone.
//!
//! Read first: [`run`], `context.rs` (what all steps work with), `steps` (the story).
//!
//! # Invariants
//!
//! - Every connection that the demo makes is a valid `create` command with a slug of its own
//!   (test: `every_body_is_a_good_create_command_with_a_slug_of_its_own`).

mod context;
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
mod steps;

use std::path::Path;

pub use error::DemoError;
pub use options::{CONNECTIONS_MIN, DemoOptions};

use context::Context;
use output::say;

/// Runs the demo in a temporary folder, and tells its story on standard output.
///
/// The folder is kept, and named on standard error, when the options ask for it or the demo fails.
pub async fn run(options: &DemoOptions) -> Result<(), DemoError> {
    let folder =
        tempfile::Builder::new().prefix("connledger-demo-").tempdir().map_err(DemoError::Folder)?;
    let done = Box::pin(run_in(folder.path(), options)).await;
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

async fn run_in(folder: &Path, options: &DemoOptions) -> Result<(), DemoError> {
    let mut context = Context::start(folder, options).await?;
    let done = Box::pin(all_steps(&mut context)).await;
    if let Some(server) = context.server.take() {
        // A step has failed, which is what to report; the folder must come to rest all the same.
        server.stop().await.ok();
    }
    done?;
    context::goodbye()
}

async fn all_steps(context: &mut Context) -> Result<(), DemoError> {
    steps::fleet::watch_and_load(context).await?;
    steps::life::rotate_a_secret(context).await?;
    steps::life::degrade_and_recover(context).await?;
    steps::life::archive_and_restore(context).await?;
    steps::refusals::stale_version(context).await?;
    steps::refusals::same_command_twice(context).await?;
    steps::questions::list_with_filters(context).await?;
    steps::questions::history_by_actor(context).await?;
    steps::access::one_workspace_and_no_more(context).await?;
    steps::recovery::kill_and_restart(context).await?;
    steps::recovery::replay(context).await?;
    steps::recovery::stop_and_look_for_secrets(context).await
}
