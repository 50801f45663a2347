//! Checks the parts that several bodies share.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use ledger_domain::connection::{
    Access, Grant, GrantScope, Identity, IdentityKind, Limits, MULTIPLIER_KEYS, ModelPolicy,
    ModelRule, Multiplier, Pricing, RateCounts, RateLimit, RateUnit, ResetPeriod, SecretReference,
    UsageLimit, UsageUnit,
};
use ledger_domain::limits;
use ledger_domain::{FieldName, InvalidField, Json, Line, Prose, WorkspaceName};
use ledger_vault::Plaintext;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::bodies::{
    AccessBody, IdentityBody, LimitsBody, ModelPolicyBody, PricingBody, RateLimitBody,
    SecretReferenceBody, UsageLimitBody,
};
use crate::errors::shown;
use crate::time;

/// A secret on its way in: a JSON string whose text goes straight into [`Plaintext`].
pub struct SecretValue(pub Plaintext);

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValue(..)")
    }
}

impl<'de> Deserialize<'de> for SecretValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SecretVisitor;
        impl Visitor<'_> for SecretVisitor {
            type Value = SecretValue;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<SecretValue, E> {
                Ok(SecretValue(Plaintext::from_string(text.to_owned())))
            }
            fn visit_string<E: de::Error>(self, text: String) -> Result<SecretValue, E> {
                Ok(SecretValue(Plaintext::from_string(text)))
            }
        }
        deserializer.deserialize_string(SecretVisitor)
    }
}

impl JsonSchema for SecretValue {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "writeOnly": true,
            "minLength": 1,
            "maxLength": limits::SECRET_BYTES,
            "description": "A secret in plaintext, at most 32 KiB; sealed before it is stored.",
        })
    }
}

/// Checks a secret's length.
pub(super) fn secret(field: &FieldName, value: SecretValue) -> Result<Plaintext, InvalidField> {
    let bytes = value.0.len_bytes();
    if bytes == 0 {
        return Err(InvalidField::new(secret_path(field), "must not be empty"));
    }
    if bytes > limits::SECRET_BYTES {
        return Err(InvalidField::new(secret_path(field), "must be at most 32 KiB"));
    }
    Ok(value.0)
}

fn secret_path(field: &FieldName) -> String {
    format!("secrets.{}", shown(field.as_str()))
}

/// Checks an optional line.
pub(super) fn line(
    field: &str,
    text: Option<String>,
    chars_max: usize,
) -> Result<Option<Line>, InvalidField> {
    text.map(|text| Line::parse(field, &text, chars_max)).transpose()
}

/// Checks an optional reason.
pub(super) fn reason(text: Option<String>) -> Result<Option<Prose>, InvalidField> {
    text.map(|text| Prose::parse("reason", &text, limits::REASON_CHARS)).transpose()
}

/// Puts a value into the one canonical text form: compact, keys sorted.
pub(super) fn json(value: &Value) -> Json {
    Json::from_canonical(value.to_string())
}

/// Checks every key and value of a map.
pub(super) fn map<K: Ord, V, W>(
    entries: BTreeMap<String, V>,
    key: impl Fn(&str) -> Result<K, InvalidField>,
    value: impl Fn(&str, V) -> Result<W, InvalidField>,
) -> Result<BTreeMap<K, W>, InvalidField> {
    let mut checked = BTreeMap::new();
    for (name, entry) in entries {
        checked.insert(key(&name)?, value(&name, entry)?);
    }
    Ok(checked)
}

/// Checks a configuration's field name.
pub(super) fn config_key(name: &str) -> Result<FieldName, InvalidField> {
    FieldName::parse("config", name)
}

/// Checks a secret's field name.
pub(super) fn secret_key(name: &str) -> Result<FieldName, InvalidField> {
    FieldName::parse("secrets", name)
}

/// Checks a label's key.
pub(super) fn label_key(name: &str) -> Result<Line, InvalidField> {
    Line::parse("labels", name, limits::LABEL_KEY_CHARS)
}

/// Checks a label's value.
pub(super) fn label_value(name: &str, value: &str) -> Result<Prose, InvalidField> {
    Prose::parse(&format!("labels.{}", shown(name)), value, limits::LABEL_VALUE_CHARS)
}

/// Checks an annotation's key.
pub(super) fn annotation_key(name: &str) -> Result<Line, InvalidField> {
    Line::parse("annotations", name, limits::ANNOTATION_KEY_CHARS)
}

/// Checks tags and drops repeats, keeping the first of each.
pub(super) fn tags(texts: Vec<String>) -> Result<Vec<Line>, InvalidField> {
    let mut tags: Vec<Line> = Vec::new();
    for text in texts {
        let tag = Line::parse("tags", &text, limits::TAG_CHARS)?;
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    Ok(tags)
}

pub(super) fn identity(body: &IdentityBody) -> Result<Identity, InvalidField> {
    Ok(Identity {
        kind: IdentityKind::parse(&body.r#type)?,
        value: Line::parse("identity.value", &body.value, limits::IDENTITY_CHARS)?,
    })
}

pub(super) fn secret_references(
    bodies: Vec<SecretReferenceBody>,
) -> Result<Vec<SecretReference>, InvalidField> {
    bodies.into_iter().map(secret_reference).collect()
}

fn secret_reference(body: SecretReferenceBody) -> Result<SecretReference, InvalidField> {
    let known = |format: &String| ["json", "string"].contains(&format.as_str());
    if !body.format.as_ref().is_none_or(known) {
        return Err(InvalidField::new("secret_references.format", "must be json or string"));
    }
    let max = limits::REFERENCE_CHARS;
    Ok(SecretReference {
        target: Line::parse("secret_references.target", &body.target, max)?,
        reference: Line::parse("secret_references.reference", &body.reference, max)?,
        key: line("secret_references.key", body.key, max)?,
        format: line("secret_references.format", body.format, max)?,
    })
}

pub(super) fn grant_scope(text: &str) -> Result<GrantScope, InvalidField> {
    if text == "*" {
        return Ok(GrantScope::Everyone);
    }
    WorkspaceName::parse("grant_to", text).map(GrantScope::Workspace)
}

pub(super) fn access(body: AccessBody) -> Result<Access, InvalidField> {
    let workspaces = map(
        body.workspaces,
        |name| WorkspaceName::parse("access.workspaces", name),
        |_, body| Ok(Grant { allowed: true, limits: self::limits(body)? }),
    )?;
    Ok(Access { everyone: body.everyone.map(self::limits).transpose()?, workspaces })
}

/// Checks the limits of a grant.
///
/// Errors: `field_invalid`.
pub fn limits(body: LimitsBody) -> Result<Limits, InvalidField> {
    Ok(Limits {
        usage: body.usage.map(usage_limit).transpose()?,
        rate: body.rate.as_ref().map(rate_limit).transpose()?,
    })
}

fn at_least_one(field: &str, value: u64) -> Result<u64, InvalidField> {
    if value == 0 {
        return Err(InvalidField::new(field, "must be at least 1"));
    }
    Ok(value)
}

fn usage_limit(body: UsageLimitBody) -> Result<UsageLimit, InvalidField> {
    let threshold = |value| at_least_one("limits.usage.alert_threshold", value);
    Ok(UsageLimit {
        unit: UsageUnit::parse(&body.r#type)?,
        credit_limit: at_least_one("limits.usage.credit_limit", body.credit_limit)?,
        alert_threshold: body.alert_threshold.map(threshold).transpose()?,
        reset: body.reset.map(|text| reset_period(&text)).transpose()?,
        next_reset_at: body
            .next_reset_at
            .map(|text| time::parse("limits.usage.next_reset_at", &text))
            .transpose()?,
    })
}

fn reset_period(text: &str) -> Result<ResetPeriod, InvalidField> {
    match text {
        "weekly" => Ok(ResetPeriod::Weekly),
        "monthly" => Ok(ResetPeriod::Monthly),
        _ => match text.strip_suffix('d').and_then(|days| days.parse().ok()) {
            Some(days) => ResetPeriod::days(days),
            None => Err(InvalidField::new(
                "limits.usage.reset",
                "must be weekly, monthly or a number of days like 30d",
            )),
        },
    }
}

fn rate_limit(body: &RateLimitBody) -> Result<RateLimit, InvalidField> {
    Ok(RateLimit {
        counts: RateCounts::parse(&body.r#type)?,
        unit: RateUnit::parse(&body.unit)?,
        value: at_least_one("limits.rate.value", body.value)?,
    })
}

/// Checks a model policy.
///
/// Errors: `field_invalid`.
pub fn model_policy(body: ModelPolicyBody) -> Result<ModelPolicy, InvalidField> {
    let models = map(
        body.models,
        |name| Line::parse("models", name, limits::MODEL_CHARS),
        |name, rule| {
            let settings = rule.settings.as_ref();
            if settings.is_some_and(|settings| !settings.is_object()) {
                let field = format!("models.{}.settings", shown(name));
                return Err(InvalidField::new(field, "must be an object"));
            }
            Ok(ModelRule { enabled: rule.enabled, settings: settings.map(json) })
        },
    )?;
    Ok(ModelPolicy { allow_all: body.allow_all, models })
}

/// Checks price factors.
///
/// Errors: `field_invalid`.
pub fn pricing(body: PricingBody) -> Result<Pricing, InvalidField> {
    let factor =
        |name: &str, value: f64| Multiplier::parse(&format!("pricing.{}", shown(name)), value);
    let multipliers = map(
        body.multipliers,
        |name| {
            if MULTIPLIER_KEYS.contains(&name) {
                return Line::parse("pricing.multipliers", name, limits::FIELD_NAME_CHARS);
            }
            let known = MULTIPLIER_KEYS.join(", ");
            Err(InvalidField::new("pricing.multipliers", format!("known names are {known}")))
        },
        |name, value| value.map(|value| factor(name, value)).transpose(),
    )?;
    let additional_units = map(
        body.additional_units,
        |name| Line::parse("pricing.additional_units", name, limits::FIELD_NAME_CHARS),
        factor,
    )?;
    let image_default =
        body.image_default.map(|value| factor("image_default", value)).transpose()?;
    Ok(Pricing { multipliers, image_default, additional_units })
}
