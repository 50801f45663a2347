//! Rules for fields that are one of a few words.

use std::fmt;
use std::marker::PhantomData;

use ledger_domain::connection::{
    AuthMethod, Environment, IdentityKind, Kind, RateCounts, RateUnit, ReportedFailure, UsageUnit,
};
use ledger_domain::principal::{PrincipalKind, Role, Scope};
use ledger_domain::{InvalidField, SignatureScheme};
use serde_json::{Value, json};

use super::Rule;

/// A domain vocabulary, whose own errors name the field.
pub trait Word: Sized + Copy + 'static {
    /// Returns every word.
    fn words() -> Vec<&'static str>;
    /// Reads a word.
    fn parse(text: &str) -> Result<Self, InvalidField>;
}

macro_rules! words {
    ($($name:ty),+) => {$(
        impl Word for $name {
            fn words() -> Vec<&'static str> {
                Self::ALL.iter().copied().map(Self::as_str).collect()
            }
            fn parse(text: &str) -> Result<Self, InvalidField> {
                <$name>::parse(text)
            }
        }
    )+};
}
words!(
    AuthMethod,
    Environment,
    IdentityKind,
    Kind,
    PrincipalKind,
    RateCounts,
    RateUnit,
    ReportedFailure,
    Role,
    Scope,
    SignatureScheme,
    UsageUnit
);

/// One of the words of `T`. Errors name the field as the domain does.
pub struct WordRule<T>(PhantomData<T>);

impl<T> fmt::Debug for WordRule<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WordRule")
    }
}

impl<T: Word> Rule for WordRule<T> {
    type Raw = String;
    type Value = T;
    fn check(_: &str, raw: String) -> Result<T, InvalidField> {
        T::parse(&raw)
    }
    fn schema() -> Value {
        json!({ "type": "string", "enum": T::words() })
    }
}
