//! `create-alert`.

use ledger_domain::principal::Scope;
use ledger_domain::{
    AlertChange, AlertCommand, AlertSelection, AlertSettings, CheckedText as _, InvalidField, Line,
    SignatureScheme,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::ParsedCommand;
use super::bodies::only;
use super::content::Content;
use super::input::{Checked as _, Input, ProviderRule, WordRule};
use super::parts::alert::{
    AlertLabels, AlertNameRule, EventWords, MailAddressRule, UrlRule, alert_labels, event_set,
    receiver,
};
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use crate::alerts::DEFAULT_EVENTS;
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// Body of `create-alert`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = json!([only("url", "email"), only("email", "url")])))]
pub(super) struct CreateAlertBody {
    /// A name for the alert, unique among those of the workspace, or of the ledger.
    alert: Input<AlertNameRule>,
    /// The URL to which its messages go, as signed requests.
    url: Option<Input<UrlRule>>,
    /// The address to which they are sent by mail, in place of a URL.
    email: Option<Input<MailAddressRule>>,
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
    /// How requests are signed: `hmac`, which is the default, or `ed25519`. Mail is not.
    signature: Option<Input<WordRule<SignatureScheme>>>,
}

impl CreateAlertBody {
    fn check(self) -> Result<AlertCommand, InvalidField> {
        let name = self.alert.check("alert")?;
        let receiver = receiver(self.url, self.email)?
            .ok_or_else(|| InvalidField::new("url", "must be given, or `email`"))?;
        let by_default = || DEFAULT_EVENTS.iter().map(|word| Line::stored((*word).into()));
        let on = self.on.map(event_set).transpose()?;
        let selection = AlertSelection {
            on: on.unwrap_or_else(|| by_default().collect()),
            provider: self.provider.check("provider")?,
            labels: alert_labels(self.labels)?,
        };
        let scheme = self.signature.check("signature")?;
        if scheme.is_some() && !receiver.is_signed() {
            return Err(InvalidField::new("signature", "must be left out, as mail is not signed"));
        }
        let scheme = scheme.unwrap_or(SignatureScheme::Hmac);
        let settings = AlertSettings { receiver, selection, enabled: true };
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
        summary: "Tell somebody outside of certain events, by signed requests or by mail",
        description: "Requests follow the Standard Webhooks convention. The answer has the secret with \
                      which receivers check signatures, once, or with `ed25519` the public key. A \
                      repeat of the command is answered without it. An alert at `_ledger` is about \
                      the events of all workspaces. Messages have what the event stream has: the \
                      event and the state after it, with masked secrets. With `email` in place of `url`, \
                      people are told in words: one mail may tell of many events, is not signed, and \
                      needs a server with a mail relay.",
        requires: &[Requirement::always(&[Scope::Administer, Scope::Read, Scope::Audit])],
        refusals: &[Code::AlertExists, Code::AlertsFull, Code::MailOff],
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
