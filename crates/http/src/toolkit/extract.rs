//! The arguments that handlers extract from a request.

use axum::body::Bytes;
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use ledger_contract::errors::{Problem, read_json};
use ledger_domain::InvalidField;
use schemars::{JsonSchema, SchemaGenerator};
use serde::de::DeserializeOwned;

use super::parameters::{self, ParameterError, Parameters};
use super::signature::{Parameter, Signature};

/// The parts of a request that handlers extract their arguments from.
#[derive(Debug, Default)]
pub struct Inputs {
    /// The path's parameters, decoded.
    pub path: Vec<(String, String)>,
    /// The query parameters, decoded, in the order sent.
    pub query: Vec<(String, String)>,
    /// The body; empty unless the operation takes one.
    pub body: Bytes,
}

impl Inputs {
    /// Reads path and query.
    ///
    /// Errors: `field_invalid` for text that is not UTF-8.
    pub async fn of(parts: &mut Parts) -> Result<Self, InvalidField> {
        let path = RawPathParams::from_request_parts(parts, &()).await;
        let path = path.map_err(|_| InvalidField::new("path", "must be UTF-8 when decoded"))?;
        let path = path.iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
        Ok(Self { path, ..Self::of_query(parts.uri.query().unwrap_or_default())? })
    }

    /// Reads a query string. Text that is not UTF-8 is refused rather than silently changed.
    ///
    /// Errors: `field_invalid`.
    pub(crate) fn of_query(text: &str) -> Result<Self, InvalidField> {
        let query: Vec<_> = form_urlencoded::parse(text.as_bytes()).into_owned().collect();
        if query.iter().any(|(_, value)| value.contains(char::REPLACEMENT_CHARACTER)) {
            return Err(InvalidField::new("query", "must be UTF-8 when decoded"));
        }
        Ok(Self { query, ..Self::default() })
    }

    /// Returns a parameter of the path, else of the query.
    pub fn text(&self, name: &str) -> Option<&str> {
        let mut pairs = self.path.iter().chain(&self.query);
        pairs.find(|(known, _)| known == name).map(|(_, text)| text.as_str())
    }

    /// Reads the parameters of path and query into what `read` makes of them.
    ///
    /// Errors: `field_invalid`.
    pub fn parse<T>(
        &self,
        read: impl FnOnce(Parameters<'_>) -> Result<T, ParameterError>,
    ) -> Result<T, InvalidField> {
        parameters::read(&[&self.path, &self.query], read)
    }
}

/// An admitted request with its complete body.
pub trait HasInputs {
    /// Returns the parts that arguments are extracted from.
    fn inputs(&self) -> &Inputs;
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
    fn extract(inputs: &Inputs) -> Result<Self, Problem>;
}

/// The JSON body.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned + JsonSchema + Send> Extract for Body<T> {
    const TAKES_BODY: bool = true;

    fn describe(signature: Signature, schemas: &mut SchemaGenerator) -> Signature {
        Signature { body: Some(schemas.subschema_for::<T>()), ..signature }
    }

    fn extract(inputs: &Inputs) -> Result<Self, Problem> {
        read_json(&inputs.body).map(Self)
    }
}

/// The body as it was sent, for handlers that find its type at run time.
#[derive(Debug)]
pub struct RawBody(pub Bytes);

impl Extract for RawBody {
    const TAKES_BODY: bool = true;

    fn describe(signature: Signature, _: &mut SchemaGenerator) -> Signature {
        signature
    }

    fn extract(inputs: &Inputs) -> Result<Self, Problem> {
        Ok(Self(inputs.body.clone()))
    }
}

/// The path's parameters: a struct with a field for each name in braces.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + JsonSchema + Send> Extract for Path<T> {
    fn describe(signature: Signature, _: &mut SchemaGenerator) -> Signature {
        Signature { path: Parameter::fields_of::<T>(), ..signature }
    }

    fn extract(inputs: &Inputs) -> Result<Self, Problem> {
        Ok(Self(parameters::read(&[&inputs.path], T::deserialize)?))
    }
}

/// The query parameters: a struct with a field for each that is used. Other parameters are ignored,
/// and the first value of a repeated parameter counts, unless the API is stricter when it admits
/// requests.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned + JsonSchema + Send> Extract for Query<T> {
    fn describe(signature: Signature, _: &mut SchemaGenerator) -> Signature {
        Signature { query: Parameter::fields_of::<T>(), ..signature }
    }

    fn extract(inputs: &Inputs) -> Result<Self, Problem> {
        Ok(Self(parameters::read(&[&inputs.query], T::deserialize)?))
    }
}
