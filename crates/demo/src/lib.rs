//! The demo: a tour of the whole product for a first-time user.
//!
//! Everything is real: a separate server process with a nats-server, the commands of the
//! `connledger` program, and a gateway that watches. Every step is checked, and the first failed
//! check ends the demo.
//!
//! Not here: the program itself, which is run as a process and known only by its path.
//!
//! Read first: [`run`], `context.rs` (the shared state), `steps` (the steps in order).
//!
//! # Invariants
//!
//! - Every connection that the demo creates is a valid `create` command with a unique slug
//!   (test: `every_body_is_a_valid_create_command_with_a_unique_slug`).

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

/// Runs the demo in a temporary folder, and narrates it on standard output.
///
/// The folder is kept, and named on standard error, if the options say so or the demo fails.
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
            say(format!("to serve it again: connledger serve --dev --data-dir {}", data.display()));
        }
    }
    done
}

async fn run_in(folder: &Path, options: &DemoOptions) -> Result<(), DemoError> {
    let mut context = Context::start(folder, options).await?;
    let done = Box::pin(all_steps(&mut context)).await;
    if let Some(server) = context.server.take() {
        // The failed step is reported, but the server must release the folder all the same.
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
