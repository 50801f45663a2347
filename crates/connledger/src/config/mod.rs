//! Settings in a file, and the commands about them.

mod example;
mod file;
mod layers;
mod show;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::Resettable;
use clap::{Args, Command, FromArgMatches as _, Subcommand};

pub(crate) use example::example;
pub(crate) use layers::Layered;
pub(crate) use show::{Setting, settings_of};

use crate::commands::{Cli, Command as Chosen};
use crate::failure::Failure;
use crate::output::Output;
use crate::serve::{self, ServeArgs};

/// The commands about settings.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Check a file of settings as a start would, before it opens the ledger
    Check(CheckArgs),
    /// Show each setting of `serve`, and where it comes from
    Show(Box<ShowArgs>),
    /// Write a file with every setting as a comment
    Example(ExampleArgs),
}

/// Checks a file of settings.
#[derive(Debug, Args)]
#[command(after_help = "\
Neither flags nor environment variables are taken into account. Files that the settings name are
read, and certificates and rules checked; nothing is asked over the network, except a key service.

Example:
  connledger config check /etc/connledger/connledger.toml")]
pub(crate) struct CheckArgs {
    /// The file
    file: PathBuf,
}

/// Shows settings.
#[derive(Debug, Args)]
#[command(after_help = "\
It takes the flags of `serve`, and shows what that would take: a flag goes before an environment
variable, that before the file, and that before the default. Secrets are not shown.

Examples:
  connledger config show --config /etc/connledger/connledger.toml
  connledger config show --config connledger.toml --listen off --json")]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    serve: ServeArgs,
}

/// Writes an example.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  connledger config example > connledger.toml")]
pub(crate) struct ExampleArgs {}

/// Runs a command about settings.
pub(crate) fn run(command: ConfigCommand, out: Output) -> Result<(), Failure> {
    match command {
        ConfigCommand::Check(args) => check(&args, out),
        ConfigCommand::Show(_) => show::run(out),
        ConfigCommand::Example(_) => {
            out.refuse_json("a file in TOML")?;
            out.verbatim(example().trim_end())
        }
    }
}

fn check(args: &CheckArgs, out: Output) -> Result<(), Failure> {
    let line = ["connledger".into(), "serve".into(), "--config".into(), args.file.clone().into()];
    let cli = read_without_environment(line.to_vec()).map_err(|error| {
        let text = error.to_string();
        let wrong = text.split("\n\n").next().unwrap_or_default().trim_end();
        Failure::usage(wrong.strip_prefix("error: ").unwrap_or(wrong))
            .hint("`connledger config example` shows every setting")
    })?;
    if let Chosen::Serve(serve) = &cli.command {
        serve::check_settings(&cli.common, serve)?;
    }
    out.say(format!("{} is good", args.file.display()));
    Ok(())
}

/// Parses a command line as if no environment variable was set.
fn read_without_environment(line: Vec<OsString>) -> Result<Cli, clap::Error> {
    let mut command = without_variables(Cli::described());
    let layered = Layered::read(&mut command, line)?;
    Cli::from_arg_matches(&layered.matches).map_err(|error| error.format(&mut command))
}

fn without_variables(command: Command) -> Command {
    let without = |arg: clap::Arg| arg.env(Resettable::Reset);
    command.mut_args(without).mut_subcommands(without_variables)
}

#[cfg(test)]
mod tests;
