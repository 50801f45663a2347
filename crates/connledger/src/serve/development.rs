//! `--dev`: creates a ledger, a throw-away master key and an admin key in a file.

use std::path::Path;
use std::sync::Arc;

use ledger_contract::errors::{Code, Problem};
use ledger_domain::connection::Environment;
use ledger_engine::{Engine, EngineOptions};
use ledger_key_sources::MasterKeySource;
use ledger_providers::Catalogue;

use super::args::ServeArgs;
use super::{engine_options, ensure_workspace, open_engine};
use crate::failure::Failure;
use crate::master_key::{self, Created, DEV_MASTER_KEY_FILE};
use crate::output::Output;
use crate::server_file::write_private;
use crate::session::DEV_KEY_FILE;

pub(super) async fn open(
    folder: &Path,
    args: &ServeArgs,
    providers: &Arc<Catalogue>,
    out: Output,
) -> Result<Engine, Failure> {
    std::fs::create_dir_all(folder).map_err(|error| Failure::file("create", folder, &error))?;
    let create = match Engine::check(folder).map_err(Problem::from) {
        Ok(()) => false,
        Err(missing) if missing.code == Code::DataDirMissing => true,
        Err(problem) => return Err(problem.into()),
    };
    let source = if args.master_key.is_given() {
        master_key::locate(&args.master_key, None)?
    } else {
        throw_away_key(folder, args, out)?
    };
    let options = engine_options(folder, source, args, providers).await?;
    if create && args.cluster.cluster {
        return Err(Failure::usage("every node begins with a copy of the same data directory")
            .hint("serve it once without --cluster, stop, and copy it to each node"));
    }
    let engine = open_engine(EngineOptions { create, ..options }).await?;
    // What every node has was made before there were several.
    if args.cluster.cluster {
        return Ok(engine);
    }
    ensure_workspace(&engine).await?;
    leave_admin_key(&engine, folder, out).await?;
    Ok(engine)
}

fn throw_away_key(
    folder: &Path,
    args: &ServeArgs,
    out: Output,
) -> Result<MasterKeySource, Failure> {
    let path = folder.join(DEV_MASTER_KEY_FILE);
    if !path.exists() && Engine::exists(folder) {
        return Err(Failure::usage("this ledger was not created with --dev")
            .hint("pass the master key it was created with: --master-key-file FILE"));
    }
    let (_, created) = master_key::read_or_create(&path, args.master_key.settings())?;
    if created == Created::Yes {
        out.say(format!("dev: created a throw-away master key, {}", path.display()));
    }
    master_key::locate(&args.master_key, Some(folder))
}

/// Writes a new admin key unless the file already holds a valid one.
async fn leave_admin_key(engine: &Engine, folder: &Path, out: Output) -> Result<(), Failure> {
    let path = folder.join(DEV_KEY_FILE);
    let known = std::fs::read_to_string(&path).is_ok_and(|text| {
        let authorization = format!("Bearer {}", text.trim());
        engine.authenticate(Some(&authorization)).is_ok()
    });
    if !known {
        let key = engine.issue_admin_key(Environment::Test).await?;
        write_private(&path, format!("{key}\n").as_bytes())
            .map_err(|error| Failure::file("write", &path, &error))?;
    }
    out.say(format!("dev: the admin key is in {}; not for production", path.display()));
    Ok(())
}
