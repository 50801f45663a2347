//! Version 1 of the data of events about tests of a connection.

use ledger_domain::connection::{HealthState, TestOutcome, TestResult};
use ledger_domain::{Event, Line, Prose};
use schemars::{JsonSchema, Schema, schema_for};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::shape::{Read, Written};

#[derive(Serialize)]
struct TestedData<'a> {
    outcome: Written<'a, TestOutcome>,
    reason: Written<'a, Prose>,
    latency_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<Written<'a, Line>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    health: Option<Written<'a, HealthState>>,
}

/// Writes the data of a test.
pub(super) fn write<S: Serializer>(
    result: &TestResult,
    health: Option<&HealthState>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let TestResult { outcome, reason, latency_ms, status, request_id } = result;
    TestedData {
        outcome: Written(outcome),
        reason: Written(reason),
        latency_ms: *latency_ms,
        status: *status,
        request_id: request_id.as_ref().map(Written),
        health: health.map(Written),
    }
    .serialize(serializer)
}

#[derive(Deserialize, JsonSchema)]
struct TestedIn {
    #[schemars(with = "String")]
    outcome: Read<TestOutcome>,
    #[schemars(with = "String")]
    reason: Read<Prose>,
    latency_ms: u64,
    #[serde(default)]
    status: Option<u16>,
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    request_id: Option<Read<Line>>,
    /// The health that followed; absent if it stayed as it was.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    health: Option<Read<HealthState>>,
}

/// Returns whether [`read`] reads the data of an event type in a version.
pub(super) fn is_known(type_name: &str, schema: u32) -> bool {
    type_name == "connection_tested" && schema == 1
}

/// Reads the data of a test.
pub(super) fn read<'de, D: Deserializer<'de>>(d: D) -> Result<Event, D::Error> {
    let TestedIn { outcome, reason, latency_ms, status, request_id, health } =
        TestedIn::deserialize(d)?;
    let (outcome, reason) = (outcome.0, reason.0);
    let request_id = request_id.map(|read| read.0);
    let result = TestResult { outcome, reason, latency_ms, status, request_id };
    Ok(Event::Tested { result: Box::new(result), health: health.map(|read| read.0) })
}

/// Returns the schema of the data of such an event.
pub(super) fn schema(type_name: &str) -> Option<Schema> {
    (type_name == "connection_tested").then(|| schema_for!(TestedIn))
}
