//! The listener for metrics alone.

use axum::Router;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use clap::Args;
use ledger_contract::errors::Problem;
use ledger_engine::Engine;
use ledger_http::metrics_page;
use ledger_http_server::request_id::RequestId;
use ledger_http_server::{Accepts, ListenOptions, Listener, Prepared, answer, is_loopback};

use super::http::{HttpArgs, Listen, failure, listen};
use crate::failure::Failure;

/// The flags of metrics.
#[derive(Debug, Args)]
#[command(next_help_heading = "Metrics")]
pub(crate) struct MetricsArgs {
    /// Address to serve /metrics on alone, to anyone, besides /metrics at --listen; port 0 picks a
    /// free one. Metrics have no secrets and no names of connections or workspaces. With TLS if
    /// --tls-cert is given
    #[arg(
        long,
        env = "CONNLEDGER_METRICS_LISTEN",
        default_value = "off",
        value_parser = listen,
        value_name = "ADDRESS"
    )]
    pub(crate) metrics_listen: Listen,
}

/// Checks the flag and reads the certificates. Returns nothing if there is no such listener.
pub(super) fn prepare(
    args: &MetricsArgs,
    http: &HttpArgs,
    dev: bool,
) -> Result<Option<Prepared>, Failure> {
    let Listen::On(address) = args.metrics_listen else { return Ok(None) };
    if dev && !is_loopback(address.ip()) {
        return Err(Failure::usage(format!(
            "--dev is for this machine only, and --metrics-listen {address} is open to others"
        )));
    }
    let mut options = ListenOptions::new(address, Accepts::new(|_| false));
    options.public = true;
    options.tls = http.tls_files();
    options.prepare().map(Some).map_err(|error| failure(&error))
}

/// Starts to listen.
pub(super) async fn start(prepared: Prepared, engine: &Engine) -> Result<Listener, Failure> {
    let measured = engine.clone();
    let page = move || {
        let engine = measured.clone();
        async move { metrics_page(&engine).await.unwrap_or_else(|problem| failed(&problem)) }
    };
    let routes = Router::new().route("/metrics", get(page));
    prepared.open(routes).await.map_err(|error| failure(&error))
}

fn failed(problem: &Problem) -> Response {
    answer::problem(problem, &RequestId::of(&axum::http::HeaderMap::new())).into_response()
}
