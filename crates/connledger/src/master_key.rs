//! Finding and creating the master key.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use ledger_contract::errors::{Code, Problem};
use ledger_key_sources::{
    MasterKeySource, Patience, Plain, ServiceKey, Settings, Source, SourceError, wrap,
};
use ledger_vault::{Keyring, create_with};
use rand::TryRngCore as _;
use rand::rngs::OsRng;

use crate::failure::Failure;
use crate::settings;

/// The file name of a development ledger's throw-away master key.
pub(crate) const DEV_MASTER_KEY_FILE: &str = "dev-master.key";
/// The name of the systemd credential that is found without being named.
const CREDENTIAL: &str = "master-key";
/// Variables by which the program is told a secret, which other programs do not get.
const SECRET_VARIABLES: [&str; 21] = [
    "CONNLEDGER_KEY",
    "VAULT_TOKEN",
    "BAO_TOKEN",
    "VAULT_SECRET_ID",
    "BAO_SECRET_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_TOKEN",
    "AWS_SSE_CUSTOMER_KEY_BASE64",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "GOOGLE_SERVICE_ACCOUNT_KEY",
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_ACCESS_KEY",
    "AZURE_STORAGE_MASTER_KEY",
    "AZURE_STORAGE_SAS_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
    "AZURE_STORAGE_TOKEN",
    "AZURE_STORAGE_CLIENT_SECRET",
    "AZURE_CLIENT_SECRET",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
];

/// Where the master key is.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct MasterKeyArgs {
    /// File that holds the master key, readable only by its owner or a group of this process; short
    /// for --master-key file:FILE
    #[arg(long, global = true, env = "CONNLEDGER_MASTER_KEY_FILE", value_name = "FILE")]
    pub(crate) master_key_file: Option<PathBuf>,
    /// Where the master key is: file:PATH, env:NAME (an environment variable), credential:NAME (of
    /// systemd), or command:PROGRAM ARG... (what the program prints)
    #[arg(
        long,
        global = true,
        env = "CONNLEDGER_MASTER_KEY",
        hide_env_values = true,
        conflicts_with = "master_key_file",
        value_name = "SOURCE"
    )]
    pub(crate) master_key: Option<String>,
    /// Ask a key service over plain HTTP that is not on this machine
    #[arg(long, global = true, env = "CONNLEDGER_KEY_SERVICE_ALLOW_HTTP")]
    pub(crate) key_service_allow_http: bool,
}

impl MasterKeyArgs {
    /// Returns whether a place is named.
    pub(crate) fn is_given(&self) -> bool {
        self.master_key_file.is_some() || self.master_key.is_some()
    }

    /// Returns the named place.
    pub(crate) fn source(&self) -> Result<Option<Source>, Failure> {
        match (&self.master_key_file, &self.master_key) {
            (Some(path), _) => Ok(Some(Source::File(path.clone()))),
            // The text may be a key, given by mistake, and is not repeated.
            (None, Some(text)) => text
                .parse()
                .map(Some)
                .map_err(|wrong| Failure::usage(format!("--master-key {wrong}"))),
            (None, None) => Ok(None),
        }
    }

    /// Returns how sources and key services are found.
    pub(crate) fn settings(&self) -> Settings {
        let plain = if self.key_service_allow_http { Plain::Anywhere } else { Plain::Here };
        Settings { variables: settings::variable, plain }
    }

    /// Returns the variables that have a secret.
    pub(crate) fn secret_variables(&self) -> Vec<String> {
        let mut names: Vec<_> = SECRET_VARIABLES.map(str::to_owned).into();
        if let Ok(Some(Source::Variable(name))) = self.source() {
            names.push(name);
        }
        names
    }
}

/// Finds where the master keys are: at the named place, else in the systemd credential, else in the
/// development ledger's own file.
pub(crate) fn locate(
    args: &MasterKeyArgs,
    data_dir: Option<&Path>,
) -> Result<MasterKeySource, Failure> {
    let in_folder = |folder: Option<PathBuf>, name: &str| {
        folder.map(|folder| folder.join(name)).filter(|path| path.exists()).map(Source::File)
    };
    let source = args
        .source()?
        .or_else(|| in_folder(settings::credentials_directory(), CREDENTIAL))
        .or_else(|| in_folder(data_dir.map(Path::to_owned), DEV_MASTER_KEY_FILE));
    let source = source.ok_or_else(|| {
        Failure::from(Problem::new(Code::MasterKeyMissing))
            .hint("pass --master-key-file FILE or --master-key SOURCE")
            .hint("to experiment, `connledger serve --dev` creates a throw-away key")
    })?;
    // Named in messages that are read in another working directory.
    let source = match source {
        Source::File(path) => Source::File(std::path::absolute(&path).unwrap_or(path)),
        other => other,
    };
    Ok(MasterKeySource { source, settings: args.settings() })
}

/// Finds the key file.
///
/// Errors: the keys are not in a file.
pub(crate) fn file(args: &MasterKeyArgs, data_dir: Option<&Path>) -> Result<PathBuf, Failure> {
    match locate(args, data_dir)?.source {
        Source::File(path) => Ok(path),
        other => Err(Failure::usage(format!("the master keys are in {other}, which is no file"))
            .hint("add the line of a new key where that takes its text from, before the others")),
    }
}

/// Reads the master keys once, where [`locate`] finds them.
pub(crate) fn find(args: &MasterKeyArgs, data_dir: Option<&Path>) -> Result<Keyring, Failure> {
    locate(args, data_dir)?.read_blocking().map_err(refused)
}

/// Reads the master keys, and waits for a key service that is away.
pub(crate) async fn wait_for(
    source: &MasterKeySource,
    total: Duration,
) -> Result<Keyring, Failure> {
    let patience = Patience {
        total,
        before_wait: |error, wait| {
            tracing::warn!(%error, wait_ms = wait.as_millis(), "the master key is not available yet");
        },
    };
    source.read_patiently(patience).await.map_err(refused)
}

/// Reads the master key for work that needs it only to check more: none if no place is named.
pub(crate) fn find_named(args: &MasterKeyArgs) -> Result<Option<Keyring>, Failure> {
    args.is_given().then(|| find(args, None)).transpose()
}

/// Reads the key file; creates it if missing.
pub(crate) fn read_or_create(
    path: &Path,
    settings: Settings,
) -> Result<(Keyring, Created), Failure> {
    if path.exists() {
        let source = MasterKeySource { source: Source::File(path.to_owned()), settings };
        return Ok((source.read_blocking().map_err(refused)?, Created::No));
    }
    // The generator of a thread would keep the bytes in its buffer.
    let keyring = Keyring::generate(&mut OsRng.unwrap_err());
    keyring.create_file(path).map_err(|error| unusable(&error.to_string()))?;
    Ok((keyring, Created::Yes))
}

/// Creates a new file with keys that a key service wraps.
pub(crate) async fn create_wrapped(
    path: &Path,
    keyring: &Keyring,
    with: &ServiceKey,
    settings: Settings,
) -> Result<(), Failure> {
    if path.exists() {
        return Err(Failure::refused(format!("{} is there already", path.display())));
    }
    let text = wrap(keyring, with, settings).await.map_err(refused)?;
    create_with(path, &text).map_err(|error| Failure::file("create", path, &error))
}

/// Whether a file has just been created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Created {
    /// It has.
    Yes,
    /// It existed before.
    No,
}

fn unusable(reason: &str) -> Failure {
    Failure::usage(format!("the master key cannot be used: {reason}"))
}

#[expect(clippy::needless_pass_by_value, reason = "it maps an error")]
fn refused(error: SourceError) -> Failure {
    let failed = |code| Failure::from(Problem::because(code, error.to_string()));
    match &error {
        error if error.is_away() => failed(Code::KeyServiceUnavailable),
        SourceError::Service(service) => failed(Code::KeyServiceRefused).hint(service.remedy()),
        _ => unusable(&error.to_string()),
    }
}
