//! `ledger-bench`: measures every row of the performance table in one run.
//!
//! Each row is measured together with its reference, by this program, on the same machine and
//! within minutes of each other, so that the ratio means something whatever the machine is. What
//! the rows mean is told in README.md beside this package.
//!
//! Read first: [`rows`] (what is measured), [`ground::Ground`] (the folders and processes the rows
//! share), [`row::Measured`] (what a row yields).

mod cli;
mod failure;
mod output;
mod row;
mod scale;

mod ground;
mod ledger;
mod load;
mod login;
mod rows;

mod clients;
mod cluster;
mod echo;
mod flight;
mod provider;
mod server;
mod wire;

mod disk;
mod raw;
mod soak;
mod times;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;

use crate::cli::{Cli, Task};
use crate::failure::Outcome;
use crate::ground::Ground;
use crate::output::Output;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    // As the program does.
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_thp_disable(true).ok();
    let cli = Cli::parse();
    let done = match cli.task {
        Some(Task::Echo) => echo::serve().await.map(|()| true),
        Some(Task::Soak { minutes }) => soak(cli, minutes).await,
        None => run(cli).await,
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            output::say(format!("error: {failure}"));
            ExitCode::FAILURE
        }
    }
}

/// Runs the soak; tells whether nothing grew.
async fn soak(cli: Cli, minutes: u64) -> Outcome<bool> {
    let ground = Ground::new(cli)?;
    let steady = soak::run(&ground, Duration::from_mins(minutes)).await;
    ground.close().await?;
    steady
}

/// Measures the rows asked for; tells whether all of them could be.
async fn run(cli: Cli) -> Outcome<bool> {
    let output = Output::new(cli.json);
    let names = cli.rows();
    let mut ground = Ground::new(cli)?;
    let mut measured = Vec::new();
    let mut complete = true;
    for name in names {
        output::say(format!("{name}: measuring"));
        match rows::measure(name, &mut ground).await {
            Ok(row) => {
                let row = ground.sizes().qualify(row);
                output.row(&row)?;
                measured.push(row);
            }
            Err(failure) => {
                complete = false;
                output::say(format!("{name}: not measured: {failure}"));
            }
        }
    }
    ground.close().await?;
    output.table(&measured)?;
    Ok(complete)
}
