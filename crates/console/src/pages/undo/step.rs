//! A step of a plan as a form carries it, so that what is applied is what was shown.

use std::fmt;

use ledger_contract::commands::Verb;
use ledger_contract::queries::UndoStep;
use ledger_domain::{ConnectionId, InvalidField, Version, WorkspaceName};
use serde_json::{Value, json};

/// The most commands of one step.
const COMMANDS_MAX: usize = 4;

/// What is done about one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PlannedStep {
    pub(super) workspace: String,
    pub(super) connection: String,
    /// The version that the first command expects.
    pub(super) version: u64,
    pub(super) commands: Vec<PlannedCommand>,
    /// What it was called, which decides nothing.
    pub(super) slug: String,
}

/// One command of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PlannedCommand {
    /// `archive`, `restore` or `revert`.
    verb: String,
    /// The version to revert to.
    to_version: Option<u64>,
}

impl PlannedCommand {
    /// Returns the verb.
    pub(super) fn verb(&self) -> Option<Verb> {
        let known = [Verb::Archive, Verb::Restore, Verb::Revert];
        known.into_iter().find(|verb| verb.as_str() == self.verb)
    }

    /// Returns the body of the command.
    pub(super) fn body(&self) -> Value {
        self.to_version.map_or_else(|| json!({}), |version| json!({ "to_version": version }))
    }
}

impl PlannedStep {
    pub(super) fn of(step: &UndoStep) -> Self {
        let commands = step.commands.iter().map(|command| PlannedCommand {
            verb: command.verb.clone(),
            to_version: command.to_version,
        });
        Self {
            workspace: step.workspace.clone(),
            connection: step.connection.clone(),
            version: step.version,
            commands: commands.collect(),
            slug: step.slug.clone(),
        }
    }

    /// Reads what [`fmt::Display`] wrote.
    ///
    /// Errors: `field_invalid`.
    pub(super) fn parse(text: &str) -> Result<Self, InvalidField> {
        Self::read(text).ok_or_else(|| InvalidField::new("step", "is not a step of a plan"))
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.splitn(5, ' ');
        let (workspace, connection) = (parts.next()?, parts.next()?);
        WorkspaceName::parse("workspace", workspace).ok()?;
        connection.parse::<ConnectionId>().ok()?;
        let version = number(parts.next()?)?;
        let commands: Option<Vec<_>> = parts.next()?.split(',').map(command).collect();
        let commands = commands.filter(|commands| commands.len() <= COMMANDS_MAX)?;
        Some(Self {
            workspace: workspace.to_owned(),
            connection: connection.to_owned(),
            version,
            commands,
            slug: parts.next()?.to_owned(),
        })
    }
}

fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number| *number > 0 && Version::new(*number).get() == *number)
}

fn command(text: &str) -> Option<PlannedCommand> {
    let (verb, to_version) = match text.split_once(':') {
        Some((verb, version)) => (verb, Some(number(version)?)),
        None => (text, None),
    };
    let command = PlannedCommand { verb: verb.to_owned(), to_version };
    let verb = command.verb()?;
    (to_version.is_some() == (verb == Verb::Revert)).then_some(command)
}

impl fmt::Display for PlannedStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} ", self.workspace, self.connection, self.version)?;
        for (index, command) in self.commands.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(f, "{comma}{}", command.verb)?;
            if let Some(version) = command.to_version {
                write!(f, ":{version}")?;
            }
        }
        write!(f, " {}", self.slug)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "018f3c1e-7d1a-7e39-8c0f-5d1b2a3c4d5e";

    #[test]
    fn a_step_is_read_as_it_was_written() {
        let text = format!("default {ID} 7 restore,revert:3 main");
        let step = PlannedStep::parse(&text).unwrap();
        assert_eq!(step.to_string(), text);
        assert_eq!(step.commands[0].body(), json!({}));
        assert_eq!(step.commands[1].body(), json!({ "to_version": 3 }));
    }

    #[test]
    fn nothing_but_what_a_plan_has_is_a_step() {
        for bad in [
            String::new(),
            format!("default {ID} 7 erase main"),
            format!("default {ID} 7 revert main"),
            format!("default {ID} 7 archive:1 main"),
            format!("default {ID} 0 archive main"),
            format!("default {ID} 7 revert:0 main"),
            "default main 7 archive main".to_owned(),
            format!("Default! {ID} 7 archive main"),
            format!("default {ID} 7 archive"),
            format!("default {ID} 7 {} main", ["archive"; 5].join(",")),
        ] {
            assert!(PlannedStep::parse(&bad).is_err(), "{bad}");
        }
    }
}
