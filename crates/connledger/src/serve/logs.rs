//! Log lines on standard error.

use tracing_subscriber::EnvFilter;

use super::ServeArgs;
use super::args::LogFormat;
use crate::failure::Failure;
use crate::output::Output;

/// Silences the NATS client at `info`, because the bus logs the same events itself.
const QUIET: &str = "async_nats=warn";

/// Starts writing log lines, which are JSON if all output is.
pub(super) fn install(args: &ServeArgs, out: Output) -> Result<(), Failure> {
    let filter = format!("{QUIET},{}", args.log);
    let filter =
        EnvFilter::try_new(filter).map_err(|error| Failure::usage(format!("--log: {error}")))?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false);
    let format = if out.is_json() { LogFormat::Json } else { args.log_format };
    let installed = match format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    installed.map_err(|error| Failure::internal(format!("cannot write log lines: {error}")))
}
