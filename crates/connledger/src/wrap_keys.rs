//! `keys wrap`, `keys unwrap`: moving master keys into and out of key services.

use std::path::PathBuf;

use clap::Args;
use ledger_key_sources::ServiceKey;
use ledger_vault::Keyring;
use serde_json::json;

use crate::common::Common;
use crate::failure::Failure;
use crate::master_key::{self, MasterKeyArgs};
use crate::output::Output;

/// Lets a key service wrap the master keys, and writes what it made to a new file.
#[derive(Debug, Args)]
#[command(after_help = "\
The keys stay the same, so the ledger does not change: start its server with the new file, then
destroy the former one. Keep a copy in the clear in a safe place: without it, the loss of the key
service is the loss of every secret. Keys that another service wrapped are opened by that first.

  SERVICE                The key at the service, found and logged in to by these variables
  transit:MOUNT/KEY      HashiCorp Vault or OpenBao: VAULT_ADDR, VAULT_NAMESPACE, VAULT_CACERT;
                         VAULT_TOKEN, or VAULT_TOKEN_FILE, or VAULT_ROLE_ID with VAULT_SECRET_ID or
                         VAULT_SECRET_ID_FILE
  aws-kms:KEY            AWS KMS: id, ARN or alias of a symmetric key; AWS_REGION, credentials as
                         its tools find them
  google-kms:KEY         Google Cloud KMS: projects/P/locations/L/keyRings/R/cryptoKeys/K;
                         GOOGLE_APPLICATION_CREDENTIALS, or the service account of the machine

Examples:
  connledger keys wrap --master-key-file master.key --with transit:transit/ledger --out wrapped.key
  connledger keys wrap --master-key-file wrapped.key --with transit:transit/ledger --add-key --out new.key
  connledger keys wrap --master-key-file master.key --with aws-kms:alias/ledger --out wrapped.key")]
pub(crate) struct WrapArgs {
    #[command(flatten)]
    master_key: MasterKeyArgs,
    /// Key service, and its key
    #[arg(long, value_name = "SERVICE")]
    with: ServiceKey,
    /// Put a new key before the others, which `keys rotate` makes the active one
    #[arg(long)]
    add_key: bool,
    /// New file for the wrapped keys; never overwritten
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Writes the master keys in the clear to a new file, which only its owner can read.
#[derive(Debug, Args)]
#[command(after_help = "\
Whoever has that file and the ledger's data can read every secret. It is for a copy in a safe place,
and for the day on which the key service is given up.

Example:
  connledger keys unwrap --master-key-file wrapped.key --out /media/safe/master.key")]
pub(crate) struct UnwrapArgs {
    #[command(flatten)]
    master_key: MasterKeyArgs,
    /// New file for the keys; never overwritten
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

pub(crate) async fn wrap(common: &Common, args: &WrapArgs, out: Output) -> Result<(), Failure> {
    let keyring = master_key::find(&args.master_key, common.data_dir.as_deref())?;
    let keyring = if args.add_key { keyring.rotate(&mut rand::rng()) } else { keyring };
    let settings = args.master_key.settings();
    master_key::create_wrapped(&args.out, &keyring, &args.with, settings).await?;
    out.hint("start the server with the new file; then destroy the former one");
    let (file, service) = (args.out.display(), &args.with);
    report(&keyring, &args.out, out, &format!("are in {file}, wrapped by {service}"))
}

pub(crate) fn unwrap(common: &Common, args: &UnwrapArgs, out: Output) -> Result<(), Failure> {
    let keyring = master_key::find(&args.master_key, common.data_dir.as_deref())?;
    let created = keyring.create_file(&args.out);
    created.map_err(|error| Failure::usage(error.to_string()))?;
    report(&keyring, &args.out, out, &format!("are in {}, in the clear", args.out.display()))
}

fn report(keyring: &Keyring, file: &PathBuf, out: Output, what: &str) -> Result<(), Failure> {
    let keys: Vec<_> = keyring.key_ids().map(|id| id.to_string()).collect();
    if out.is_json() {
        return out.object(&json!({ "keys": keys, "file": file }));
    }
    out.line(format!("master keys {} {what}", keys.join(", ")))
}
