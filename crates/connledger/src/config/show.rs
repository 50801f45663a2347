//! Each setting with its value and where that comes from.

use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::json;

use super::layers::{Layered, Origin, settings, tells_secret};
use crate::commands::Cli;
use crate::failure::Failure;
use crate::output::Output;
use crate::settings::without_empty_variables;
use crate::table::Table;

/// Stands for what is not shown.
const HIDDEN: &str = "(not shown)";

/// A setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    /// Its name, which is that of the flag.
    pub(crate) name: String,
    /// Its values, unless they are secret.
    pub(crate) values: Vec<String>,
    /// Where they come from.
    pub(crate) origin: Origin,
}

/// Returns the settings that the command line of this process has now: the file and the environment
/// are read again.
pub(crate) fn settings_of(
    line: impl IntoIterator<Item = std::ffi::OsString>,
) -> Result<Vec<Setting>, clap::Error> {
    let mut command = without_empty_variables(Cli::described());
    let layered = Layered::read(&mut command, line.into_iter().collect())?;
    Ok(of(&command, &layered))
}

fn of(command: &Command, layered: &Layered) -> Vec<Setting> {
    let mut matches = &layered.matches;
    while let Some((_, below)) = matches.subcommand() {
        matches = below;
    }
    let known =
        settings(command).filter(|arg| matches.try_contains_id(arg.get_id().as_str()).is_ok());
    let setting = |arg: &Arg| Setting {
        name: arg.get_long().unwrap_or_default().to_owned(),
        values: values(matches, arg),
        origin: layered.origin(matches, arg),
    };
    known.map(setting).collect()
}

fn values(matches: &ArgMatches, arg: &Arg) -> Vec<String> {
    let id = arg.get_id().as_str();
    if matches!(arg.get_action(), ArgAction::SetTrue) {
        return vec![matches.get_flag(id).to_string()];
    }
    let raw = matches.get_raw(id).into_iter().flatten();
    let shown = |value: &std::ffi::OsStr| {
        let value = value.to_string_lossy().into_owned();
        let is_secret =
            tells_secret(arg, &value) || (arg.is_hide_env_values_set() && !is_plain(&value));
        if is_secret { HIDDEN.to_owned() } else { value }
    };
    raw.map(shown).collect()
}

/// Returns whether a value that may be a secret is an address without a login, or names a place.
fn is_plain(value: &str) -> bool {
    const PLACES: [&str; 3] = ["file:", "env:", "credential:"];
    let is_url = value.split_once("://").is_some_and(|(_, rest)| !rest.contains('@'));
    is_url || PLACES.iter().any(|place| value.starts_with(place))
}

/// Shows the settings of this command line.
pub(super) fn run(out: Output) -> Result<(), Failure> {
    let mut command = without_empty_variables(Cli::described());
    let layered = Layered::read(&mut command, std::env::args_os().collect())
        .map_err(|error| Failure::internal(error.to_string()))?;
    let place = |origin: &Origin| match origin {
        Origin::Flag => "flag".to_owned(),
        Origin::Variable(name) => name.clone(),
        Origin::Line(line) => {
            layered.file.as_ref().map_or_else(String::new, |file| file.place(*line))
        }
        Origin::Default => "default".to_owned(),
        Origin::Unset => "not set".to_owned(),
    };
    let settings = of(&command, &layered);
    if out.is_json() {
        let object = |setting: &Setting| {
            let Setting { name, values, origin } = setting;
            let (kind, line) = match origin {
                Origin::Flag => ("flag", None),
                Origin::Variable(_) => ("environment", None),
                Origin::Line(line) => ("file", Some(line)),
                Origin::Default => ("default", None),
                Origin::Unset => ("unset", None),
            };
            json!({
                "name": name, "values": values, "from": kind, "line": line, "place": place(origin),
            })
        };
        let objects = settings.iter().map(object);
        return objects.into_iter().try_for_each(|object| out.line(&object));
    }
    let mut table = Table::of_texts(&["setting", "value", "from"]);
    for setting in &settings {
        let value = setting.values.join(", ");
        table.row([setting.name.clone(), value, place(&setting.origin)]);
    }
    out.table(&table)
}
