//! Making spans, and the form in which their place in a trace is passed on.

use opentelemetry::Context;
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState,
};
use tracing::{Level, Span, field};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// The target of all spans.
pub const TARGET: &str = "ledger_spans";

/// Returns the span of a command. `parent` is the W3C `traceparent` of its sender, if it has one.
pub fn command(verb: &'static str, door: &'static str, parent: Option<&str>) -> Span {
    let span = tracing::span!(
        target: TARGET,
        Level::INFO,
        "command",
        otel.name = verb,
        otel.kind = "server",
        otel.status_code = field::Empty,
        ledger.command.kind = verb,
        ledger.door = door,
        ledger.error.code = field::Empty,
    );
    within(&span, parent);
    span
}

/// Notes on the span of a command that it failed.
pub fn fail(span: &Span, code: &'static str) {
    span.record("otel.status_code", "ERROR").record("ledger.error.code", code);
}

/// Returns the span of the decision about a command.
pub fn decide(command: &Span) -> Span {
    if command.is_disabled() {
        return Span::none();
    }
    tracing::span!(target: TARGET, parent: command, Level::INFO, "decide")
}

/// Returns the span of the group that makes a command durable.
pub fn commit(command: &Span, events: usize) -> Span {
    tracing::span!(target: TARGET, parent: command, Level::INFO, "commit", ledger.events = events)
}

/// Returns the span of the publication of an event, if its command has a place in a trace.
pub fn publish(command: Option<&str>, type_name: &'static str, position: u64) -> Span {
    if command.is_none() {
        return Span::none();
    }
    let span = tracing::span!(
        target: TARGET,
        parent: None,
        Level::INFO,
        "publish",
        otel.kind = "producer",
        ledger.event.type = type_name,
        ledger.position = position,
    );
    within(&span, command);
    span
}

/// Returns the place of a span in its trace, as a W3C `traceparent`.
pub fn traceparent(span: &Span) -> Option<String> {
    if span.is_disabled() {
        return None;
    }
    let context = span.context();
    let span = context.span();
    let place = span.span_context();
    place.is_valid().then(|| {
        let (trace, span, flags) = (place.trace_id(), place.span_id(), place.trace_flags());
        format!("00-{trace}-{span}-{:02x}", flags.to_u8() & 1)
    })
}

fn within(span: &Span, parent: Option<&str>) {
    if span.is_disabled() {
        return;
    }
    if let Some(parent) = parent.and_then(parse) {
        let context = Context::new().with_remote_span_context(parent);
        // Without a listener to OpenTelemetry's spans there is nothing to set.
        span.set_parent(context).ok();
    }
}

/// Parses a `traceparent`; later versions may have more at its end.
fn parse(text: &str) -> Option<SpanContext> {
    let mut parts = text.split('-');
    let (version, trace, span, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |part: &str, length| {
        part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    if !is_hex(version, 2) || version == "ff" || !is_hex(trace, 32) || !is_hex(span, 16) {
        return None;
    }
    if !is_hex(flags, 2) || (version == "00" && parts.next().is_some()) {
        return None;
    }
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()? & 1);
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    let place = SpanContext::new(trace, span, flags, true, TraceState::default());
    place.is_valid().then_some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_place_in_a_trace_is_read_and_odd_ones_are_not() {
        let place = parse(PARENT).unwrap();
        assert_eq!(place.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert!(place.is_sampled() && place.is_remote());
        assert!(parse(&format!("01{}-later", &PARENT[2..])).is_some());
        for odd in [
            "",
            "00-x",
            &PARENT[..50],
            &PARENT.to_uppercase(),
            &format!("{PARENT}-more"),
            &format!("ff{}", &PARENT[2..]),
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        ] {
            assert!(parse(odd).is_none(), "{odd}");
        }
    }

    #[test]
    fn without_a_listener_there_are_no_spans() {
        let span = command("create", "http", Some(PARENT));
        assert!(span.is_disabled() && decide(&span).is_disabled());
        assert!(publish(Some(PARENT), "created", 1).is_disabled());
        assert_eq!(traceparent(&span), None);
    }
}
