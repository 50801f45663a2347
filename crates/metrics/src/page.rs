//! One page, in the text form that Prometheus reads.

use std::collections::BTreeMap;
use std::fmt;

use prometheus::core::Collector;
use prometheus::{CounterVec, GaugeVec, Histogram, Opts, Registry, TextEncoder};

use crate::table::{Kind, Metric};

/// The media type of a page.
pub const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

/// A page that is being written. What is not of the table cannot be on it.
#[derive(Default)]
pub struct Page {
    gauges: BTreeMap<&'static str, GaugeVec>,
    counters: BTreeMap<&'static str, CounterVec>,
    histograms: Vec<Histogram>,
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Page({} gauges, {} counters)", self.gauges.len(), self.counters.len())
    }
}

impl Page {
    /// Writes the value of a gauge. `labels` are in the order of the table.
    pub fn gauge(&mut self, metric: &'static Metric, labels: &[&str], value: f64) {
        self.vector(metric).with_label_values(labels).set(value);
    }

    fn vector(&mut self, metric: &'static Metric) -> &GaugeVec {
        debug_assert_eq!(metric.kind, Kind::Gauge, "{}", metric.name);
        let made = || GaugeVec::new(options(metric), metric.labels).expect("it is of the table");
        self.gauges.entry(metric.name).or_insert_with(made)
    }

    /// Writes a gauge of a whole number.
    pub fn number(&mut self, metric: &'static Metric, labels: &[&str], value: u64) {
        self.gauge(metric, labels, float(value));
    }

    /// Adds a whole number to a gauge, to which several parts of a server contribute.
    pub fn add(&mut self, metric: &'static Metric, labels: &[&str], number: u64) {
        self.vector(metric).with_label_values(labels).add(float(number));
    }

    /// Writes a gauge that says whether something is so.
    pub fn switch(&mut self, metric: &'static Metric, is_so: bool) {
        self.number(metric, &[], u64::from(is_so));
    }

    /// Writes what was counted since the start.
    pub fn count(&mut self, metric: &'static Metric, labels: &[&str], count: u64) {
        self.sum(metric, labels, float(count));
    }

    /// Writes a sum since the start.
    pub fn sum(&mut self, metric: &'static Metric, labels: &[&str], sum: f64) {
        debug_assert_eq!(metric.kind, Kind::Counter, "{}", metric.name);
        let made = || CounterVec::new(options(metric), metric.labels).expect("it is of the table");
        let counter = self.counters.entry(metric.name).or_insert_with(made);
        counter.with_label_values(labels).inc_by(sum.max(0.0));
    }

    pub(crate) fn histogram(&mut self, metric: &'static Metric, histogram: &Histogram) {
        debug_assert_eq!(metric.kind, Kind::Histogram, "{}", metric.name);
        self.histograms.push(histogram.clone());
    }

    /// Returns the text.
    pub fn text(self) -> String {
        let registry = Registry::new();
        let gauges = self.gauges.into_values().map(|gauge| Box::new(gauge) as Box<dyn Collector>);
        let counters = self.counters.into_values();
        let counters = counters.map(|counter| Box::new(counter) as Box<dyn Collector>);
        let histograms = self.histograms.into_iter();
        let histograms = histograms.map(|histogram| Box::new(histogram) as Box<dyn Collector>);
        for collector in gauges.chain(counters).chain(histograms) {
            registry.register(collector).expect("each metric is on a page once");
        }
        let text = TextEncoder::new().encode_to_string(&registry.gather());
        text.expect("a page of well-formed names has a text form")
    }
}

fn options(metric: &Metric) -> Opts {
    Opts::new(metric.name, metric.help)
}

/// Returns a number as Prometheus has it, exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "Prometheus has no other numbers")]
fn float(number: u64) -> f64 {
    number as f64
}
