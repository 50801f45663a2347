//! The arguments that handlers extract from a request.

use ledger_contract::errors::{Problem, read_json};
use schemars::{JsonSchema, SchemaGenerator};
use serde::de::DeserializeOwned;

use super::operation::{Parameter, Signature};
use super::parameters;

/// An admitted request with its complete body.
pub trait RequestParts {
    /// Returns the path's parameters, decoded.
    fn path_parameters(&self) -> &[(String, String)];

    /// Returns the query parameters, decoded, in the order sent.
    fn query_parameters(&self) -> &[(String, String)];

    /// Returns the body; empty unless the handler uses one.
    fn body(&self) -> &[u8];
}

/// An argument of a handler that is read from the request.
pub trait Extract: Sized + Send {
    /// Whether it needs the request's body.
    const TAKES_BODY: bool = false;

    /// Adds itself to the handler's signature.
    fn describe(signature: Signature, schemas: &mut SchemaGenerator) -> Signature;

    /// Extracts the argument.
    ///
    /// Errors: `body_malformed` or `field_invalid`, without any text of the request.
    fn extract(request: &impl RequestParts) -> Result<Self, Problem>;
}

/// The JSON body.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned + JsonSchema + Send> Extract for Body<T> {
    const TAKES_BODY: bool = true;

    fn describe(signature: Signature, schemas: &mut SchemaGenerator) -> Signature {
        Signature { body: Some(schemas.subschema_for::<T>()), ..signature }
    }

    fn extract(request: &impl RequestParts) -> Result<Self, Problem> {
        read_json(request.body()).map(Self)
    }
}

/// The path's parameters: a struct with a field for each name in braces.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + JsonSchema + Send> Extract for Path<T> {
    fn describe(signature: Signature, _: &mut SchemaGenerator) -> Signature {
        Signature { path: Parameter::fields_of::<T>(), ..signature }
    }

    fn extract(request: &impl RequestParts) -> Result<Self, Problem> {
        Ok(Self(parameters::read(request.path_parameters())?))
    }
}

/// The query parameters: a struct with a field for each that is used. As in the products' own APIs,
/// other parameters are ignored, and the first value of a repeated parameter counts.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned + JsonSchema + Send> Extract for Query<T> {
    fn describe(signature: Signature, _: &mut SchemaGenerator) -> Signature {
        Signature { query: Parameter::fields_of::<T>(), ..signature }
    }

    fn extract(request: &impl RequestParts) -> Result<Self, Problem> {
        Ok(Self(parameters::read(request.query_parameters())?))
    }
}
