//! `report-failure`.

use ledger_domain::connection::ReportedFailure;
use ledger_domain::principal::Scope;
use ledger_domain::{CheckedText as _, Line, limits};
use schemars::JsonSchema;
use serde::Deserialize;

use super::bodies::ConnectionName;
use super::content::Content;
use super::input::{
    Checked as _, FieldNameRule, GenerationNumber, Input, MapInput, WholeRule, WordRule, entry,
};
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use super::{FailureReport, ParsedCommand};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

type Generations = MapInput<FieldNameRule, Input<GenerationNumber>, { limits::SECRET_FIELDS }>;

/// `report-failure`: says what the provider answered to a user of the connection.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReportFailureBody {
    /// Id or slug of the connection.
    connection: ConnectionName,
    /// What happened: the provider refused the credentials (401), knows them and does not permit
    /// the request (403), did not answer, or refused because of a rate (429).
    outcome: Input<WordRule<ReportedFailure>>,
    /// The HTTP status, if there was one.
    status: Option<Input<WholeRule<100, 599>>>,
    /// The generations that were used, by secret field. A report of others than those that are
    /// given out now is not counted.
    #[serde(default)]
    generations: Generations,
}

/// Reports that a connection did not work.
#[derive(Debug)]
pub(super) enum ReportFailure {}

impl VerbDefinition for ReportFailure {
    type Body = ReportFailureBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "report-failure",
        target: Target::Connection,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/workspaces/{workspace}/connections/{connection}/report-failure",
            operation_id: "reportFailure",
        },
        summary: "Report that a connection did not work",
        description: "For gateways, as often as it happens. Nothing is recorded for a report. The server counts \
             those of a minute, and tests the connection if it can, once in 10 seconds at most; what \
             the test finds out is recorded if it is news. A connection that cannot be tested becomes \
             degraded after three reports. The answer says what follows; its receipt is that of the \
             connection's last change. An idempotency key is not used.",
        requires: &[Requirement::always(&[Scope::Reveal])],
        refusals: &[Code::SecretFieldUnknown],
        answer: Answer::Reported,
    };

    fn read(address: &Address, body: ReportFailureBody) -> Result<ParsedCommand, Problem> {
        let target = address.connection(body.connection)?;
        let status = body.status.check("status")?;
        let generations = body
            .generations
            .check("generations", |name, value| value.check(&entry("generations", name)))?;
        let outcome = body.outcome.check("outcome")?;
        let report = FailureReport { outcome, status, generations };
        Ok(ParsedCommand::ReportFailure { target, report })
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command {
            ParsedCommand::ReportFailure { target: _, report } => {
                let FailureReport { outcome, status, generations } = report;
                let status = status.map(|status| status.to_string());
                let text = |text: &str| Line::stored(text.into());
                let to = to.field("outcome", &text(outcome.as_str()));
                let to = to.field("status", &status.as_deref().map(text));
                Some(to.field("generations", generations))
            }
            _ => None,
        }
    }
}
