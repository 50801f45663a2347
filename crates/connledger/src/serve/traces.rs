//! Traces: whether spans are made, of how many commands, and where they are sent.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::Args;
use ledger_engine::Engine;
use ledger_metrics::{Measure, Page, table};
use ledger_outgoing::{Authorities, Proof, Url, tls_config};
use ledger_spans::{Counts, Queue, TARGET};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use tracing_subscriber::filter::{LevelFilter, Targets};

use crate::failure::Failure;

/// Where a collector takes spans, below its address.
const PATH: &str = "v1/traces";
/// How long a collector may take for what is sent to it at once.
const SEND_TIME: Duration = Duration::from_secs(5);

/// The flags of traces.
#[derive(Debug, Args)]
#[command(next_help_heading = "Traces")]
#[expect(clippy::struct_field_names, reason = "OpenTelemetry has these names")]
pub(crate) struct TraceArgs {
    /// Collector to which spans of commands are sent, by OTLP in protobuf over HTTP, such as
    /// http://127.0.0.1:4318; /v1/traces is added. Without it there are none. Headers for it are in
    /// the variable OTEL_EXPORTER_OTLP_HEADERS
    #[arg(
        long,
        env = "OTEL_EXPORTER_OTLP_ENDPOINT",
        hide_env_values = true,
        value_parser = endpoint,
        value_name = "URL"
    )]
    otel_exporter_otlp_endpoint: Option<Url>,
    /// Part of the commands that have spans, from 0 to 1. A command that comes with a place in a
    /// trace has spans if that says so
    #[arg(
        long,
        env = "OTEL_TRACES_SAMPLER_ARG",
        default_value_t = 1.0,
        value_parser = ratio,
        value_name = "RATIO"
    )]
    otel_traces_sampler_arg: f64,
    /// Name of this server in traces
    #[arg(long, env = "OTEL_SERVICE_NAME", default_value = "connledger", value_name = "NAME")]
    otel_service_name: String,
}

fn endpoint(text: &str) -> Result<Url, String> {
    let wanted =
        || "must be like http://127.0.0.1:4318 or https://collector.example.com".to_owned();
    let url: Url = text.parse().map_err(|_| wanted())?;
    let is_good = ["http", "https"].contains(&url.scheme()) && url.has_host();
    if is_good && url.query().is_none() { Ok(url) } else { Err(wanted()) }
}

fn ratio(text: &str) -> Result<f64, &'static str> {
    let ratio: f64 = text.parse().map_err(|_| "must be a number from 0 to 1")?;
    if (0.0..=1.0).contains(&ratio) { Ok(ratio) } else { Err("must be a number from 0 to 1") }
}

/// What makes spans and sends them.
#[derive(Debug)]
pub(super) struct Traces {
    provider: SdkTracerProvider,
    measured: Arc<Measured>,
}

#[derive(Debug)]
struct Measured(Arc<Counts>);

impl Measure for Measured {
    fn measure(&self, page: &mut Page) {
        let Counts { exported, dropped, failed } = &*self.0;
        for (outcome, count) in [("exported", exported), ("dropped", dropped), ("failed", failed)] {
            page.count(table::SPANS, &[outcome], count.load(Ordering::Relaxed));
        }
    }
}

impl Traces {
    /// Prepares to send spans, if a collector is named.
    pub(super) fn of(args: &TraceArgs) -> Result<Option<Self>, Failure> {
        let Some(url) = &args.otel_exporter_otlp_endpoint else { return Ok(None) };
        let counts = Arc::new(Counts::default());
        let queue = Queue::new(exporter(url.clone())?, Arc::clone(&counts));
        let resource = Resource::builder_empty()
            .with_service_name(args.otel_service_name.clone())
            .with_attribute(opentelemetry::KeyValue::new(
                "service.version",
                env!("CARGO_PKG_VERSION"),
            ))
            .build();
        let sampled = Sampler::TraceIdRatioBased(args.otel_traces_sampler_arg);
        let provider = SdkTracerProvider::builder()
            .with_sampler(Sampler::ParentBased(Box::new(sampled)))
            .with_resource(resource)
            .with_span_processor(queue)
            .build();
        Ok(Some(Self { provider, measured: Arc::new(Measured(counts)) }))
    }

    /// Returns what makes spans of the program those of a trace.
    pub(super) fn tracer(&self) -> SdkTracer {
        self.provider.tracer("connledger")
    }

    /// Shows on the page of metrics what becomes of spans.
    pub(super) fn measure(&self, engine: &Engine) {
        let measured = Arc::downgrade(&self.measured);
        engine.metrics().add(measured);
    }

    /// Sends what is left, for a few seconds at most. Blocks.
    pub(super) fn finish(self) {
        if let Err(error) = self.provider.shutdown() {
            tracing::debug!(%error, "spans are left unsent");
        }
    }
}

/// Returns the filter by which only spans of commands are those of a trace.
pub(super) fn only_spans() -> Targets {
    Targets::new().with_target(TARGET, LevelFilter::TRACE)
}

fn exporter(mut url: Url) -> Result<SpanExporter, Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::usage(format!("--otel-exporter-otlp-endpoint: {error}"))
    };
    let path = format!("{}/{PATH}", url.path().trim_end_matches('/'));
    url.set_path(&path);
    let tls = tls_config(&Authorities::of_system(), Proof::Name).map_err(|error| failed(&error))?;
    // A client that blocks must not be made where tasks run.
    let made = std::thread::spawn(move || {
        let client = reqwest::blocking::Client::builder().timeout(SEND_TIME);
        // Headers with keys go to the collector alone.
        let client = client.redirect(reqwest::redirect::Policy::none()).no_proxy();
        client.tls_backend_preconfigured(tls).build()
    });
    let made = made.join().map_err(|_| Failure::internal("no client for the collector"))?;
    let client = made.map_err(|error| failed(&error))?;
    SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(url.as_str())
        .with_timeout(SEND_TIME)
        .build()
        .map_err(|error| failed(&error))
}
