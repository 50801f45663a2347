//! The cookie that names a session.

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use ledger_domain::LedgerId;

use ledger_tokens::ATTEMPT_MAX;

use super::SessionId;

/// How many characters of the ledger's id are in the name of the cookie.
const ID_CHARS: usize = 8;

/// How the cookie of a ledger is read and written.
#[derive(Clone, Debug)]
pub(crate) struct Cookies {
    /// Cookies do not tell ports apart, so the name tells ledgers of one host apart.
    name: String,
    /// Whether browsers send it over TLS only.
    secure: bool,
}

impl Cookies {
    pub(crate) fn new(ledger: LedgerId, secure: bool) -> Self {
        let id = ledger.to_string();
        let start = id.get(id.len().saturating_sub(ID_CHARS)..).unwrap_or(&id);
        // Browsers take a cookie of this prefix from nobody but this host.
        let prefix = if secure { "__Host-" } else { "" };
        Self { name: format!("{prefix}connledger-{start}"), secure }
    }

    /// Returns the session that a request names.
    pub(crate) fn read(&self, headers: &HeaderMap) -> Option<SessionId> {
        value(headers, &self.name).map(SessionId::of)
    }

    /// Returns the attempt to sign in at the issuer that a request names.
    pub(crate) fn attempt<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        value(headers, &self.of_attempt())
    }

    /// Returns the header that sets the cookie of an attempt. The browser comes back from another
    /// site, so it is not as strict as that of a session.
    pub(crate) fn set_attempt(&self, value: &str) -> HeaderValue {
        let seconds = ATTEMPT_MAX.as_secs();
        self.header(&self.of_attempt(), value, &format!("SameSite=Lax; Max-Age={seconds}"))
    }

    /// Returns the header that removes the cookie of an attempt.
    pub(crate) fn remove_attempt(&self) -> HeaderValue {
        self.header(&self.of_attempt(), "", "SameSite=Lax; Max-Age=0")
    }

    fn of_attempt(&self) -> String {
        format!("{}-sign-in", self.name)
    }

    /// Returns the header that sets the cookie, until the browser is closed.
    pub(crate) fn set(&self, value: &str) -> HeaderValue {
        self.header(&self.name, value, "SameSite=Strict")
    }

    /// Returns the header that removes the cookie.
    pub(crate) fn remove(&self) -> HeaderValue {
        self.header(&self.name, "", "SameSite=Strict; Max-Age=0")
    }

    fn header(&self, name: &str, value: &str, more: &str) -> HeaderValue {
        let secure = if self.secure { "; Secure" } else { "" };
        let text = format!("{name}={value}; Path=/; HttpOnly; {more}{secure}");
        HeaderValue::from_str(&text).expect("the cookie is of visible characters")
    }
}

/// Returns the value of a cookie.
fn value<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';'));
    pairs.find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == wanted).then_some(value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookies(secure: bool) -> Cookies {
        Cookies::new(LedgerId::from_bytes([0xab; 16]), secure)
    }

    #[test]
    fn a_cookie_is_for_this_host_alone_and_no_script_reads_it() {
        let plain = cookies(false).set("value");
        assert_eq!(plain, "connledger-abababab=value; Path=/; HttpOnly; SameSite=Strict");
        let secure = cookies(true).set("value");
        let secure = secure.to_str().unwrap();
        assert!(secure.starts_with("__Host-connledger-abababab=value; Path=/; HttpOnly"));
        assert!(secure.contains("; Secure") && !secure.contains("Domain"), "{secure}");
        assert!(cookies(true).remove().to_str().unwrap().contains("; Max-Age=0"));
    }

    #[test]
    fn an_attempt_to_sign_in_has_a_cookie_of_its_own_that_ends_soon() {
        let set = cookies(true).set_attempt("a.b.%2F");
        let set = set.to_str().unwrap();
        assert!(set.starts_with("__Host-connledger-abababab-sign-in=a.b.%2F; Path=/; HttpOnly"));
        assert!(set.contains("; SameSite=Lax; Max-Age=600; Secure"), "{set}");
        let mut headers = HeaderMap::new();
        let both = HeaderValue::from_static("connledger-abababab=s; connledger-abababab-sign-in=a");
        headers.append(COOKIE, both);
        assert_eq!(cookies(false).attempt(&headers), Some("a"));
        assert_eq!(cookies(false).read(&headers), Some(SessionId::of("s")));
    }

    #[test]
    fn the_session_is_found_among_other_cookies() {
        let mut headers = HeaderMap::new();
        assert!(cookies(false).read(&headers).is_none());
        headers.append(COOKIE, HeaderValue::from_static("a=1; connledger-cdcdcdcd=other"));
        assert!(cookies(false).read(&headers).is_none());
        headers.append(COOKIE, HeaderValue::from_static("b=2; connledger-abababab=mine; c=3"));
        assert_eq!(cookies(false).read(&headers), Some(SessionId::of("mine")));
        assert!(cookies(true).read(&headers).is_none(), "it is of another name over TLS");
    }
}
