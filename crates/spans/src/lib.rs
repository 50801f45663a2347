//! Spans of commands, for traces by OpenTelemetry.
//!
//! A command has a span from the door to its answer, and in it one for the decision and one for
//! the group that made it durable; the relay has one for each event that it publishes. They are
//! spans of `tracing` with a target of their own. If nobody listens to that target, none is made,
//! and asking for one costs the look at a flag.
//!
//! Not here: where spans are sent to and which flags say so (`connledger`).
//!
//! # Invariants
//!
//! - Without a listener there are no spans (test: `without_a_listener_there_are_no_spans`).
//! - A collector that is away or slow costs spans, and time of nobody
//!   (test: `what_a_slow_collector_does_not_take_is_dropped_and_counted`).

mod queue;
mod span;

pub use queue::{Counts, Queue};
pub use span::{TARGET, command, commit, decide, fail, publish, traceparent};
