//! `update-alert`.

use ledger_domain::connection::Patch;
use ledger_domain::principal::Scope;
use ledger_domain::{AlertChange, AlertCommand, AlertRevision, InvalidField};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::ParsedCommand;
use super::bodies::absent;
use super::content::Content;
use super::input::{Input, ProviderRule, nullable, patch};
use super::parts::alert::{
    AlertLabels, AlertNameRule, EventWords, MailAddressRule, UrlRule, alert_labels, event_set,
    receiver,
};
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// Body of `update-alert`. What is absent stays as it is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("anyOf" = json!([absent("url"), absent("email")])))]
#[expect(clippy::option_option, reason = "absent, null and a value are three things in JSON")]
pub(super) struct UpdateAlertBody {
    /// The alert.
    alert: Input<AlertNameRule>,
    /// The URL to which its messages go, as signed requests. If they went by mail before,
    /// `rotate-alert-secret` tells what receivers check signatures with.
    url: Option<Input<UrlRule>>,
    /// The address to which they are sent by mail, in place of a URL.
    email: Option<Input<MailAddressRule>>,
    /// Which events it is about, in place of those before.
    #[schemars(length(min = 1, max = 64))]
    on: Option<EventWords>,
    /// Only those of connections of this provider; null for all.
    #[serde(default, deserialize_with = "nullable")]
    provider: Option<Option<Input<ProviderRule>>>,
    /// Only those of connections with all these labels, in place of those before.
    labels: Option<AlertLabels>,
    /// Whether messages are sent. While it is false, they wait.
    enabled: Option<bool>,
}

impl UpdateAlertBody {
    fn check(self) -> Result<AlertCommand, InvalidField> {
        let name = self.alert.check("alert")?;
        let revision = AlertRevision {
            receiver: receiver(self.url, self.email)?,
            on: self.on.map(event_set).transpose()?,
            provider: patch("provider", self.provider)?,
            labels: self.labels.map(alert_labels).transpose()?,
            enabled: self.enabled,
        };
        Ok(AlertCommand { name, change: AlertChange::Update(revision) })
    }
}

/// Changes what is set of an alert.
#[derive(Debug)]
pub(super) enum UpdateAlert {}

impl VerbDefinition for UpdateAlert {
    type Body = UpdateAlertBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "update-alert",
        target: Target::Alerts,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/workspaces/{workspace}/alerts/update",
            operation_id: "updateAlert",
        },
        summary: "Change where messages of an alert go, which events it is about, or pause it",
        description: "What waits is sent as the alert is then.",
        requires: &[Requirement::always(&[Scope::Administer, Scope::Read, Scope::Audit])],
        refusals: &[Code::AlertUnknown, Code::NothingToChange, Code::MailOff],
        answer: Answer::Changed,
    };

    fn read(_: &Address, body: UpdateAlertBody) -> Result<ParsedCommand, Problem> {
        Ok(ParsedCommand::Alert(body.check()?))
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command {
            ParsedCommand::Alert(AlertCommand { name, change: AlertChange::Update(revision) }) => {
                let to = to.field("alert", name).field("url", &revision.receiver);
                let to = to.field("on", &revision.on).field("labels", &revision.labels);
                let to = match &revision.provider {
                    Patch::Keep => to,
                    provider => to.field("provider", provider),
                };
                Some(match revision.enabled {
                    None => to,
                    Some(enabled) => to.flag("enabled", enabled),
                })
            }
            _ => None,
        }
    }
}
