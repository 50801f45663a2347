//! Traces: a collector on loopback, which reads what is sent to it as others do.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::post;
use futures::StreamExt as _;
use ledger_client::CommandHeaders;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind, status::StatusCode as Status};
use prost::Message as _;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, Semaphore};

use crate::canary::{secret, sings};
use crate::http::door;
use crate::service::{Service, nats_client};
use crate::wait::eventually;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// What a collector received.
#[derive(Debug, Default)]
struct Received {
    spans: Vec<Span>,
    services: Vec<String>,
    bodies: Vec<Bytes>,
}

/// A collector, which answers while it has permits.
#[derive(Clone, Debug)]
struct Collector {
    received: Arc<Mutex<Received>>,
    answers: Arc<Semaphore>,
    url: String,
}

impl Collector {
    async fn start(answers: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let answers = Arc::new(Semaphore::new(answers));
        let collector = Self { received: Arc::default(), answers, url };
        let receiving = collector.clone();
        let routes = Router::new().route(
            "/v1/traces",
            post(move |body: Bytes| {
                let collector = receiving.clone();
                async move { collector.take(body).await }
            }),
        );
        tokio::spawn(async move { axum::serve(listener, routes).await.expect("it serves") });
        collector
    }

    async fn take(&self, body: Bytes) -> (StatusCode, Vec<u8>) {
        let permit = self.answers.acquire().await.expect("it is open");
        drop(permit);
        let Ok(request) = ExportTraceServiceRequest::decode(body.clone()) else {
            return (StatusCode::BAD_REQUEST, Vec::new());
        };
        let mut received = self.received.lock().await;
        received.bodies.push(body);
        for of_resource in request.resource_spans {
            let attributes = of_resource.resource.into_iter().flat_map(|one| one.attributes);
            received.services.extend(
                attributes.filter(|one| one.key == "service.name").map(|one| format!("{one:?}")),
            );
            received.spans.extend(of_resource.scope_spans.into_iter().flat_map(|one| one.spans));
        }
        (StatusCode::OK, ExportTraceServiceResponse::default().encode_to_vec())
    }

    /// Returns the spans of a trace, by name, once there are all of these.
    async fn spans(&self, trace: &str, names: &[&str]) -> BTreeMap<String, Span> {
        eventually("the spans arrive", async || {
            let received = self.received.lock().await;
            let of_trace = received.spans.iter().filter(|span| hex(&span.trace_id) == trace);
            let spans: BTreeMap<String, Span> =
                of_trace.map(|span| (span.name.clone(), span.clone())).collect();
            names.iter().all(|name| spans.contains_key(*name)).then_some(spans)
        })
        .await
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

async fn metric(service: &Service, series: &str) -> f64 {
    let answer = door::client().get(format!("{}/metrics", service.http_url())).send().await;
    let text = answer.expect("an answer").text().await.expect("a body");
    let line = text.lines().find(|line| line.starts_with(series));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_has_spans_from_the_door_to_the_stream_within_the_trace_of_its_sender() {
    let collector = Collector::start(Semaphore::MAX_PERMITS).await;
    let args = ["--nats", "managed", "--otel-exporter-otlp-endpoint", &collector.url];
    let mut service = Service::start(&args).await;
    let nats = nats_client(&service).await;
    let mut events = nats.subscribe("ledger.events.>").await.expect("subscribed");
    nats.flush().await.expect("NATS is there");
    let body = json!({"slug": "main", "provider": "openai", "secrets": {"api_key": secret(1)}});
    let headers = CommandHeaders {
        traceparent: Some(format!("00-{TRACE}-{PARENT}-01")),
        ..CommandHeaders::with_id("c-1".to_owned())
    };
    let client = service.client().await;
    let made = client.command("default", "create", body.to_string().into_bytes(), headers).await;
    made.expect("accepted");

    let spans = collector.spans(TRACE, &["create", "decide", "commit", "publish"]).await;
    let (command, publish) = (&spans["create"], &spans["publish"]);
    assert_eq!(hex(&command.parent_span_id), PARENT, "{command:?}");
    assert_eq!(command.kind(), SpanKind::Server);
    assert_eq!(publish.kind(), SpanKind::Producer);
    for part in ["decide", "commit", "publish"] {
        assert_eq!(spans[part].parent_span_id, command.span_id, "{part}");
        assert!(spans[part].start_time_unix_nano >= command.start_time_unix_nano, "{part}");
        assert!(spans[part].end_time_unix_nano >= spans[part].start_time_unix_nano, "{part}");
    }
    let message = loop {
        let message = events.next().await.expect("an event");
        let headers = message.headers.clone().expect("headers");
        if headers.get("traceparent").is_some() {
            break headers;
        }
    };
    let told = message.get("traceparent").expect("there").as_str().to_owned();
    assert_eq!(told, format!("00-{TRACE}-{}-01", hex(&publish.span_id)));

    let url = format!("{}/api/v1/workspaces/default/connections", service.http_url());
    let trace = TRACE.replace("4bf9", "5bf9");
    let refused = door::client().post(url).bearer_auth(service.key());
    let refused = refused.header("traceparent", format!("00-{trace}-{PARENT}-01"));
    let refused = door::with_body(refused, &body).send().await.expect("an answer");
    assert_eq!(refused.status().as_u16(), 409);
    let spans = collector.spans(&trace, &["create", "decide"]).await;
    let status = spans["create"].status.as_ref().expect("a status");
    assert_eq!(status.code(), Status::Error);
    let attributes = format!("{:?}", spans["create"].attributes);
    assert!(attributes.contains("slug_taken"), "{attributes}");

    assert!(service.stop().await.success(), "{}", service.log());
    let received = collector.received.lock().await;
    assert!(received.services.iter().any(|service| service.contains("connledger")));
    assert!(received.bodies.iter().all(|body| !sings(body)), "no secret is sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_sampled_is_not_sent() {
    let collector = Collector::start(Semaphore::MAX_PERMITS).await;
    let args = ["--nats", "off", "--otel-exporter-otlp-endpoint", &collector.url];
    let mut service =
        Service::start(&[&args[..], &["--otel-traces-sampler-arg", "0"]].concat()).await;
    for number in 0..20 {
        service.create("/workspaces", &json!({"name": format!("w-{number}")})).await;
    }
    let url = format!("{}/api/v1/workspaces", service.http_url());
    let sampled = door::client().post(url).bearer_auth(service.key());
    let sampled = sampled.header("traceparent", format!("00-{TRACE}-{PARENT}-01"));
    let made = door::with_body(sampled, &json!({"name": "sampled"})).send().await.expect("sent");
    assert_eq!(made.status().as_u16(), 201);
    collector.spans(TRACE, &["create-workspace"]).await;
    assert!(service.stop().await.success(), "{}", service.log());
    let received = collector.received.lock().await;
    assert!(received.spans.iter().all(|span| hex(&span.trace_id) == TRACE), "{received:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_does_not_answer_slows_nobody() {
    let collector = Collector::start(0).await;
    let args = ["--nats", "off", "--otel-exporter-otlp-endpoint", &collector.url];
    let mut service = Service::start(&args).await;
    let started = Instant::now();
    for number in 0..200 {
        service.create("/workspaces", &json!({"name": format!("w-{number}")})).await;
    }
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
    let ready = metric(&service, "connledger_ready").await;
    assert!(ready > 0.0);
    let failed = eventually("what was not taken is counted", async || {
        let failed = metric(&service, "connledger_spans_total{outcome=\"failed\"}").await;
        (failed > 0.0).then_some(failed)
    });
    failed.await;
    let stopping = Instant::now();
    assert!(service.stop().await.success(), "{}", service.log());
    assert!(stopping.elapsed() < Duration::from_secs(15), "a stop waits for a while only");
    assert!(service.log().contains("the collector takes no spans"), "{}", service.log());
}
