//! `keys`: the master keys of a ledger.

use clap::{Args, Subcommand};
use ledger_contract::master_keys::{RewrapReport, RewrapRequest, RewrapStatus, SharesView};
use ledger_contract::queries::{ALL_WORKSPACES, MasterKeysAnswer};
use ledger_contract::subjects::LEDGER;
use ledger_vault::Keyring;
use serde_json::json;

use crate::body::Body;
use crate::common::Common;
use crate::failure::Failure;
use crate::master_key::{self, MasterKeyArgs};
use crate::output::Output;
use crate::progress::{progress_bar, show};
use crate::queries::read_answer;
use crate::seal::{self, SealArgs, UnsealArgs};
use crate::session::Session;
use crate::share_keys::{self, CombineArgs, SplitArgs};
use crate::table::Table;
use crate::verbs::{self, PendingCommand, WriteArgs};
use crate::wrap_keys::{self, UnwrapArgs, WrapArgs};

/// The subcommands of `keys`.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Show the master keys, and how much is wrapped under each
    #[command(after_help = "\
Example:
  connledger keys status")]
    Status,
    /// Add a new master key to a key file, on this machine
    Add(AddArgs),
    Rotate(RotateArgs),
    /// Wrap anew what is still under a former master key, and follow it
    #[command(after_help = "\
It begins by itself after a rotation, goes on after a restart, and runs on if this command is
interrupted.

Example:
  connledger keys rewrap")]
    Rewrap,
    Retire(RetireArgs),
    Wrap(WrapArgs),
    Unwrap(UnwrapArgs),
    Seal(SealArgs),
    Unseal(UnsealArgs),
    Split(SplitArgs),
    Combine(CombineArgs),
}

/// Adds a key to a key file.
#[derive(Debug, Args)]
#[command(after_help = "\
The new key comes first, which makes it the active one of the file. The server does not use it before
`keys rotate`. The file is replaced as a whole, with its owner and permissions; a server never writes it.

Example:
  connledger keys add --master-key-file /etc/connledger/master.key")]
pub(crate) struct AddArgs {
    #[command(flatten)]
    master_key: MasterKeyArgs,
}

/// Makes the first key of the server's key file the active one.
#[derive(Debug, Args)]
#[command(after_help = "\
The server reads its key file again. Everything that is stored is wrapped anew in the background. In
a cluster, give the new key to every node first: each reads its own file when it follows.

Example:
  connledger keys rotate")]
pub(crate) struct RotateArgs {
    #[command(flatten)]
    write: WriteArgs,
}

/// Retires a master key.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  connledger keys retire 0a1b2c3d")]
pub(crate) struct RetireArgs {
    /// Id of the key, as `keys status` shows it
    #[arg(value_name = "ID")]
    master_key: String,
    #[command(flatten)]
    write: WriteArgs,
}

pub(crate) async fn run(common: &Common, command: KeysCommand, out: Output) -> Result<(), Failure> {
    match &command {
        KeysCommand::Add(args) => return add(common, args, out),
        KeysCommand::Wrap(args) => return wrap_keys::wrap(common, args, out).await,
        KeysCommand::Unwrap(args) => return wrap_keys::unwrap(common, args, out),
        KeysCommand::Split(args) => return share_keys::split(common, args, out),
        KeysCommand::Combine(args) => return share_keys::combine(args, out),
        _ => {}
    }
    let session = Session::of_ledger(common, out).await?;
    match command {
        KeysCommand::Add(_)
        | KeysCommand::Wrap(_)
        | KeysCommand::Unwrap(_)
        | KeysCommand::Split(_)
        | KeysCommand::Combine(_) => Ok(()),
        KeysCommand::Seal(args) => seal::seal(&session, args).await,
        KeysCommand::Unseal(args) => seal::unseal(&session, args).await,
        KeysCommand::Status => status(&session).await,
        KeysCommand::Rotate(args) => {
            let command = PendingCommand::about_nothing("rotate-master-key", args.write);
            verbs::send(&session, LEDGER, command).await?;
            out.hint("everything is wrapped anew in the background; to follow it: keys rewrap");
            Ok(())
        }
        KeysCommand::Rewrap => rewrap(&session).await,
        KeysCommand::Retire(args) => {
            let command = PendingCommand::about_nothing("retire-master-key", args.write);
            let key = args.master_key;
            let command = command.with_some("key", Some(key.clone()));
            verbs::send(&session, LEDGER, command).await?;
            out.hint(format!(
                "the line with {key} can be removed from the key file; backups made before the key \
                 was left behind still need it"
            ));
            Ok(())
        }
    }
}

fn add(common: &Common, args: &AddArgs, out: Output) -> Result<(), Failure> {
    let path = master_key::file(&args.master_key, common.data_dir.as_deref())?;
    let added = Keyring::add_to_file(&path, &mut rand::rng())
        .map_err(|error| Failure::usage(format!("no key was added: {error}")))?;
    out.hint("keep a copy of the file elsewhere, and then run: connledger keys rotate");
    if out.is_json() {
        return out.object(&json!({ "key": added.to_string(), "file": path }));
    }
    out.line(format!("added master key {added} to {}, as its first", path.display()))
}

async fn status(session: &Session) -> Result<(), Failure> {
    let answer = session.client.query(ALL_WORKSPACES, "master-keys", &Body::new()).await?;
    if session.out.is_json() {
        return session.out.raw(&answer);
    }
    let answer: MasterKeysAnswer = read_answer(&answer)?;
    let mut table = Table::new(&["KEY", "STATE", "DATA KEYS", "HELD"]);
    for key in &answer.keys {
        table.row([
            key.id.clone(),
            key.state.as_str().to_owned(),
            key.data_keys.to_string(),
            if key.held { "yes" } else { "no" }.to_owned(),
        ]);
    }
    session.out.table(&table)?;
    if let Some(source) = &answer.source {
        session.out.say(format!("read from {source}"));
    }
    if answer.sealed {
        session.out.say("the ledger is sealed, so the server holds no key: keys unseal");
    }
    if let Some(SharesView { set, given, threshold, held_until }) = &answer.shares {
        let held = format!("{given} of {threshold} shares of set {set} until {held_until}");
        session.out.say(format!("it holds {held}"));
    }
    match &answer.rewrap {
        Some(running) => session.out.say(rewrap_text(running)),
        None if answer.rewrapping => session.out.say("wrapping anew is not complete: keys rewrap"),
        None => {}
    }
    Ok(())
}

/// Says how far wrapping anew is.
pub(crate) fn rewrap_text(RewrapStatus { progress, failed, waiting }: &RewrapStatus) -> String {
    let mut text = format!("wrapping anew: {} of {} data keys", progress.done, progress.total);
    if *failed > 0 {
        text = format!("{text}, {failed} cannot be opened");
    }
    match waiting {
        Some(waiting) => format!("{text}; waiting: {waiting}"),
        None => text,
    }
}

async fn rewrap(session: &Session) -> Result<(), Failure> {
    let out = session.out;
    let bar = progress_bar(Some(0), out);
    let report = session.client.rewrap(&RewrapRequest {}, |progress| show(&bar, progress)).await?;
    bar.finish_and_clear();
    if out.is_json() {
        out.object(&report)?;
    } else {
        let RewrapReport { active, data_keys, rewrapped, seconds, .. } = &report;
        out.line(format!(
            "{data_keys} data keys are under master key {active}; {rewrapped} were wrapped anew in \
             {seconds:.1} s"
        ))?;
    }
    match report.failed {
        0 => Ok(()),
        failed => Err(Failure::refused(format!(
            "{failed} data keys cannot be opened, and stay under a former master key"
        ))
        .hint("the log of the server names the connections")),
    }
}
