//! `keys split`, `keys combine`: shares of the master keys, on this machine.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use ledger_vault::{Share, ShareError, Shares, create_with, read_private, split as split_keys};
use serde_json::json;
use zeroize::Zeroizing;

use crate::common::Common;
use crate::failure::Failure;
use crate::master_key::{self, MasterKeyArgs};
use crate::output::Output;

/// Splits the master keys into shares, of which some number gives them back.
#[derive(Debug, Args)]
#[command(after_help = "\
Fewer shares than the threshold say nothing about the keys. Each split makes a new set, whose shares
do not mix with those of another. Give each share to another officer, and destroy the folder.

Examples:
  connledger keys split --master-key-file m.key --shares 5 --threshold 3 --out-dir shares
  connledger serve --data-dir ledger --master-key 'command:connledger keys combine a b c'")]
pub(crate) struct SplitArgs {
    #[command(flatten)]
    master_key: MasterKeyArgs,
    /// How many shares to make, 2 to 32
    #[arg(long, value_name = "NUMBER")]
    shares: u8,
    /// How many of them give the keys back, from 2
    #[arg(long, value_name = "NUMBER")]
    threshold: u8,
    /// New or empty folder for the shares, each in a file of its own that only its owner can read
    #[arg(long, value_name = "DIR")]
    out_dir: PathBuf,
}

/// Puts master keys together from their shares.
#[derive(Debug, Args)]
#[command(after_help = "\
Without --out, the keys are written to standard output, which must be a pipe: a server can be
started with this command as its source of keys. To unseal a server that runs, give it each share with
`keys unseal --share` instead, so that nobody needs to have all of them.

Examples:
  connledger keys combine share-1.txt share-3.txt share-4.txt --out master.key
  connledger serve --data-dir ledger --master-key 'command:connledger keys combine a b c'")]
pub(crate) struct CombineArgs {
    /// Files with shares of one set, readable only by their owner
    #[arg(required = true, value_name = "FILE")]
    shares: Vec<PathBuf>,
    /// New file for the keys; never overwritten
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(crate) fn split(common: &Common, args: &SplitArgs, out: Output) -> Result<(), Failure> {
    let keyring = master_key::find(&args.master_key, common.data_dir.as_deref())?;
    let shares = split_keys(&keyring, &mut rand::rng(), args.threshold, args.shares);
    let shares = shares.map_err(|error| Failure::usage(error.to_string()))?;
    let folder = &args.out_dir;
    let failed = |error: &io::Error| Failure::file("create", folder, error);
    std::fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    if std::fs::read_dir(folder).map_err(|error| failed(&error))?.next().is_some() {
        return Err(Failure::refused(format!("the folder {} is not empty", folder.display())));
    }
    let mut files = Vec::with_capacity(shares.len());
    for share in &shares {
        let file = folder.join(format!("share-{}.txt", share.number()));
        create_with(&file, &share.to_text())
            .map_err(|error| Failure::file("create", &file, &error))?;
        files.push(file);
    }
    let set = shares.first().map(|share| share.set().to_string()).unwrap_or_default();
    out.hint("give each share to another officer, and destroy the folder");
    if out.is_json() {
        return out.object(&json!({ "set": set, "threshold": args.threshold, "files": files }));
    }
    out.line(format!(
        "{} shares of set {set} are in {}; any {} of them give the master keys back",
        shares.len(),
        folder.display(),
        args.threshold
    ))
}

pub(crate) fn combine(args: &CombineArgs, out: Output) -> Result<(), Failure> {
    let mut all: Option<Shares> = None;
    for file in &args.shares {
        let wrong = |error: ShareError| {
            Failure::refused(format!("the share in {} cannot be used: {error}", file.display()))
        };
        let share = Share::parse(&read(file)?).map_err(wrong)?;
        match &mut all {
            None => all = Some(Shares::new(share)),
            Some(all) => all.add(share).map_err(wrong)?,
        }
    }
    let all = all.ok_or_else(|| Failure::usage("no share was given"))?;
    let text = all.combine().map_err(|error| Failure::refused(error.to_string()))?;
    let Some(file) = &args.out else { return print(&text, out) };
    create_with(file, &text).map_err(|error| Failure::file("create", file, &error))?;
    if out.is_json() {
        return out.object(&json!({ "set": all.set().to_string(), "file": file }));
    }
    out.line(format!("the master keys are in {}, in the clear", file.display()))
}

/// Writes the keys to a pipe.
fn print(text: &str, out: Output) -> Result<(), Failure> {
    out.refuse_json("the text of master keys")?;
    let mut stdout = io::stdout().lock();
    if stdout.is_terminal() {
        return Err(Failure::usage("master keys are not shown at a terminal")
            .hint("pass --out FILE, or write to a pipe"));
    }
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    written.map_err(|error| Failure::from_stdout(&error))
}

/// Reads the file of a share.
pub(crate) fn read(file: &Path) -> Result<Zeroizing<String>, Failure> {
    read_private(file, Share::TEXT_BYTES_MAX).map_err(|error| Failure::usage(error.to_string()))
}
