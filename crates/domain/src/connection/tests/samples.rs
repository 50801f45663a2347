//! Short constructors for examples.

use std::collections::{BTreeMap, BTreeSet};

use crate::connection::{
    Access, AuthorizationGrant, Command, Connection, Dependent, DependentKey, Details, Draft,
    Event, GrantScope, Keep, Limits, ModelPolicy, ModelRule, Multiplier, Pricing, RateCounts,
    RateLimit, RateUnit, RefreshOutcome, Replaced, Retirement, Revision, TestOutcome, TestResult,
};
use crate::ids::{Micros, Version};
use crate::reference::{Reference, ReferenceFormat, ReferenceKind};
use crate::secret::{FormerEnd, Held, Hint, NewSecret, Sealed, Secret};
use crate::text::{CheckedText, FieldName, Json, Line, Prose, Slug, WorkspaceName};

/// Returns text as any checked type, without a check.
pub(crate) fn text<T: CheckedText>(text: &str) -> T {
    T::stored(text.into())
}

pub(crate) fn field(name: &str) -> FieldName {
    text(name)
}

pub(super) fn sealed(value: &str) -> NewSecret {
    NewSecret { held: Held::Sealed(Sealed::from_text(value)), hint: Hint::default() }
}

/// Returns the ciphertext of a secret that has one.
pub(super) fn value_of(secret: &Secret) -> &str {
    secret.held.sealed().expect("a value").as_str()
}

/// A reference to an environment variable.
pub(super) fn referring(variable: &str) -> NewSecret {
    let (kind, format) = (ReferenceKind::Environment, ReferenceFormat::String);
    let reference = Reference::parse("k", kind, variable, None, format);
    NewSecret::referring(reference.expect("a good reference"))
}

pub(super) fn secrets(values: &[(&str, &str)]) -> BTreeMap<FieldName, NewSecret> {
    values.iter().map(|(name, value)| (field(name), sealed(value))).collect()
}

/// A connection `openai` in `home` with one secret, `api_key`, and one setting, `region`.
pub(super) fn draft() -> Draft {
    Draft {
        workspace: text("home"),
        slug: text("openai"),
        details: details(),
        secrets: secrets(&[("api_key", "first")]),
        enabled: true,
        access: Access::default(),
        models: ModelPolicy::default(),
        pricing: None,
    }
}

/// Returns the state right after a creation from [`draft`].
pub(crate) fn state_of_sample() -> crate::connection::Connection {
    super::harness::fold(&[Event::Created(Box::new(draft()))]).unwrap()
}

/// Returns the details of the connection of [`draft`].
pub(crate) fn details() -> Details {
    Details {
        display_name: Some(text("OpenAI")),
        config: BTreeMap::from([(field("region"), json("\"eu\""))]),
        ..Details::of(text("openai"))
    }
}

pub(super) fn json(canonical: &str) -> Json {
    Json::from_canonical(canonical)
}

pub(super) fn created() -> Event {
    Event::Created(Box::new(draft()))
}

pub(super) fn update(change: impl FnOnce(&mut Revision)) -> Command {
    let mut revision = Revision::default();
    change(&mut revision);
    Command::Update { revision: Box::new(revision), detach_secrets: false }
}

pub(super) fn rotate(values: &[(&str, &str)]) -> Command {
    Command::RotateSecret { secrets: secrets(values), replaced: Replaced::Retired }
}

/// A rotation at time 0 that keeps the value before it until a time, or until it is confirmed.
pub(super) fn rotate_keeping(values: &[(&str, &str)], until: i64, confirmed: bool) -> Command {
    let end = FormerEnd { until: Micros::new(until), once_confirmed: confirmed };
    let replaced = Replaced::Kept(Keep { end, now: Micros::new(0) });
    Command::RotateSecret { secrets: secrets(values), replaced }
}

/// A rotation of values that are known to others.
pub(super) fn rotate_compromised(values: &[(&str, &str)]) -> Command {
    Command::RotateSecret { secrets: secrets(values), replaced: Replaced::Compromised }
}

/// The event of such a rotation.
pub(super) fn rotated_keeping(values: &[(&str, &str)], until: i64, confirmed: bool) -> Event {
    let end = FormerEnd { until: Micros::new(until), once_confirmed: confirmed };
    let former = Some(end);
    let compromised = BTreeMap::new();
    Event::SecretRotated { secrets: secrets(values), former, compromised, health_unknown: false }
}

/// A command to retire every former generation.
pub(super) fn retire(when: Retirement) -> Command {
    Command::RetireFormer { fields: BTreeSet::new(), when }
}

/// A command at time 0 to return to every former generation.
pub(super) fn cancel() -> Command {
    Command::CancelRotation { fields: BTreeSet::new(), now: Micros::new(0) }
}

/// Returns the event of a rotation before any report of health.
pub(super) fn rotated(values: &[(&str, &str)]) -> Event {
    let compromised = BTreeMap::new();
    Event::SecretRotated {
        secrets: secrets(values),
        former: None,
        compromised,
        health_unknown: false,
    }
}

pub(super) fn revert(to: u64) -> Command {
    Command::Revert { to: Version::new(to), then: None, detach_secrets: false }
}

pub(super) fn why() -> Prose {
    text("seen by a probe")
}

/// A test of a version with an outcome.
pub(super) fn tested(outcome: TestOutcome, version: u64) -> Command {
    let (status, request_id) = (Some(200), Some(text("req_1")));
    let result = TestResult { outcome, reason: why(), latency_ms: 80, status, request_id };
    Command::TestConnection { result: Box::new(result), tested: Version::new(version) }
}

/// A refresh of the token of a connection, which ends at a time.
pub(super) fn refreshed(of: &Connection, values: &[(&str, &str)], until: i64) -> Command {
    let expires_at = Micros::new(until);
    let outcome = RefreshOutcome::Obtained { secrets: secrets(values), expires_at };
    Command::RefreshToken { outcome: Box::new(outcome), of: Box::new(of.clone()) }
}

/// A refresh that failed.
pub(super) fn not_refreshed(of: &Connection, gives_up: bool) -> Command {
    let outcome = RefreshOutcome::Failed { reason: why(), gives_up };
    Command::RefreshToken { outcome: Box::new(outcome), of: Box::new(of.clone()) }
}

/// Tokens that a person permitted to get for a connection.
pub(super) fn authorized(of: &Connection, values: &[(&str, &str)]) -> Command {
    let outcome = RefreshOutcome::Authorized {
        secrets: secrets(values),
        expires_at: Some(Micros::new(9_000)),
        grant: AuthorizationGrant::AuthorizationCode,
    };
    Command::RefreshToken { outcome: Box::new(outcome), of: Box::new(of.clone()) }
}

/// The scope of one workspace, or of all for `*`.
pub(super) fn scope(name: &str) -> GrantScope {
    match name {
        "*" => GrantScope::Everyone,
        name => GrantScope::Workspace(workspace(name)),
    }
}

pub(super) fn workspace(name: &str) -> WorkspaceName {
    text(name)
}

pub(super) fn per_minute(value: u64) -> Limits {
    let rate = RateLimit { counts: RateCounts::Requests, unit: RateUnit::Minute, value };
    Limits { usage: None, rate: Some(rate) }
}

pub(super) fn grant(name: &str, requests: u64) -> Command {
    Command::GrantWorkspace { scope: scope(name), limits: per_minute(requests) }
}

pub(super) fn revoke(name: &str) -> Command {
    Command::RevokeWorkspace { scope: scope(name) }
}

pub(super) fn set_limits(name: &str, requests: u64) -> Command {
    Command::SetLimits { scope: scope(name), limits: per_minute(requests) }
}

pub(super) fn granted(name: &str, requests: u64) -> Event {
    Event::WorkspaceGranted { scope: scope(name), limits: per_minute(requests) }
}

pub(super) fn revoked(name: &str) -> Event {
    Event::WorkspaceRevoked { scope: scope(name) }
}

pub(super) fn only_model(slug: &str) -> ModelPolicy {
    let rule = ModelRule { enabled: true, settings: None };
    ModelPolicy { allow_all: false, models: BTreeMap::from([(text(slug), rule)]) }
}

pub(super) fn half_price() -> Pricing {
    let half = Multiplier::parse("default", 0.5).unwrap();
    Pricing {
        multipliers: BTreeMap::from([(text::<Line>("default"), Some(half))]),
        ..Pricing::default()
    }
}

pub(super) fn tool(id: &str) -> DependentKey {
    DependentKey { kind: text("tool"), id: text(id) }
}

pub(super) fn nameless() -> Dependent {
    Dependent { name: None, attributes: BTreeMap::new() }
}

pub(super) fn link(id: &str) -> Command {
    Command::LinkDependent { key: tool(id), dependent: nameless() }
}

pub(super) fn unlink(id: &str) -> Command {
    Command::UnlinkDependent { key: tool(id) }
}

pub(super) fn linked(id: &str) -> Event {
    Event::DependentLinked { key: tool(id), dependent: nameless() }
}

pub(super) fn slug(name: &str) -> Slug {
    text(name)
}
