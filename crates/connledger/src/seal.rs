//! `keys seal`, `keys unseal`: taking the keys of a running server away, and giving them back.

use std::path::{Path, PathBuf};

use clap::Args;
use ledger_contract::master_keys::{ShareReport, ShareRequest};
use ledger_contract::subjects::LEDGER;
use zeroize::Zeroizing;

use crate::body;
use crate::failure::Failure;
use crate::session::Session;
use crate::share_keys;
use crate::verbs::{self, PendingCommand, WriteArgs};

/// Makes the server wipe the keys that open secrets from its memory.
#[derive(Debug, Args)]
#[command(after_help = "\
For the moment in which a machine or a key may be in other hands. Until `keys unseal`, the server
reveals no secret and stores no new one; it answers queries, and accepts what concerns no secret. A
restart changes nothing about that. The answer comes when no secret is on its way any more. In a
cluster, that is said of the writer; each other node drops its keys as soon as it follows.

Example:
  connledger keys seal")]
pub(crate) struct SealArgs {
    #[command(flatten)]
    write: WriteArgs,
}

/// Lets the server read its keys again, or gives it a share of them.
#[derive(Debug, Args)]
#[command(after_help = "\
Without --share, the server reads its master keys where it read them at its start. With it, the
share is sent to the server, which holds it in memory for ten minutes at most. When there are enough
shares of one set, it puts the keys together and takes them.

Examples:
  connledger keys unseal
  connledger keys unseal --share /media/officer-2/share-2.txt
  connledger keys unseal --share -")]
pub(crate) struct UnsealArgs {
    /// File with a share of the master keys, readable only by its owner; - asks for it at the
    /// terminal, or reads standard input
    #[arg(long, value_name = "FILE")]
    share: Option<PathBuf>,
    /// Wipe the shares that the server holds, and begin with this one
    #[arg(long, requires = "share")]
    start_over: bool,
    #[command(flatten)]
    write: WriteArgs,
}

pub(crate) async fn seal(session: &Session, args: SealArgs) -> Result<(), Failure> {
    let command = PendingCommand::about_nothing("seal-ledger", args.write);
    verbs::send(session, LEDGER, command).await?;
    session.out.hint("no secret is revealed or stored before: keys unseal");
    Ok(())
}

pub(crate) async fn unseal(session: &Session, args: UnsealArgs) -> Result<(), Failure> {
    let Some(file) = &args.share else {
        let command = PendingCommand::about_nothing("unseal-ledger", args.write);
        return verbs::send(session, LEDGER, command).await;
    };
    let request = ShareRequest { share: share(file)?, start_over: args.start_over };
    let report = session.client.give_share(&request).await?;
    let out = session.out;
    if out.is_json() {
        return out.object(&report);
    }
    let ShareReport { set, given, threshold, held_until, .. } = &report;
    out.line(format!("{given} of {threshold} shares of set {set}"))?;
    match held_until {
        Some(until) => out.say(format!("they are held until {until}")),
        None => out.say("the ledger is unsealed"),
    }
    Ok(())
}

/// Reads a share from its file, the terminal or standard input.
fn share(file: &Path) -> Result<Zeroizing<String>, Failure> {
    if file == Path::new("-") {
        return body::ask_or_read("share").map(Zeroizing::new);
    }
    share_keys::read(file)
}
