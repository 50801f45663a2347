//! `retire-master-key`.

use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::Deserialize;

use super::ParsedCommand;
use super::content::Content;
use super::input::{Input, MasterKeyIdRule};
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// Body of `retire-master-key`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RetireMasterKeyBody {
    /// Id of the master key: eight hexadecimal digits.
    key: Input<MasterKeyIdRule>,
}

/// Uses a master key no more.
#[derive(Debug)]
pub(super) enum RetireMasterKey {}

impl VerbDefinition for RetireMasterKey {
    type Body = RetireMasterKeyBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "retire-master-key",
        target: Target::Ledger,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/master-keys/retire",
            operation_id: "retireMasterKey",
        },
        summary: "Use a master key no more",
        description: "Refused while anything is wrapped under it. Afterwards it can be removed from \
                      the key file; earlier backups still need it.",
        requires: &[Requirement::always(&[Scope::Administer])],
        refusals: &[
            Code::MasterKeyUnknown,
            Code::MasterKeyInUse,
            Code::NothingToChange,
            Code::Sealed,
        ],
        answer: Answer::Changed,
    };

    fn read(_: &Address, body: RetireMasterKeyBody) -> Result<ParsedCommand, Problem> {
        Ok(ParsedCommand::RetireMasterKey { key: body.key.check("key")? })
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command {
            ParsedCommand::RetireMasterKey { key } => Some(to.field("key", key)),
            _ => None,
        }
    }
}
