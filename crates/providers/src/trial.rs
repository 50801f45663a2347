//! The request of a test, as one connection makes it, and what its answer means.

use std::fmt;

use ledger_domain::connection::TestOutcome;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::endpoint::{OutcomeRule, Probe};
use crate::field::Field;
use crate::provider::Provider;
use crate::template::{Piece, pieces};
use crate::words::Method;

/// Settings by which requests go elsewhere than the catalogue says, or as something else.
const DIVERTING: [&str; 3] = ["custom_host", "custom_headers", "base_url"];

/// Why there is no request of a test for a connection. It never repeats a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Untestable {
    /// The catalogue has none for the provider.
    NoProbe(String),
    /// The connection lacks a field that it takes.
    Lacks(String),
    /// The connection has a field by which requests go elsewhere, of which the catalogue has none.
    Diverted(String),
    /// The value of a field does not fit where the request has it.
    Unfit(String),
}

impl fmt::Display for Untestable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoProbe(provider) => {
                write!(f, "the catalogue has no request by which {provider} can be tested")
            }
            Self::Lacks(field) => write!(f, "a test takes {field}, which the connection lacks"),
            Self::Diverted(field) => {
                write!(f, "the catalogue does not say where requests go with {field}")
            }
            Self::Unfit(field) => {
                write!(f, "the value of {field} does not fit into the request of a test")
            }
        }
    }
}

/// A complete request, wiped when dropped.
pub struct Request {
    /// HTTP method.
    pub method: Method,
    /// The URL.
    pub url: Zeroizing<String>,
    /// Headers. None of them holds a control character.
    pub headers: Vec<(String, Zeroizing<String>)>,
    /// User and password of basic authentication.
    pub basic: Option<(Zeroizing<String>, Zeroizing<String>)>,
    /// The body, if it has one.
    pub body: Option<Zeroizing<String>>,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({}, {} headers)", self.method, self.headers.len())
    }
}

/// Returns the value of a connection's field, setting or secret.
pub type Values<'a> = &'a dyn Fn(&Field) -> Option<Zeroizing<String>>;

/// The test of connections to one provider.
#[derive(Clone, Copy, Debug)]
pub struct Trial<'p> {
    provider: &'p Provider,
    probe: &'p Probe,
}

impl Provider {
    /// Returns the test of connections to it.
    ///
    /// # Errors
    /// There is none.
    pub fn trial(&self) -> Result<Trial<'_>, Untestable> {
        let probe = self.probe.as_ref().ok_or_else(|| Untestable::NoProbe(self.id.clone()))?;
        Ok(Trial { provider: self, probe })
    }
}

impl Probe {
    /// Returns its texts that may have placeholders.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        let basic = self.basic.iter().flat_map(|basic| [&basic.user, &basic.password]);
        let rest = self.headers.values().chain(basic);
        std::iter::once(&self.url).chain(rest).map(String::as_str)
    }
}

impl<'p> Trial<'p> {
    /// Returns the fields of the provider that are no secrets.
    pub fn settings(&self) -> impl Iterator<Item = &'p Field> {
        self.provider.fields.iter().filter(|field| !field.secret)
    }

    /// Returns the secret fields that the request takes, of which there is one at least, if a
    /// connection has all that it takes.
    ///
    /// # Errors
    /// A field is missing, or one is there by which requests go elsewhere.
    pub fn secrets(&self, has: &dyn Fn(&Field) -> bool) -> Result<Vec<&'p Field>, Untestable> {
        let mut secrets: Vec<&Field> = Vec::new();
        let names: Vec<&str> = self.probe.texts().flat_map(names_in).collect();
        for name in DIVERTING {
            let there = self.provider.field(name).filter(|field| has(field));
            let is_used = |field: &Field| names.iter().any(|name| field.is_called(name));
            if let Some(field) = there.filter(|field| !is_used(field)) {
                return Err(Untestable::Diverted(field.name.clone()));
            }
        }
        let needed = self.probe.texts().filter(|text| !self.can_be_left_out(text, has));
        for name in needed.flat_map(names_in).chain(self.names_in_base()) {
            let Some(field) = self.provider.field(name) else { continue };
            if !has(field) && default(field).is_none() {
                return Err(Untestable::Lacks(field.name.clone()));
            }
            if field.secret && !secrets.iter().any(|known| known.name == field.name) {
                secrets.push(field);
            }
        }
        Ok(secrets)
    }

    /// Returns the request of a connection.
    ///
    /// # Errors
    /// A field is missing, or does not fit.
    pub fn request(&self, values: Values<'_>) -> Result<Request, Untestable> {
        let Probe { method, headers, basic, .. } = self.probe;
        let has = |field: &Field| values(field).is_some();
        let sent = headers.iter().filter(|(_, text)| !self.can_be_left_out(text, &has));
        let headers = sent.map(|(name, text)| Ok((name.clone(), self.plain(text, values)?)));
        let basic = basic.as_ref();
        let basic = basic.map(|basic| {
            let (user, password) = (self.plain(&basic.user, values), &basic.password);
            Ok::<_, Untestable>((user?, self.plain(password, values)?))
        });
        Ok(Request {
            method: *method,
            url: self.url(&self.probe.url, values)?,
            headers: headers.collect::<Result<_, Untestable>>()?,
            basic: basic.transpose()?,
            body: None,
        })
    }

    /// Returns what an answer with the beginning of its body means.
    pub fn outcome(&self, status: u16, body: &[u8]) -> TestOutcome {
        let fits = |rule: &&OutcomeRule| {
            let holds =
                |text: &String| body.windows(text.len()).any(|part| part == text.as_bytes());
            rule.status == status && rule.contains.as_ref().is_none_or(holds)
        };
        match self.probe.outcomes.iter().find(fits) {
            Some(rule) => rule.outcome,
            None => outcome_of(status),
        }
    }

    /// Returns whether a text is a header for a setting that the connection does not have.
    fn can_be_left_out(&self, text: &str, has: &dyn Fn(&Field) -> bool) -> bool {
        if !self.probe.headers.values().any(|header| std::ptr::eq(header.as_str(), text)) {
            return false;
        }
        let fields: Vec<&Field> =
            names_in(text).filter_map(|name| self.provider.field(name)).collect();
        let lacks = |field: &&Field| !has(field) && default(field).is_none();
        fields.iter().any(lacks) && !fields.iter().any(|field| field.secret)
    }

    /// Returns the placeholders of the provider's own base URL, if the request uses it.
    fn names_in_base(&self) -> impl Iterator<Item = &'p str> {
        let uses = |name: &str| name == "base_url" && self.provider.field(name).is_none();
        let is_used = self.probe.texts().flat_map(names_in).any(uses);
        self.provider.base_url.iter().filter(move |_| is_used).flat_map(|url| names_in(url))
    }

    /// Returns the value of a placeholder.
    fn value(&self, name: &str, values: Values<'_>) -> Result<Zeroizing<String>, Untestable> {
        match self.provider.field(name) {
            Some(field) => values(field)
                .or_else(|| default(field))
                .ok_or_else(|| Untestable::Lacks(field.name.clone())),
            None => match &self.provider.base_url {
                Some(url) if name == "base_url" => self.url(url, values),
                _ => Err(Untestable::Lacks(name.to_owned())),
            },
        }
    }

    /// Returns a text with its values as they are.
    fn plain(&self, text: &str, values: Values<'_>) -> Result<Zeroizing<String>, Untestable> {
        let mut whole = Zeroizing::new(String::new());
        for piece in pieces(text) {
            match piece {
                Piece::Text(text) => push(&mut whole, text),
                Piece::Name(name) => {
                    let value = self.value(name, values)?;
                    if !value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
                        return Err(Untestable::Unfit(name.to_owned()));
                    }
                    push(&mut whole, &value);
                }
            }
        }
        Ok(whole)
    }

    /// Returns a URL with its values where they belong: an address at its start, a part of the
    /// host's name, or one segment or parameter.
    fn url(&self, text: &str, values: Values<'_>) -> Result<Zeroizing<String>, Untestable> {
        let mut url = Zeroizing::new(String::new());
        for piece in pieces(text) {
            let name = match piece {
                Piece::Text(text) => {
                    push(&mut url, text);
                    continue;
                }
                Piece::Name(name) => name,
            };
            let value = self.value(name, values)?;
            let unfit = || Untestable::Unfit(name.to_owned());
            if url.is_empty() {
                push(&mut url, address(&value).ok_or_else(unfit)?);
            } else if is_in_host(&url) {
                let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
                if value.is_empty() || !value.chars().all(is_part) {
                    return Err(unfit());
                }
                push(&mut url, &value);
            } else if matches!(value.as_str(), "" | "." | "..") {
                return Err(unfit());
            } else {
                push(&mut url, &encoded(&value));
            }
        }
        Ok(url)
    }
}

/// Appends to a text. What grows leaves no copy behind.
fn push(whole: &mut Zeroizing<String>, more: &str) {
    let mut grown = Zeroizing::new(String::with_capacity(whole.len() + more.len()));
    grown.push_str(whole);
    grown.push_str(more);
    *whole = grown;
}

/// Returns what an answer means by its status alone.
const fn outcome_of(status: u16) -> TestOutcome {
    match status {
        200..=299 => TestOutcome::Works,
        401 => TestOutcome::CredentialsRefused,
        403 => TestOutcome::NotPermitted,
        429 => TestOutcome::RateLimited,
        500..=599 => TestOutcome::Unreachable,
        _ => TestOutcome::Inconclusive,
    }
}

/// Returns the placeholders of a URL that decide about the host: the first thing in it, and those
/// in the host's name.
pub(crate) fn in_host(url: &str) -> impl Iterator<Item = &str> {
    let mut before = String::new();
    pieces(url).into_iter().filter_map(move |piece| match piece {
        Piece::Text(text) => {
            before.push_str(text);
            None
        }
        Piece::Name(name) => {
            let decides = before.is_empty() || is_in_host(&before);
            before.push_str(if before.is_empty() { "https://h" } else { "v" });
            decides.then_some(name)
        }
    })
}

/// Returns whether what follows a part of a URL still belongs to the host.
fn is_in_host(before: &str) -> bool {
    before.split_once("://").is_none_or(|(_, rest)| !rest.contains(['/', '?', '#']))
}

/// Returns the start of a URL, if a value is one: scheme, host, port and path alone.
fn address(value: &str) -> Option<&str> {
    let rest = value.strip_prefix("https://").or_else(|| value.strip_prefix("http://"))?;
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '?' | '#' | '@' | '\\');
    let is_good = !rest.is_empty() && !rest.starts_with('/') && rest.chars().all(plain);
    is_good.then(|| value.trim_end_matches('/'))
}

/// Returns a value as one segment of a path or one value of a parameter.
fn encoded(value: &str) -> Zeroizing<String> {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut text = Zeroizing::new(String::with_capacity(3 * value.len()));
    let digit = |byte: u8| HEX.get(usize::from(byte)).copied().map_or('0', char::from);
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    text
}

fn names_in(text: &str) -> impl Iterator<Item = &str> {
    pieces(text).into_iter().filter_map(|piece| match piece {
        Piece::Name(name) => Some(name),
        Piece::Text(_) => None,
    })
}

/// Returns the value of a field that a connection does not have.
fn default(field: &Field) -> Option<Zeroizing<String>> {
    field.default.as_ref().and_then(as_text).map(Zeroizing::new)
}

/// Returns a setting as a text, if it has one and is not empty.
pub fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Catalogue;

    type Known<'a> = &'a [(&'a str, &'a str)];

    fn value(known: Known<'_>, field: &Field) -> Option<Zeroizing<String>> {
        let found = known.iter().find(|(name, _)| field.is_called(name));
        found.map(|(_, value)| Zeroizing::new((*value).to_owned()))
    }

    fn request(provider: &Provider, known: Known<'_>) -> Result<Request, Untestable> {
        let trial = provider.trial()?;
        trial.secrets(&|field| value(known, field).is_some())?;
        trial.request(&|field| value(known, field))
    }

    fn built_in(provider: &str, known: Known<'_>) -> Result<Request, Untestable> {
        request(Catalogue::built_in().of(provider), known)
    }

    fn url(provider: &str, known: Known<'_>) -> String {
        built_in(provider, known).unwrap().url.as_str().to_owned()
    }

    fn own(probe: &Value) -> Provider {
        let provider = json!({
            "id": "acme", "display_name": "Acme", "auth_methods": ["api_key"],
            "fields": [
                { "name": "key", "secret": true },
                { "name": "host" }, { "name": "space" }, { "name": "team" },
            ],
            "probe": probe,
        });
        Provider::read(&provider.to_string()).expect("a good description")
    }

    #[test]
    fn a_request_has_the_settings_of_the_connection_under_any_spelling() {
        assert_eq!(url("openai", &[("api_key", "k")]), "https://api.openai.com/v1/models");
        let moved = [("apiKey", "k"), ("endpoint", "https://eu.example/v1/")];
        assert_eq!(url("openai", &moved), "https://eu.example/v1/models");
        let request = built_in("openai", &[("api_key", "k"), ("project", "proj_1")]).unwrap();
        let headers: Vec<_> =
            request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(headers, [("Authorization", "Bearer k"), ("OpenAI-Project", "proj_1")]);
        assert!(!format!("{request:?}").contains("Bearer"));
    }

    #[test]
    fn what_is_missing_or_diverted_is_named() {
        let lacks = |field: &str| Untestable::Lacks(field.to_owned());
        assert_eq!(built_in("openai", &[]).unwrap_err(), lacks("api_key"));
        let azure = built_in("azure-openai", &[("api_key", "k")]);
        assert_eq!(azure.unwrap_err(), lacks("resource_name"));
        let none = built_in("redis", &[("password", "k")]).unwrap_err();
        assert_eq!(none, Untestable::NoProbe("redis".to_owned()));
        let known = [("api_key", "k"), ("custom_host", "https://proxy.example")];
        let diverted = built_in("openai", &known).unwrap_err();
        assert_eq!(diverted, Untestable::Diverted("custom_host".to_owned()));
    }

    #[test]
    fn a_setting_cannot_move_a_request_elsewhere() {
        let provider = own(&json!({
            "url": "https://${host}.acme.example/v1/${space}/me?team=${team}&key=${key}",
        }));
        let good = [("host", "eu-1"), ("space", "a b/../c"), ("team", "x&y=z#"), ("key", "k?")];
        assert_eq!(
            request(&provider, &good).unwrap().url.as_str(),
            "https://eu-1.acme.example/v1/a%20b%2F..%2Fc/me?team=x%26y%3Dz%23&key=k%3F"
        );
        for (name, bad) in [
            ("host", "evil.example/"),
            ("host", "me@evil"),
            ("host", "evil:80"),
            ("host", "evil?"),
            ("host", "evil#"),
            ("space", ".."),
            ("space", "."),
        ] {
            let known = [(name, bad), ("host", "eu"), ("space", "s"), ("team", "t"), ("key", "k")];
            assert_eq!(
                request(&provider, &known).unwrap_err(),
                Untestable::Unfit(name.to_owned()),
                "{bad}"
            );
        }
        for bad in [
            "ftp://a",
            "file:///etc/passwd",
            "https://me@evil.example",
            "https://a?x=",
            "https://a#",
            "https:///a",
            "https://a\\@b",
            "https://a b",
            "a.example",
        ] {
            let refused = built_in("openai", &[("api_key", "k"), ("base_url", bad)]);
            assert_eq!(refused.unwrap_err(), Untestable::Unfit("base_url".to_owned()), "{bad}");
        }
        let split = built_in("openai", &[("api_key", "k\r\nHost: evil")]).unwrap_err();
        assert_eq!(split, Untestable::Unfit("api_key".to_owned()));
    }

    #[test]
    fn what_decides_about_the_host_is_a_destination() {
        let provider = own(&json!({
            "url": "https://acme.example/${space}", "headers": { "X-Key": "${key}" },
        }));
        assert!(!provider.redirects("space", &json!("a"), &json!("b")));
        let provider = own(&json!({
            "url": "https://${space}.acme.example/${team}", "headers": { "X-Key": "${key}" },
        }));
        assert!(provider.redirects("space", &json!("a"), &json!("b")));
        assert!(!provider.redirects("team", &json!("a"), &json!("b")));
        let names: Vec<_> = in_host("${a}${b}/${c}?${d}").collect();
        assert_eq!(names, ["a", "b"]);
    }

    #[test]
    fn a_status_means_the_same_everywhere_unless_the_description_says_otherwise() {
        use TestOutcome as T;
        let openai = Catalogue::built_in().of("openai").trial().unwrap();
        for (status, outcome) in [
            (200, T::Works),
            (204, T::Works),
            (302, T::Inconclusive),
            (400, T::Inconclusive),
            (401, T::CredentialsRefused),
            (403, T::NotPermitted),
            (404, T::Inconclusive),
            (429, T::RateLimited),
            (500, T::Unreachable),
            (503, T::Unreachable),
        ] {
            assert_eq!(openai.outcome(status, b"API_KEY_INVALID"), outcome, "{status}");
        }
        let google = Catalogue::built_in().of("google").trial().unwrap();
        assert_eq!(
            google.outcome(400, b"{\"reason\": \"API_KEY_INVALID\"}"),
            T::CredentialsRefused
        );
        assert_eq!(google.outcome(400, b""), T::Inconclusive);
        let slack = Catalogue::built_in().of("slack").trial().unwrap();
        assert_eq!(slack.outcome(200, b"{\"ok\":true}"), T::Works);
        assert_eq!(slack.outcome(200, b"{\"ok\":false,\"error\":\"x\"}"), T::Inconclusive);
        let refused = slack.outcome(200, b"{\"ok\":false,\"error\":\"invalid_auth\"}");
        assert_eq!(refused, T::CredentialsRefused);
    }
}
