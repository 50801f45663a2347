//! `rotate-master-key`.

use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::Deserialize;

use super::ParsedCommand;
use super::content::Content;
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// Body of `rotate-master-key`, which says nothing: no key and no place of one comes with a
/// request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RotateMasterKeyBody {}

/// Wraps under the master key that the server's key file has first.
#[derive(Debug)]
pub(super) enum RotateMasterKey {}

impl VerbDefinition for RotateMasterKey {
    type Body = RotateMasterKeyBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "rotate-master-key",
        target: Target::Ledger,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/master-keys/rotate",
            operation_id: "rotateMasterKey",
        },
        summary: "Make the first key of the key file the active one",
        description: "The server reads its master keys again. What is stored is then wrapped anew \
                      in the background, while everything goes on. All keys that still wrap \
                      something have to be among those that it reads; otherwise nothing changes.",
        requires: &[Requirement::always(&[Scope::Administer])],
        refusals: &[
            Code::MasterKeysUnreadable,
            Code::MasterKeyLacking,
            Code::MasterKeyRetired,
            Code::NothingToChange,
            Code::Sealed,
        ],
        answer: Answer::Changed,
    };

    fn read(_: &Address, RotateMasterKeyBody {}: Self::Body) -> Result<ParsedCommand, Problem> {
        Ok(ParsedCommand::RotateMasterKey)
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        matches!(command, ParsedCommand::RotateMasterKey).then_some(to)
    }
}
