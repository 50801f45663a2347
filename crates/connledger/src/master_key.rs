//! Finding and creating the master key.

use std::path::{Path, PathBuf};

use clap::Args;
use ledger_contract::errors::{Code, Problem};
use ledger_vault::Keyring;

use crate::failure::Failure;
use crate::settings;

/// The file name of a development ledger's throw-away master key.
pub(crate) const DEV_MASTER_KEY_FILE: &str = "dev-master.key";
/// The name of the systemd credential.
const CREDENTIAL: &str = "master-key";

/// Where the master key is.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct MasterKeyArgs {
    /// File that holds the master key, readable only by its owner or a group of this process
    #[arg(long, global = true, env = "CONNLEDGER_MASTER_KEY_FILE", value_name = "FILE")]
    pub(crate) master_key_file: Option<PathBuf>,
}

/// Reads the master keys from the file that [`locate`] finds.
pub(crate) fn find(args: &MasterKeyArgs, data_dir: Option<&Path>) -> Result<Keyring, Failure> {
    read(&locate(args, data_dir)?)
}

/// Returns the file with the master keys: the named one, else the systemd credential, else the
/// development ledger's own.
pub(crate) fn locate(args: &MasterKeyArgs, data_dir: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(path) = &args.master_key_file {
        return Ok(path.clone());
    }
    if let Some(path) = settings::credentials_directory().map(|folder| folder.join(CREDENTIAL))
        && path.exists()
    {
        return Ok(path);
    }
    match data_dir.map(|folder| folder.join(DEV_MASTER_KEY_FILE)) {
        Some(path) if path.exists() => Ok(path),
        _ => Err(Failure::from(Problem::new(Code::MasterKeyMissing))
            .hint("pass --master-key-file FILE, or set CONNLEDGER_MASTER_KEY_FILE")
            .hint("to experiment, `connledger serve --dev` creates a throw-away key")),
    }
}

/// Reads the master key for work that needs it only to check more: none if no file is named.
pub(crate) fn find_named(args: &MasterKeyArgs) -> Result<Option<Keyring>, Failure> {
    args.master_key_file.as_deref().map(read).transpose()
}

/// Reads the key file; creates it if missing.
pub(crate) fn read_or_create(path: &Path) -> Result<(Keyring, Created), Failure> {
    if path.exists() {
        return Ok((read(path)?, Created::No));
    }
    let keyring = Keyring::generate(&mut rand::rng());
    keyring.create_file(path).map_err(|error| refused(&error.to_string()))?;
    Ok((keyring, Created::Yes))
}

/// Whether a file has just been created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Created {
    /// It has.
    Yes,
    /// It existed before.
    No,
}

/// Reads a key file.
pub(crate) fn read(path: &Path) -> Result<Keyring, Failure> {
    Keyring::read_file(path).map_err(|error| refused(&error.to_string()))
}

fn refused(reason: &str) -> Failure {
    Failure::usage(format!("the master key cannot be used: {reason}"))
}
