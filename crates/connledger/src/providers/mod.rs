//! `provider`: the descriptions of external services, looked at and checked without a server.

mod check;
mod list;
mod show;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};
use ledger_providers::{Catalogue, CatalogueError, Origin};

use crate::failure::Failure;
use crate::output::Output;

/// What to do with descriptions of providers.
#[derive(Debug, Subcommand)]
pub(crate) enum ProviderCommand {
    /// List the providers that are described
    List(list::ListArgs),
    /// Show what a connection to one provider needs
    Show(show::ShowArgs),
    /// Check files that describe providers; exit code 1 when any has a fault
    Check(check::CheckArgs),
}

/// Where descriptions come from, beside the built-in ones.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ProviderArgs {
    /// Folder of files (*.json) that describe further providers, or built-in ones anew
    #[arg(long, env = "CONNLEDGER_PROVIDERS", value_name = "DIR")]
    pub(crate) providers: Option<PathBuf>,
}

impl ProviderArgs {
    /// Reads the catalogue. It takes what a few files need, and never changes after.
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

/// Faults shown when something else was wanted than to see them.
const FAULTS_SHOWN: usize = 5;

/// Says why no catalogue could be made, and what to do.
fn refused(error: &CatalogueError) -> Failure {
    let file_hint = "correct the file; `connledger provider check FILE` shows every fault, \
                     schemas/provider.schema.json is its form";
    match error {
        CatalogueError::Folder { path, source } => {
            Failure::file("read the providers in", path, source)
                .hint("--providers names a folder with one .json file a provider")
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

/// Says where a description comes from.
fn origin(catalogue: &Catalogue, id: &str) -> String {
    match catalogue.origin(id) {
        Some(Origin::File(path)) => shown(path),
        Some(Origin::BuiltIn) | None => "built-in".to_owned(),
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
