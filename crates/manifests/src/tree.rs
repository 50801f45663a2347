//! The tree of a file in YAML or JSON, with the place of each node.

use std::fmt;
use std::sync::Arc;

use ledger_contract::numbers::keeps_digits;
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::{Error, Location, Options, Spanned};

use crate::limits;
use crate::place::{Complaint, Place};

/// A node and its place.
pub(crate) struct Node {
    line: u32,
    column: u32,
    /// Where its text begins, and how long it is, in bytes; for numbers.
    span: (u32, u32),
    /// What it is.
    pub(crate) data: Data,
}

/// What a node is. Texts may be secrets, so nothing here has a debug form that shows them.
pub(crate) enum Data {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Switch(bool),
    /// A number.
    Number(Number),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// Members by name, in their order. No name occurs twice.
    Map(Vec<(Name, Node)>),
}

/// The name of a member, with its place.
pub(crate) struct Name {
    /// The name.
    pub(crate) text: String,
    line: u32,
    column: u32,
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Node({}:{}, {})", self.line, self.column, self.data.kind())
    }
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({}:{})", self.line, self.column)
    }
}

impl Data {
    /// Returns what it is, in words.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Switch(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }
}

impl Name {
    /// Returns its place in a file.
    pub(crate) fn place(&self, file: &Arc<str>) -> Place {
        Place { file: file.clone(), line: self.line, column: self.column }
    }
}

impl Node {
    fn of(spanned: Spanned<Data>) -> Self {
        let at = spanned.referenced;
        let (line, column) = position(at);
        let span = spanned.defined.span();
        let bytes = |number: Option<u64>| number.and_then(|n| u32::try_from(n).ok());
        let span = (bytes(span.byte_offset()), bytes(span.byte_len()));
        Self { line, column, span: (span.0.unwrap_or(0), span.1.unwrap_or(0)), data: spanned.value }
    }

    /// Returns its place in a file.
    pub(crate) fn place(&self, file: &Arc<str>) -> Place {
        Place { file: file.clone(), line: self.line, column: self.column }
    }

    /// Returns a member of a map.
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        match &self.data {
            Data::Map(members) => {
                members.iter().find(|(known, _)| known.text == name).map(|(_, node)| node)
            }
            _ => None,
        }
    }

    /// Returns the text of a text.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.data {
            Data::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns it as JSON.
    pub(crate) fn to_json(&self) -> Value {
        match &self.data {
            Data::Null => Value::Null,
            Data::Switch(switch) => Value::Bool(*switch),
            Data::Number(number) => Value::Number(number.clone()),
            Data::Text(text) => Value::String(text.clone()),
            Data::List(items) => items.iter().map(Self::to_json).collect(),
            Data::Map(members) => {
                let members =
                    members.iter().map(|(name, node)| (name.text.clone(), node.to_json()));
                Value::Object(members.collect::<Map<_, _>>())
            }
        }
    }

    /// Finds a number whose digits the ledger would not keep.
    fn inexact<'a>(&'a self, source: &str) -> Option<&'a Self> {
        match &self.data {
            Data::Number(_) => {
                let (start, length) = (self.span.0 as usize, self.span.1 as usize);
                let written = source.get(start..start.saturating_add(length)).unwrap_or_default();
                (!keeps_digits(written.trim().as_bytes())).then_some(self)
            }
            Data::List(items) => items.iter().find_map(|item| item.inexact(source)),
            Data::Map(members) => members.iter().find_map(|(_, node)| node.inexact(source)),
            Data::Null | Data::Switch(_) | Data::Text(_) => None,
        }
    }
}

/// Reads all documents of a text in YAML, or in JSON, which YAML includes.
///
/// # Errors
/// What is no YAML, exceeds a limit, or has a number that would lose digits.
pub(crate) fn read(file: &Arc<str>, text: &str) -> Result<Vec<Node>, Complaint> {
    let whole = || Place::file(file);
    if text.len() > limits::FILE_BYTES {
        let most = limits::FILE_BYTES;
        return Err(Complaint::new(whole(), format!("has more than {most} bytes")));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let read: Vec<Spanned<Data>> = serde_saphyr::from_multiple_with_options(text, options())
        .map_err(|error| complaint(file, &error))?;
    let nodes: Vec<Node> = read.into_iter().map(Node::of).collect();
    if let Some(number) = nodes.iter().find_map(|node| node.inexact(text)) {
        let message = "has more digits than the ledger keeps; write it as text, in quotes";
        return Err(Complaint::new(number.place(file), message));
    }
    Ok(nodes.into_iter().filter(|node| !matches!(node.data, Data::Null)).collect())
}

fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: 2 * limits::NODES,
            max_nodes: limits::NODES,
            max_depth: limits::DEPTH,
            max_documents: limits::DOCUMENTS,
            max_aliases: limits::ALIASES,
            max_anchors: limits::ALIASES,
            max_recorded_anchor_events: limits::REPEATED_NODES,
            max_total_scalar_bytes: limits::FILE_BYTES,
            max_total_comment_bytes: limits::FILE_BYTES,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: limits::REPEATED_NODES,
        },
        strict_booleans: true,
        emit_comments: false,
        with_snippet: false,
    }
}

/// Returns what is wrong with a text that cannot be read. The library's own words may quote it.
fn complaint(file: &Arc<str>, error: &Error) -> Complaint {
    let error = error.without_snippet();
    let (line, column) = error.location().map(position).unwrap_or_default();
    let message = match error {
        Error::DuplicateMappingKey { .. } => "names a member twice",
        Error::Budget { .. } | Error::AliasReplayLimitExceeded { .. } => {
            "has more nodes, aliases or levels than a manifest may have"
        }
        Error::AliasError { .. } => {
            "is an alias that repeats more nodes than a manifest may have, or that cannot be read"
        }
        _ => "cannot be read as YAML or JSON; a text with `: `, `#`, `*`, `&` or `{` needs quotes",
    };
    Complaint::new(Place { file: file.clone(), line, column }, message)
}

fn position(at: Location) -> (u32, u32) {
    let number = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    (number(at.line()), number(at.column()))
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DataVisitor)
    }
}

struct DataVisitor;

impl<'de> Visitor<'de> for DataVisitor {
    type Value = Data;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number, true, false, null, a list or a map")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Data, E> {
        Ok(Data::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Data, E> {
        Ok(Data::Null)
    }

    fn visit_bool<E: de::Error>(self, switch: bool) -> Result<Data, E> {
        Ok(Data::Switch(switch))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Data, E> {
        Ok(Data::Number(number.into()))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Data, E> {
        Ok(Data::Number(number.into()))
    }

    // Its digits would be lost, which is found by its text.
    fn visit_i128<E: de::Error>(self, number: i128) -> Result<Data, E> {
        self.visit_f64(as_f64(&number.to_string()))
    }

    fn visit_u128<E: de::Error>(self, number: u128) -> Result<Data, E> {
        self.visit_f64(as_f64(&number.to_string()))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Data, E> {
        let number = Number::from_f64(number);
        number.map(Data::Number).ok_or_else(|| E::custom("a number that is not finite"))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Data, E> {
        Ok(Data::Text(text.to_owned()))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Data, E> {
        Ok(Data::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Data, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element::<Spanned<Data>>()? {
            list.push(Node::of(item));
        }
        Ok(Data::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Data, A::Error> {
        let mut map = Vec::new();
        while let Some(name) = members.next_key::<Spanned<String>>()? {
            let node = Node::of(members.next_value::<Spanned<Data>>()?);
            let (line, column) = match position(name.referenced) {
                (0, _) => (node.line, 0),
                known => known,
            };
            map.push((Name { text: name.value, line, column }, node));
        }
        Ok(Data::Map(map))
    }
}

fn as_f64(text: &str) -> f64 {
    text.parse().unwrap_or(f64::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn file() -> Arc<str> {
        "fleet.yaml".into()
    }

    fn all(text: &str) -> Vec<Value> {
        read(&file(), text).unwrap().iter().map(Node::to_json).collect()
    }

    #[test]
    fn yaml_and_json_are_read_with_their_places() {
        let text = "a:\n  - b: 1\n    c: 'x'\n";
        let nodes = read(&file(), text).unwrap();
        let Data::Map(members) = &nodes[0].data else { panic!("a map") };
        assert_eq!(members[0].0.place(&file()).to_string(), "fleet.yaml:1:1");
        let Data::List(items) = &members[0].1.data else { panic!("a list") };
        let Data::Map(inner) = &items[0].data else { panic!("a map") };
        assert_eq!(inner[1].0.place(&file()).to_string(), "fleet.yaml:3:5");
        assert_eq!(inner[1].1.place(&file()).to_string(), "fleet.yaml:3:8");
        assert_eq!(all(text), [json!({"a": [{"b": 1, "c": "x"}]})]);
        let text = "{\"a\": [1, -2, 0.5, true, null, \"\\ud83d\\ude00\\n\"]}";
        assert_eq!(all(text), [json!({"a": [1, -2, 0.5, true, null, "\u{1f600}\n"]})]);
    }

    #[test]
    fn documents_are_read_one_by_one_and_empty_ones_are_none() {
        assert_eq!(all("a: 1\n---\nb: 2\n"), [json!({"a": 1}), json!({"b": 2})]);
        for empty in ["", "\n", "# only a comment\n", "---\n", "\u{feff}"] {
            assert_eq!(all(empty), [] as [Value; 0], "{empty:?}");
        }
        assert_eq!(all("\u{feff}a: no\n"), [json!({"a": "no"})]);
    }

    #[test]
    fn what_cannot_be_read_is_told_by_its_place_and_not_quoted() {
        for (text, line) in [
            ("a: canary: b\n", 1),
            ("a: 1\nb: [canary\n", 0),
            ("a: *canary\n", 1),
            ("a: 1\na: canary\n", 2),
            ("a:\n\t- canary\n", 2),
        ] {
            let complaint = read(&file(), text).unwrap_err();
            assert!(!complaint.to_string().contains("canary"), "{complaint}");
            assert!(line == 0 || complaint.place.line == line, "{complaint}");
        }
    }

    #[test]
    fn aliases_do_not_grow_without_end() {
        let mut text = "a: &a [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for (one, next) in
            ["ab", "bc", "cd", "de", "ef", "fg", "gh", "hi"].map(|two| two.split_at(1))
        {
            let aliases = vec![format!("*{one} "); 10].join(",");
            let line = format!("{next}: &{next} [{aliases}]\n");
            text.push_str(&line);
        }
        let complaint = read(&file(), &text).unwrap_err();
        assert!(complaint.message.contains("repeats more nodes"), "{complaint}");
        assert_eq!(all("a: &a {x: 1}\nb: *a\n"), [json!({"a": {"x": 1}, "b": {"x": 1}})]);
        let deep = "[".repeat(200);
        assert!(read(&file(), &deep).is_err());
    }

    #[test]
    fn a_number_that_would_lose_digits_is_refused() {
        for lost in ["12345678901234567890123", "0.1000000000000000055"] {
            let complaint = read(&file(), &format!("a:\n  b: {lost}\n")).unwrap_err();
            assert_eq!(complaint.place.line, 2, "{complaint}");
            assert!(complaint.message.contains("digits"), "{complaint}");
        }
        assert_eq!(all("a: 1.10\nb: \"1.10\"\n"), [json!({"a": 1.1, "b": "1.10"})]);
    }
}
