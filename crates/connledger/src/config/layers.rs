//! The layers of settings: flags, the environment, a file, and defaults, the first that has one.
//!
//! What a file has and neither a flag nor a variable says is added to the command line as flags. So
//! the description of the command line says which keys there are, what they may be, and which
//! contradict each other.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};

use super::file::{Entry, FILE_BYTES_MAX, File, Value};

/// The flag that names the file.
pub(crate) const CONFIG: &str = "config_file";
/// Flags that are no settings.
const NO_SETTINGS: [&str; 3] = ["help", "version", "config"];
/// The command whose flags a file may have.
const SERVE: &str = "serve";
/// Least likeness of a name that is suggested.
const LIKENESS_MIN: f64 = 0.6;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A flag.
    Flag,
    /// This variable.
    Variable(String),
    /// This line of the file.
    Line(usize),
    /// It is the default.
    Default,
    /// There is none.
    Unset,
}

/// A command line with what a file adds to it.
#[derive(Debug)]
pub(crate) struct Layered {
    pub(crate) matches: ArgMatches,
    pub(crate) file: Option<File>,
    /// The flags that come from the file, each with its line.
    added: Vec<(String, usize)>,
}

impl Layered {
    /// Reads a command line. `command` has no empty variables.
    pub(crate) fn read(command: &mut Command, line: Vec<OsString>) -> Result<Self, clap::Error> {
        let mut first = command.clone().ignore_errors(true);
        // Help and the like are answered by the second attempt, and so is what is wrong.
        let known = first.try_get_matches_from_mut(&line).ok();
        let path = known.as_ref().and_then(path);
        let (Some(known), Some(path)) = (known, path) else {
            let matches = command.try_get_matches_from_mut(line)?;
            return Ok(Self { matches, file: None, added: Vec::new() });
        };
        let file = File::read(&path).map_err(|wrong| refuse(command, wrong))?;
        let (words, added) =
            additions(command, &first, &known, &file).map_err(|wrong| refuse(command, wrong))?;
        let parsed = command.try_get_matches_from_mut(with(line, words));
        let matches = parsed.map_err(|error| placed(command, error, &file, &added))?;
        Ok(Self { matches, file: Some(file), added })
    }

    /// Returns whether the command line itself has a flag, wherever it stands.
    pub(crate) fn is_on_line(&self, name: &str) -> bool {
        let from_line = self.matches.value_source(name) == Some(ValueSource::CommandLine);
        from_line && self.line_of(name).is_none()
    }

    /// Returns where the value of a setting of a subcommand comes from.
    pub(crate) fn origin(&self, matches: &ArgMatches, arg: &Arg) -> Origin {
        if let Some(line) = arg.get_long().and_then(|name| self.line_of(name)) {
            return Origin::Line(line);
        }
        match matches.value_source(arg.get_id().as_str()) {
            Some(ValueSource::CommandLine) => Origin::Flag,
            Some(ValueSource::EnvVariable) => {
                let name = arg.get_env().unwrap_or_default().to_string_lossy();
                Origin::Variable(name.into_owned())
            }
            Some(_) => Origin::Default,
            None => Origin::Unset,
        }
    }

    fn line_of(&self, name: &str) -> Option<usize> {
        self.added.iter().find(|(known, _)| known == name).map(|(_, line)| *line)
    }
}

/// The flags that come from a file, each with its line.
type Added = Vec<(String, usize)>;

/// Returns what a file adds to a command line, and in which lines. The error is for people.
fn additions(
    command: &Command,
    first: &Command,
    known: &ArgMatches,
    file: &File,
) -> Result<(Vec<OsString>, Added), String> {
    let (mut words, mut added) = (Vec::new(), Vec::new());
    for entry in &file.entries {
        let arg = setting(command, &entry.key).ok_or_else(|| unknown(command, file, entry))?;
        let place = || file.place(entry.line);
        let said = to_words(arg, &entry.value)
            .map_err(|wrong| format!("{}: {} {wrong}", place(), entry.key))?;
        if said.iter().any(|word| tells_secret(arg, word)) {
            ledger_vault::read_private(&file.path, FILE_BYTES_MAX).map_err(|error| {
                format!("{}: a file with this must be for its owner alone: {error}", place())
            })?;
        }
        if is_of(first, known, arg) && !is_given(known, arg) {
            added.push((entry.key.clone(), entry.line));
            words.extend(said.into_iter().map(OsString::from));
        }
    }
    Ok((words, added))
}

/// Returns every setting that a file may have: the flags of `serve`.
pub(crate) fn settings(command: &Command) -> impl Iterator<Item = &Arg> {
    let serve = command.find_subcommand(SERVE);
    let of_serve = serve.into_iter().flat_map(Command::get_arguments);
    let all = of_serve.chain(command.get_arguments().filter(|arg| arg.is_global_set()));
    let is_setting = |arg: &&Arg| arg.get_long().is_some_and(|name| !NO_SETTINGS.contains(&name));
    // A flag that is passed on to subcommands is there twice once the command is built.
    let mut seen = std::collections::BTreeSet::new();
    all.filter(is_setting).filter(move |arg| seen.insert(arg.get_id().clone()))
}

/// Returns whether a text tells a secret: a key, or an address with a password.
pub(crate) fn tells_secret(arg: &Arg, text: &str) -> bool {
    // A flag as it is given to the command line, or the value alone.
    let flag = text.strip_prefix("--").and_then(|flag| flag.split_once('='));
    let value = flag.map_or(text, |(_, value)| value);
    let has_login = value.split_once("://").is_some_and(|(_, rest)| rest.contains('@'));
    arg.get_long() == Some("key") || has_login
}

fn setting<'c>(command: &'c Command, key: &str) -> Option<&'c Arg> {
    settings(command).find(|arg| arg.get_long() == Some(key))
}

/// Returns the file that the command line or the environment names.
fn path(matches: &ArgMatches) -> Option<PathBuf> {
    matches.try_get_one::<PathBuf>(CONFIG).ok().flatten().cloned()
}

/// Returns whether the command that is to run has the same setting.
fn is_of(command: &Command, matches: &ArgMatches, arg: &Arg) -> bool {
    let is_same =
        |other: &Arg| other.get_long() == arg.get_long() && other.get_env() == arg.get_env();
    let (mut command, mut matches) = (command, matches);
    let mut found = command.get_arguments().any(|other| other.is_global_set() && is_same(other));
    while let Some((name, below)) = matches.subcommand() {
        let Some(next) = command.find_subcommand(name) else { break };
        (command, matches) = (next, below);
        let is_leaf = matches.subcommand().is_none();
        found |= command
            .get_arguments()
            .any(|other| (is_leaf || other.is_global_set()) && is_same(other));
    }
    found
}

/// Returns whether a flag or a variable says a setting.
fn is_given(matches: &ArgMatches, arg: &Arg) -> bool {
    let id = arg.get_id().as_str();
    let mut matches = Some(matches);
    while let Some(here) = matches {
        if here.try_contains_id(id).is_ok()
            && matches!(
                here.value_source(id),
                Some(ValueSource::CommandLine | ValueSource::EnvVariable)
            )
        {
            return true;
        }
        matches = here.subcommand().map(|(_, below)| below);
    }
    false
}

/// Returns a value as flags.
fn to_words(arg: &Arg, value: &Value) -> Result<Vec<String>, &'static str> {
    let name = arg.get_long().unwrap_or_default();
    let word = |text: &str| format!("--{name}={text}");
    match (arg.get_action(), value) {
        (ArgAction::SetTrue, Value::Switch(true)) => Ok(vec![format!("--{name}")]),
        (ArgAction::SetTrue, Value::Switch(false)) => Ok(Vec::new()),
        (ArgAction::SetTrue, _) => Err("must be true or false"),
        (_, Value::Switch(is_on)) => Ok(vec![word(&is_on.to_string())]),
        (_, Value::One(text)) => Ok(vec![word(text)]),
        (ArgAction::Append, Value::Many(texts)) => {
            Ok(texts.iter().map(|text| word(text)).collect())
        }
        (_, Value::Many(_)) => Err("takes one value, not a list"),
        (ArgAction::Append, Value::Other) => Err("must be a text, a number, or a list of these"),
        (_, Value::Other) => Err("must be a text or a number"),
    }
}

/// Adds words to a command line, before whatever is no flag any more.
fn with(mut line: Vec<OsString>, words: Vec<OsString>) -> Vec<OsString> {
    let end = line.iter().position(|word| word == "--").unwrap_or(line.len());
    line.splice(end..end, words);
    line
}

fn refuse(command: &mut Command, message: impl std::fmt::Display) -> clap::Error {
    command.error(ErrorKind::ValueValidation, message)
}

fn unknown(command: &Command, file: &File, entry: &Entry) -> String {
    let key = entry.key.as_str();
    let place = file.place(entry.line);
    if matches!(entry.value, Value::Other) {
        return format!("{place}: there is no setting {key}; settings have no sections");
    }
    let names = settings(command).filter_map(Arg::get_long);
    let alike = names.map(|name| {
        (strsim::normalized_damerau_levenshtein(name, &key.replace('_', "-").to_lowercase()), name)
    });
    let nearest = alike.max_by(|(one, _), (other, _)| one.total_cmp(other));
    match nearest {
        Some((likeness, name)) if likeness >= LIKENESS_MIN => {
            format!("{place}: there is no setting {key}; did you mean {name}?")
        }
        _ => format!("{place}: there is no setting {key}"),
    }
}

/// Says in which line of the file is what an error is about, if it is there.
fn placed(
    command: &mut Command,
    error: clap::Error,
    file: &File,
    added: &[(String, usize)],
) -> clap::Error {
    let context = [ContextKind::InvalidArg, ContextKind::PriorArg];
    let named =
        context.into_iter().filter_map(|kind| error.get(kind)).flat_map(|value| match value {
            ContextValue::String(one) => vec![one.as_str()],
            ContextValue::Strings(many) => many.iter().map(String::as_str).collect(),
            _ => Vec::new(),
        });
    let name = |word: &str| {
        let word = word.strip_prefix("--").unwrap_or_default();
        word.split([' ', '=', '[']).next().unwrap_or_default().to_owned()
    };
    let lines: Vec<usize> = named
        .map(name)
        .filter_map(|name| added.iter().find(|(known, _)| *known == name).map(|(_, line)| *line))
        .collect();
    let place = match lines.first() {
        Some(line) => file.place(*line),
        // What is missing is in no line.
        None if error.kind() == ErrorKind::MissingRequiredArgument && !added.is_empty() => {
            file.path.display().to_string()
        }
        None => return error,
    };
    let text = error.to_string();
    let wrong = text.split("\n\n").next().unwrap_or_default();
    let wrong = wrong.strip_prefix("error: ").unwrap_or(wrong);
    let message = format!("{place}: {wrong}");
    command.error(error.kind(), message)
}
