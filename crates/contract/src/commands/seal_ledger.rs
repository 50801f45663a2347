//! `seal-ledger`.

use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::Deserialize;

use super::ParsedCommand;
use super::content::Content;
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// Body of `seal-ledger`, which says nothing.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SealLedgerBody {}

/// Wipes the keys that open secrets from memory.
#[derive(Debug)]
pub(super) enum SealLedger {}

impl VerbDefinition for SealLedger {
    type Body = SealLedgerBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "seal-ledger",
        target: Target::Ledger,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/master-keys/seal",
            operation_id: "sealLedger",
        },
        summary: "Wipe the keys that open secrets from memory",
        description: "The server wipes its master keys and all data keys from its memory, and answers when no \
                      secret is on its way any more. Until it is unsealed, it reveals nothing and \
                      stores no new secret; everything else goes on. A restart changes nothing about \
                      that.",
        requires: &[Requirement::always(&[Scope::Administer])],
        refusals: &[Code::NothingToChange, Code::SecretsInFlight],
        answer: Answer::Changed,
    };

    fn read(_: &Address, SealLedgerBody {}: Self::Body) -> Result<ParsedCommand, Problem> {
        Ok(ParsedCommand::SealLedger)
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        matches!(command, ParsedCommand::SealLedger).then_some(to)
    }
}
