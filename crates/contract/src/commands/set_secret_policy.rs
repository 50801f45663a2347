//! `set-secret-policy`.

use ledger_domain::principal::Scope;
use ledger_domain::{InvalidField, PolicyCommand, SecretPolicy, limits};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::ParsedCommand;
use super::content::Content;
use super::input::{Checked as _, Input, LineRule, WholeRule};
use super::parts::PolicySubjectBody;
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

type Days<const MIN: u32> = Input<WholeRule<MIN, { limits::POLICY_AGE_DAYS }>>;

/// Returns the schema of a body that has a rule.
fn with(rule: &str, of_type: &str) -> Value {
    json!({ "required": [rule], "properties": { (rule): { "type": of_type } } })
}

/// Body of `set-secret-policy`: there must be one rule at least.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("anyOf" = json!([
    with("max_age_days", "integer"),
    with("min_length", "integer"),
    with("pattern", "string"),
    with("reference_required", "boolean"),
])))]
pub(super) struct SetSecretPolicyBody {
    /// Which secret fields it is about; all when absent.
    #[serde(default)]
    about: PolicySubjectBody,
    /// After how many days a value is overdue for rotation; 0 if it never is.
    max_age_days: Option<Days<0>>,
    /// How many days before that it is due; a tenth of the age by default, and at most 14.
    warn_days: Option<Days<1>>,
    /// The fewest characters of a new value; 0 for any number.
    min_length: Option<Input<WholeRule<0, { limits::POLICY_MIN_CHARS }>>>,
    /// A regular expression that a new value must match, anywhere unless it has `^` and `$`. The
    /// syntax is that of the Rust crate `regex`.
    pattern: Option<Input<LineRule<{ limits::POLICY_PATTERN_CHARS }>>>,
    /// Whether the field takes only a reference to where its value is, and no value.
    reference_required: Option<bool>,
}

impl SetSecretPolicyBody {
    /// Checks the body. Whether a pattern can be compiled, the engine checks.
    ///
    /// Errors: `field_invalid`.
    fn check(self) -> Result<ParsedCommand, InvalidField> {
        let (connection, subject) = self.about.check()?;
        let policy = SecretPolicy {
            max_age_days: self.max_age_days.check("max_age_days")?,
            warn_days: self.warn_days.check("warn_days")?,
            min_chars: self.min_length.check("min_length")?,
            pattern: self.pattern.check("pattern")?,
            reference_required: self.reference_required,
        };
        if let Some(warn) = policy.warn_days
            && policy.max_age_days.is_none_or(|days| days <= warn)
        {
            let problem = "must be less than max_age_days, which must be there, too";
            return Err(InvalidField::new("warn_days", problem));
        }
        if policy.is_empty() {
            let problem = "must be there, or else min_length, pattern or reference_required";
            return Err(InvalidField::new("max_age_days", problem));
        }
        Ok(ParsedCommand::Policy { connection, command: PolicyCommand::Set { subject, policy } })
    }
}

/// Sets a policy of secret fields.
#[derive(Debug)]
pub(super) enum SetSecretPolicy {}

impl VerbDefinition for SetSecretPolicy {
    type Body = SetSecretPolicyBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "set-secret-policy",
        target: Target::Policies,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/workspaces/{workspace}/secret-policies",
            operation_id: "setSecretPolicy",
        },
        summary: "Say how old secrets may become, what new values must look like, or that they are kept elsewhere",
        description: "It replaces the policy about the same fields. Of several that state a rule the most \
                      specific one decides: one about a connection before one about a field before \
                      one about a provider. Policies of the whole ledger, which are set at \
                      `_ledger`, hold beside those of a workspace. New values are checked wherever \
                      they come from; values that are there are not. A value that becomes older \
                      than it may is recorded as overdue, once, and is revealed as before.",
        requires: &[Requirement::always(&[Scope::Administer])],
        refusals: &[Code::NothingToChange, Code::PoliciesFull, Code::ConnectionUnknown],
        answer: Answer::Changed,
    };

    fn read(_: &Address, body: SetSecretPolicyBody) -> Result<ParsedCommand, Problem> {
        Ok(body.check()?)
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command {
            ParsedCommand::Policy {
                connection,
                command: PolicyCommand::Set { subject, policy },
            } => {
                let to = to.connection(connection.as_ref());
                Some(to.field("about", subject).field("rules", policy))
            }
            _ => None,
        }
    }
}
