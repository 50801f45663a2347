//! `create-alert`.

use ledger_domain::principal::Scope;
use ledger_domain::{
    AlertChange, AlertCommand, AlertSelection, AlertSettings, CheckedText as _, InvalidField, Line,
    SignatureScheme,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::ParsedCommand;
use super::content::Content;
use super::input::{Checked as _, Input, ProviderRule, WordRule};
use super::parts::alert::{
    AlertLabels, AlertNameRule, EventWords, UrlRule, alert_labels, event_set,
};
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use crate::alerts::DEFAULT_EVENTS;
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// Body of `create-alert`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateAlertBody {
    /// A name for the alert, unique among those of the workspace, or of the ledger.
    alert: Input<AlertNameRule>,
    /// The URL to which its messages go.
    url: Input<UrlRule>,
    /// Which events it is about: types of events, `health_changed` for every event by which a
    /// connection became operational, degraded or failed, or `secret_compromised`. By default
    /// these two, and `secret_overdue`.
    #[schemars(length(min = 1, max = 64))]
    on: Option<EventWords>,
    /// Only those of connections of this provider, as events name it.
    provider: Option<Input<ProviderRule>>,
    /// Only those of connections with all these labels.
    #[serde(default)]
    labels: AlertLabels,
    /// How requests are signed: `hmac`, which is the default, or `ed25519`.
    signature: Option<Input<WordRule<SignatureScheme>>>,
}

impl CreateAlertBody {
    fn check(self) -> Result<AlertCommand, InvalidField> {
        let name = self.alert.check("alert")?;
        let url = self.url.check("url")?;
        let by_default = || DEFAULT_EVENTS.iter().map(|word| Line::stored((*word).into()));
        let on = self.on.map(event_set).transpose()?;
        let selection = AlertSelection {
            on: on.unwrap_or_else(|| by_default().collect()),
            provider: self.provider.check("provider")?,
            labels: alert_labels(self.labels)?,
        };
        let scheme = self.signature.check("signature")?.unwrap_or(SignatureScheme::Hmac);
        let settings = AlertSettings { url, selection, enabled: true };
        let change = AlertChange::Create { settings, scheme, drawn: None };
        Ok(AlertCommand { name, change })
    }
}

/// Creates an alert.
#[derive(Debug)]
pub(super) enum CreateAlert {}

impl VerbDefinition for CreateAlert {
    type Body = CreateAlertBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "create-alert",
        target: Target::Alerts,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/workspaces/{workspace}/alerts",
            operation_id: "createAlert",
        },
        summary: "Tell somebody outside of certain events, by signed requests",
        description: "Requests follow the Standard Webhooks convention. The answer has the secret with \
                      which receivers check signatures, once, or with `ed25519` the public key. A \
                      repeat of the command is answered without it. An alert at `_ledger` is about \
                      the events of all workspaces. Messages have what the event stream has: the \
                      event and the state after it, with masked secrets.",
        requires: &[Requirement::always(&[Scope::Administer, Scope::Read, Scope::Audit])],
        refusals: &[Code::AlertExists, Code::AlertsFull],
        answer: Answer::Signed,
    };

    fn read(_: &Address, body: CreateAlertBody) -> Result<ParsedCommand, Problem> {
        Ok(ParsedCommand::Alert(body.check()?))
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command {
            ParsedCommand::Alert(AlertCommand {
                name,
                change: AlertChange::Create { settings, scheme, .. },
            }) => {
                let to = to.field("alert", name).field("settings", settings);
                Some(to.field("signature", scheme))
            }
            _ => None,
        }
    }
}
