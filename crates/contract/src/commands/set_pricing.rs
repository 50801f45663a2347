//! `set-pricing`.

use ledger_domain::Command;
use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::Deserialize;

use super::ParsedCommand;
use super::bodies::ConnectionName;
use super::content::Content;
use super::parts::PricingBody;
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// `set-pricing`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SetPricingBody {
    /// Id or slug of the connection.
    connection: ConnectionName,
    /// The new factors; null removes them.
    pricing: Option<PricingBody>,
}

/// Replaces the price factors.
#[derive(Debug)]
pub(super) enum SetPricing {}

impl VerbDefinition for SetPricing {
    type Body = SetPricingBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "set-pricing",
        target: Target::Connection,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/workspaces/{workspace}/connections/{connection}/set-pricing",
            operation_id: "setPricing",
        },
        summary: "Set factors for the provider's prices",
        description: "",
        requires: &[Requirement::always(&[Scope::Write])],
        refusals: &[Code::NothingToChange],
        answer: Answer::Changed,
    };

    fn read(address: &Address, body: SetPricingBody) -> Result<ParsedCommand, Problem> {
        let pricing = body.pricing.map(PricingBody::check).transpose()?;
        let target = address.connection(body.connection)?;
        Ok(ParsedCommand::change(target, Command::SetPricing(pricing)))
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command.as_change()? {
            Command::SetPricing(pricing) => Some(to.field("pricing", pricing)),
            _ => None,
        }
    }
}
