//! `principal`: creates, changes and shows principals.

use clap::{Args, Subcommand};
use ledger_contract::queries::{PageQuery, PrincipalView, PrincipalsQuery};
use ledger_contract::subjects::LEDGER;
use ledger_contract::time;
use serde_json::Value;

use super::grants::GrantArgs;
use super::{page, principal_named, words};
use crate::clock;
use crate::common::Common;
use crate::failure::Failure;
use crate::output::Output;
use crate::queries::paging::{Listing, PageArgs};
use crate::session::Session;
use crate::verbs::{self, PendingCommand, WriteArgs};

/// The subcommands of `principal`.
#[derive(Debug, Subcommand)]
pub(crate) enum PrincipalCommand {
    Create(Box<CreateArgs>),
    Update(Box<UpdateArgs>),
    Enable(EnableArgs),
    Disable(DisableArgs),
    /// List the principals, sorted by name
    #[command(after_help = "\
Examples:
  connledger principal list
  connledger principal list --all --json | jq .principal
  connledger principal list --as-of 2026-11-01T00:00:00Z")]
    List(ListArgs),
    /// Show one principal with its keys
    Show(ShowArgs),
}

/// Lists principals.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// List them as they were at a moment: a time, how long ago (24h), or a position of the log
    /// (1042); takes the right to audit as well
    #[arg(long, value_name = "MOMENT")]
    as_of: Option<String>,
    #[command(flatten)]
    paging: PageArgs,
}

/// Creates a principal.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger principal create eu-1 --kind gateway --role gateway --workspace search
  connledger principal create rotation --kind service --role rotator --provider openai
  connledger principal create ada --kind user --display-name \"Ada L.\" --grants permissions.json

A file for --grants: [{\"role\": \"editor\", \"workspaces\": [\"search\"]}, {\"scopes\": [\"audit\"]}]")]
pub(crate) struct CreateArgs {
    /// Name: a-z, 0-9 and inner hyphens, at most 63 characters
    name: String,
    /// Kind: user, service or gateway
    #[arg(long)]
    kind: String,
    /// Display name
    #[arg(long, value_name = "TEXT")]
    display_name: Option<String>,
    #[command(flatten)]
    pub(super) grants: GrantArgs,
    #[command(flatten)]
    write: WriteArgs,
}

impl CreateArgs {
    fn command(self, common: &Common, out: Output) -> Result<PendingCommand, Failure> {
        let permissions = self.grants.permissions(common)?;
        if permissions.is_none() {
            out.hint("it has no permissions yet; `connledger principal update` grants them");
        }
        Ok(pending("create-principal", &self.name, self.write)
            .with("kind", self.kind)
            .with_some("display_name", self.display_name)
            .with_some("grants", permissions))
    }
}

/// Changes a principal.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger principal update eu-1 --role gateway --workspace search --workspace chat
  connledger principal update ada --display-name \"Ada Lovelace\"

The given permissions replace all earlier ones.")]
pub(crate) struct UpdateArgs {
    /// Name
    name: String,
    /// New display name
    #[arg(long, value_name = "TEXT")]
    display_name: Option<String>,
    /// Remove the display name
    #[arg(long, conflicts_with = "display_name")]
    no_display_name: bool,
    #[command(flatten)]
    grants: GrantArgs,
    #[command(flatten)]
    write: WriteArgs,
}

impl UpdateArgs {
    fn command(self, common: &Common) -> Result<PendingCommand, Failure> {
        let permissions = self.grants.permissions(common)?;
        if permissions.is_none() && self.display_name.is_none() && !self.no_display_name {
            return Err(Failure::usage("nothing to change was given")
                .hint("`connledger principal update --help` shows examples"));
        }
        let command = pending("update-principal", &self.name, self.write)
            .with_some("display_name", self.display_name)
            .with_some("grants", permissions);
        Ok(if self.no_display_name { command.with("display_name", Value::Null) } else { command })
    }
}

/// Enables a principal, so that its keys are accepted again.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  connledger principal enable eu-1")]
pub(crate) struct EnableArgs {
    /// Name
    name: String,
    #[command(flatten)]
    write: WriteArgs,
}

/// Disables a principal, so that its keys are refused.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger principal disable eu-1 --reason \"the machine was sold\"")]
pub(crate) struct DisableArgs {
    /// Name
    name: String,
    /// Reason; kept in the history
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    write: WriteArgs,
}

/// Shows a principal.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger principal show eu-1
  connledger principal show eu-1 --json | jq .grants")]
pub(crate) struct ShowArgs {
    /// Name
    name: String,
}

/// Starts a command about a principal.
pub(super) fn pending(verb: &'static str, name: &str, write: WriteArgs) -> PendingCommand {
    PendingCommand::about_nothing(verb, write).with("principal", name)
}

pub(crate) async fn run(
    common: &Common,
    command: PrincipalCommand,
    out: Output,
) -> Result<(), Failure> {
    let command = match command {
        PrincipalCommand::Create(args) => args.command(common, out)?,
        PrincipalCommand::Update(args) => args.command(common)?,
        PrincipalCommand::Enable(args) => pending("enable-principal", &args.name, args.write),
        PrincipalCommand::Disable(args) => {
            pending("disable-principal", &args.name, args.write).with_some("reason", args.reason)
        }
        PrincipalCommand::List(args) => {
            return list(&Session::of_ledger(common, out).await?, args).await;
        }
        PrincipalCommand::Show(args) => {
            return show(&Session::of_ledger(common, out).await?, &args.name).await;
        }
    };
    verbs::send(&Session::of_ledger(common, out).await?, LEDGER, command).await
}

async fn list(session: &Session, args: ListArgs) -> Result<(), Failure> {
    let ListArgs { as_of, paging } = args;
    let mut extent = paging.extent(session.out);
    let PageQuery { page_size, cursor } = paging.query();
    let mut query = PrincipalsQuery { as_of, page_size, cursor };
    let now = time::format(clock::now());
    // Of the past, the moment is not told, so keys that had ended by then count as well.
    let keys = if query.as_of.is_some() { "KEYS NOT REVOKED" } else { "LIVE KEYS" };
    let mut rows = Listing::new(session.out, &["NAME", "KIND", "ENABLED", "MAY", keys]);
    loop {
        let page = page(session, &query).await?;
        for one in &page.principals {
            let live = one.keys.iter().filter(|key| match query.as_of {
                Some(_) => key.revoked_at.is_none(),
                None => words::state(one, key, &now) == "live",
            });
            rows.add(one, || {
                [
                    one.principal.clone(),
                    one.kind.clone(),
                    yes_or_no(one.enabled).to_owned(),
                    words::permissions(&one.grants),
                    live.count().to_string(),
                ]
            })?;
        }
        let next = page.part.next_cursor.as_deref();
        match extent.next(page.principals.len(), page.part.truncated, next) {
            Some(PageQuery { page_size, cursor }) => {
                query = PrincipalsQuery { page_size, cursor, ..query };
            }
            None => return rows.finish(page.part.total, next),
        }
    }
}

async fn show(session: &Session, name: &str) -> Result<(), Failure> {
    let one = principal_named(session, name).await?;
    if session.out.is_json() {
        return session.out.object(&one);
    }
    session.out.facts(&facts(&one))
}

fn facts(one: &PrincipalView) -> Vec<(String, String)> {
    let now = time::format(clock::now());
    let mut facts = Vec::new();
    let mut add = |name: &str, value: String| facts.push((name.to_owned(), value));
    add("name", one.principal.clone());
    if let Some(display_name) = &one.display_name {
        add("display name", display_name.clone());
    }
    add("kind", one.kind.clone());
    add("enabled", yes_or_no(one.enabled).to_owned());
    if one.grants.is_empty() {
        add("may", words::permissions(&[]));
    }
    for grant in &one.grants {
        add("may", words::permission(grant));
    }
    for key in &one.keys {
        let label = key.label.as_deref().unwrap_or("no label");
        let state = words::state(one, key, &now);
        add("key", format!("{}  {state}, {label}, issued {}", key.prefix, key.issued_at));
    }
    add("version", one.version.to_string());
    add("created", format!("{} by {}", one.created_at, one.created_by));
    add("updated", format!("{} by {}", one.updated_at, one.updated_by));
    facts
}

const fn yes_or_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}
