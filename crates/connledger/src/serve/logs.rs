//! Log lines on standard error.

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, Registry, fmt, reload};

use super::ServeArgs;
use super::args::LogFormat;
use super::traces::{Traces, only_spans};
use crate::failure::Failure;
use crate::output::Output;

/// Silences the NATS client at `info`, because the bus logs the same events itself, and spans,
/// which are for traces.
const QUIET: &str = "async_nats=warn,ledger_spans=off,ledger_spans::queue=warn";

/// The log lines, whose filter can be changed.
#[derive(Debug)]
pub(super) struct Logs(reload::Handle<EnvFilter, Registry>);

impl Logs {
    /// Shows what a filter says from now on.
    pub(super) fn set(&self, text: &str) -> Result<(), Failure> {
        let filter = filter(text)?;
        self.0.reload(filter).map_err(|error| Failure::internal(error.to_string()))
    }
}

/// Reads a filter.
pub(super) fn filter(text: &str) -> Result<EnvFilter, Failure> {
    let filter = EnvFilter::try_new(format!("{QUIET},{text}"));
    filter.map_err(|error| Failure::usage(format!("--log: {error}")))
}

/// Starts writing log lines, which are JSON if all output is.
pub(super) fn install(
    args: &ServeArgs,
    traces: Option<&Traces>,
    out: Output,
) -> Result<Logs, Failure> {
    let (filter, handle) = reload::Layer::new(filter(&args.log)?);
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    let format = if out.is_json() { LogFormat::Json } else { args.log_format };
    let lines = match format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let spans = traces.map(|traces| {
        let layer = tracing_opentelemetry::layer().with_tracer(traces.tracer());
        let layer = layer.with_location(false).with_threads(false).with_tracked_inactivity(false);
        layer.with_filter(only_spans())
    });
    let installed =
        tracing_subscriber::registry().with(lines.with_filter(filter)).with(spans).try_init();
    installed.map_err(|error| Failure::internal(format!("cannot write log lines: {error}")))?;
    Ok(Logs(handle))
}
