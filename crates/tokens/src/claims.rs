//! Checks the claims of a token whose signature is valid.

use std::time::Duration;

use ledger_domain::{Actor, CheckedText as _, Line, Micros};
use serde_json::{Map, Value};

/// Prefix of the subject in an actor's name.
const ACTOR_KIND: &str = "oidc";
/// Maximum length of a subject. OpenID Connect permits 255 ASCII characters.
pub(crate) const SUBJECT_CHARS_MAX: usize = 255;
/// Permitted difference between the clocks of the issuer and of this machine, in microseconds.
pub(crate) const LEEWAY_MICROS: i64 = 60_000_000;

/// Maximum length of a token's id that is recorded, and by which the token can be blocked.
const TOKEN_ID_CHARS_MAX: usize = 128;

const MICROS_PER_SECOND: i64 = 1_000_000;

/// The expected claims.
#[derive(Debug)]
pub(crate) struct Expectation {
    pub(crate) issuer: String,
    pub(crate) audiences: Vec<String>,
    /// Longest time from issue to expiry.
    pub(crate) lifetime_max: Duration,
}

/// The bearer of a token, and when it expires.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Bearer {
    pub(crate) actor: Actor,
    /// The claim `sub`.
    pub(crate) subject: Line,
    /// The claim `jti`, unless it is long or no single line.
    pub(crate) token_id: Option<Line>,
    /// The token's issuer, and its id if it has one.
    pub(crate) credential: Line,
    /// The time at which the token expires, including leeway.
    pub(crate) until: Micros,
}

/// Why claims are rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
        self.check_lifetime(claims.get("iat"), end, now)?;
        let actor = Actor::new(format!("{ACTOR_KIND}:{}", subject.as_str()));
        let token_id = text("jti").and_then(|id| Line::parse("jti", id, TOKEN_ID_CHARS_MAX).ok());
        let credential = self.credential(token_id.as_ref());
        Ok(Bearer { actor, subject, token_id, credential, until })
    }

    /// Rejects tokens that last too long. One that does not say when it was issued counts as issued
    /// now.
    fn check_lifetime(&self, issued: Option<&Value>, end: i64, now: Micros) -> Result<(), Fault> {
        let begin = match issued {
            None => now.get(),
            Some(issued) => moment(issued).ok_or(Fault::Wrong("its claim iat is not a time"))?,
        };
        if begin.saturating_sub(LEEWAY_MICROS) > now.get() {
            return Err(Fault::Wrong("it was issued in the future"));
        }
        let max = i64::try_from(self.lifetime_max.as_micros()).unwrap_or(i64::MAX);
        if end.saturating_sub(begin) > max.saturating_add(LEEWAY_MICROS) {
            return Err(Fault::Wrong("it lasts longer than the configuration permits"));
        }
        Ok(())
    }

    /// Returns the name of a token in events.
    fn credential(&self, id: Option<&Line>) -> Line {
        let name =
            id.map_or_else(|| self.issuer.clone(), |id| format!("{} {}", self.issuer, id.as_str()));
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
        let lifetime_max = Duration::from_hours(1);
        Expectation { issuer: "i".to_owned(), audiences, lifetime_max }.check(claims, NOW)
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
    fn a_token_that_lasts_too_long_is_refused() {
        const HOUR: i64 = 3_600;
        let at = |issued: Value, end: i64| {
            check(&json!({"iat": issued, "exp": 1_000_000 + end})).map(drop)
        };
        assert_eq!(at(json!(1_000_000), HOUR), Ok(()));
        assert_eq!(at(json!(1_000_000 - 1_800), 1_800), Ok(()));
        assert!(check(&json!({"exp": 1_000_000 + HOUR})).is_ok(), "it may have been issued now");
        for (issued, end) in [
            (json!(1_000_000), HOUR + 61),
            (json!(1_000_000 - HOUR), HOUR),
            (json!(1_000_061), 600),
            (json!("now"), 600),
            (json!(null), 600),
        ] {
            assert!(matches!(at(issued.clone(), end), Err(Fault::Wrong(_))), "{issued} {end}");
        }
        let unsaid = check(&json!({"exp": 1_000_000 + HOUR + 61}));
        assert!(matches!(unsaid, Err(Fault::Wrong(_))));
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
