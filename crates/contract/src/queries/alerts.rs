//! `alerts`: what is told outside, where, and how far that is.

use std::collections::BTreeMap;

use ledger_domain::principal::Scope;
use ledger_domain::{Alert, AlertName, CheckedText as _, Micros, WorkspaceName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{NoParameters, Query, QuerySpec};
use crate::route::{HttpRoute, Method};
use crate::time;

/// The HTTP route.
pub const ALERTS: HttpRoute = HttpRoute {
    method: Method::Get,
    path: "/api/v1/workspaces/{workspace}/alerts",
    operation_id: "listAlerts",
};

/// What stands in place of a signature where there is none.
const NOT_SIGNED: &str = "none";

/// The query `alerts`.
#[derive(Clone, Copy, Debug)]
pub struct Alerts;

impl Query for Alerts {
    const SPEC: QuerySpec = QuerySpec {
        name: "alerts",
        summary: "Lists the alerts of a workspace, and how far their messages are",
        description: "`_all` shows those of the whole ledger alone. What is counted and when it was \
                      delivered last is known since the start of the server.",
        scopes: &[Scope::Administer],
        on_ledger: false,
        in_access_check: true,
        routes: &[ALERTS],
        refusals: &[],
    };
    type Parameters = NoParameters;
    type Answer<'a> = AlertsAnswer;
}

/// Answer to `alerts`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AlertsAnswer {
    /// The alerts.
    pub alerts: Vec<AlertView>,
    /// Version of the alerts of the workspace, or of the ledger if no workspace is named.
    pub version: u64,
}

/// An alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AlertView {
    /// The workspace whose events it is about; absent if it is about those of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<String>,
    /// Its name.
    pub alert: String,
    /// The URL to which its messages go; `mailto:` and the address if they are sent by mail.
    pub url: String,
    /// The address to which they are sent by mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Which events it is about.
    pub on: Vec<String>,
    /// Only those of connections of this provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Only those of connections with all these labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Whether messages are sent.
    pub enabled: bool,
    /// Why the ledger disabled it, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_because: Option<String>,
    /// How messages are signed: `hmac` or `ed25519`; `none` if they are sent by mail.
    pub signature: String,
    /// With `ed25519`, the public key with which receivers check signatures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
    /// Until when messages are signed with the former secret as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub former_secret_until: Option<String>,
    /// Who created it.
    pub created_by: String,
    /// When.
    pub created_at: String,
    /// How far its messages are.
    pub delivery: AlertDelivery,
}

/// How far the messages of an alert are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AlertDelivery {
    /// Position up to which every event was looked at, and sent if it is one of the alert's.
    pub after: u64,
    /// How many events of the log come after that.
    pub behind: u64,
    /// How many connections, or other streams, have an event that was not taken yet.
    pub waiting: u64,
    /// How many events are not sent any more.
    pub dead_letters: u64,
    /// How many dead letters made room for later ones.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub dead_letters_dropped: u64,
    /// How many messages were taken since the start of the server.
    pub delivered: u64,
    /// How many attempts failed since the start of the server.
    pub failed: u64,
    /// When a message was taken last, since the start of the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<String>,
    /// Why the latest attempt failed, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<String>,
    /// Since when the receiver as a whole takes nothing; absent if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub down_since: Option<String>,
    /// When it is tried next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl AlertView {
    /// Returns an alert of a workspace, or of the whole ledger if none is named, as it is shown at
    /// a time.
    pub fn of(
        workspace: Option<&WorkspaceName>,
        name: &AlertName,
        alert: &Alert,
        delivery: AlertDelivery,
        now: Micros,
    ) -> Self {
        let selection = &alert.settings.selection;
        let receiver = &alert.settings.receiver;
        let signing = receiver.is_signed().then_some(&alert.signing);
        let former = alert.former.as_ref().filter(|former| now < former.until);
        let former = former.filter(|_| receiver.is_signed());
        let labels = selection.labels.iter();
        Self {
            workspace: workspace.map(|name| name.as_str().to_owned()),
            alert: name.as_str().to_owned(),
            url: receiver.to_url(),
            email: receiver.mail().map(|address| address.text().to_owned()),
            on: selection.on.iter().map(|word| word.text().to_owned()).collect(),
            provider: selection.provider.as_ref().map(|name| name.text().to_owned()),
            labels: labels
                .map(|(key, value)| (key.text().to_owned(), value.text().to_owned()))
                .collect(),
            enabled: alert.settings.enabled,
            disabled_because: alert.disabled_because.as_ref().map(|why| why.text().to_owned()),
            signature: signing.map_or(NOT_SIGNED, |signing| signing.scheme.as_str()).to_owned(),
            public_key: signing
                .and_then(|signing| signing.public_key.as_ref())
                .map(|key| key.text().to_owned()),
            former_secret_until: former.map(|former| time::format(former.until)),
            created_by: alert.by.as_str().to_owned(),
            created_at: time::format(alert.at),
            delivery,
        }
    }
}
