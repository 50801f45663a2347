//! Why a row could not be measured.

use std::error::Error;
use std::fmt;

/// The result of anything in this program that may fail.
pub(crate) type Outcome<T> = Result<T, Failure>;

/// A sentence for whoever runs the bench. It is no `std::error::Error`, so that every such error
/// turns into one with `?`.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        Self(text)
    }
}
