//! What a browser comes back with, and what the issuer gives out for it.

use std::fmt;

use ledger_outgoing::Answer;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::SignInError;
use crate::parts::TOKEN_BYTES_MAX;

/// The longest code, state or other parameter.
const PARAMETER_BYTES_MAX: usize = 4 * 1024;

/// What a browser comes back with.
#[derive(Default)]
pub struct SignInAnswer {
    pub(super) state: String,
    pub(super) code: Option<Zeroizing<String>>,
    pub(super) error: Option<String>,
    pub(super) issuer: Option<String>,
}

impl fmt::Debug for SignInAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignInAnswer").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl SignInAnswer {
    /// Reads the parameters of the address. One that comes twice or is too long counts as empty.
    pub fn of<'a>(query: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut answer = Self::default();
        let mut seen = Vec::new();
        for (name, value) in query {
            let is_bad = seen.contains(&name) || value.len() > PARAMETER_BYTES_MAX;
            let value = if is_bad { String::new() } else { value.to_owned() };
            match name {
                "state" => answer.state = value,
                "code" => answer.code = Some(Zeroizing::new(value)),
                "error" => answer.error = Some(value),
                "iss" => answer.issuer = Some(value),
                _ => continue,
            }
            seen.push(name);
        }
        answer
    }
}

/// What the issuer gives out.
pub(super) struct Tokens {
    pub(super) access_token: Zeroizing<String>,
    pub(super) id_token: Zeroizing<String>,
}

#[derive(Deserialize)]
struct Given {
    access_token: String,
    id_token: String,
    token_type: String,
}

#[derive(Deserialize)]
struct Failed {
    error: String,
}

/// Reads the answer to a code.
pub(super) fn read_tokens(answer: &Answer) -> Result<Tokens, SignInError> {
    match answer.status {
        200 => {}
        500.. => {
            return Err(SignInError::Unreachable(format!(
                "it answers with status {}",
                answer.status
            )));
        }
        _ => {
            let failed = serde_json::from_slice::<Failed>(&answer.body);
            let code = failed.map(|failed| failed.error).unwrap_or_default();
            return Err(SignInError::refused(&code));
        }
    }
    let given: Given = serde_json::from_slice(&answer.body).map_err(|_| SignInError::Malformed)?;
    let tokens = Tokens {
        access_token: Zeroizing::new(given.access_token),
        id_token: Zeroizing::new(given.id_token),
    };
    let is_bearer = given.token_type.eq_ignore_ascii_case("bearer");
    let longest = tokens.access_token.len().max(tokens.id_token.len());
    if is_bearer && longest <= TOKEN_BYTES_MAX { Ok(tokens) } else { Err(SignInError::Malformed) }
}
