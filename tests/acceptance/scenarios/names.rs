//! Named values, and the placeholders that stand for them.

use serde_json::{Map, Value};

/// What `<name>` stands for.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    /// Written in the files. In an expectation they are patterns.
    declared: Map<String, Value>,
    /// Written in the file too, and of the present run of a step alone.
    case: Map<String, Value>,
    /// Taken from answers. In an expectation they are equal or not.
    kept: Map<String, Value>,
}

/// What a name stands for.
#[derive(Debug)]
pub(super) enum Named<'a> {
    Declared(&'a Value),
    Kept(Value),
}

/// A part of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    Literal(&'a str),
    /// What is between `<` and `>`.
    Placeholder(&'a str),
}

impl Names {
    /// Adds values that are written in a file.
    pub(super) fn declare(&mut self, values: &Map<String, Value>) {
        self.declared.extend(values.clone());
    }

    /// Replaces the values of the previous run of a step.
    pub(super) fn set_case(&mut self, values: Map<String, Value>) {
        self.case = values;
    }

    fn declared(&self, name: &str) -> Option<&Value> {
        self.case.get(name).or_else(|| self.declared.get(name))
    }

    /// Names a part of an answer; a later one of the same name takes its place.
    pub(super) fn keep(&mut self, name: &str, value: Value) {
        assert!(self.declared(name).is_none(), "<{name}> is declared and kept");
        self.kept.insert(name.to_owned(), value);
    }

    /// Returns what a placeholder stands for: a name, `<name|hex>` for an id without its dashes,
    /// or `<repeat:text:times>`.
    pub(super) fn find(&self, placeholder: &str) -> Option<Named<'_>> {
        if let Some(value) = self.declared(placeholder) {
            return Some(Named::Declared(value));
        }
        if let Some(name) = placeholder.strip_suffix("|hex") {
            let id = self.kept.get(name)?.as_str()?;
            return Some(Named::Kept(id.replace('-', "").into()));
        }
        if let Some(repeated) = placeholder.strip_prefix("repeat:") {
            let (text, times) = repeated.rsplit_once(':')?;
            return Some(Named::Kept(text.repeat(times.parse().ok()?).into()));
        }
        self.kept.get(placeholder).cloned().map(Named::Kept)
    }

    /// Fills every placeholder in a value that is sent.
    pub(super) fn fill(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => match pieces(text).as_slice() {
                [Piece::Placeholder(name)] => match self.find(name) {
                    Some(Named::Declared(value)) => self.fill(value),
                    Some(Named::Kept(value)) => value,
                    None => panic!("nothing is named <{name}>"),
                },
                _ => self.fill_text(text).into(),
            },
            Value::Array(items) => items.iter().map(|item| self.fill(item)).collect(),
            Value::Object(fields) => {
                fields.iter().map(|(name, value)| (name.clone(), self.fill(value))).collect()
            }
            other => other.clone(),
        }
    }

    /// Fills every placeholder in a text that is sent.
    pub(super) fn fill_text(&self, text: &str) -> String {
        let filled = pieces(text).into_iter().map(|piece| match piece {
            Piece::Literal(text) => text.to_owned(),
            Piece::Placeholder(name) => match self.fill(&Value::String(format!("<{name}>"))) {
                Value::String(text) => text,
                other => other.to_string(),
            },
        });
        filled.collect()
    }
}

/// Takes a text apart at its placeholders.
pub(super) fn pieces(mut text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    while let Some((before, rest)) = text.split_once('<') {
        let (name, after) = rest.split_once('>').expect("a placeholder ends with >");
        if !before.is_empty() {
            pieces.push(Piece::Literal(before));
        }
        pieces.push(Piece::Placeholder(name));
        text = after;
    }
    if !text.is_empty() {
        pieces.push(Piece::Literal(text));
    }
    pieces
}
