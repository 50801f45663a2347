//! Deserializes parameters into a struct, field by field in the order of the struct.
//!
//! Errors name the field and never contain its text.

use std::fmt;

use ledger_contract::headers::digits;
use ledger_domain::InvalidField;
use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde::forward_to_deserialize_any;

/// Deserializes a struct from named texts. The first of several texts with the same name counts.
///
/// Errors: `field_invalid`.
pub(super) fn read<T: DeserializeOwned>(pairs: &[(String, String)]) -> Result<T, InvalidField> {
    T::deserialize(Parameters { pairs })
        .map_err(|error| InvalidField::new(error.field.unwrap_or("query"), error.problem))
}

/// The problem with a parameter.
#[derive(Debug)]
struct Error {
    field: Option<&'static str>,
    problem: &'static str,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.problem)
    }
}

impl std::error::Error for Error {}

impl Error {
    fn new(problem: &'static str) -> Self {
        Self { field: None, problem }
    }
}

impl de::Error for Error {
    /// Ignores `message`, which may contain the parameter's text.
    fn custom<M: fmt::Display>(_: M) -> Self {
        Self::new("has a value that is not known")
    }

    fn missing_field(field: &'static str) -> Self {
        Self { field: Some(field), problem: "must be given" }
    }
}

struct Parameters<'a> {
    pairs: &'a [(String, String)],
}

impl<'de> Deserializer<'de> for Parameters<'_> {
    type Error = Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_map(Fields { pairs: self.pairs, left: fields.iter(), current: None })
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::new("must be read as a struct"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// The present fields of a struct.
struct Fields<'a> {
    pairs: &'a [(String, String)],
    left: std::slice::Iter<'static, &'static str>,
    current: Option<(&'static str, &'a str)>,
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        let pairs = self.pairs;
        let sent = |name: &&'static str| {
            let (_, text) = pairs.iter().find(|(known, _)| known == name)?;
            Some((*name, text.as_str()))
        };
        self.current = self.left.find_map(sent);
        let Some((name, _)) = self.current else { return Ok(None) };
        seed.deserialize(StrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        let (name, text) = self.current.unwrap_or_default();
        seed.deserialize(Text(text)).map_err(|error| Error { field: Some(name), ..error })
    }
}

/// The text of one parameter.
struct Text<'a>(&'a str);

impl<'de> Deserializer<'de> for Text<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_str(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match digits(self.0).filter(|_| !self.0.is_empty()) {
            Some(number) => visitor.visit_u64(number),
            None => Err(Error::new("must be a whole number from 0")),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            _ => Err(Error::new("must be true or false")),
        }
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
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
    }

    fn page(pairs: &[(&str, &str)]) -> Result<Page, (String, String)> {
        let pairs: Vec<_> =
            pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        read(&pairs).map_err(|invalid| (invalid.field, invalid.problem))
    }

    #[test]
    fn the_first_of_a_name_counts_and_unknown_names_do_not() {
        let read = page(&[("x", "?"), ("rowsMax", "7"), ("rowsMax", "x"), ("name", "")]);
        let name = Some(String::new());
        assert_eq!(read, Ok(Page { rows_max: Some(7), active: None, name }));
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
        let invalid = read::<Place>(&[]).expect_err("nothing is there");
        assert_eq!((invalid.field.as_str(), invalid.problem.as_str()), ("id", "must be given"));
    }
}
