//! `completions` and `man`: what a package or an administrator puts beside the program.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use clap::{Args, Command};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::commands::Cli;
use crate::failure::Failure;
use crate::output::Output;

/// The program's name in scripts.
const NAME: &str = "connledger";

/// Writes the script by which a shell completes commands and flags.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  source <(connledger completions bash)                 in this shell, and in ~/.bashrc for others
  connledger completions zsh > ~/.zfunc/_connledger
  connledger completions fish > ~/.config/fish/completions/connledger.fish")]
pub(crate) struct CompletionsArgs {
    /// Shell
    shell: Shell,
}

pub(crate) fn completions(args: &CompletionsArgs, out: Output) -> Result<(), Failure> {
    out.refuse_json("a script")?;
    out.verbatim(script(args.shell).trim_end())
}

fn script(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::described(), NAME, &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// Writes the manual pages.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger man --out ~/.local/share/man/man1 && man connledger-create
  connledger man | man -l -")]
pub(crate) struct ManArgs {
    /// Folder for one page for each command; created if missing [default: the first page, on
    /// standard output]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(crate) fn man(args: &ManArgs, out: Output) -> Result<(), Failure> {
    // Pages of `help` itself would say nothing.
    let mut command = Cli::described().disable_help_subcommand(true);
    command.build();
    let Some(folder) = &args.out else {
        out.refuse_json("a manual page")?;
        return out.verbatim(String::from_utf8_lossy(&page(&Man::new(command))?).trim_end());
    };
    if !folder.exists() {
        fs::create_dir_all(folder).map_err(|error| Failure::file("create", folder, &error))?;
        share(folder, 0o755)?;
    }
    let pages = write_pages(command, folder)?;
    out.say(format!("{pages} pages are in {}", folder.display()));
    Ok(())
}

/// Writes the pages of a command and of those below it; returns how many.
fn write_pages(command: Command, folder: &Path) -> Result<usize, Failure> {
    let below: Vec<Command> = command.get_subcommands().cloned().collect();
    let man = Man::new(command);
    let path = folder.join(man.get_filename());
    fs::write(&path, page(&man)?).map_err(|error| Failure::file("write", &path, &error))?;
    share(&path, 0o644)?;
    below.into_iter().try_fold(1, |pages, one| Ok(pages + write_pages(one, folder)?))
}

fn page(man: &Man) -> Result<Vec<u8>, Failure> {
    let mut page = Vec::new();
    man.render(&mut page).map_err(|error| Failure::internal(format!("no page: {error}")))?;
    Ok(page)
}

/// Lets other users read what the program otherwise makes for its own user alone.
fn share(path: &Path, mode: u32) -> Result<(), Failure> {
    fs::set_permissions(path, Permissions::from_mode(mode))
        .map_err(|error| Failure::file("set the mode of", path, &error))
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn every_command_has_a_page_that_others_may_read() {
        let folder = tempfile::tempdir().unwrap();
        let made = folder.path().join("man/man1");
        let args = ManArgs { out: Some(made.clone()) };
        man(&args, Output::new(false)).unwrap();
        for name in ["connledger", "connledger-create", "connledger-key-issue"] {
            let path = made.join(format!("{name}.1"));
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o644);
            assert!(fs::read_to_string(&path).unwrap().contains("SYNOPSIS"), "{name}");
        }
        assert_eq!(made.metadata().unwrap().permissions().mode() & 0o777, 0o755);
    }

    #[test]
    fn every_shell_gets_a_script_with_all_commands() {
        for shell in Shell::value_variants() {
            let script = script(*shell);
            for name in ["rotate-secret", "expect-version"] {
                assert!(script.contains(name), "{shell}: {name}");
            }
        }
    }
}
