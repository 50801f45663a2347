//! `policy set`, `policy remove` and `policy list`.

use clap::{Args, Subcommand};
use ledger_contract::queries::{
    ALL_WORKSPACES, PolicySubjectView, SecretPoliciesAnswer, SecretPolicyView,
};
use ledger_contract::subjects::LEDGER;
use serde_json::Value;

use super::pending::{PendingCommand, WriteArgs, send};
use crate::body::Body;
use crate::common::Common;
use crate::failure::Failure;
use crate::output::Output;
use crate::queries::read_answer;
use crate::session::Session;
use crate::table::Table;

/// The subcommands of `policy`.
#[derive(Debug, Subcommand)]
pub(crate) enum SecretPolicyCommand {
    Set(Box<SetArgs>),
    Remove(RemoveArgs),
    /// List the policies that hold in a workspace, those of the whole ledger first
    #[command(after_help = "\
Examples:
  connledger policy list
  connledger policy list --ledger --json")]
    List(PlaceArgs),
}

/// Sets a policy, in place of the one about the same fields.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger policy set -w prod --field api_key --max-age-days 90
  connledger policy set --ledger --provider openai --min-length 40 --pattern '^sk-'
  connledger policy set --connection openai-prod --max-age-days 365 --warn-days 30
  connledger policy set -w prod --field api_key --reference-required")]
pub(crate) struct SetArgs {
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    about: AboutArgs,
    /// After how many days a value is overdue for rotation; 0 if it never is
    #[arg(long, value_name = "DAYS")]
    max_age_days: Option<u32>,
    /// How many days before that it is due [default: a tenth of the age, at most 14]
    #[arg(long, value_name = "DAYS")]
    warn_days: Option<u32>,
    /// The fewest characters of a new value
    #[arg(long, value_name = "CHARACTERS")]
    min_length: Option<u32>,
    /// A regular expression that a new value must match, anywhere unless it has ^ and $
    #[arg(long, value_name = "REGEX")]
    pattern: Option<String>,
    /// Whether the field takes only references, and no values
    #[arg(long, value_name = "YES|NO", num_args = 0..=1, default_missing_value = "yes",
          value_parser = clap::builder::BoolishValueParser::new())]
    reference_required: Option<bool>,
    #[command(flatten)]
    write: WriteArgs,
}

/// Removes a policy.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger policy remove -w prod --field api_key
  connledger policy remove --ledger --provider openai")]
pub(crate) struct RemoveArgs {
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    about: AboutArgs,
    #[command(flatten)]
    write: WriteArgs,
}

/// Where a policy holds.
#[derive(Debug, Args)]
pub(crate) struct PlaceArgs {
    /// In all workspaces, which only who administers the whole ledger may say
    #[arg(long)]
    ledger: bool,
}

/// Which secret fields a policy is about; all when nothing is named.
#[derive(Debug, Args)]
struct AboutArgs {
    /// One connection, by id or slug
    #[arg(long, value_name = "NAME", conflicts_with = "ledger")]
    connection: Option<String>,
    /// The connections of one provider
    #[arg(long)]
    provider: Option<String>,
    /// One secret field
    #[arg(long, value_name = "NAME")]
    field: Option<String>,
}

impl AboutArgs {
    fn body(self) -> Body {
        let Self { connection, provider, field } = self;
        let named = [("connection", connection), ("provider", provider), ("field", field)];
        let named = named.into_iter().filter_map(|(name, value)| Some((name, value?)));
        named.map(|(name, value)| (name.to_owned(), Value::String(value))).collect()
    }
}

impl SetArgs {
    fn command(self) -> PendingCommand {
        PendingCommand::about_nothing("set-secret-policy", self.write)
            .with("about", self.about.body())
            .with_some("max_age_days", self.max_age_days)
            .with_some("warn_days", self.warn_days)
            .with_some("min_length", self.min_length)
            .with_some("pattern", self.pattern)
            .with_some("reference_required", self.reference_required)
    }
}

pub(super) async fn run(
    common: &Common,
    command: SecretPolicyCommand,
    out: Output,
) -> Result<(), Failure> {
    let (place, command) = match command {
        SecretPolicyCommand::List(place) => (place, None),
        SecretPolicyCommand::Set(args) => {
            (PlaceArgs { ledger: args.place.ledger }, Some(args.command()))
        }
        SecretPolicyCommand::Remove(args) => {
            let command = PendingCommand::about_nothing("remove-secret-policy", args.write);
            (args.place, Some(command.with("about", args.about.body())))
        }
    };
    let session = if place.ledger {
        Session::of_ledger(common, out).await?
    } else {
        Session::open(common, out).await?
    };
    match command {
        Some(command) => send(&session, &session.workspace, command).await,
        None => list(&session).await,
    }
}

async fn list(session: &Session) -> Result<(), Failure> {
    let is_ledger = session.workspace == LEDGER;
    let workspace = if is_ledger { ALL_WORKSPACES } else { &session.workspace };
    let answer = session.client.query(workspace, "secret-policies", &Body::new()).await?;
    if session.out.is_json() {
        return session.out.raw(&answer);
    }
    let answer: SecretPoliciesAnswer = read_answer(&answer)?;
    if answer.policies.is_empty() {
        session.out.say("no policy holds here");
        return Ok(());
    }
    session.out.table(&table(answer.policies))
}

fn table(policies: Vec<SecretPolicyView>) -> Table {
    let mut table = Table::new(&[
        "WORKSPACE",
        "CONNECTION",
        "PROVIDER",
        "FIELD",
        "MAX AGE",
        "MIN LENGTH",
        "PATTERN",
        "REFERENCE",
        "SET BY",
    ]);
    for one in policies {
        let PolicySubjectView { connection, provider, field } = one.about;
        let all = |named: Option<String>| named.unwrap_or_else(|| "*".to_owned());
        table.row([
            all(one.workspace),
            all(connection),
            all(provider),
            all(field),
            age(one.max_age_days, one.warn_days),
            one.min_length.map(|least| least.to_string()).unwrap_or_default(),
            one.pattern.unwrap_or_default(),
            one.reference_required.map_or("", requirement).to_owned(),
            one.set_by,
        ]);
    }
    table
}

/// Returns in a word whether a field takes only references.
const fn requirement(is_required: bool) -> &'static str {
    if is_required { "required" } else { "not required" }
}

/// Returns a maximum age in words.
fn age(max_age_days: Option<u32>, warn_days: Option<u32>) -> String {
    match (max_age_days, warn_days) {
        (None, _) => String::new(),
        (Some(0), _) => "none".to_owned(),
        (Some(days), None) => format!("{days} days"),
        (Some(days), Some(warn)) => format!("{days} days, due {warn} before"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_says_what_it_is_about_and_how_old_a_value_may_become() {
        let view = SecretPolicyView {
            workspace: None,
            about: PolicySubjectView { field: Some("api_key".to_owned()), ..Default::default() },
            max_age_days: Some(90),
            warn_days: Some(7),
            min_length: Some(20),
            pattern: None,
            reference_required: Some(true),
            set_by: "key:admin".to_owned(),
            set_at: String::new(),
        };
        let lines = table(vec![view]).lines(None);
        assert!(lines[1].starts_with('*'), "{lines:?}");
        for part in ["api_key", "90 days, due 7 before", "20", "required", "key:admin"] {
            assert!(lines[1].contains(part), "{lines:?}");
        }
        assert_eq!(age(Some(0), None), "none");
    }
}
