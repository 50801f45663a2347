//! `demo`: a tour of the whole product for a first-time user.

use clap::Args;
use ledger_demo::{CONNECTIONS_MIN, DemoError, DemoOptions};

use crate::failure::Failure;
use crate::output::Output;

/// Demonstrates the whole product in a temporary folder.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger demo
  connledger demo --keep                  keep the ledger for experiments
  connledger demo --connections 5000")]
pub(crate) struct DemoArgs {
    /// Keep the folder after the demo
    #[arg(long)]
    keep: bool,
    /// How many connections to load, at least 44
    #[arg(long, default_value_t = 52, value_name = "NUMBER")]
    connections: usize,
}

pub(crate) async fn run(args: &DemoArgs, out: Output) -> Result<(), Failure> {
    out.refuse_json("the demo")?;
    if args.connections < CONNECTIONS_MIN {
        return Err(Failure::usage(format!("--connections must be at least {CONNECTIONS_MIN}")));
    }
    let program = std::env::current_exe().map_err(|error| {
        Failure::internal(format!("cannot find this program's own path: {error}"))
    })?;
    let options = DemoOptions { program, connections: args.connections, keep: args.keep };
    ledger_demo::run(&options).await.map_err(Failure::from)
}

impl From<DemoError> for Failure {
    fn from(error: DemoError) -> Self {
        let text = error.to_string();
        let failure = match error {
            DemoError::Folder(_) => return Self::internal(text),
            DemoError::Unexpected(_) => Self::refused(text),
            DemoError::Unavailable(_) => Self::unavailable(text),
            DemoError::Client(error) => error.into(),
            DemoError::Output(error) => Self::from_stdout(&error),
            _ => Self::internal(text),
        };
        failure.hint("the demo did not finish; its folder is kept")
    }
}
