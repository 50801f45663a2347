//! All limits of the domain.
//!
//! Lengths are in Unicode scalar values unless the name says bytes.

/// Longest workspace name. Workspace names are NATS subject tokens and DNS-like labels.
pub const WORKSPACE_NAME_CHARS: usize = 63;
/// Longest slug: the longest handle that any of the five products documents.
pub const SLUG_CHARS: usize = 255;
/// Longest display name.
pub const DISPLAY_NAME_CHARS: usize = 255;
/// Longest description.
pub const DESCRIPTION_CHARS: usize = 4_096;
/// Longest provider name.
pub const PROVIDER_CHARS: usize = 255;
/// Longest provider version.
pub const PROVIDER_VERSION_CHARS: usize = 64;
/// Most labels on one connection.
pub const LABELS: usize = 64;
/// Longest label key.
pub const LABEL_KEY_CHARS: usize = 128;
/// Longest label value.
pub const LABEL_VALUE_CHARS: usize = 1_024;
/// Most tags on one connection.
pub const TAGS: usize = 64;
/// Longest tag.
pub const TAG_CHARS: usize = 128;
/// Most annotations on one connection.
pub const ANNOTATIONS: usize = 64;
/// Longest annotation key.
pub const ANNOTATION_KEY_CHARS: usize = 128;
/// Longest identity value.
pub const IDENTITY_CHARS: usize = 128;
/// Most configuration fields on one connection.
pub const CONFIG_FIELDS: usize = 128;
/// Most secret fields on one connection.
pub const SECRET_FIELDS: usize = 32;
/// Most names of settings and secrets whose earlier values are hidden on one connection.
pub const REDACTED_FIELDS: usize = 512;
/// Longest name of a configuration or secret field.
pub const FIELD_NAME_CHARS: usize = 128;
/// Largest plaintext of one secret, in bytes: enough for a PEM chain or a service-account file.
pub const SECRET_BYTES: usize = 32 * 1024;
/// Most secret references on one connection.
pub const SECRET_REFERENCES: usize = 64;
/// Longest name or key in a secret reference.
pub const REFERENCE_CHARS: usize = 1_024;
/// Longest reason given with a health or lifecycle change.
pub const REASON_CHARS: usize = 1_024;
/// Most workspaces that have individual grants on one connection.
pub const GRANTS: usize = 256;
/// Most models in a model policy.
pub const MODELS: usize = 512;
/// Longest model slug.
pub const MODEL_CHARS: usize = 255;
/// Largest factor on a price.
pub const PRICE_FACTOR: f64 = 1e9;
/// Most dependents recorded on one connection.
pub const DEPENDENTS: usize = 256;
/// Longest id, kind or name of a dependent.
pub const DEPENDENT_CHARS: usize = 255;
/// Longest name of a principal.
pub const PRINCIPAL_NAME_CHARS: usize = 63;
/// Most grants of one principal.
pub const PRINCIPAL_GRANTS: usize = 64;
/// Most workspaces named in one grant.
pub const GRANT_WORKSPACES: usize = 256;
/// Most providers named in one grant.
pub const GRANT_PROVIDERS: usize = 64;
/// Most labels named in one grant.
pub const GRANT_LABELS: usize = 16;
/// Length of the public part of an API key.
pub const API_KEY_ID_CHARS: usize = 12;
/// Most keys of one principal that are not revoked.
pub const API_KEYS: usize = 16;
/// Most revoked keys of one principal that its state keeps.
pub const REVOKED_API_KEYS: usize = 32;
/// Most blocks of tokens.
pub const BLOCKED_TOKENS: usize = 1_000;
/// Longest subject or id of a token that can be blocked. OpenID Connect permits subjects of 255
/// characters.
pub const TOKEN_NAME_CHARS: usize = 255;
/// Longest command, correlation or causation id.
pub const MESSAGE_ID_CHARS: usize = 128;
/// Longest time for which a former generation of a secret is kept, in microseconds: 90 days.
pub const OVERLAP_MICROS: i64 = 90 * 86_400 * 1_000_000;
/// How long a former generation is kept until it is confirmed if no end is given: 14 days.
pub const OVERLAP_DEFAULT_MICROS: i64 = 14 * 86_400 * 1_000_000;
/// Length of the public part of a handover's token.
pub const HANDOVER_ID_CHARS: usize = 12;
/// Longest time for which a handover can be used, in microseconds: 24 hours.
pub const HANDOVER_MICROS: i64 = 86_400 * 1_000_000;
/// Most handovers of one workspace that can still be used.
pub const HANDOVERS: usize = 1_000;
/// Most leases on secrets that have not ended, of the whole ledger.
pub const LEASES: usize = 200_000;
/// Most of them of one holder.
pub const LEASES_OF_HOLDER: usize = 100_000;
/// Most of them on the secrets of one connection.
pub const LEASES_OF_CONNECTION: usize = 10_000;
/// How long a lease lasts if its request does not say, in microseconds: 1 hour.
pub const LEASE_DEFAULT_MICROS: i64 = 3_600 * 1_000_000;
/// Longest time from when a lease is taken to its end, with renewals, in microseconds: 24 hours.
pub const LEASE_MICROS: i64 = 86_400 * 1_000_000;
/// Most consumers of one connection.
pub const CONSUMERS: usize = 256;
/// Longest name of a consumer.
pub const CONSUMER_NAME_CHARS: usize = 128;
/// How long nothing is heard of a consumer before it counts as gone, in microseconds: 3 days.
pub const CONSUMER_GONE_MICROS: i64 = 3 * 86_400 * 1_000_000;
/// Most policies of secret fields of one workspace, and of the ledger as a whole.
pub const POLICIES: usize = 64;
/// Most policies of all workspaces together.
pub const POLICIES_OF_ALL: usize = 100_000;
/// Longest maximum age of a secret, in days.
pub const POLICY_AGE_DAYS: u32 = 3_650;
/// How long before its maximum age a secret is due at most if a policy does not say it, in days.
pub const POLICY_WARN_DAYS_DEFAULT: u32 = 14;
/// Largest number of characters that a policy can demand.
pub const POLICY_MIN_CHARS: u32 = 1_024;
/// Longest pattern of a policy.
pub const POLICY_PATTERN_CHARS: usize = 512;
/// Longest name of an alert.
pub const ALERT_NAME_CHARS: usize = 63;
/// Most alerts of one workspace, and of the ledger as a whole.
pub const ALERTS: usize = 16;
/// Most alerts of all workspaces together.
pub const ALERTS_OF_ALL: usize = 1_024;
/// Longest URL or address to which alerts go.
pub const ALERT_TARGET_CHARS: usize = 2_048;
/// Most types of events that an alert names.
pub const ALERT_EVENT_TYPES: usize = 64;
/// Most labels that an alert names.
pub const ALERT_LABELS: usize = 16;
/// For how long a replaced signing secret signs by default, in seconds: 1 day.
pub const ALERT_OVERLAP_DEFAULT_SECONDS: u32 = 86_400;
/// For how long a replaced signing secret signs at most, in seconds: 30 days.
pub const ALERT_OVERLAP_SECONDS: u32 = 30 * 86_400;
/// Most dead letters of one alert. The oldest makes room for a new one.
pub const ALERT_DEAD_LETTERS: usize = 1_000;
/// Characters of an address of mail.
pub const MAIL_ADDRESS_CHARS: usize = 254;
/// Characters of what comes before its `@`.
pub const MAIL_LOCAL_CHARS: usize = 64;
/// Characters between two dots of a domain.
pub const DOMAIN_LABEL_CHARS: usize = 63;
/// Largest state of one connection as its row is stored, in bytes, sealed secrets included. Changes
/// that only report health, switch it off or archive it are accepted beyond that.
pub const CONNECTION_BYTES: usize = 512 * 1024;
/// Largest notification that is published whole, in bytes. A larger one is published without the
/// state. With its headers it must fit into the 1 MiB that NATS servers permit by default.
pub const NOTIFICATION_BYTES: usize = 640 * 1024;
/// Largest stored record (an event with its metadata), in bytes. It must fit into a
/// transparency-log entry of at most 65,535 bytes.
pub const RECORD_BYTES: usize = 60 * 1024;
