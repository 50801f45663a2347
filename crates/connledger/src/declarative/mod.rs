//! `apply`, `diff -f`, `export --manifest` and `import --from`: what a ledger is to hold, declared
//! in files. What that means is in the crate of manifests; here are files, the ledger and words.

mod args;
mod carry_out;
mod compare;
mod export;
mod files;
mod import;
mod show;
mod tally;
mod there;
mod values;

pub(crate) use args::{ApplyArgs, DeclaredArgs, ForeignArgs, ManifestArgs};
pub(crate) use export::run as export;
pub(crate) use import::run as import;

use std::io::{self, BufRead as _, IsTerminal as _};
use std::path::PathBuf;

use ledger_manifests::Manifest;

use crate::common::Common;
use crate::failure::Failure;
use crate::output::Output;
use crate::session::Session;
use compare::{Comparison, compare};
use show::Extent;

/// Makes a ledger what manifests declare.
pub(crate) async fn apply(common: &Common, args: ApplyArgs, out: Output) -> Result<(), Failure> {
    let workspace = common.workspace()?;
    // Read first, so that a mistake shows without a server.
    let manifest = read(&args.file, workspace, &args.declared, out)?;
    let session = Session::open(common, out).await?;
    let comparison = compare(&session, &manifest, &args.declared.options(args.adopt)).await?;
    let extent = if args.dry_run { Extent::Whole } else { Extent::Beginning };
    show::plans(out, &comparison.plans, extent)?;
    refuse_impossible(&comparison)?;
    if args.dry_run {
        out.say("nothing was changed, because of --dry-run");
        return Ok(());
    }
    let archived = comparison.archived();
    if archived > 0 && !args.yes {
        confirm(&format!("archive {archived} connections that no manifest declares?"), out)?;
    }
    let done = carry_out::run(&session, &manifest, comparison).await?;
    done.write(out)?;
    done.verdict()
}

/// Compares manifests with what is there. Exit codes tell a difference from a failure.
pub(crate) async fn diff(
    session: &Session,
    files: &[PathBuf],
    args: &DeclaredArgs,
) -> Result<(), Failure> {
    let out = session.out;
    let compared = async {
        let manifest = read(files, &session.workspace, args, out)?;
        let comparison = compare(session, &manifest, &args.options(false)).await?;
        show::plans(out, &comparison.plans, Extent::Whole)?;
        refuse_impossible(&comparison)?;
        Ok::<_, Failure>(comparison)
    };
    let comparison = compared.await.map_err(Failure::into_usage)?;
    if comparison.differs() { Err(Failure::told_no()) } else { Ok(()) }
}

/// Reads manifests, and the values of secrets that they take from elsewhere.
fn read(
    files: &[PathBuf],
    workspace: &str,
    args: &DeclaredArgs,
    out: Output,
) -> Result<Manifest, Failure> {
    let mut manifest = files::read(files, workspace, out)?;
    let complaints = values::read(&mut manifest, args.allow_clear_secrets);
    if complaints.is_empty() { Ok(manifest) } else { Err(files::refuse(&complaints, out)) }
}

/// Refuses a plan of which a part cannot be carried out, before anything is changed.
fn refuse_impossible(comparison: &Comparison) -> Result<(), Failure> {
    match comparison.refused() {
        0 => Ok(()),
        1 => Err(Failure::refused("one of them cannot be made what it is declared to be")
            .hint("nothing was changed")),
        number => Err(Failure::refused(format!(
            "{number} of them cannot be made what they are declared to be"
        ))
        .hint("nothing was changed")),
    }
}

/// Asks a person at the terminal.
fn confirm(question: &str, out: Output) -> Result<(), Failure> {
    let refused = || {
        Failure::refused("it was not confirmed, and nothing was changed")
            .hint("pass --yes to confirm it without being asked")
    };
    if out.is_json() || !io::stdin().is_terminal() {
        return Err(refused());
    }
    out.say(format!("{question} [y/N]"));
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    read.map_err(|error| Failure::usage(format!("cannot read the answer: {error}")))?;
    let is_yes = matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes");
    if is_yes { Ok(()) } else { Err(refused()) }
}
