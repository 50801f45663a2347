//! The answers of handlers.

use std::marker::PhantomData;

use axum::http::header::{ETAG, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use ledger_http_server::answer::{json, with};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;

use crate::api::version::tag;

/// The answer of a handler.
pub trait Output: Send {
    /// The status of the response.
    const STATUS: StatusCode = StatusCode::OK;

    /// Returns the schema of the body, if the document describes it.
    fn schema(schemas: &mut SchemaGenerator) -> Option<Schema>;

    /// Returns the response.
    fn into_response(self) -> Response;
}

/// A response of any form, which the table of routes describes.
impl Output for Response {
    fn schema(_: &mut SchemaGenerator) -> Option<Schema> {
        None
    }

    fn into_response(self) -> Response {
        self
    }
}

/// A JSON body.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: Serialize + JsonSchema + Send> Output for Json<T> {
    fn schema(schemas: &mut SchemaGenerator) -> Option<Schema> {
        Some(schemas.subschema_for::<T>())
    }

    fn into_response(self) -> Response {
        serialized(Self::STATUS, &self.0)
    }
}

/// An answer that shows a connection, with the entity tag of its version.
#[derive(Debug)]
pub struct Tagged<T> {
    /// The version.
    pub version: u64,
    /// The answer.
    pub answer: T,
}

impl<T: Output> Output for Tagged<T> {
    const STATUS: StatusCode = T::STATUS;

    fn schema(schemas: &mut SchemaGenerator) -> Option<Schema> {
        T::schema(schemas)
    }

    fn into_response(self) -> Response {
        with(self.answer.into_response(), ETAG, tag(self.version))
    }
}

/// A JSON body that has been written already. A long one takes time to write, which the threads
/// that answer requests do not have.
#[derive(Debug)]
pub struct Written<T> {
    json: Vec<u8>,
    of: PhantomData<fn() -> T>,
}

impl<T: Serialize> Written<T> {
    /// Writes a body.
    pub fn of(body: &T) -> Self {
        Self { json: written(body), of: PhantomData }
    }
}

impl<T: JsonSchema> Output for Written<T> {
    fn schema(schemas: &mut SchemaGenerator) -> Option<Schema> {
        Some(schemas.subschema_for::<T>())
    }

    fn into_response(self) -> Response {
        json(Self::STATUS, self.json)
    }
}

/// A JSON body that shows a created object, with its `Location`.
#[derive(Debug)]
pub struct Created<T> {
    /// The path of the created object.
    pub location: String,
    /// The created object.
    pub body: T,
}

impl<T: Serialize + JsonSchema + Send> Output for Created<T> {
    const STATUS: StatusCode = StatusCode::CREATED;

    fn schema(schemas: &mut SchemaGenerator) -> Option<Schema> {
        Some(schemas.subschema_for::<T>())
    }

    fn into_response(self) -> Response {
        let location = HeaderValue::from_str(&self.location).expect("paths are ASCII");
        with(serialized(Self::STATUS, &self.body), LOCATION, location)
    }
}

/// A JSON body that the OpenAPI document does not describe.
#[derive(Debug)]
pub struct Unspecified<T>(pub T);

impl<T: Serialize + Send> Output for Unspecified<T> {
    fn schema(_: &mut SchemaGenerator) -> Option<Schema> {
        None
    }

    fn into_response(self) -> Response {
        serialized(Self::STATUS, &self.0)
    }
}

/// An empty answer for clients that expect JSON all the same.
#[derive(Clone, Copy, Debug)]
pub struct Empty;

impl Output for Empty {
    fn schema(_: &mut SchemaGenerator) -> Option<Schema> {
        None
    }

    fn into_response(self) -> Response {
        json(Self::STATUS, "")
    }
}

fn serialized(status: StatusCode, body: &impl Serialize) -> Response {
    json(status, written(body))
}

fn written(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).expect("answers have a JSON form")
}
