//! A file of settings, read with the line of each key.

use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Largest file, in bytes.
pub(super) const FILE_BYTES_MAX: usize = 1024 * 1024;

/// A file of settings.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) path: PathBuf,
    /// The keys in the order of the file.
    pub(crate) entries: Vec<Entry>,
}

/// One key.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) value: Value,
    pub(crate) line: usize,
}

/// What a key is set to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Switch(bool),
    /// A string or a number, as text.
    One(String),
    Many(Vec<String>),
    /// A table, a time, or a list of other than texts and numbers.
    Other,
}

impl File {
    /// Reads a file. The error is for people.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let length = std::fs::metadata(path).map_err(|error| format!("{shown}: {error}"))?.len();
        if usize::try_from(length).map_or(true, |length| length > FILE_BYTES_MAX) {
            return Err(format!("{shown}: has more than {FILE_BYTES_MAX} bytes"));
        }
        let text = std::fs::read_to_string(path).map_err(|error| format!("{shown}: {error}"))?;
        Self::parse(path, &text)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, String> {
        let line = |at: usize| 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
        let table = DeTable::parse(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            format!("{}, line {}: {}", path.display(), line(at), error.message())
        })?;
        let mut entries: Vec<Entry> = Vec::new();
        for (key, value) in table.into_inner() {
            let line = line(key.span().start);
            entries.push(Entry { key: key.into_inner().into_owned(), value: of(&value), line });
        }
        entries.sort_by_key(|entry| entry.line);
        Ok(Self { path: path.to_owned(), entries })
    }

    /// Returns a place in the file, for people.
    pub(crate) fn place(&self, line: usize) -> String {
        format!("{}, line {line}", self.path.display())
    }
}

fn of(value: &Spanned<DeValue<'_>>) -> Value {
    match value.get_ref() {
        DeValue::Boolean(is_on) => Value::Switch(*is_on),
        DeValue::Array(items) => {
            let texts: Option<Vec<String>> =
                items.iter().map(|item| text(item.get_ref())).collect();
            texts.map_or(Value::Other, Value::Many)
        }
        one => text(one).map_or(Value::Other, Value::One),
    }
}

fn text(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Float(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_their_lines() {
        let text = "# first\nlisten = \"off\"\n\nnats-port = 4222\ncors-origin = [\"a\", 'b']\n\
                    dev = true\n";
        let file = File::parse(Path::new("c.toml"), text).unwrap();
        let shown: Vec<_> =
            file.entries.iter().map(|entry| (entry.key.as_str(), entry.line)).collect();
        assert_eq!(shown, [("listen", 2), ("nats-port", 4), ("cors-origin", 5), ("dev", 6)]);
        let values: Vec<_> = file.entries.into_iter().map(|entry| entry.value).collect();
        let text = |text: &str| text.to_owned();
        let many = Value::Many(vec![text("a"), text("b")]);
        let expected =
            [Value::One(text("off")), Value::One(text("4222")), many, Value::Switch(true)];
        assert_eq!(values, expected);
    }

    #[test]
    fn what_is_no_toml_is_told_with_its_line() {
        for (text, line) in [("a = 1\nb = \n", 2), ("a = 1\n\na = 2\n", 3), ("=\n", 1)] {
            let told = File::parse(Path::new("c.toml"), text).unwrap_err();
            assert!(told.starts_with(&format!("c.toml, line {line}: ")), "{told}");
        }
        let file = File::parse(Path::new("c.toml"), "[serve]\nlisten = \"off\"").unwrap();
        assert_eq!(file.entries[0].value, Value::Other);
    }
}
