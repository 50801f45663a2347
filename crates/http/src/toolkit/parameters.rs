//! Deserializes parameters into a struct, field by field in the order of the struct.
//!
//! Errors name the field and never contain its text.

use std::fmt;

use ledger_contract::headers::digits;
use ledger_domain::InvalidField;
use serde::de::value::{SeqDeserializer, StrDeserializer};
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde::forward_to_deserialize_any;

/// Named texts, in groups.
type Groups<'a> = &'a [&'a [(String, String)]];

/// Deserializes a struct from named texts. A list takes all texts of its name, any other field the
/// first.
///
/// Errors: `field_invalid`.
pub(super) fn read<'a, T>(
    groups: Groups<'a>,
    read: impl FnOnce(Parameters<'a>) -> Result<T, ParameterError>,
) -> Result<T, InvalidField> {
    read(Parameters { groups })
        .map_err(|error| InvalidField::new(error.field.unwrap_or("query"), error.problem))
}

/// The problem with a parameter.
#[derive(Debug)]
pub struct ParameterError {
    field: Option<&'static str>,
    problem: &'static str,
}

impl fmt::Display for ParameterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.problem)
    }
}

impl std::error::Error for ParameterError {}

impl ParameterError {
    fn new(problem: &'static str) -> Self {
        Self { field: None, problem }
    }
}

impl de::Error for ParameterError {
    /// Ignores `message`, which may contain the parameter's text.
    fn custom<M: fmt::Display>(_: M) -> Self {
        Self::new("has a value that is not known")
    }

    fn missing_field(field: &'static str) -> Self {
        Self { field: Some(field), problem: "must be given" }
    }
}

/// The parameters of a request, to be read into a struct.
#[derive(Clone, Copy, Debug)]
pub struct Parameters<'a> {
    groups: Groups<'a>,
}

impl<'a> Parameters<'a> {
    /// Returns every text of a parameter, in the order sent.
    fn texts(self, name: &str) -> impl Iterator<Item = &'a str> {
        let pairs = self.groups.iter().copied().flatten();
        pairs.filter(move |(known, _)| known == name).map(|(_, text)| text.as_str())
    }
}

impl<'de> Deserializer<'de> for Parameters<'_> {
    type Error = ParameterError;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ParameterError> {
        visitor.visit_map(Fields { sent: self, left: fields.iter(), current: None })
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, ParameterError> {
        Err(ParameterError::new("must be read as a struct"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// The present fields of a struct.
struct Fields<'a> {
    sent: Parameters<'a>,
    left: std::slice::Iter<'static, &'static str>,
    current: Option<Texts<'a>>,
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = ParameterError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, ParameterError> {
        let sent = self.sent;
        self.current = self.left.find_map(|name| {
            let first = sent.texts(name).next()?;
            Some(Texts { name, first, sent })
        });
        let Some(Texts { name, .. }) = self.current else { return Ok(None) };
        seed.deserialize(StrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<S::Value, ParameterError> {
        let texts = self.current.take().ok_or_else(|| ParameterError::new("must be given"))?;
        let name = texts.name;
        seed.deserialize(texts).map_err(|error| ParameterError { field: Some(name), ..error })
    }
}

/// The texts of one parameter.
struct Texts<'a> {
    name: &'static str,
    first: &'a str,
    sent: Parameters<'a>,
}

impl<'de> Deserializer<'de> for Texts<'_> {
    type Error = ParameterError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ParameterError> {
        visitor.visit_str(self.first)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ParameterError> {
        visitor.visit_some(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ParameterError> {
        visitor.visit_seq(SeqDeserializer::new(self.sent.texts(self.name)))
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ParameterError> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ParameterError> {
        match digits(self.first).filter(|_| !self.first.is_empty()) {
            Some(number) => visitor.visit_u64(number),
            None => Err(ParameterError::new("must be a whole number from 0")),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ParameterError> {
        match self.first {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            _ => Err(ParameterError::new("must be true or false")),
        }
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct newtype_struct tuple tuple_struct map struct enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Page {
        rows_max: Option<u64>,
        active: Option<bool>,
        name: Option<String>,
        #[serde(default)]
        tags: Vec<String>,
    }

    fn page(pairs: &[(&str, &str)]) -> Result<Page, (String, String)> {
        let pairs: Vec<_> =
            pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        read(&[&pairs], Page::deserialize).map_err(|invalid| (invalid.field, invalid.problem))
    }

    #[test]
    fn the_first_of_a_name_counts_and_unknown_names_do_not() {
        let read = page(&[("x", "?"), ("rowsMax", "7"), ("rowsMax", "x"), ("name", "")]);
        let name = Some(String::new());
        assert_eq!(read, Ok(Page { rows_max: Some(7), active: None, name, tags: Vec::new() }));
    }

    #[test]
    fn a_list_takes_every_text_of_its_name_in_order() {
        let read = page(&[("tags", "b"), ("name", "x"), ("tags", "a")]).map(|page| page.tags);
        assert_eq!(read, Ok(vec!["b".to_owned(), "a".to_owned()]));
    }

    #[test]
    fn the_first_field_that_is_wrong_is_named_and_its_text_is_not_repeated() {
        let invalid = |field: &str, problem: &str| Err((field.to_owned(), problem.to_owned()));
        let number = invalid("rowsMax", "must be a whole number from 0");
        assert_eq!(page(&[("active", "s3cret"), ("rowsMax", "s3cret")]), number);
        for text in ["", "-1", "+1", "1.0", "99999999999999999999"] {
            assert_eq!(page(&[("rowsMax", text)]), number, "{text}");
        }
        assert_eq!(page(&[("active", "1")]), invalid("active", "must be true or false"));
    }

    #[test]
    fn a_name_that_must_be_there_is_asked_for() {
        #[derive(Debug, Deserialize)]
        struct Place {
            #[expect(dead_code, reason = "only whether it is there is looked at")]
            id: String,
        }
        let invalid = read(&[], Place::deserialize).expect_err("nothing is there");
        assert_eq!((invalid.field.as_str(), invalid.problem.as_str()), ("id", "must be given"));
    }
}
