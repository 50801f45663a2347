//! `rotate-alert-secret`.

use ledger_domain::principal::Scope;
use ledger_domain::{AlertChange, AlertCommand, SignatureScheme, limits};
use schemars::JsonSchema;
use serde::Deserialize;

use super::ParsedCommand;
use super::content::Content;
use super::input::{Checked as _, Input, WholeRule, WordRule};
use super::parts::alert::AlertNameRule;
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// Body of `rotate-alert-secret`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RotateAlertSecretBody {
    /// The alert.
    alert: Input<AlertNameRule>,
    /// For how many seconds messages are signed with the former secret as well: a day by default,
    /// at most 30 days.
    overlap_seconds: Option<Input<WholeRule<0, { limits::ALERT_OVERLAP_SECONDS }>>>,
    /// How messages are signed from now on: `hmac` or `ed25519`; as before by default.
    signature: Option<Input<WordRule<SignatureScheme>>>,
}

/// Replaces the signing secret of an alert.
#[derive(Debug)]
pub(super) enum RotateAlertSecret {}

impl VerbDefinition for RotateAlertSecret {
    type Body = RotateAlertSecretBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "rotate-alert-secret",
        target: Target::Alerts,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/workspaces/{workspace}/alerts/rotate-secret",
            operation_id: "rotateAlertSecret",
        },
        summary: "Replace the signing secret of an alert",
        description: "The answer has the new secret, once, or the new public key. Until the overlap ends, \
                      each message has a signature for each of the two. Mail is not signed.",
        requires: &[Requirement::always(&[Scope::Administer])],
        refusals: &[Code::AlertUnknown, Code::AlertUnsigned],
        answer: Answer::Signed,
    };

    fn read(_: &Address, body: RotateAlertSecretBody) -> Result<ParsedCommand, Problem> {
        let name = body.alert.check("alert")?;
        let overlap_seconds = body.overlap_seconds.check("overlap_seconds")?;
        let change = AlertChange::RotateSecret {
            scheme: body.signature.check("signature")?,
            overlap_seconds: overlap_seconds.unwrap_or(limits::ALERT_OVERLAP_DEFAULT_SECONDS),
            drawn: None,
        };
        Ok(ParsedCommand::Alert(AlertCommand { name, change }))
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command {
            ParsedCommand::Alert(AlertCommand {
                name,
                change: AlertChange::RotateSecret { scheme, overlap_seconds, .. },
            }) => {
                let to = to.field("alert", name).field("signature", scheme);
                Some(to.number("overlap_seconds", u64::from(*overlap_seconds)))
            }
            _ => None,
        }
    }
}
