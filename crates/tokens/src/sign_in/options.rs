//! Options for signing in, and the requests that follow from them.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use form_urlencoded::Serializer;
use ledger_domain::InvalidField;
use ledger_engine::Clock;
use ledger_outgoing::{Client, Plain, Url, read_address};
use zeroize::Zeroizing;

use super::SignInAttempt;
use super::endpoints::Endpoints;

/// The longest client id or secret, in bytes.
const CLIENT_BYTES_MAX: usize = 2_048;
/// The most scopes and the most parameters.
const LIST_MAX: usize = 32;
/// The scope that makes it OpenID Connect.
const OPENID: &str = "openid";
/// Parameters that nothing else sets.
const RESERVED: [&str; 12] = [
    "client_id",
    "client_secret",
    "code",
    "code_challenge",
    "code_challenge_method",
    "nonce",
    "redirect_uri",
    "request",
    "request_uri",
    "response_type",
    "scope",
    "state",
];
/// Parameters that say whom a token is for, which the request for tokens repeats (RFC 8707).
const OF_TOKENS: [&str; 2] = ["audience", "resource"];

/// How people sign in at the issuer with a browser.
#[derive(Clone)]
pub struct SignInOptions {
    /// The client that the issuer knows.
    pub client_id: String,
    /// Its secret; a public client has none.
    pub client_secret: Option<Zeroizing<String>>,
    /// Where browsers come back to.
    pub redirect_uri: String,
    /// Scopes that are asked for beside `openid`.
    pub scopes: Vec<String>,
    /// Further parameters, such as `resource` or `prompt`.
    pub params: Vec<(String, String)>,
}

impl fmt::Debug for SignInOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignInOptions")
            .field("client_id", &self.client_id)
            .field("redirect_uri", &self.redirect_uri)
            .finish_non_exhaustive()
    }
}

impl SignInOptions {
    /// Checks the options.
    pub(crate) fn check(&self) -> Result<(), InvalidField> {
        let is_word = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
        if !is_word(&self.client_id) || self.client_id.len() > CLIENT_BYTES_MAX {
            let problem = "must be 1 to 2,048 visible characters without spaces";
            return Err(InvalidField::new("client-id", problem));
        }
        let secret = self.client_secret.as_ref();
        if secret.is_some_and(|secret| secret.is_empty() || secret.len() > CLIENT_BYTES_MAX) {
            let problem = "must hold a secret of 1 to 2,048 bytes";
            return Err(InvalidField::new("client-secret-file", problem));
        }
        read_address("redirect_uri", &self.redirect_uri, Plain::Here)?;
        if self.scopes.len() > LIST_MAX || !self.scopes.iter().all(|scope| is_word(scope)) {
            return Err(InvalidField::new("scope", "must be up to 32 words"));
        }
        let is_own = |name: &str| RESERVED.contains(&name) || !is_word(name);
        if self.params.len() > LIST_MAX || self.params.iter().any(|(name, _)| is_own(name)) {
            let problem = "must be NAME=VALUE, and none that the sign-in sets itself";
            return Err(InvalidField::new("param", problem));
        }
        Ok(())
    }

    /// Returns the scopes that are asked for.
    pub(super) fn scope(&self) -> String {
        let others = self.scopes.iter().map(String::as_str).filter(|scope| *scope != OPENID);
        std::iter::once(OPENID).chain(others).collect::<Vec<_>>().join(" ")
    }

    /// Returns the form that exchanges a code, and the header by which the client authenticates.
    pub(super) fn exchange(
        &self,
        code: &str,
        attempt: &SignInAttempt,
        endpoints: &Endpoints,
    ) -> (Zeroizing<String>, Option<Zeroizing<String>>) {
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", &self.redirect_uri)
            .append_pair("code_verifier", &attempt.verifier());
        for (name, value) in &self.params {
            if OF_TOKENS.contains(&name.as_str()) {
                form.append_pair(name, value);
            }
        }
        let mut authorization = None;
        match &self.client_secret {
            Some(secret) if !endpoints.secret_in_form => {
                authorization = Some(basic(&self.client_id, secret));
            }
            Some(secret) => {
                form.append_pair("client_id", &self.client_id).append_pair("client_secret", secret);
            }
            None => drop(form.append_pair("client_id", &self.client_id)),
        }
        (Zeroizing::new(form.finish()), authorization)
    }
}

/// Returns the header of a client, whose id and secret are encoded first (RFC 6749, section 2.3.1).
fn basic(id: &str, secret: &str) -> Zeroizing<String> {
    let encoded = |text: &str| -> Zeroizing<String> {
        Zeroizing::new(form_urlencoded::byte_serialize(text.as_bytes()).collect())
    };
    let pair = Zeroizing::new(format!("{}:{}", *encoded(id), *encoded(secret)));
    Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())))
}

/// Checked options, and everything else that signing in takes.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) options: SignInOptions,
    pub(crate) issuer: String,
    /// The address of the issuer's discovery document.
    pub(crate) description: Url,
    pub(crate) client: Client,
    pub(crate) lifetime_max: Duration,
    pub(crate) clock: Clock,
}

#[cfg(test)]
mod tests {
    use ledger_domain::Micros;

    use super::*;

    fn options() -> SignInOptions {
        SignInOptions {
            client_id: "console".into(),
            client_secret: Some(Zeroizing::new("a:b c".into())),
            redirect_uri: "https://ledger.example.com/sign-in/callback".into(),
            scopes: vec!["integrations:list".into(), "openid".into()],
            params: vec![
                ("resource".into(), "https://ledger.example.com".into()),
                ("prompt".into(), "login".into()),
            ],
        }
    }

    fn endpoints(secret_in_form: bool) -> Endpoints {
        let at = |path: &str| format!("https://login.example.com/{path}").parse().unwrap();
        Endpoints { authorization: at("auth"), token: at("token"), secret_in_form }
    }

    #[test]
    fn the_secret_is_where_the_issuer_takes_it_and_the_verifier_goes_along() {
        let attempt = SignInAttempt::new(Micros::new(0));
        let (form, header) = options().exchange("c&d", &attempt, &endpoints(false));
        assert_eq!(header.unwrap().as_str(), "Basic Y29uc29sZTphJTNBYitj");
        assert!(form.contains("code=c%26d") && form.contains("resource=https"), "{}", *form);
        assert!(!form.contains("prompt") && !form.contains("client_secret"), "{}", *form);
        assert!(form.contains(attempt.verifier().as_str()), "{}", *form);
        let (form, header) = options().exchange("c", &attempt, &endpoints(true));
        assert!(header.is_none() && form.ends_with("client_id=console&client_secret=a%3Ab+c"));
        let public = SignInOptions { client_secret: None, ..options() };
        let (form, header) = public.exchange("c", &attempt, &endpoints(false));
        assert!(header.is_none() && form.ends_with("client_id=console"), "{}", *form);
    }

    #[test]
    fn options_that_cannot_be_meant_are_named() {
        assert!(options().check().is_ok());
        assert_eq!(options().scope(), "openid integrations:list");
        let refused = |options: SignInOptions| options.check().unwrap_err().field;
        assert_eq!(refused(SignInOptions { client_id: "a b".into(), ..options() }), "client-id");
        let empty = SignInOptions { client_secret: Some(Zeroizing::default()), ..options() };
        assert_eq!(refused(empty), "client-secret-file");
        assert_eq!(refused(SignInOptions { scopes: vec!["a b".into()], ..options() }), "scope");
        let params = vec![("state".into(), "x".into())];
        assert_eq!(refused(SignInOptions { params, ..options() }), "param");
        let elsewhere = "http://ledger.example.com/".into();
        let plain = SignInOptions { redirect_uri: elsewhere, ..options() };
        assert_eq!(refused(plain), "redirect_uri");
        assert!(!format!("{:?}", options()).contains("a:b"));
    }
}
