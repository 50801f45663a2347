//! `provider`: shows and checks descriptions of external services; needs no server.

mod check;
mod list;
mod show;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};
use ledger_providers::{Catalogue, CatalogueError, Origin};

use crate::failure::Failure;
use crate::output::Output;

/// The subcommands of `provider`.
#[derive(Debug, Subcommand)]
pub(crate) enum ProviderCommand {
    /// List the described providers
    List(list::ListArgs),
    /// Show which fields a connection to a provider needs
    Show(show::ShowArgs),
    /// Check provider descriptions; exit code 1 if any has a fault
    Check(check::CheckArgs),
}

/// The source of descriptions beside the built-in ones.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ProviderArgs {
    /// Directory of *.json files that describe more providers or replace built-in descriptions
    #[arg(long, env = "CONNLEDGER_PROVIDERS", value_name = "DIR")]
    pub(crate) providers: Option<PathBuf>,
}

impl ProviderArgs {
    /// Reads the catalogue, which does not change afterwards.
    pub(crate) fn read(&self) -> Result<Arc<Catalogue>, Failure> {
        match &self.providers {
            None => Ok(Arc::clone(Catalogue::built_in())),
            Some(folder) => {
                let catalogue = Catalogue::with_folder(folder);
                catalogue.map(Arc::new).map_err(|error| refused(&error))
            }
        }
    }
}

pub(crate) fn run(command: ProviderCommand, out: Output) -> Result<(), Failure> {
    match command {
        ProviderCommand::List(args) => list::run(&args, out),
        ProviderCommand::Show(args) => show::run(&args, out),
        ProviderCommand::Check(args) => check::run(&args, out),
    }
}

/// Faults shown by commands other than `provider check`.
const FAULTS_SHOWN: usize = 5;

/// Returns the failure for a catalogue that cannot be read, with a hint at the remedy.
fn refused(error: &CatalogueError) -> Failure {
    let file_hint = "correct the file; `connledger provider check FILE` shows every fault, and \
    schemas/provider.schema.json describes the format";
    match error {
        CatalogueError::Folder { path, source } => {
            Failure::file("read the providers in", path, source)
                .hint("--providers names a directory with one .json file per provider")
        }
        CatalogueError::Faults(faults) => {
            let shown: Vec<_> = faults.iter().take(FAULTS_SHOWN).map(ToString::to_string).collect();
            let mut text = shown.join("\n       ");
            if let Some(more) = faults.len().checked_sub(FAULTS_SHOWN).filter(|more| *more > 0) {
                text = format!("{text}\n       and {more} more");
            }
            Failure::usage(text).hint(file_hint)
        }
        other => Failure::usage(other.to_string()),
    }
}

/// Returns the source of a description: a path or `built-in`.
fn origin(catalogue: &Catalogue, id: &str) -> String {
    match catalogue.origin(id) {
        Some(Origin::File(path)) => shown(path),
        Some(Origin::BuiltIn) | None => "built-in".to_owned(),
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
