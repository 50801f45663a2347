//! Expectations of answers.
//!
//! - An object fits one that has all its fields; others may be there too, but not below
//!   `{"<exactly>": ..}`. `null` fits only `null`, and `"<absent>"` only a field that is not there.
//! - An array fits one of the same length, element by element; `"<more>"` stands for any number of
//!   elements. `{"<each:name>": [..]}` is about the field `name` of each element.
//! - `"<any>"`, `"<text>"`, `"<number>"`, `"<id>"` and so on (see [`Kind`]) fit values of that
//!   kind, and `"<id:made>"` names what it finds `made`, for later steps. They may be parts of a
//!   text.
//! - `"<name>"` is a named value: one from a file is a pattern, one from an answer must be equal.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::names::{Named, Names, Piece, pieces};

/// What a placeholder accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Any,
    Text,
    Number,
    /// A UUID with its dashes.
    Id,
    /// A UUID made from a name.
    Uuid5,
    /// A UUID without dashes.
    Hex,
    Absent,
}

impl Kind {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "any" => Self::Any,
            "text" => Self::Text,
            "number" => Self::Number,
            "id" => Self::Id,
            "uuid5" => Self::Uuid5,
            "hex" => Self::Hex,
            "absent" => Self::Absent,
            _ => return None,
        })
    }

    /// Says whether a value is of this kind; `None` is a value that is not there.
    fn fits(self, found: Option<&Value>) -> bool {
        let text = found.and_then(Value::as_str);
        let uuid = || text.and_then(|text| Uuid::parse_str(text).ok());
        match self {
            Self::Any => found.is_some(),
            Self::Text => text.is_some(),
            Self::Number => found.is_some_and(Value::is_number),
            Self::Id => uuid().is_some_and(|id| Some(id.to_string().as_str()) == text),
            Self::Uuid5 => uuid().is_some_and(|id| id.get_version_num() == 5),
            Self::Hex => uuid().is_some_and(|id| Some(id.simple().to_string().as_str()) == text),
            Self::Absent => found.is_none(),
        }
    }
}

/// A part of a text that is open, and the name of what is found there.
type Hole<'a> = (Kind, Option<&'a str>);

/// Takes `<kind>` and `<kind:name>` apart.
fn kind_and_name(placeholder: &str) -> Option<Hole<'_>> {
    let (word, name) = match placeholder.split_once(':') {
        Some((word, name)) => (word, Some(name)),
        None => (placeholder, None),
    };
    Some((Kind::parse(word)?, name))
}

/// Compares answers with expectations, names parts of them, and gathers what does not fit.
#[derive(Debug)]
pub(super) struct Comparison<'a> {
    names: &'a mut Names,
    /// Whether objects may not have fields that are not expected.
    exact: bool,
    faults: Vec<String>,
}

impl<'a> Comparison<'a> {
    pub(super) fn new(names: &'a mut Names) -> Self {
        Self { names, exact: false, faults: Vec::new() }
    }

    /// Returns what did not fit, a line each.
    pub(super) fn faults(self) -> Vec<String> {
        self.faults
    }

    fn fault(&mut self, place: &str, expected: &str, found: Option<&Value>) {
        let found = found.map_or_else(|| "nothing".to_owned(), Value::to_string);
        self.faults.push(format!("{place}: expected {expected}, found {found}"));
    }

    /// Compares one value; `None` is a value that is not there.
    pub(super) fn compare(&mut self, place: &str, pattern: &Value, found: Option<&Value>) {
        match pattern {
            Value::String(text) => self.compare_text(place, text, found),
            Value::Array(items) => match found {
                Some(Value::Array(there)) => self.compare_items(place, items, there),
                _ => self.fault(place, &pattern.to_string(), found),
            },
            Value::Object(fields) => self.compare_object(place, fields, found),
            other => {
                if found != Some(other) {
                    self.fault(place, &other.to_string(), found);
                }
            }
        }
    }

    fn compare_text(&mut self, place: &str, text: &str, found: Option<&Value>) {
        match pieces(text).as_slice() {
            [Piece::Placeholder(placeholder)] => {
                self.compare_placeholder(place, placeholder, found);
            }
            pieces => {
                let fits =
                    found.and_then(Value::as_str).is_some_and(|there| self.fits(pieces, there));
                if !fits {
                    self.fault(place, &Value::from(text).to_string(), found);
                }
            }
        }
    }

    fn compare_placeholder(&mut self, place: &str, placeholder: &str, found: Option<&Value>) {
        match self.names.find(placeholder) {
            Some(Named::Declared(pattern)) => {
                let pattern = pattern.clone();
                self.compare(place, &pattern, found);
            }
            Some(Named::Kept(value)) => {
                if found != Some(&value) {
                    self.fault(place, &format!("{value}, as <{placeholder}>"), found);
                }
            }
            None => match kind_and_name(placeholder) {
                Some((kind, _)) if !kind.fits(found) => {
                    self.fault(place, &format!("<{placeholder}>"), found);
                }
                Some((_, Some(name))) => {
                    self.names.keep(name, found.cloned().unwrap_or_default());
                }
                Some((_, None)) => {}
                None => panic!("nothing is named <{placeholder}>"),
            },
        }
    }

    /// Compares a text that has placeholders, and fixed text between each two of them.
    fn fits(&mut self, pieces: &[Piece<'_>], there: &str) -> bool {
        let (holes, literals) = self.holes(pieces);
        let (Some((first, others)), last) = (literals.split_first(), holes.len()) else {
            return false;
        };
        let Some(mut rest) = there.strip_prefix(first.as_str()) else { return false };
        for (index, (hole, literal)) in (1..).zip(holes.into_iter().zip(others)) {
            let end = if index == last {
                rest.strip_suffix(literal.as_str()).map(str::len)
            } else {
                rest.find(literal.as_str())
            };
            let Some(end) = end else { return false };
            if !self.fill_hole(hole, &rest[..end]) {
                return false;
            }
            rest = &rest[end + literal.len()..];
        }
        rest.is_empty()
    }

    /// Returns the parts of a text that are open, and the fixed text around them.
    fn holes<'p>(&self, pieces: &[Piece<'p>]) -> (Vec<Hole<'p>>, Vec<String>) {
        let mut holes = Vec::new();
        let mut literals = vec![String::new()];
        for piece in pieces {
            let literal = literals.last_mut().expect("at least the first");
            match piece {
                Piece::Literal(text) => literal.push_str(text),
                Piece::Placeholder(name) if self.names.find(name).is_some() => {
                    literal.push_str(&self.names.fill_text(&format!("<{name}>")));
                }
                Piece::Placeholder(name) => {
                    let hole = kind_and_name(name);
                    holes.push(hole.unwrap_or_else(|| panic!("nothing is named <{name}>")));
                    literals.push(String::new());
                }
            }
        }
        (holes, literals)
    }

    fn fill_hole(&mut self, (kind, name): Hole<'_>, part: &str) -> bool {
        let value = Value::from(part);
        let digits = kind == Kind::Number && part.parse::<u64>().is_ok();
        let fits = digits || kind.fits(Some(&value));
        if let (true, Some(name)) = (fits, name) {
            self.names.keep(name, value);
        }
        fits
    }

    fn compare_object(&mut self, place: &str, fields: &Map<String, Value>, found: Option<&Value>) {
        let mut only = fields.iter();
        if let (Some((name, pattern)), None) = (only.next(), only.next()) {
            if name == "<exactly>" {
                let before = std::mem::replace(&mut self.exact, true);
                self.compare(place, pattern, found);
                self.exact = before;
                return;
            }
            if let Some(field) = name.strip_prefix("<each:").and_then(|it| it.strip_suffix('>')) {
                let column = found.and_then(Value::as_array).map(|rows| column(rows, field));
                self.compare(&format!("{place}/*/{field}"), pattern, column.as_ref());
                return;
            }
        }
        let Some(Value::Object(there)) = found else {
            self.fault(place, &Value::from(fields.clone()).to_string(), found);
            return;
        };
        for (name, pattern) in fields {
            assert!(!name.starts_with('<'), "{name} stands alone in its object");
            self.compare(&format!("{place}/{name}"), pattern, there.get(name));
        }
        let others = there.iter().filter(|(name, _)| self.exact && !fields.contains_key(*name));
        let others: Vec<_> = others.map(|(name, value)| (name, value.clone())).collect();
        for (name, value) in others {
            self.fault(&format!("{place}/{name}"), "nothing", Some(&value));
        }
    }

    fn compare_items(&mut self, place: &str, items: &[Value], there: &[Value]) {
        if !items.iter().any(is_more) {
            if items.len() != there.len() {
                let expected = format!("{} elements, {}", items.len(), Value::from(items.to_vec()));
                self.fault(place, &expected, Some(&Value::from(there.to_vec())));
                return;
            }
            for (index, (item, found)) in items.iter().zip(there).enumerate() {
                self.compare(&format!("{place}/{index}"), item, Some(found));
            }
            return;
        }
        let runs: Vec<&[Value]> = items.split(is_more).collect();
        let mut from = 0;
        for (index, run) in runs.iter().enumerate() {
            let last = there.len().checked_sub(run.len()).filter(|last| *last >= from);
            let start = last.and_then(|last| match index {
                0 => Some(0),
                _ if index + 1 == runs.len() => Some(last),
                _ => (from..=last).find(|start| self.would_fit(run, &there[*start..])),
            });
            let Some(start) = start else {
                let expected = Value::from(items.to_vec()).to_string();
                self.fault(place, &expected, Some(&Value::from(there.to_vec())));
                return;
            };
            for (offset, item) in run.iter().enumerate() {
                let index = start + offset;
                self.compare(&format!("{place}/{index}"), item, there.get(index));
            }
            from = start + run.len();
        }
    }

    fn would_fit(&self, run: &[Value], there: &[Value]) -> bool {
        let mut names = self.names.clone();
        let mut trial = Comparison { names: &mut names, exact: self.exact, faults: Vec::new() };
        for (item, found) in run.iter().zip(there) {
            trial.compare("", item, Some(found));
        }
        trial.faults.is_empty()
    }
}

fn is_more(item: &Value) -> bool {
    item == "<more>"
}

/// Returns a field of each row, `null` where it is missing.
fn column(rows: &[Value], field: &str) -> Value {
    let path = format!("/{field}");
    rows.iter().map(|row| row.pointer(&path).cloned().unwrap_or_default()).collect()
}

fn faults(pattern: &Value, found: &Value) -> Vec<String> {
    let mut names = Names::default();
    names.keep("known", "k-1".into());
    let mut comparison = Comparison::new(&mut names);
    comparison.compare("", pattern, Some(found));
    comparison.faults()
}

#[test]
fn what_fits_fits() {
    for (pattern, found) in [
        (json!({ "a": 1 }), json!({ "a": 1, "b": 2 })),
        (json!({ "a": "<absent>", "b": null }), json!({ "b": null })),
        (json!({ "<exactly>": { "a": "<any>" } }), json!({ "a": [null] })),
        (json!(["<more>", 2, "<more>"]), json!([1, 2, 3])),
        (json!([1, "<more>"]), json!([1])),
        (json!(["<more>", 3]), json!([1, 2, 3])),
        (json!({ "<each:a/b>": [1, null] }), json!([{ "a": { "b": 1 } }, {}])),
        (json!("x <text:part>-<known>"), json!("x y-z-k-1")),
        (json!(["<text:first>", "<first>"]), json!(["a", "a"])),
        (json!("<repeat:ab:3>"), json!("ababab")),
        (json!("<id>"), json!("018f3d3e-0000-7000-8000-000000000000")),
        (json!("<hex>"), json!("018f3d3e000070008000000000000000")),
    ] {
        assert_eq!(faults(&pattern, &found), [""; 0], "{pattern}, {found}");
    }
}

#[test]
fn what_does_not_fit_is_told_with_its_place() {
    for (pattern, found, places) in [
        (json!({ "a": 1 }), json!({ "a": 2 }), &["/a"][..]),
        (json!({ "a": 1, "b": null }), json!({}), &["/a", "/b"]),
        (json!({ "a": "<absent>" }), json!({ "a": null }), &["/a"]),
        (json!({ "a": "<any>" }), json!({}), &["/a"]),
        (
            json!({ "a": { "<exactly>": { "b": {} } } }),
            json!({ "a": { "b": { "c": 1 } } }),
            &["/a/b/c"],
        ),
        (json!([1, { "a": 2 }]), json!([1, { "a": 3 }]), &["/1/a"]),
        (json!([1]), json!([1, 2]), &[""]),
        (json!([2, "<more>"]), json!([1, 2]), &["/0"]),
        (json!(["<more>", 2]), json!([2, 1]), &["/1"]),
        (json!(["<more>", 4, "<more>"]), json!([1, 2, 3]), &[""]),
        (json!([1, "<more>", 1]), json!([1]), &[""]),
        (json!({ "<each:a>": [1, 2] }), json!([{ "a": 1 }, { "a": 3 }]), &["/*/a/1"]),
        (json!("x<text>y"), json!("xz"), &[""]),
        (json!("x"), json!("xz"), &[""]),
        (json!(["<text:first>", "<first>"]), json!(["a", "b"]), &["/1"]),
        (json!("<known>"), json!("k-2"), &[""]),
        (json!("<number>"), json!("1"), &[""]),
        (json!("<text>"), json!(null), &[""]),
        (json!("<id>"), json!("018f3d3e000070008000000000000000"), &[""]),
        (json!("<uuid5>"), json!("018f3d3e-0000-7000-8000-000000000000"), &[""]),
        (json!(1), json!(1.0), &[""]),
        (json!([]), json!({}), &[""]),
    ] {
        let found_faults = faults(&pattern, &found);
        let told = found_faults.iter().map(|fault| fault.split(':').next().unwrap_or_default());
        assert_eq!(told.collect::<Vec<_>>(), places, "{pattern}, {found}: {found_faults:?}");
    }
}
