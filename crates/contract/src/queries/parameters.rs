//! What a query is asked with.

use schemars::{JsonSchema, schema_for};
use serde::Deserializer;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::errors::{Problem, read_json};

/// The parameters of a query: any type that can be read and has a schema, or [`NoParameters`].
pub trait Parameters: Sized {
    /// Reads the body of a request.
    ///
    /// Errors: `body_malformed`.
    fn from_json(body: &[u8]) -> Result<Self, Problem>;

    /// Reads parameters that came in another form.
    fn read<'de, D: Deserializer<'de>>(parameters: D) -> Result<Self, D::Error>;

    /// Returns the JSON Schema; none when nothing is read.
    fn schema() -> Option<Value>;
}

impl<T: DeserializeOwned + JsonSchema> Parameters for T {
    fn from_json(body: &[u8]) -> Result<Self, Problem> {
        read_json(body)
    }

    fn read<'de, D: Deserializer<'de>>(parameters: D) -> Result<Self, D::Error> {
        T::deserialize(parameters)
    }

    fn schema() -> Option<Value> {
        Some(schema_for!(T).to_value())
    }
}

/// Of a query that takes none: the body is not looked at.
#[derive(Clone, Copy, Debug)]
pub struct NoParameters;

impl Parameters for NoParameters {
    fn from_json(_: &[u8]) -> Result<Self, Problem> {
        Ok(Self)
    }

    fn read<'de, D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Ok(Self)
    }

    fn schema() -> Option<Value> {
        None
    }
}
