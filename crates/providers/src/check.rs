//! Checks a connection against the requirements of its provider.

use std::borrow::Cow;
use std::fmt;

use ledger_domain::connection::AuthMethod;
use serde_json::Value;

use crate::field::{Condition, Field};
use crate::provider::Provider;
use crate::words::{Facade, FieldType};

/// The value of a connection's field. Null and empty text count as absent.
#[derive(Clone, Debug)]
pub enum Given<'a> {
    /// A text, which may be a secret.
    Text(&'a str),
    /// A JSON value.
    Json(Cow<'a, Value>),
    /// A value that cannot be read here: a sealed secret, or a reference to an external one.
    Hidden,
}

/// An invalid field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// The field, as the product spells it; `list[0].inner` for a nested field.
    pub field: String,
    /// What is wrong. Never contains the field's value.
    pub wrong: Wrong,
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// It is required.
    Missing,
    /// It is required, because another field has a certain value.
    MissingFor {
        /// The other field.
        field: String,
        /// The value of that field, which is one of the catalogue's own words.
        value: String,
    },
    /// It is required, because another field is absent.
    MissingWithout {
        /// The other field.
        field: String,
    },
    /// It must be one of these.
    NotOneOf(Vec<String>),
    /// It must be of this type.
    NotA(FieldType),
    /// It is longer than this many characters.
    TooLong(usize),
    /// It has fewer elements than this.
    TooFew(usize),
    /// It does not match this regular expression.
    Unfit(String),
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("is required"),
            Self::MissingFor { field, value } => {
                write!(f, "is required when {field} is {value}")
            }
            Self::MissingWithout { field } => write!(f, "is required without {field}"),
            Self::NotOneOf(values) => write!(f, "must be one of {}", values.join(" ")),
            Self::NotA(wanted) => write!(f, "must be {}", with_article(*wanted)),
            Self::TooLong(chars) => write!(f, "must have at most {chars} characters"),
            Self::TooFew(items) => write!(f, "must have at least {items} elements"),
            Self::Unfit(pattern) => write!(f, "must match {pattern}"),
        }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.wrong)
    }
}

impl Given<'_> {
    /// Returns the value, unless it counts as absent.
    fn filled(self) -> Option<Self> {
        let empty = match &self {
            Self::Text(text) => text.trim().is_empty(),
            Self::Json(value) => match value.as_ref() {
                Value::Null => true,
                Value::String(text) => text.trim().is_empty(),
                _ => false,
            },
            Self::Hidden => false,
        };
        (!empty).then_some(self)
    }

    /// Returns the text, if it is one.
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Json(value) => value.as_str(),
            Self::Hidden => None,
        }
    }
}

/// Looks up the value under any of a field's spellings.
type Present<'p, 'v> = &'p dyn Fn(&Field) -> Option<Given<'v>>;

impl Provider {
    /// Returns everything in a connection that this provider would reject.
    ///
    /// `present` is called for each field. With a product, its own fields and spellings count;
    /// without one, only what applies to all products. Fields that the provider does not know are
    /// ignored.
    pub fn check(&self, facade: Option<Facade>, present: Present<'_, '_>) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        let look = Look { fields: &self.fields, facade, present };
        look.all("", &mut complaints);
        complaints
    }

    /// Returns the authentication method of a connection: that of the value in the first field that
    /// selects one, or else the first method of the provider. `None` if the value is unknown.
    pub fn auth_method(&self, present: Present<'_, '_>) -> Option<AuthMethod> {
        let Some(chooser) = self.fields.iter().find(|field| !field.selects.is_empty()) else {
            return self.auth_methods.first().copied();
        };
        match word_of(chooser, present) {
            Some(word) => chooser.selects.get(&word).copied(),
            None => self.auth_methods.first().copied(),
        }
    }
}

/// Fields of one level, and the product that they are checked for.
struct Look<'a, 'v> {
    fields: &'a [Field],
    facade: Option<Facade>,
    present: Present<'a, 'v>,
}

impl Look<'_, '_> {
    fn all(&self, prefix: &str, complaints: &mut Vec<Complaint>) {
        for field in self.fields {
            let place = format!("{prefix}{}", self.name(field));
            if let Some(given) = (self.present)(field).and_then(Given::filled) {
                self.value(field, &given, &place, complaints);
            } else if let Some(wrong) = self.missing(field) {
                complaints.push(Complaint { field: place, wrong });
            }
        }
    }

    fn name<'f>(&self, field: &'f Field) -> &'f str {
        self.facade.map_or(field.name.as_str(), |facade| field.name_at(facade))
    }

    /// Returns why an absent field is required, if it is.
    fn missing(&self, field: &Field) -> Option<Wrong> {
        let known = match self.facade {
            Some(facade) => field.is_at(facade),
            None => field.only_at.is_empty(),
        };
        if !known {
            return None;
        }
        if field.required {
            return Some(Wrong::Missing);
        }
        self.holds(field.required_when.as_ref()?)
    }

    /// Returns why a field is required, if its condition holds.
    fn holds(&self, condition: &Condition) -> Option<Wrong> {
        let asked_at = |facade| condition.at.contains(&facade);
        if !condition.at.is_empty() && !self.facade.is_some_and(asked_at) {
            return None;
        }
        let mut why = Wrong::Missing;
        if let Some(other) = self.other(condition.without.as_deref()) {
            if (self.present)(other).and_then(Given::filled).is_some() {
                return None;
            }
            why = Wrong::MissingWithout { field: self.name(other).to_owned() };
        }
        if let Some(other) = self.other(condition.field.as_deref()) {
            let value = word_of(other, self.present).filter(|word| condition.is.contains(word))?;
            // The error does not mention a field that the product does not know.
            if self.facade.is_none_or(|facade| other.is_at(facade)) {
                why = Wrong::MissingFor { field: self.name(other).to_owned(), value };
            }
        }
        Some(why)
    }

    fn other(&self, name: Option<&str>) -> Option<&Field> {
        self.fields.iter().find(|field| name.is_some_and(|name| field.is_called(name)))
    }

    fn value(&self, field: &Field, given: &Given<'_>, place: &str, into: &mut Vec<Complaint>) {
        let mut complain = |wrong| into.push(Complaint { field: place.to_owned(), wrong });
        let value = match read(field.r#type, given) {
            Read::Hidden => return,
            Read::Other => return complain(Wrong::NotA(field.r#type)),
            Read::Text(text) => {
                return text_faults(field, text).into_iter().for_each(complain);
            }
            Read::Value(value) => value,
        };
        match value.as_ref() {
            Value::Array(items) => {
                if let Some(fewest) = field.min_items.filter(|fewest| items.len() < *fewest) {
                    complain(Wrong::TooFew(fewest));
                }
                for (index, item) in items.iter().enumerate() {
                    self.inside(field, item, &format!("{place}[{index}]"), into);
                }
            }
            value => self.inside(field, value, place, into),
        }
    }

    /// Checks the fields of an object in a field.
    fn inside(&self, field: &Field, value: &Value, place: &str, into: &mut Vec<Complaint>) {
        if field.fields.is_empty() {
            return;
        }
        let Value::Object(members) = value else {
            let wrong = Wrong::NotA(FieldType::Object);
            return into.push(Complaint { field: place.to_owned(), wrong });
        };
        let present = |inner: &Field| {
            let (_, value) = members.iter().find(|(name, _)| inner.is_called(name))?;
            Some(Given::Json(Cow::Borrowed(value)))
        };
        let inner = Look { fields: &field.fields, facade: self.facade, present: &present };
        inner.all(&format!("{place}."), into);
    }
}

/// Returns the word in a field, or the default of an absent field.
fn word_of(field: &Field, present: Present<'_, '_>) -> Option<String> {
    match present(field).and_then(Given::filled) {
        Some(given) => given.text().map(str::to_owned),
        None => field.default.as_ref().and_then(Value::as_str).map(str::to_owned),
    }
}

enum Read<'a> {
    Text(&'a str),
    Value(Cow<'a, Value>),
    Hidden,
    Other,
}

/// Converts a value to a type. Products that support only texts send other values as JSON text.
fn read<'a>(wanted: FieldType, given: &'a Given<'_>) -> Read<'a> {
    if matches!(given, Given::Hidden) {
        return Read::Hidden;
    }
    let value = match (given, given.text()) {
        (_, Some(text)) if wanted == FieldType::String => return Read::Text(text),
        (_, Some(text)) => match serde_json::from_str::<Value>(text) {
            Ok(value) => Cow::Owned(value),
            Err(_) => return Read::Other,
        },
        (Given::Json(value), None) => Cow::Borrowed(value.as_ref()),
        _ => return Read::Other,
    };
    if is_a(wanted, &value) { Read::Value(value) } else { Read::Other }
}

/// Returns whether a value is of a type.
pub(crate) fn is_a(wanted: FieldType, value: &Value) -> bool {
    match wanted {
        FieldType::String => value.is_string(),
        FieldType::Integer => value.is_i64() || value.is_u64(),
        FieldType::Number => value.is_number(),
        FieldType::Boolean => value.is_boolean(),
        FieldType::Object => value.is_object(),
        FieldType::List => value.is_array(),
    }
}

/// Returns what is wrong with a text.
pub(crate) fn text_faults(field: &Field, text: &str) -> Vec<Wrong> {
    let mut faults = Vec::new();
    let listed = field.values.iter().any(|value| value == text);
    if !field.values.is_empty() && !field.other_values && !listed {
        faults.push(Wrong::NotOneOf(field.values.clone()));
    }
    if let Some(longest) = field.max_chars.filter(|longest| text.chars().count() > *longest) {
        faults.push(Wrong::TooLong(longest));
    }
    if let Some(pattern) = field.pattern.as_ref().filter(|pattern| !pattern.fits(text)) {
        faults.push(Wrong::Unfit(pattern.as_str().to_owned()));
    }
    faults
}

/// Returns a type's word with its article.
fn with_article(wanted: FieldType) -> &'static str {
    match wanted {
        FieldType::String => "a string",
        FieldType::Integer => "an integer",
        FieldType::Number => "a number",
        FieldType::Boolean => "a boolean",
        FieldType::Object => "an object",
        FieldType::List => "a list",
    }
}
