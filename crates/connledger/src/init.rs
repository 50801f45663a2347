//! `init`: creates a new ledger.

use std::path::{Component, Path, PathBuf};

use clap::Args;
use ledger_contract::errors::{Code, Problem};
use ledger_contract::subjects::DEFAULT_WORKSPACE;
use ledger_domain::connection::Environment;
use ledger_engine::{Engine, EngineOptions};
use ledger_key_sources::{ServiceKey, Source};
use ledger_vault::Keyring;
use serde_json::json;

use crate::common::Common;
use crate::failure::Failure;
use crate::key_out::{KeyOut, KeyOutArgs};
use crate::lifetime::KeyLifetimeArgs;
use crate::master_key::{self, Created, MasterKeyArgs};
use crate::output::Output;
use crate::serve::{close, ensure_workspace, open_engine};

/// Creates a new ledger: its data directory, its master key, a first workspace and an admin key.
#[derive(Debug, Args)]
#[command(after_help = "\
The admin key is shown once, in the file of --out or on standard output; only its hash is stored.
It ends after --key-lifetime; the log of the server warns before. Keep the master key file apart
from the data: with both, anyone can read every secret; without it, nobody can.

Examples:
  connledger init --data-dir /srv/ledger --master-key-file /etc/connledger/master.key --out admin.key
  connledger init --data-dir /srv/ledger --master-key-file wrapped.key --wrap-with transit:transit/ledger
  connledger init --data-dir /srv/ledger --master-key-file master.key --reissue-admin-key --out new.key")]
pub(crate) struct InitArgs {
    #[command(flatten)]
    master_key: MasterKeyArgs,
    /// Let a key service wrap the new master key, which is then never written in the clear:
    /// transit:MOUNT/KEY, aws-kms:KEY or google-kms:KEY
    #[arg(long, value_name = "SERVICE")]
    wrap_with: Option<ServiceKey>,
    /// Environment of the admin key: live or test
    #[arg(long, default_value = "live", value_name = "ENVIRONMENT")]
    key_environment: String,
    /// Replace the admin key of an existing ledger
    #[arg(long)]
    reissue_admin_key: bool,
    /// Do nothing if the ledger exists already, as at each start of a container
    #[arg(long, conflicts_with = "reissue_admin_key")]
    if_missing: bool,
    #[command(flatten)]
    key_out: KeyOutArgs,
    #[command(flatten)]
    lifetimes: KeyLifetimeArgs,
}

pub(crate) async fn run(common: &Common, args: &InitArgs, out: Output) -> Result<(), Failure> {
    let Some(folder) = common.data_dir.as_deref() else {
        return Err(Failure::usage("--data-dir is required"));
    };
    let environment = Environment::parse(&args.key_environment)
        .map_err(|invalid| Failure::usage(format!("--key-environment {}", invalid.problem)))?;
    let mut reissues = args.reissue_admin_key;
    if args.if_missing {
        // A file that is empty is left of a run that was killed before it had a key to write.
        let was_killed = args.key_out.remove_empty()?;
        if exists(folder)? && !was_killed {
            out.say(format!("the ledger in {} exists already", folder.display()));
            return Ok(());
        }
        reissues = exists(folder)?;
    }
    refuse_unless_meant(folder, reissues)?;
    let source = master_key_source(folder, args)?;
    let mut file = args.key_out.open()?;
    let keyring = master_key(source, args, out).await?;
    let mut options = EngineOptions::new(folder.to_owned(), keyring);
    options.create = !reissues;
    options.key_lifetimes = args.lifetimes.lifetimes();
    options.requires_sealed = true;
    let engine = open_engine(options).await?;
    let key = match ensure_workspace(&engine).await {
        Ok(()) => engine.issue_admin_key(environment).await.map_err(Failure::from),
        Err(failure) => Err(failure),
    };
    let xkey = engine.xkey();
    close(engine).await;
    let key = key?;
    out.say(format!("ledger in {}, workspace `{DEFAULT_WORKSPACE}`", folder.display()));
    out.say(format!("curve key {xkey}, to which clients seal their requests over NATS"));
    if let Some(file) = &mut file {
        file.write(&key)?;
    }
    match &file {
        Some(file) => out.say(format!("the admin key is in {}", file.path().display())),
        None => out.say("the admin key follows; it is not shown again"),
    }
    if out.is_json() {
        return out.object(&json!({
            "admin_key": file.is_none().then_some(&key),
            "admin_key_file": file.as_ref().map(KeyOut::path),
            "workspace": DEFAULT_WORKSPACE,
            "xkey": xkey,
        }));
    }
    if file.is_none() { out.line(key) } else { Ok(()) }
}

/// Returns where the master key is, or is to be.
fn master_key_source(folder: &Path, args: &InitArgs) -> Result<Source, Failure> {
    let source = args.master_key.source()?.ok_or_else(|| {
        Failure::usage("--master-key-file or --master-key is required")
            .hint("a missing file is created, for example /etc/connledger/master.key")
    })?;
    match &source {
        Source::File(path) if real(path)?.starts_with(real(folder)?) => Err(Failure::usage(
            "the master key file must not be inside the data directory",
        )
        .hint("a copy of the directory would include the key to its secrets; keep it elsewhere")),
        Source::File(_) => Ok(source),
        _ if args.wrap_with.is_some() => Err(Failure::usage("--wrap-with is for a new key file")
            .hint("pass --master-key-file FILE, or let `keys wrap` wrap a key that exists")),
        _ => Ok(source),
    }
}

/// Reads the master key; creates it if its file is missing.
async fn master_key(source: Source, args: &InitArgs, out: Output) -> Result<Keyring, Failure> {
    let settings = args.master_key.settings();
    let Source::File(path) = &source else {
        return master_key::find(&args.master_key, None);
    };
    let shown = path.display();
    if let (Some(service), false) = (&args.wrap_with, path.exists()) {
        let keyring = Keyring::generate(&mut rand::rng());
        master_key::create_wrapped(path, &keyring, service, settings).await?;
        out.say(format!("created the master key {shown}, wrapped by {service}"));
        out.hint("only that service opens it; for a copy in the clear: connledger keys unwrap");
        return Ok(keyring);
    }
    let (keyring, created) = master_key::read_or_create(path, settings)?;
    if created == Created::Yes {
        out.say(format!("created the master key {shown}; back it up"));
    }
    Ok(keyring)
}

/// Returns whether there is a ledger in the folder of the flags.
pub(crate) fn has_ledger(common: &Common) -> Result<bool, Failure> {
    let folder = common.data_dir.as_deref();
    exists(folder.ok_or_else(|| Failure::usage("--data-dir is required"))?)
}

/// Returns whether there is a ledger in a folder.
fn exists(folder: &Path) -> Result<bool, Failure> {
    match Engine::check(folder).map_err(Problem::from) {
        Ok(()) => Ok(true),
        Err(missing) if missing.code == Code::DataDirMissing => Ok(false),
        Err(problem) => Err(problem.into()),
    }
}

fn refuse_unless_meant(folder: &Path, reissues: bool) -> Result<(), Failure> {
    let name = folder.display();
    match (exists(folder)?, reissues) {
        (true, false) => Err(Failure::refused(format!("{name} already holds a ledger"))
            .hint("to serve it: connledger serve --data-dir DIR --master-key-file FILE")
            .hint("to replace a lost admin key: --reissue-admin-key")),
        (false, true) => Err(Failure::refused(format!("{name} holds no ledger yet"))
            .hint("to create one, omit --reissue-admin-key")),
        _ => Ok(()),
    }
}

/// Resolves the symbolic links of a path, whose last parts need not exist yet.
fn real(path: &Path) -> Result<PathBuf, Failure> {
    let path = std::path::absolute(path).map_err(|error| Failure::file("find", path, &error))?;
    let known = |ancestor: &Path| Some((ancestor.to_owned(), ancestor.canonicalize().ok()?));
    let Some((ancestor, mut real)) = path.ancestors().find_map(known) else { return Ok(path) };
    for part in path.strip_prefix(&ancestor).unwrap_or(Path::new("")).components() {
        match part {
            Component::ParentDir => drop(real.pop()),
            part => real.push(part),
        }
    }
    Ok(real)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_master_key_inside_the_data_folder_is_detected_by_any_path() {
        let home = tempfile::tempdir().unwrap();
        let path = |name: &str| home.path().join(name);
        std::fs::create_dir_all(path("data/nats")).unwrap();
        symlink(path("data"), path("link")).unwrap();
        std::fs::write(path("data/made.key"), "").unwrap();
        symlink(path("data/made.key"), path("linked.key")).unwrap();
        let inside = |key: &str, data: &str| {
            real(&path(key)).unwrap().starts_with(real(&path(data)).unwrap())
        };
        for key in ["data/k", "link/k", "data/../data/k", "link/nats/../k", "linked.key"] {
            assert!(inside(key, "data") && inside(key, "link"), "{key}");
        }
        for key in ["k", "data/../k", "data-2/k", "link/../k"] {
            assert!(!inside(key, "data") && !inside(key, "link"), "{key}");
        }
        assert!(inside("new/keys/k", "new"), "neither exists yet");
        assert!(!inside("new/../k", "new"));
    }
}
