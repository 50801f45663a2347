//! One event of every type.

use std::collections::{BTreeMap, BTreeSet};

use ledger_contract::records::{self, Metadata, Provenance, StoredFingerprint, StreamId, Via};
use ledger_domain::connection::{
    Access, Amount, AuthMethod, AuthorizationGrant, Dependent, DependentKey, Details, Draft,
    Environment, GrantScope, HealthState, Identity, IdentityKind, Kind, Limits, ModelPolicy,
    ModelRule, Multiplier, Patch, Pricing, RateCounts, RateLimit, RateUnit, ResetPeriod, RetiredBy,
    Reverted, Revision, SecretReference, TestOutcome, TestResult, UsageLimit, UsageUnit,
};
use ledger_domain::principal::{
    ApiKeyId, Grant, KeyDigest, PrincipalDraft, PrincipalEvent, PrincipalKind, PrincipalRevision,
    Role, TokenRef, Workspaces,
};
use ledger_domain::{
    Actor, AlertEvent, AlertHappened, AlertReceiver, AlertSelection, AlertSettings, CheckedText,
    ConnectionId, ConsumerEvent, EndWorkspaceLeases, EndedLeases, Event, EventId, FieldName,
    FormerEnd, Generation, GivenOut, HandedOver, HandoverEnd, HandoverEvent, HandoverId, Held,
    Hint, Json, KeyHandedOver, LeaseEnd, LeaseEvent, LeaseId, LedgerEvent, LedgerId, Line,
    MasterKeyId, MessageId, Micros, NewSecret, Overdue, PolicyEvent, PolicySubject, Position,
    Prose, ReadCount, Reference, ReferenceFormat, ReferenceKind, Sealed, Secret, SecretPolicy,
    SecretRevealed, SignatureScheme, Signing, Slug, Version, WorkspaceCreated, WorkspaceName,
};
use uuid::Uuid;

const AT: Micros = Micros::new(1_795_223_000_123_456);

fn text<T: CheckedText>(text: &str) -> T {
    T::stored(text.into())
}

fn map<K: CheckedText + Ord, V>(key: &str, value: V) -> BTreeMap<K, V> {
    BTreeMap::from([(text(key), value)])
}

fn event_id() -> EventId {
    EventId::new(Uuid::from_u128(0x018f_3d3e_0000_7000_8000_0000_0000_0002))
}

fn reason() -> Prose {
    text("429 from the provider")
}

fn sealed() -> Sealed {
    text("v1.AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAA.AAAA")
}

fn hint() -> Hint {
    Hint { prefix: "sk-".to_owned(), suffix: "01".to_owned() }
}

fn new_secret() -> NewSecret {
    NewSecret { held: Held::Sealed(sealed()), hint: hint() }
}

fn reference() -> Reference {
    Reference {
        kind: ReferenceKind::Vault,
        name: text("kv/team/openai"),
        key: Some(text("token")),
        format: ReferenceFormat::Json,
    }
}

/// A field with a value and one with a reference.
fn both() -> BTreeMap<FieldName, NewSecret> {
    [(text("api_key"), new_secret()), (text("token"), NewSecret::referring(reference()))].into()
}

fn limits() -> Limits {
    Limits {
        usage: Some(UsageLimit {
            unit: UsageUnit::Cost,
            credit_limit: Amount::whole(100).expect("more than 0"),
            alert_threshold: Amount::whole(80),
            reset: Some(ResetPeriod::Days(30)),
            next_reset_at: Some(AT),
        }),
        rate: Some(RateLimit { counts: RateCounts::Requests, unit: RateUnit::Minute, value: 60 }),
    }
}

fn details() -> Details {
    Details {
        display_name: Some(text("OpenAI")),
        description: Some(text("For the chat gateway")),
        provider: text("openai"),
        provider_version: Some(text("1.0.0")),
        kind: Kind::Api,
        environment: Environment::Live,
        auth_method: AuthMethod::ApiKey,
        config: map("base_url", text::<Json>("\"https://api.openai.com/v1\"")),
        secret_references: vec![SecretReference {
            target: text("key"),
            reference: text("vault-main"),
            key: Some(text("openai")),
            format: Some(text("string")),
        }],
        labels: map("team", text("ai")),
        tags: vec![text("llm")],
        annotations: map("portkey.type", text("\"organisation\"")),
        identity: Some(Identity { kind: IdentityKind::Team, value: text("ai") }),
    }
}

fn access() -> Access {
    Access { everyone: Some(limits()), workspaces: BTreeMap::new() }
}

fn models() -> ModelPolicy {
    let rule = ModelRule { enabled: true, settings: Some(text("{\"is_custom\":false}")) };
    ModelPolicy { allow_all: false, models: map("gpt-4o", rule) }
}

fn pricing() -> Pricing {
    let factor = Multiplier::parse("default", 1.5).expect("a good factor");
    Pricing {
        multipliers: map("default", Some(factor)),
        image_default: Some(factor),
        additional_units: map("search", factor),
    }
}

fn draft() -> Draft {
    Draft {
        workspace: text("default"),
        slug: text("openai-prod"),
        details: details(),
        secrets: both(),
        enabled: true,
        access: access(),
        models: models(),
        pricing: Some(pricing()),
    }
}

fn revision() -> Revision {
    Revision {
        slug: Some(text("openai-main")),
        display_name: Patch::Set(text("OpenAI main")),
        description: Patch::Clear,
        config: map("base_url", None),
        secrets: both().into_iter().map(|(field, secret)| (field, Some(secret))).collect(),
        labels: map("team", Some(text("platform"))),
        tags: Some(vec![]),
        ..Revision::default()
    }
}

fn reverted() -> Reverted {
    let secret = Secret {
        generation: Generation::new(1),
        held: Held::Sealed(sealed()),
        hint: hint(),
        set_at: AT,
        set_by: event_id(),
        came_back_of: None,
        former: None,
        overdue: false,
    };
    let held = Held::Reference(Box::new(reference()));
    let referring = Secret { held, hint: Hint::default(), ..secret.clone() };
    Reverted {
        to: Version::new(1),
        slug: text("openai-prod"),
        details: details(),
        secrets: [(text("api_key"), secret), (text("token"), referring)].into(),
        enabled: true,
        access: access(),
        models: models(),
        pricing: None,
        redact: BTreeSet::new(),
        destination: Vec::new(),
        health_unknown: false,
    }
}

fn redirecting() -> Revision {
    Revision {
        config: map("base_url", Some(text("\"https://new.example\""))),
        secrets: [(text("api_key"), None), (text("token"), both().remove("token"))].into(),
        redact: [text("base_url")].into(),
        destination: vec![text("config.base_url")],
        health_unknown: true,
        ..Revision::default()
    }
}

fn dependent_key() -> DependentKey {
    DependentKey { kind: text("tool"), id: text("tool-001") }
}

#[expect(clippy::too_many_lines, reason = "an arm for each type of event")]
fn event(type_name: &str) -> Event {
    let scope = || GrantScope::Workspace(text("team-a"));
    match type_name {
        "connection_created" => Event::Created(Box::new(draft())),
        "connection_updated" => Event::Updated(Box::new(revision())),
        "destination_changed" => Event::Updated(Box::new(redirecting())),
        "secret_rotated" => Event::SecretRotated {
            secrets: both(),
            former: Some(FormerEnd { until: AT, once_confirmed: true }),
            compromised: map("api_key", [1, 2].map(Generation::new).into()),
            health_unknown: true,
        },
        "former_retired" => Event::FormerRetired {
            generations: map("api_key", Generation::new(1)),
            cause: RetiredBy::Confirmation,
        },
        "former_end_set" => {
            Event::FormerEndSet { generations: map("api_key", Generation::new(1)), until: AT }
        }
        "rotation_cancelled" => Event::RotationCancelled {
            generations: map("api_key", Generation::new(1)),
            health_unknown: true,
        },
        "secret_overdue" => Event::SecretOverdue {
            overdue: map("api_key", Overdue { generation: Generation::new(2), max_age_days: 90 }),
        },
        "connection_enabled" => Event::Enabled,
        "connection_disabled" => Event::Disabled { reason: Some(reason()) },
        "marked_degraded" => Event::MarkedDegraded { reason: Some(reason()) },
        "connection_tested" => Event::Tested {
            result: Box::new(TestResult {
                outcome: TestOutcome::CredentialsRefused,
                reason: text("the provider answered 401"),
                latency_ms: 120,
                status: Some(401),
                request_id: Some(text("req_01")),
            }),
            health: Some(HealthState::Failed),
        },
        "provider_token_refreshed" => Event::TokenRefreshed {
            secrets: both(),
            expires_at: Some(AT),
            health: Some(HealthState::Operational),
        },
        "provider_token_failed" => Event::RefreshFailed { reason: reason(), gives_up: true },
        "connection_authorized" => Event::Authorized {
            secrets: both(),
            removed: BTreeSet::from([text("refresh_token")]),
            expires_at: Some(AT),
            grant: AuthorizationGrant::AuthorizationCode,
        },
        "marked_failed" => Event::MarkedFailed { reason: Some(reason()) },
        "marked_operational" => Event::MarkedOperational { reason: None },
        "connection_archived" => Event::Archived { reason: Some(reason()) },
        "connection_erased" => Event::Erased { slug: text("openai-prod"), reason: reason() },
        "connection_restored" => Event::Restored { slug: Some(text::<Slug>("openai-old")) },
        "workspace_granted" => Event::WorkspaceGranted { scope: scope(), limits: limits() },
        "workspace_revoked" => Event::WorkspaceRevoked { scope: GrantScope::Everyone },
        "limits_set" => Event::LimitsSet { scope: scope(), limits: limits() },
        "model_policy_set" => Event::ModelPolicySet(models()),
        "pricing_set" => Event::PricingSet(Some(pricing())),
        "dependent_linked" => Event::DependentLinked {
            key: dependent_key(),
            dependent: Dependent {
                name: Some(text("Code Analyzer")),
                attributes: map("access_level", text("\"admin\"")),
            },
        },
        "dependent_unlinked" => Event::DependentUnlinked { key: dependent_key() },
        "connection_reverted" => Event::Reverted(Box::new(reverted())),
        "destination_reverted" => Event::Reverted(Box::new(Reverted {
            destination: vec![text("provider")],
            health_unknown: true,
            ..reverted()
        })),
        _ => panic!("there is no sample of {type_name}"),
    }
}

fn principal_event(type_name: &str) -> Option<PrincipalEvent> {
    let grant = || Grant {
        scopes: Role::Gateway.scopes().iter().copied().collect(),
        workspaces: Workspaces::Named([text("default")].into()),
        providers: [text("openai")].into(),
        labels: map("team", text("ai")),
    };
    let id = || text::<ApiKeyId>("k3x9a2bq71ce");
    Some(match type_name {
        "principal_created" => PrincipalEvent::Created(PrincipalDraft {
            kind: PrincipalKind::Gateway,
            display_name: Some(text("Gateway in Europe")),
            grants: vec![grant()],
        }),
        "principal_updated" => PrincipalEvent::Updated(PrincipalRevision {
            display_name: Patch::Clear,
            grants: Some(vec![Grant { workspaces: Workspaces::All, ..grant() }]),
        }),
        "principal_enabled" => PrincipalEvent::Enabled,
        "principal_disabled" => PrincipalEvent::Disabled { reason: Some(reason()) },
        "api_key_issued" => PrincipalEvent::KeyIssued {
            id: id(),
            digest: KeyDigest::new("b3.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
            environment: Environment::Live,
            label: Some(text("for the first rack")),
            expires_at: Some(AT),
        },
        "api_key_revoked" => PrincipalEvent::KeyRevoked { id: id(), reason: Some(reason()) },
        "token_blocked" => PrincipalEvent::TokenBlocked {
            token: TokenRef::Subject(text("248289761001")),
            reason: Some(reason()),
        },
        "token_unblocked" => {
            PrincipalEvent::TokenUnblocked { token: TokenRef::Id(text("t-1")), reason: None }
        }
        _ => return None,
    })
}

fn ledger_event(type_name: &str) -> Option<LedgerEvent> {
    let (from, to) = (MasterKeyId::new(0x0a1b_2c3d), MasterKeyId::new(0xdead_beef));
    Some(match type_name {
        "master_key_rotated" => LedgerEvent::MasterKeyRotated { from, to },
        "data_keys_rewrapped" => LedgerEvent::DataKeysRewrapped { key: to, data_keys: 10_000 },
        "master_key_retired" => LedgerEvent::MasterKeyRetired { key: from },
        "ledger_sealed" => LedgerEvent::Sealed,
        "ledger_unsealed" => LedgerEvent::Unsealed { key: from, shares: 3 },
        _ => return None,
    })
}

fn consumer_event(type_name: &str) -> Option<ConsumerEvent> {
    let consumer = text("gateway-eu-1");
    match type_name {
        "secret_confirmed" => Some(ConsumerEvent::Confirmed {
            consumer,
            generations: map("api_key", Generation::new(2)),
            replaces: Some(text("gateway-eu-0")),
        }),
        "consumer_removed" => Some(ConsumerEvent::Removed { consumer }),
        _ => None,
    }
}

fn handover_event(type_name: &str) -> Option<HandoverEvent> {
    let handover = || text::<HandoverId>("k3x9a2bq71ce");
    Some(match type_name {
        "secret_handed_over" => HandoverEvent::Made(Box::new(HandedOver {
            handover: handover(),
            digest: KeyDigest::new("b3.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
            generations: map("api_key", Generation::new(2)),
            reason: text("for the new gateway"),
            from: Some(text("nats:gateway-eu")),
            until: AT,
            receiver: Some(text("gateway-eu")),
        })),
        "api_key_handed_over" => HandoverEvent::KeyMade(Box::new(KeyHandedOver {
            handover: handover(),
            digest: KeyDigest::new("b3.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
            key: text("k23456789abc"),
            until: AT,
            receiver: Some(text("gateway-eu")),
        })),
        "handover_used" => HandoverEvent::Used {
            handover: handover(),
            given: GivenOut::Values(map("api_key", Generation::new(2))),
            from: Some(text("http")),
        },
        "handover_ended" => HandoverEvent::Ended {
            handover: handover(),
            cause: HandoverEnd::Revoked,
            reason: Some(reason()),
        },
        _ => return None,
    })
}

fn policy_event(type_name: &str) -> Option<PolicyEvent> {
    let subject = PolicySubject {
        connection: None,
        provider: Some(text("openai")),
        field: Some(text("api_key")),
    };
    match type_name {
        "secret_policy_set" => Some(PolicyEvent::Set {
            subject,
            policy: SecretPolicy {
                max_age_days: Some(90),
                warn_days: Some(7),
                min_chars: Some(20),
                pattern: Some(text("^sk-")),
                reference_required: None,
            },
        }),
        "secret_policy_removed" => Some(PolicyEvent::Removed { subject }),
        _ => None,
    }
}

fn alert_event(type_name: &str) -> Option<AlertEvent> {
    let selection = AlertSelection {
        on: [text("health_changed"), text("secret_overdue")].into(),
        provider: Some(text("openai")),
        labels: map("team", text("payments")),
    };
    let receiver = AlertReceiver::stored("https://alerts.example/hook");
    let settings = AlertSettings { receiver, selection, enabled: true };
    let signing = Signing {
        scheme: SignatureScheme::Ed25519,
        salt: text("c2FsdCBvZiBhIHNpZ25pbmcgc2VjcmV0"),
        public_key: Some(text("whpk_cHVibGljIGtleSBvZiBhbiBhbGVydCwgMzIgYnk=")),
    };
    let happened = match type_name {
        "alert_created" => AlertHappened::Created { settings, signing },
        "alert_updated" => {
            AlertHappened::Updated { settings: AlertSettings { enabled: false, ..settings } }
        }
        "alert_secret_rotated" => AlertHappened::SecretRotated { signing, former_until: Some(AT) },
        "alert_tested" => AlertHappened::Tested,
        "alert_replayed" => AlertHappened::Replayed { position: Some(Position::new(5)) },
        "alert_disabled" => AlertHappened::Disabled { because: text("the receiver is gone") },
        "alert_removed" => AlertHappened::Removed,
        _ => return None,
    };
    Some(AlertEvent { name: text("ops"), happened })
}

fn lease_event(type_name: &str) -> Option<LeaseEvent> {
    let lease = LeaseId::from_bytes([0x1e; 16]);
    let until = Micros::new(AT.get() + 3_600_000_000);
    Some(match type_name {
        "secrets_leased" => LeaseEvent::Taken {
            slug: text("openai-prod"),
            generations: map("api_key", Generation::new(2)),
            until,
            reason: text("to route requests"),
            from: Some(text("nats:gateway-eu")),
        },
        "secret_lease_renewed" => LeaseEvent::Renewed { lease, until },
        "leased_secrets_read" => {
            let generation = Generation::new(2);
            let read = ReadCount { generation, count: 1_700, last: AT };
            LeaseEvent::Read { lease, reads: map("api_key", vec![read]) }
        }
        "secret_leases_ended" => LeaseEvent::Ended {
            which: EndedLeases::OfHolder(Actor::new("gateway:eu")),
            because: LeaseEnd::Revoked,
            reason: Some(reason()),
        },
        "workspace_leases_ended" => LeaseEvent::EndedInWorkspace(EndWorkspaceLeases {
            holder: Some(Actor::new("gateway:eu")),
            slug_prefix: Some(text("openai-")),
            reason: Some(reason()),
        }),
        _ => return None,
    })
}

fn revealed() -> SecretRevealed {
    SecretRevealed {
        generations: map("api_key", Generation::new(2)),
        reason: text("to route requests"),
        from: Some(text("nats:gateway-eu")),
    }
}

/// Returns the stored bytes and the public text of a sample at position 7.
pub(crate) fn golden(type_name: &str) -> (Vec<u8>, String) {
    let id = ConnectionId::new(Uuid::from_u128(0x018f_3d3e_0000_7000_8000_0000_0000_0001));
    let workspace: WorkspaceName = text("default");
    let (principal, own) = (principal_event(type_name), ledger_event(type_name));
    let (consumer, policy) = (consumer_event(type_name), policy_event(type_name));
    let (handover, lease) = (handover_event(type_name), lease_event(type_name));
    let alert = alert_event(type_name);
    let metadata = Metadata {
        position: Position::new(7),
        stream: match type_name {
            WorkspaceCreated::TYPE_NAME => StreamId::Workspace(workspace.clone()),
            SecretRevealed::TYPE_NAME => StreamId::Reveals(id),
            "workspace_leases_ended" => StreamId::Leases(workspace.clone()),
            "api_key_handed_over" => StreamId::Handovers(text("gateway-eu")),
            _ if handover.is_some() || lease.is_some() => StreamId::Reveals(id),
            _ if consumer.is_some() => StreamId::Consumers(id),
            _ if alert.is_some() => StreamId::Alerts(workspace.clone()),
            _ if policy.is_some() => StreamId::Policies(workspace.clone()),
            _ if principal.is_some() => StreamId::Principal(text("gateway-eu")),
            _ if own.is_some() => StreamId::Ledger(LedgerId::from_bytes([0x1d; 16])),
            _ => StreamId::Connection(id),
        },
        version: Version::new(2),
        event_id: event_id(),
        workspace: workspace.clone(),
        recorded_at: AT,
        clock: Some(Micros::new(AT.get() - 1_000_000)),
        epoch: Some(3),
        actor: Actor::new("key:admin"),
        provenance: Provenance {
            via: Via::Nats,
            command_id: text::<MessageId>("command-1"),
            correlation_id: Some(text("conversation-1")),
            causation_id: Some(text("event-1")),
            trace_id: Some(text("0af7651916cd43dd8448eb211c80319c")),
            key: Some(text("k3x9a2bq71ce")),
            address: Some("192.0.2.7".parse().expect("an address")),
        },
        fingerprint: Some(StoredFingerprint([0xfb; 16])),
    };
    let mut bytes = Vec::new();
    match (type_name, principal, own) {
        _ if let Some(event) = &alert => records::encode_alert(&mut bytes, &metadata, event),
        (_, _, Some(event)) => records::encode_ledger(&mut bytes, &metadata, &event),
        (WorkspaceCreated::TYPE_NAME, ..) => {
            let display_name = Some(text::<Line>("Default"));
            let created = WorkspaceCreated { name: workspace, display_name };
            records::encode_workspace(&mut bytes, &metadata, &created);
        }
        (SecretRevealed::TYPE_NAME, ..) => {
            records::encode_revealed(&mut bytes, &metadata, &revealed());
        }
        (_, Some(event), _) => records::encode_principal(&mut bytes, &metadata, &event),
        (_, None, _) => match (consumer, handover, policy, lease) {
            (Some(event), ..) => records::encode_consumer(&mut bytes, &metadata, &event),
            (_, Some(event), ..) => records::encode_handover(&mut bytes, &metadata, &event),
            (_, _, Some(event), _) => records::encode_policy(&mut bytes, &metadata, &event),
            (.., Some(event)) => records::encode_lease(&mut bytes, &metadata, &event),
            (None, None, None, None) => {
                records::encode_event(&mut bytes, &metadata, &event(type_name));
            }
        },
    }
    let shown = records::public(&bytes, None).get().to_owned();
    (bytes, shown)
}
