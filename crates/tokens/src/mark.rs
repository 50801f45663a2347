//! The claim by which access tokens are told from others of the same issuer.

use std::str::FromStr;

use ledger_domain::InvalidField;
use serde_json::{Map, Value};

use crate::rights::ClaimPath;

/// Maximum length of a value.
const VALUE_BYTES_MAX: usize = 256;

/// A claim that an issuer puts into access tokens, and into no ID token: `scope`, or with a value
/// that only access tokens have, `typ=Bearer`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessMark {
    claim: ClaimPath,
    value: Option<Box<str>>,
}

impl FromStr for AccessMark {
    type Err = InvalidField;

    fn from_str(text: &str) -> Result<Self, InvalidField> {
        let (claim, value) = match text.split_once('=') {
            Some((claim, value)) => (claim, Some(value)),
            None => (text, None),
        };
        let is_bad = |value: &str| {
            value.is_empty()
                || value.len() > VALUE_BYTES_MAX
                || value.chars().any(|c| c.is_control() || c.is_whitespace())
        };
        if value.is_some_and(is_bad) {
            let problem = "must be a claim, or a claim and its value, like typ=Bearer";
            return Err(InvalidField::new("access-claim", problem));
        }
        Ok(Self { claim: claim.parse()?, value: value.map(Box::from) })
    }
}

impl AccessMark {
    /// Returns whether claims have the mark.
    pub(crate) fn is_on(&self, claims: &Map<String, Value>) -> bool {
        let values = self.claim.values(claims);
        match &self.value {
            Some(value) => values.contains(&value.as_ref()),
            None => !values.is_empty(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_mark_is_a_claim_or_a_claim_with_a_value() {
        let on = |mark: &str, claims: Value| {
            let mark: AccessMark = mark.parse().unwrap();
            mark.is_on(claims.as_object().unwrap())
        };
        assert!(on("scope", json!({"scope": "a b"})) && on("scp", json!({"scp": ["a"]})));
        assert!(!on("scope", json!({})) && !on("scope", json!({"scope": ""})));
        assert!(on("typ=Bearer", json!({"typ": "Bearer"})));
        assert!(on("token.use=access", json!({"token": {"use": "access"}})));
        for wrong in
            [json!({"typ": "ID"}), json!({"typ": ["bearer"]}), json!({"typ": true}), json!({})]
        {
            assert!(!on("typ=Bearer", wrong.clone()), "{wrong}");
        }
        for bad in ["", "=", "typ=", "=x", "typ=a b", "a..b=c"] {
            assert!(bad.parse::<AccessMark>().is_err(), "{bad}");
        }
    }
}
