//! Log lines on standard error.

use tracing_subscriber::EnvFilter;

use super::ServeArgs;
use super::args::LogFormat;
use crate::failure::Failure;

/// Silences the NATS client at `info`, because the bus logs the same events itself.
const QUIET: &str = "async_nats=warn";

/// Starts writing log lines.
pub(super) fn install(args: &ServeArgs) -> Result<(), Failure> {
    let filter = format!("{QUIET},{}", args.log);
    let filter =
        EnvFilter::try_new(filter).map_err(|error| Failure::usage(format!("--log: {error}")))?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false);
    let installed = match args.log_format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    installed.map_err(|error| Failure::internal(format!("cannot write log lines: {error}")))
}
