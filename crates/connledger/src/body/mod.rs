//! Turns flags into the JSON bodies of commands.

mod limits;
mod pairs;
mod prompt;
mod references;
mod secrets;

pub(crate) use limits::LimitArgs;
pub(crate) use pairs::{Pair, Setting, number};
pub(crate) use references::{ReferenceArg, put_references};
pub(crate) use secrets::{SecretArg, SecretReader, ask_or_read};

use std::path::Path;

use ledger_contract::numbers::keeps_digits;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::failure::Failure;
use crate::text;

/// A JSON object under construction.
pub(crate) type Body = Map<String, Value>;

/// Reads a body from a file, or from standard input when the name is `-`.
pub(crate) fn read(path: &Path) -> Result<Body, Failure> {
    read_as(path, "object")
}

/// Reads an array of objects from a file or standard input.
pub(crate) fn read_array(path: &Path) -> Result<Value, Failure> {
    let array: Vec<Body> = read_as(path, "array of objects")?;
    Ok(array.into())
}

fn read_as<T: DeserializeOwned>(path: &Path, what: &str) -> Result<T, Failure> {
    let is_stdin = path == Path::new("-");
    let read = if is_stdin { text::read_stdin() } else { text::read_file(path) };
    let text = read.map_err(|error| Failure::file("read", path, &error))?;
    let name = path.display();
    // The parser's own message may quote a secret.
    let body = serde_json::from_str(&text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        Failure::usage(format!("{name} is not a JSON {what}, at line {line} column {column}"))
    })?;
    if !keeps_digits(text.as_bytes()) {
        return Err(Failure::usage(format!("a number in {name} would lose digits"))
            .hint("write it as text, in quotes"));
    }
    Ok(body)
}

/// Returns the bytes of a body.
pub(crate) fn bytes(body: Body) -> Vec<u8> {
    Value::Object(body).to_string().into_bytes()
}

/// Inserts a value into a nested object, which is created if missing.
pub(crate) fn insert_under(body: &mut Body, object: &str, key: String, value: Value) {
    let entry = body.entry(object).or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(entries) = entry {
        entries.insert(key, value);
    }
}
