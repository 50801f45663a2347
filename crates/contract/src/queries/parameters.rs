//! Parameters of queries.

use schemars::{JsonSchema, schema_for};
use serde::Deserializer;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::errors::{Problem, read_json};

/// The parameters of a query: any deserializable type with a schema, or [`NoParameters`].
pub trait Parameters: Sized {
    /// Parses the body of a request.
    ///
    /// Errors: `body_malformed`.
    fn from_json(body: &[u8]) -> Result<Self, Problem>;

    /// Reads parameters in another form than JSON text.
    fn read<'de, D: Deserializer<'de>>(parameters: D) -> Result<Self, D::Error>;

    /// Returns the JSON Schema; `None` if there are no parameters.
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

/// The parameters of a query that has none; the body is ignored.
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
