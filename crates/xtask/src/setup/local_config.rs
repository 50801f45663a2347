//! `.cargo/local.toml`: the variables by which plain `cargo build` finds the results of setup.

use std::path::PathBuf;

use toml::{Table, Value};

use crate::environment::Variables;
use crate::failure::Failure;
use crate::workspace::{Workspace, read_toml};

/// The git-ignored configuration file that `.cargo/config.toml` includes.
#[derive(Debug)]
pub(super) struct LocalConfig {
    path: PathBuf,
}

impl LocalConfig {
    pub(super) fn of(workspace: &Workspace) -> Self {
        Self { path: workspace.root.join(".cargo/local.toml") }
    }

    /// Returns the variables that the last setup wrote; nothing if the file is missing or
    /// unreadable.
    pub(super) fn read(&self) -> Variables {
        read_toml(&self.path).map(|config| variables_in(&config)).unwrap_or_default()
    }

    /// Writes the variables unless the file already has the same content.
    ///
    /// A new time stamp would make cargo check everything again. The file is replaced by a rename,
    /// so that a concurrent cargo never reads half a file.
    pub(super) fn write(&self, variables: &Variables) -> Result<(), Failure> {
        let text = text_of(variables);
        if std::fs::read_to_string(&self.path).is_ok_and(|present| present == text) {
            return Ok(());
        }
        let fresh = self.path.with_extension(format!("toml.{}", std::process::id()));
        std::fs::write(&fresh, text)
            .and_then(|()| std::fs::rename(&fresh, &self.path))
            .map_err(|error| Failure::io("write", &self.path, &error))
    }
}

const HEADING: &str =
    "# Written by `cargo xtask setup` for this machine. Not under version control.\n";

fn text_of(variables: &Variables) -> String {
    let lines = variables.iter().map(|(name, value)| {
        // The TOML writer quotes where necessary.
        format!("{name} = {}\n", Value::String(value.clone()))
    });
    format!("{HEADING}[env]\n{}", lines.collect::<String>())
}

fn variables_in(config: &Value) -> Variables {
    let empty = Table::new();
    let table = config.get("env").and_then(Value::as_table).unwrap_or(&empty);
    let texts = table
        .iter()
        .filter_map(|(name, value)| value.as_str().map(|value| (name.clone(), value.to_owned())));
    texts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> Variables {
        let pairs = [("ROCKSDB_STATIC", "1"), ("LIBCLANG_PATH", r#"/odd "folder"\here"#)];
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_file_reads_back_as_written_for_any_path() {
        let text = text_of(&variables());
        let config: Value = toml::from_str(&text).expect("we write TOML");
        assert_eq!(variables_in(&config), variables());
        assert!(text.starts_with(HEADING));
    }

    #[test]
    fn names_are_in_alphabetical_order() {
        let text = text_of(&variables());
        assert!(text.find("LIBCLANG_PATH") < text.find("ROCKSDB_STATIC"));
    }

    #[test]
    fn an_unchanged_file_keeps_its_time_stamp() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = LocalConfig { path: folder.path().join("local.toml") };
        config.write(&variables()).expect("written");
        let before = std::fs::metadata(&config.path).and_then(|file| file.modified());
        config.write(&variables()).expect("left alone");
        let after = std::fs::metadata(&config.path).and_then(|file| file.modified());
        assert_eq!(before.expect("a time"), after.expect("a time"));
        assert_eq!(config.read(), variables());
    }
}
