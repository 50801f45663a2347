//! HTTP routes of verbs and queries, each with method, path and operation id.

use std::fmt;

/// An HTTP method of the native API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// Reads; `HEAD` is also supported, without the body.
    Get,
    /// Executes a command or creates something.
    Post,
    /// Changes part of something.
    Patch,
}

impl Method {
    /// Returns the method as in a request line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Patch => "PATCH",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One operation of the native HTTP API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HttpRoute {
    /// The method.
    pub method: Method,
    /// The path, with the names of its parameters in braces.
    pub path: &'static str,
    /// Its `operationId` in the OpenAPI document, never reused.
    pub operation_id: &'static str,
}

/// Where the browser of a person comes back to who connected a connection. It is an address that
/// providers are told, so it never changes.
pub const OAUTH_CALLBACK: &str = "/oauth/callback";
