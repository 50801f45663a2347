//! `verify server`: checks that a running server continues the log of an earlier checkpoint.

use std::path::PathBuf;

use clap::Args;
use ledger_proof::{
    CheckpointError, Continuation, Hash, LogKey, ProofError, SignedCheckpoint, SourceError,
    check_consistency, prove_consistency,
};
use tokio::runtime::Handle;

use super::arguments::{KeyArgs, NO_WITNESS, Shown, read_checkpoint, witnessed};
use super::prove::write_new;
use super::remote::{Remote, RemoteTiles};
use crate::common::Common;
use crate::failure::Failure;
use crate::output::Output;
use crate::server_file::ServerFile;
use crate::session::optional_key;

/// Checks a running server.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit code 1 if the server's log does not begin with that of the checkpoint: events were altered or cut
off, an earlier copy was put back, or another copy is served. Without --log-key, the server's own key is
taken, which shows nothing about who runs it.

Examples:
  connledger verify server https://ledger.example.com --since monday.checkpoint --log-key log.key \\
      --key-file auditor.key --out tuesday.checkpoint
  connledger verify server --data-dir /tmp/ledger --since monday.checkpoint")]
pub(crate) struct ServerArgs {
    /// Address of the server's HTTP API; --data-dir supplies that of a server on this machine
    #[arg(value_name = "URL")]
    server: Option<String>,
    /// Checkpoint that was kept elsewhere, or a proof with one
    #[arg(long, value_name = "FILE")]
    since: Option<PathBuf>,
    #[command(flatten)]
    keys: KeyArgs,
    /// New file for the server's present checkpoint, to compare with next time
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) async fn run(common: &Common, args: &ServerArgs, out: Output) -> Result<(), Failure> {
    let remote = Remote::new(&address(common, args)?, optional_key(common)?)?;
    let told: LogKey = text(remote.expect("key").await?)?
        .parse()
        .map_err(|error| Failure::refused(format!("the server's key: {error}")))?;
    let given = args.keys.log_key()?;
    let is_trusted = given.is_some();
    let key = given.unwrap_or_else(|| told.clone());
    let since = args.since.as_deref().map(read_checkpoint).transpose()?;
    let checked = check(&remote, &key, &told, since.as_ref()).await?;
    let (present, mut shown) = match checked {
        Ok(checked) => checked,
        Err(shown) => return shown.write(out),
    };
    let cosigned = args.keys.cosigned(&present)?;
    shown.proved.extend(witnessed(&cosigned));
    if !is_trusted {
        let what = "that the key is that of the ledger: it came from the server itself";
        shown.not_proved.push(what.to_owned());
    }
    if cosigned.is_empty() {
        shown.not_proved.push(NO_WITNESS.to_owned());
    }
    if let Some(path) = &args.out {
        write_new(path, &present.to_bytes())?;
    }
    shown.write(out)
}

fn address(common: &Common, args: &ServerArgs) -> Result<String, Failure> {
    if let Some(address) = &args.server {
        return Ok(address.clone());
    }
    let server = common.data_dir.as_deref().map(ServerFile::find).transpose()?.flatten();
    let address = server.and_then(|server| server.http_url);
    address.ok_or_else(|| {
        Failure::usage("the server's address is required")
            .hint("or --data-dir DIR of a server that runs on this machine with HTTP")
    })
}

fn text(bytes: Vec<u8>) -> Result<String, Failure> {
    String::from_utf8(bytes).map_err(|_| Failure::refused("the server answers what is not text"))
}

fn wrong(what: impl Into<String>) -> Shown {
    Shown { verified: false, proved: Vec::new(), wrong: vec![what.into()], not_proved: Vec::new() }
}

/// A checkpoint of the server with what is shown of it, or what is wrong.
type Checked = Result<(SignedCheckpoint, Shown), Shown>;

async fn check(
    remote: &Remote,
    key: &LogKey,
    told: &LogKey,
    since: Option<&SignedCheckpoint>,
) -> Result<Checked, Failure> {
    let present = remote.expect("checkpoint").await?;
    if told.to_string() != key.to_string() {
        let Some(since) = since else {
            return Ok(Err(wrong(
                "the server has another key than --log-key. If the ledger was restored, give --since \
                 with a checkpoint of the former log, or get the new key by a way that you trust",
            )));
        };
        return restored(remote, key, told, since, &present).await;
    }
    let present = match SignedCheckpoint::verified(&present, key) {
        Ok(present) => present,
        Err(error) => return Ok(Err(wrong(format!("the server's checkpoint: {error}")))),
    };
    let (size, origin) = (present.checkpoint().size, key.origin());
    let mut shown = Shown {
        verified: true,
        proved: vec![format!("the log {origin} has signed that it has {size} events")],
        wrong: Vec::new(),
        not_proved: Vec::new(),
    };
    let Some(since) = since else {
        shown.not_proved.push("that it continues an earlier log: no --since was given".to_owned());
        return Ok(Ok((present, shown)));
    };
    match since.verify(key) {
        Ok(()) => {}
        Err(CheckpointError::OtherOrigin) => {
            return restored(remote, key, told, since, &present.to_bytes()).await;
        }
        Err(error) => return Ok(Err(wrong(format!("the earlier checkpoint: {error}")))),
    }
    let old = since.checkpoint().size;
    Ok(match continues(remote, present.head(), since.head()).await? {
        Ok(()) => {
            shown.proved.push(same_beginning(old));
            Ok((present, shown))
        }
        Err(what) => Err(wrong(what)),
    })
}

fn same_beginning(events: u64) -> String {
    format!("its first {events} events are those of the earlier checkpoint, in the same order")
}

/// Checks that a log begins with an earlier one: each is the number of its events, and its root.
async fn continues(
    remote: &Remote,
    (size, root): (u64, Hash),
    (old, old_root): (u64, Hash),
) -> Result<Result<(), String>, Failure> {
    if old > size {
        return Ok(Err(format!(
            "the server's log has {size} events, and the earlier checkpoint {old}: its end was cut \
             off, or an earlier copy was put back"
        )));
    }
    let tiles = RemoteTiles { remote: remote.clone(), runtime: Handle::current() };
    let made = tokio::task::spawn_blocking(move || prove_consistency(&tiles, size, old)).await;
    let made = made.map_err(|error| Failure::internal(format!("the check stopped: {error}")))?;
    let is_right = match made {
        Ok(proof) => check_consistency(&proof, (size, root), (old, old_root)),
        Err(SourceError::Proof(error)) => Err(error),
        Err(SourceError::Source(failure)) => return Err(failure),
    };
    Ok(match is_right {
        Ok(()) => Ok(()),
        Err(ProofError::Wrong | ProofError::BadTile) => Err(format!(
            "the server's log does not begin with the {old} events of the earlier checkpoint: it \
             was altered, or another copy of it is served"
        )),
        Err(error) => Err(error.to_string()),
    })
}

/// Checks a restored log, whose key is another one, against what is known of the former.
async fn restored(
    remote: &Remote,
    key: &LogKey,
    told: &LogKey,
    since: &SignedCheckpoint,
    present: &[u8],
) -> Result<Checked, Failure> {
    let Some(note) = remote.get("history").await? else {
        let what =
            "the server's log is another one, and it does not say that it continues this one";
        return Ok(Err(wrong(what)));
    };
    let history = match Continuation::verified(&note, told) {
        Ok(history) => history,
        Err(error) => {
            return Ok(Err(wrong(format!("what the server says of its origin: {error}"))));
        }
    };
    let present = match SignedCheckpoint::verified(present, told) {
        Ok(present) => present,
        Err(error) => return Ok(Err(wrong(format!("the server's checkpoint: {error}")))),
    };
    let is_of_key =
        told.to_string() == key.to_string() || history.former.to_string() == key.to_string();
    if !is_of_key {
        let what = "the server's log is another one, and continues a log with another key";
        return Ok(Err(wrong(what)));
    }
    let common = history.size;
    let mut shown = Shown {
        verified: true,
        proved: vec![format!(
            "the log {} was restored, and says that it has the first {common} events of {}",
            told.origin(),
            history.former.origin()
        )],
        wrong: Vec::new(),
        not_proved: Vec::new(),
    };
    if let Err(error) = since.verify(&history.former) {
        return Ok(Err(wrong(format!("the earlier checkpoint: {error}"))));
    }
    let old = since.checkpoint().size;
    if old > common {
        return Ok(Err(wrong(format!(
            "the server's log has only the first {common} of the {old} events of the earlier \
             checkpoint: it was restored to before the others"
        ))));
    }
    // The server says it of a tree that it has signed; the tree of today must begin with it.
    let common_head = (common, history.root);
    let continued = match continues(remote, present.head(), common_head).await? {
        Ok(()) => continues(remote, present.head(), since.head()).await?,
        Err(what) => Err(what),
    };
    Ok(match continued {
        Ok(()) => {
            shown.proved.push(same_beginning(old));
            if told.to_string() != key.to_string() {
                shown.not_proved.push(
                    "that the restored log's key is that of the ledger: ask whoever runs it"
                        .to_owned(),
                );
            }
            Ok((present, shown))
        }
        Err(what) => Err(wrong(what)),
    })
}
