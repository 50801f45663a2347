//! Checks the claims of a token whose signature is valid.

use ledger_domain::{Actor, CheckedText as _, Line, Micros};
use serde_json::{Map, Value};

/// Prefix of the subject in an actor's name.
const ACTOR_KIND: &str = "oidc";
/// Maximum length of a subject. OpenID Connect permits 255 ASCII characters.
pub(crate) const SUBJECT_CHARS_MAX: usize = 255;
/// Permitted difference between the clocks of the issuer and of this machine, in microseconds.
pub(crate) const LEEWAY_MICROS: i64 = 60_000_000;

/// Maximum length of a token's id that is recorded.
const TOKEN_ID_CHARS_MAX: usize = 128;

const MICROS_PER_SECOND: i64 = 1_000_000;

/// The expected claims.
#[derive(Debug)]
pub(crate) struct Expectation {
    pub(crate) issuer: String,
    pub(crate) audiences: Vec<String>,
}

/// The bearer of a token, and when it expires.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Bearer {
    pub(crate) actor: Actor,
    /// The token's issuer, and its id if it has one.
    pub(crate) credential: Line,
    /// The time at which the token expires, including leeway.
    pub(crate) until: Micros,
}

/// Why claims are rejected.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The token has expired and is otherwise valid.
    Expired,
    /// The token is invalid for this reason.
    Wrong(&'static str),
}

impl Expectation {
    /// Checks all claims except those from which rights are derived.
    pub(crate) fn check(&self, claims: &Map<String, Value>, now: Micros) -> Result<Bearer, Fault> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        if text("iss") != Some(self.issuer.as_str()) {
            return Err(Fault::Wrong("it has another issuer"));
        }
        let expected = |found: &str| self.audiences.iter().any(|audience| audience == found);
        let for_us = match claims.get("aud") {
            Some(Value::String(audience)) => expected(audience),
            Some(Value::Array(audiences)) => {
                audiences.iter().filter_map(Value::as_str).any(expected)
            }
            _ => false,
        };
        if !for_us {
            return Err(Fault::Wrong("it has another audience"));
        }
        let subject = text("sub").unwrap_or_default();
        let subject = Line::parse("sub", subject, SUBJECT_CHARS_MAX)
            .map_err(|_| Fault::Wrong("its subject is missing, too long or not one line"))?;
        if let Some(begin) = claims.get("nbf") {
            let begin = moment(begin).ok_or(Fault::Wrong("its claim nbf is not a time"))?;
            if now.get() < begin.saturating_sub(LEEWAY_MICROS) {
                return Err(Fault::Wrong("it is not valid yet"));
            }
        }
        let end = claims
            .get("exp")
            .and_then(moment)
            .ok_or(Fault::Wrong("its claim exp is missing or not a time"))?;
        let until = Micros::new(end.saturating_add(LEEWAY_MICROS));
        if now >= until {
            return Err(Fault::Expired);
        }
        let actor = Actor::new(format!("{ACTOR_KIND}:{}", subject.as_str()));
        Ok(Bearer { actor, credential: self.credential(text("jti")), until })
    }

    /// Returns the name of a token in events. An id that is long or no single line is left out.
    fn credential(&self, id: Option<&str>) -> Line {
        let id = id.and_then(|id| Line::parse("jti", id, TOKEN_ID_CHARS_MAX).ok());
        let name = id.map_or_else(|| self.issuer.clone(), |id| format!("{} {id}", self.issuer));
        Line::stored(name.into())
    }
}

/// Parses seconds since the epoch, possibly with fractions, as microseconds.
fn moment(value: &Value) -> Option<i64> {
    let seconds = value.as_number()?.to_string();
    let whole = seconds.split('.').next()?;
    whole.parse::<i64>().ok()?.checked_mul(MICROS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Micros = Micros::new(1_000_000 * MICROS_PER_SECOND);

    fn check(change: &Value) -> Result<Bearer, Fault> {
        let mut claims = json!({"iss": "i", "aud": "a", "sub": "anna", "exp": 1_000_300});
        let (claims, change) = (claims.as_object_mut().unwrap(), change.as_object().unwrap());
        for (name, value) in change {
            claims.insert(name.clone(), value.clone());
        }
        let audiences = vec!["a".to_owned(), "b".to_owned()];
        Expectation { issuer: "i".to_owned(), audiences }.check(claims, NOW)
    }

    #[test]
    fn valid_claims_give_the_actor_and_expiry() {
        let bearer = check(&json!({"nbf": 1_000_060})).unwrap();
        assert_eq!(bearer.actor.as_str(), "oidc:anna");
        assert_eq!(bearer.until, Micros::new(1_000_360 * MICROS_PER_SECOND));
        assert!(check(&json!({"aud": ["x", 1, "b"], "exp": 1_000_000.5})).is_ok());
        assert_eq!(bearer.credential.as_str(), "i");
        let named = check(&json!({"jti": "t-1"})).unwrap();
        assert_eq!(named.credential.as_str(), "i t-1");
        let odd = check(&json!({"jti": "a\nb"})).unwrap();
        assert_eq!(odd.credential.as_str(), "i");
    }

    #[test]
    fn expiry_has_a_minute_of_leeway_and_an_error_of_its_own() {
        assert!(check(&json!({"exp": 999_941})).is_ok());
        assert_eq!(check(&json!({"exp": 999_940})), Err(Fault::Expired));
        assert_eq!(check(&json!({"exp": -1})), Err(Fault::Expired));
        assert!(matches!(check(&json!({"exp": 1, "iss": "x"})), Err(Fault::Wrong(_))));
    }

    #[test]
    fn wrong_claims_are_refused() {
        let long = "a".repeat(SUBJECT_CHARS_MAX + 1);
        for bad in [
            json!({"iss": "j"}),
            json!({"iss": ["i"]}),
            json!({"iss": null}),
            json!({"aud": "c"}),
            json!({"aud": []}),
            json!({"aud": {"a": "a"}}),
            json!({"aud": null}),
            json!({"sub": null}),
            json!({"sub": 7}),
            json!({"sub": ""}),
            json!({"sub": "a\nb"}),
            json!({"sub": "a\u{0}b"}),
            json!({"sub": long}),
            json!({"nbf": 1_000_061}),
            json!({"nbf": "soon"}),
            json!({"nbf": null}),
            json!({"exp": null}),
            json!({"exp": "1000300"}),
            json!({"exp": 1e300}),
            json!({"exp": i64::MAX}),
        ] {
            assert!(matches!(check(&bad), Err(Fault::Wrong(_))), "{bad}");
        }
    }
}
