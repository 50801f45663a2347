//! The way of finished spans to a collector: a bounded queue, and a thread that sends.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanExporter, SpanProcessor};

/// Spans that wait. Further ones are dropped.
const WAITING_MAX: usize = 4_096;
/// Spans that are sent together.
const TOGETHER_MAX: usize = 512;
/// How long the first of them waits for others.
const GATHER_TIME: Duration = Duration::from_secs(1);
/// How long a stop waits for what is left to be sent.
const STOP_TIME: Duration = Duration::from_secs(3);

/// What became of finished spans.
#[derive(Debug, Default)]
pub struct Counts {
    /// Spans that a collector took.
    pub exported: AtomicU64,
    /// Spans that were not sent, because too many waited.
    pub dropped: AtomicU64,
    /// Spans that were sent and not taken.
    pub failed: AtomicU64,
}

/// Hands finished spans to a thread that sends them. Never waits.
#[derive(Debug)]
pub struct Queue<E> {
    exporter: Option<E>,
    counts: Arc<Counts>,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    spans: Sender<SpanData>,
    /// Dropped when the process stops; the thread then sends what is left.
    stop: parking_lot::Mutex<Option<Sender<()>>>,
    ended: Receiver<()>,
    _thread: JoinHandle<()>,
}

impl<E: SpanExporter + 'static> Queue<E> {
    /// Creates a queue. Its thread starts with the provider of spans.
    pub fn new(exporter: E, counts: Arc<Counts>) -> Self {
        Self { exporter: Some(exporter), counts, running: None }
    }

    fn start(&mut self) -> Option<Running> {
        let exporter = self.exporter.take()?;
        let (spans, waiting) = bounded(WAITING_MAX);
        let (stop, stopped) = bounded::<()>(0);
        let (ending, ended) = bounded::<()>(0);
        let counts = Arc::clone(&self.counts);
        let work = move || {
            send_all(&exporter, &waiting, &stopped, &counts);
            exporter.shutdown_with_timeout(STOP_TIME).ok();
            drop(ending);
        };
        let thread = std::thread::Builder::new().name("ledger-spans".to_owned()).spawn(work);
        let thread =
            thread.inspect_err(|error| tracing::warn!(%error, "no spans are sent")).ok()?;
        let stop = parking_lot::Mutex::new(Some(stop));
        Some(Running { spans, stop, ended, _thread: thread })
    }
}

impl<E: SpanExporter + 'static> SpanProcessor for Queue<E> {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if !span.span_context.is_sampled() {
            return;
        }
        let sent =
            self.running.as_ref().is_some_and(|running| running.spans.try_send(span).is_ok());
        if !sent {
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        let Some(running) = &self.running else { return Ok(()) };
        drop(running.stop.lock().take());
        // The thread drops the other end when it has sent what is left.
        running.ended.recv_timeout(timeout.min(STOP_TIME)).ok();
        Ok(())
    }

    fn set_resource(&mut self, resource: &Resource) {
        if let Some(exporter) = &mut self.exporter {
            exporter.set_resource(resource);
        }
        self.running = self.start();
    }
}

fn send_all<E: SpanExporter>(
    exporter: &E,
    waiting: &Receiver<SpanData>,
    stopped: &Receiver<()>,
    counts: &Counts,
) {
    let mut complained = false;
    loop {
        let first = crossbeam_channel::select! {
            recv(waiting) -> span => span.ok(),
            recv(stopped) -> _ => waiting.try_recv().ok(),
        };
        let Some(first) = first else { return };
        let batch = gather(first, waiting, stopped);
        let spans = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        match futures::executor::block_on(exporter.export(batch)) {
            Ok(()) => {
                complained = false;
                counts.exported.fetch_add(spans, Ordering::Relaxed);
            }
            Err(error) => {
                counts.failed.fetch_add(spans, Ordering::Relaxed);
                if !std::mem::replace(&mut complained, true) {
                    tracing::warn!(%error, "the collector takes no spans");
                }
            }
        }
    }
}

fn gather(first: SpanData, waiting: &Receiver<SpanData>, stopped: &Receiver<()>) -> Vec<SpanData> {
    let mut batch = vec![first];
    let until = Instant::now() + GATHER_TIME;
    while batch.len() < TOGETHER_MAX {
        let is_stopped = stopped.try_recv().is_err_and(|error| error.is_disconnected());
        let next = if is_stopped {
            waiting.try_recv().map_err(|_| RecvTimeoutError::Timeout)
        } else {
            // Looks for the stop now and then.
            waiting
                .recv_timeout(until.saturating_duration_since(Instant::now()).min(GATHER_TIME / 10))
        };
        match next {
            Ok(span) => batch.push(span),
            Err(_) if is_stopped || Instant::now() >= until => break,
            Err(_) => {}
        }
    }
    batch
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{Tracer as _, TracerProvider as _};
    use opentelemetry_sdk::trace::SdkTracerProvider;

    use super::*;

    /// Takes nothing until it is told to go on.
    #[derive(Debug)]
    struct Slow(Receiver<()>);

    impl SpanExporter for Slow {
        async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
            self.0.recv().ok();
            Ok(())
        }
    }

    #[test]
    fn what_a_slow_collector_does_not_take_is_dropped_and_counted() {
        let (go_on, waits) = bounded::<()>(0);
        let counts = Arc::new(Counts::default());
        let queue = Queue::new(Slow(waits), Arc::clone(&counts));
        let provider = SdkTracerProvider::builder().with_span_processor(queue).build();
        let tracer = provider.tracer("test");
        let all = 2 * (WAITING_MAX + TOGETHER_MAX);
        let started = Instant::now();
        for _ in 0..all {
            drop(tracer.start("command"));
        }
        assert!(started.elapsed() < Duration::from_secs(5), "nobody waited");
        let dropped = counts.dropped.load(Ordering::Relaxed);
        assert!(dropped >= u64::try_from(all - WAITING_MAX - TOGETHER_MAX).unwrap(), "{dropped}");
        drop(go_on);
        provider.shutdown().unwrap();
        let exported = counts.exported.load(Ordering::Relaxed);
        assert_eq!(exported + dropped, u64::try_from(all).unwrap(), "each is counted once");
    }
}
