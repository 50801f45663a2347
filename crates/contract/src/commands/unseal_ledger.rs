//! `unseal-ledger`.

use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::Deserialize;

use super::ParsedCommand;
use super::content::Content;
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// Body of `unseal-ledger`, which says nothing: the server reads the keys itself.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UnsealLedgerBody {}

/// Takes the keys that open secrets back.
#[derive(Debug)]
pub(super) enum UnsealLedger {}

impl VerbDefinition for UnsealLedger {
    type Body = UnsealLedgerBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "unseal-ledger",
        target: Target::Ledger,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/master-keys/unseal",
            operation_id: "unsealLedger",
        },
        summary: "Take the keys that open secrets back",
        description: "The server reads its master keys again where it read them at its start. All keys that \
                      still wrap something have to be among them.",
        requires: &[Requirement::always(&[Scope::Administer])],
        refusals: &[Code::MasterKeysUnreadable, Code::MasterKeyLacking, Code::NothingToChange],
        answer: Answer::Changed,
    };

    fn read(_: &Address, UnsealLedgerBody {}: Self::Body) -> Result<ParsedCommand, Problem> {
        Ok(ParsedCommand::UnsealLedger)
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        matches!(command, ParsedCommand::UnsealLedger).then_some(to)
    }
}
