//! Commands to a connection: one route a verb.

use ledger_contract::errors::Code;

use super::parameters as p;
use super::refusals as r;
use super::{Answer, Keyed, Method, Route, Scope, Work};

/// Answer to a command that changed a connection.
pub(super) const DONE: &[Answer] = &[Answer {
    status: 200,
    about: "It is done and durable, or was by the same command before.",
    content: &[("application/json", Some("Receipt"))],
    headers: &["ETag", "Ledger-Repeated"],
}];

/// Makes the route of one verb.
macro_rules! verb {
    ($verb:literal, $id:literal, $body:literal, $summary:literal, $about:literal, $codes:expr) => {
        verb!(Write, $verb, $id, $body, $summary, $about, $codes)
    };
    ($scope:ident, $verb:literal, $id:literal, $body:literal, $summary:literal, $about:literal,
     $codes:expr) => {
        Route {
            method: Method::Post,
            path: concat!("/api/v1/workspaces/{workspace}/connections/{connection}/", $verb),
            id: $id,
            tag: "commands",
            summary: $summary,
            about: $about,
            work: Work::Keyed(Keyed::Command($verb)),
            scope: Some(Scope::$scope),
            parameters: &[p::IN_WORKSPACE, p::ON_CONNECTION, p::COMMAND, p::CHANGING, p::COMMON],
            body: Some($body),
            answers: DONE,
            refusals: &[r::KEY, r::BODY, r::COMMAND, r::CHANGE, $codes],
        }
    };
}

/// Tells whether a verb can be sent without a body: all it takes may be left out.
pub(super) fn takes_nothing_for_granted(verb: &str) -> bool {
    matches!(
        verb,
        "enable"
            | "disable"
            | "mark-degraded"
            | "mark-failed"
            | "mark-operational"
            | "archive"
            | "restore"
            | "set-pricing"
            | "update"
            | "update-principal"
            | "enable-principal"
            | "disable-principal"
            | "issue-key"
            | "revoke-key"
    )
}

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Method::Post,
        path: "/api/v1/workspaces/{workspace}/connections/{connection}/reveal-secret",
        id: "revealSecret",
        tag: "commands",
        summary: "Gives secrets out in the clear",
        about: "Each time is an event, durable before the answer. Only over TLS or on the \
                server's own machine; an idempotency key is not used.",
        work: Work::Keyed(Keyed::Reveal),
        scope: Some(Scope::Reveal),
        parameters: &[p::IN_WORKSPACE, p::ON_CONNECTION, p::COMMAND, p::COMMON],
        body: Some("RevealSecretBody"),
        answers: &[Answer {
            status: 200,
            about: "The values.",
            content: &[("application/json", Some("RevealAnswer"))],
            headers: &["Cache-Control"],
        }],
        refusals: &[
            r::KEY,
            r::BODY,
            r::COMMAND,
            r::CHANGE,
            &[Code::ConnectionDisabled, Code::SecretFieldUnknown, Code::RevealUnsafe],
        ],
    },
    verb!(
        Rotate,
        "rotate-secret",
        "rotateSecret",
        "RotateSecretBody",
        "Replaces values of secret fields",
        "Only fields the connection has; `PATCH` sets new ones.",
        &[Code::SecretFieldUnknown, Code::NothingToChange]
    ),
    verb!(
        "enable",
        "enableConnection",
        "TargetBody",
        "Lets gateways use it",
        "",
        &[Code::AlreadyEnabled]
    ),
    verb!(
        "disable",
        "disableConnection",
        "ReasonBody",
        "Keeps gateways from using it",
        "",
        &[Code::AlreadyDisabled]
    ),
    verb!(
        "mark-degraded",
        "markDegraded",
        "ReasonBody",
        "Reports that it works badly",
        "The system retries by itself.",
        &[Code::HealthUnchanged]
    ),
    verb!(
        "mark-failed",
        "markFailed",
        "ReasonBody",
        "Reports that it does not work",
        "A person has to act.",
        &[Code::HealthUnchanged]
    ),
    verb!(
        "mark-operational",
        "markOperational",
        "ReasonBody",
        "Reports that it works",
        "",
        &[Code::HealthUnchanged]
    ),
    verb!(
        "archive",
        "archiveConnection",
        "ArchiveBody",
        "Takes it out of use",
        "Its slug becomes free; from then on it is named by its id.",
        &[Code::ConnectionInUse]
    ),
    verb!(
        "restore",
        "restoreConnection",
        "RestoreBody",
        "Brings an archived one back",
        "With a new slug, when the old one has been taken.",
        &[Code::ConnectionNotArchived, Code::SlugTaken]
    ),
    verb!(
        Administer,
        "grant-workspace",
        "grantWorkspace",
        "GrantBody",
        "Lets another workspace use it",
        "Whoever may read and reveal there may do so with this connection from then on.",
        &[Code::NothingToChange]
    ),
    verb!(
        "revoke-workspace",
        "revokeWorkspace",
        "RevokeBody",
        "Keeps another workspace from using it",
        "",
        &[Code::GrantUnknown, Code::NothingToChange]
    ),
    verb!(
        "set-limits",
        "setLimits",
        "GrantBody",
        "Sets the limits of a grant",
        "",
        &[Code::GrantUnknown, Code::NothingToChange]
    ),
    verb!(
        "set-model-policy",
        "setModelPolicy",
        "SetModelPolicyBody",
        "Says which models may be reached",
        "",
        &[Code::NothingToChange]
    ),
    verb!(
        "set-pricing",
        "setPricing",
        "SetPricingBody",
        "Sets factors on the provider's prices",
        "",
        &[Code::NothingToChange]
    ),
    verb!(
        "link-dependent",
        "linkDependent",
        "LinkDependentBody",
        "Records that something uses it",
        "",
        &[Code::NothingToChange]
    ),
    verb!(
        "unlink-dependent",
        "unlinkDependent",
        "UnlinkDependentBody",
        "Records that something no longer uses it",
        "",
        &[Code::DependentUnknown]
    ),
    verb!(
        "revert",
        "revertConnection",
        "RevertBody",
        "Brings all settings of an earlier version back, secret values too",
        "As one new event. Back come the slug, the fields, the grants, the models, the prices, \
         whether it is enabled, and the secret values of that version, each as a new generation: \
         a value that was replaced because it leaked is in use again, so rotate it afterwards. \
         Lifecycle, health and dependents stay as they are. Takes `rotate` as well, and \
         `administer` when it lets other workspaces in again.",
        &[Code::VersionUnknown, Code::NothingToChange, Code::SlugTaken]
    ),
];
