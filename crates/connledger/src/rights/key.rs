//! `key`: issues, shows and revokes API keys.

use clap::{Args, Subcommand};
use ledger_contract::errors::{Code, Problem};
use ledger_contract::queries::{ApiKeyView, PrincipalView};
use ledger_contract::subjects::LEDGER;
use ledger_contract::time;
use serde::Serialize;

use super::{Pages, issue, principal, principal_named, words};
use crate::clock;
use crate::common::Common;
use crate::failure::Failure;
use crate::key_out::KeyOutArgs;
use crate::lifetime::Lifetime;
use crate::output::Output;
use crate::queries::short_time;
use crate::session::Session;
use crate::table::Table;
use crate::verbs::{self, PendingCommand, WriteArgs};

/// The subcommands of `key`.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    Issue(IssueArgs),
    /// List keys, without their secret parts
    List(ListArgs),
    Revoke(RevokeArgs),
}

/// Issues a key to a principal.
#[derive(Debug, Args)]
#[command(after_help = "\
The key is shown once, in the file of --out or alone on standard output. It is not stored. With --wrap,
nobody sees it but who receives it with the token.

Examples:
  connledger key issue --for eu-1 --expires-in 90d --out eu-1.key
  connledger key issue --for ci --environment test --label \"nightly tests\" --json
  connledger key issue --for eu-1 --expires-in 90d --wrap 10m")]
pub(crate) struct IssueArgs {
    /// Name of the principal
    #[arg(long = "for", value_name = "NAME")]
    principal: String,
    /// Time until the key expires, such as 12h, 90d or 52w, or never [default: the server's,
    /// --key-lifetime]
    #[arg(long, value_name = "TIME", conflicts_with = "expires_at")]
    expires_in: Option<Lifetime>,
    /// Time at which the key expires (UTC), such as 2027-01-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    expires_at: Option<String>,
    /// Environment, the second part of the key: live or test [default: live]
    #[arg(long)]
    environment: Option<String>,
    /// Label that says what the key is for
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
    /// Write a token in place of the key, for whoever is to receive it once, with unwrap: a span of
    /// time like 10m, or a time, until which it can be used, at most 24 hours ahead. If nobody uses
    /// it, the ledger revokes the key
    #[arg(
        long,
        value_name = "DURATION|TIME",
        num_args = 0..=1,
        default_missing_value = "10m",
        conflicts_with = "out"
    )]
    wrap: Option<String>,
    /// The only principal that may use the token, with its own key; anyone who has it by default
    #[arg(long, value_name = "NAME", requires = "wrap")]
    wrap_for: Option<String>,
    #[command(flatten)]
    key_out: KeyOutArgs,
    #[command(flatten)]
    write: WriteArgs,
}

impl IssueArgs {
    fn command(self) -> Result<(PendingCommand, KeyOutArgs), Failure> {
        let expires_at = match (self.expires_in, self.expires_at) {
            (Some(lifetime), _) => Some(lifetime.end(clock::now())),
            (None, Some(text)) => Some(in_future(text)?),
            (None, None) => None,
        };
        let command = principal::pending("issue-key", &self.principal, self.write)
            .with_some("expires_at", expires_at)
            .with_some("environment", self.environment)
            .with_some("label", self.label)
            .with_some("wrap", self.wrap)
            .with_some("for", self.wrap_for);
        Ok((command, self.key_out))
    }
}

/// Refuses an expiry time in the past.
fn in_future(text: String) -> Result<String, Failure> {
    match time::parse("--expires-at", &text) {
        Err(error) => Err(Failure::usage(error.to_string())),
        Ok(end) if end <= clock::now() => Err(Failure::usage("--expires-at is in the past")),
        Ok(_) => Ok(text),
    }
}

/// Lists keys.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger key list
  connledger key list --for eu-1 --json")]
pub(crate) struct ListArgs {
    /// Only keys of this principal
    #[arg(long = "for", value_name = "NAME")]
    principal: Option<String>,
}

/// Revokes a key.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger key revoke k3x9a2bq71ce --reason \"was in a screenshot\"")]
pub(crate) struct RevokeArgs {
    /// Id of the key: its third part, as `connledger key list` shows it
    id: String,
    /// Reason; kept in the history
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    write: WriteArgs,
}

pub(crate) async fn run(common: &Common, command: KeyCommand, out: Output) -> Result<(), Failure> {
    match command {
        KeyCommand::Issue(args) => {
            let (command, key_out) = args.command()?;
            issue::run(common, command, &key_out, out).await
        }
        KeyCommand::List(args) => list(&Session::of_ledger(common, out).await?, args).await,
        KeyCommand::Revoke(args) => revoke(common, args, out).await,
    }
}

/// A key as `key list --json` shows it.
#[derive(Debug, Serialize)]
struct Listed<'a> {
    principal: &'a str,
    state: &'static str,
    #[serde(flatten)]
    key: &'a ApiKeyView,
}

async fn list(session: &Session, args: ListArgs) -> Result<(), Failure> {
    let headings =
        ["ID", "PREFIX", "PRINCIPAL", "LABEL", "ISSUED", "EXPIRES", "LAST USED", "STATE"];
    let mut table = Table::new(&headings);
    if let Some(name) = args.principal {
        add_keys(session, &mut table, &principal_named(session, &name).await?)?;
    } else {
        let mut pages = Pages::new(session);
        while let Some(principals) = pages.next().await? {
            principals.iter().try_for_each(|one| add_keys(session, &mut table, one))?;
        }
    }
    if session.out.is_json() {
        return Ok(());
    }
    session.out.table(&table)
}

/// Writes the keys of a principal: as JSON at once, else as rows of the table.
fn add_keys(session: &Session, table: &mut Table, of: &PrincipalView) -> Result<(), Failure> {
    let now = time::format(clock::now());
    let short = |time: &Option<String>| time.as_deref().map(short_time).unwrap_or_default();
    for key in &of.keys {
        let (principal, state) = (of.principal.as_str(), words::state(of, key, &now));
        if session.out.is_json() {
            session.out.object(&Listed { principal, state, key })?;
            continue;
        }
        table.row([
            key.id.clone(),
            key.prefix.clone(),
            principal.to_owned(),
            key.label.clone().unwrap_or_default(),
            short_time(&key.issued_at),
            short(&key.expires_at),
            short(&key.last_used_at),
            state.to_owned(),
        ]);
    }
    Ok(())
}

async fn revoke(common: &Common, args: RevokeArgs, out: Output) -> Result<(), Failure> {
    if args.id.contains('_') {
        // The argument may be a whole key, so the message must not repeat it.
        return Err(Failure::usage("this is not the id of a key")
            .hint("the id is the third part of a key: in sk_live_k3x9a2bq71ce_..., k3x9a2bq71ce"));
    }
    let session = Session::of_ledger(common, out).await?;
    let has = |one: &PrincipalView| one.keys.iter().any(|key| key.id == args.id);
    let Some(holder) = Pages::new(&session).find(has).await? else {
        return Err(Failure::from(Problem::new(Code::ApiKeyUnknown))
            .hint("`connledger key list` shows the ids of all keys"));
    };
    let command = principal::pending("revoke-key", &holder.principal, args.write)
        .with("key", args.id)
        .with_some("reason", args.reason);
    verbs::send(&session, LEDGER, command).await
}
