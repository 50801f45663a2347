//! The signature of a handler, for the OpenAPI document.

use axum::http::StatusCode;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::Value;

/// The inputs and the answer of a handler.
#[derive(Debug, Default)]
pub struct Signature {
    /// The path parameters.
    pub path: Vec<Parameter>,
    /// The query parameters.
    pub query: Vec<Parameter>,
    /// Schema of the request's body.
    pub body: Option<Schema>,
    /// Status of success.
    pub status: StatusCode,
    /// Schema of the answer's body.
    pub answer: Option<Schema>,
}

/// A parameter of a path or a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// The description.
    pub about: Option<String>,
}

impl Parameter {
    /// Returns the fields of a struct as parameters.
    pub(super) fn fields_of<T: JsonSchema>() -> Vec<Self> {
        let schema = T::json_schema(&mut SchemaGenerator::default());
        let fields = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
        let about = |field: &Value| field["description"].as_str().map(str::to_owned);
        fields.map(|(name, field)| Self { name: name.clone(), about: about(field) }).collect()
    }
}
