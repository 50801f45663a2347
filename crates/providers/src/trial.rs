//! The request of a test, as one connection makes it, and what its answer means.

use std::fmt;

use ledger_domain::connection::TestOutcome;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::auth::Auth;
use crate::draft::{Draft, names_in};
use crate::endpoint::{Listing, OutcomeRule};
use crate::field::Field;
use crate::login::{Login, LoginFields};
use crate::provider::Provider;
use crate::words::Method;

/// Settings by which requests go elsewhere than the catalogue says, or as something else.
const DIVERTING: [&str; 3] = ["custom_host", "custom_headers", "base_url"];

/// Why there is no request of a test for a connection. It never repeats a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Untestable {
    /// The catalogue has none for the provider.
    NoProbe(String),
    /// The catalogue has no request that lists models of the provider.
    NoListing(String),
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
            Self::NoListing(provider) => {
                write!(f, "the catalogue does not say where {provider} lists its models")
            }
            Self::Lacks(field) => {
                write!(f, "the request takes {field}, which the connection lacks")
            }
            Self::Diverted(field) => {
                write!(f, "the catalogue does not say where requests go with {field}")
            }
            Self::Unfit(field) => {
                write!(f, "the value of {field} does not fit into the request")
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
    /// What else proves who sends it; it is not complete without.
    pub auth: Option<Auth>,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({}, {} headers)", self.method, self.headers.len())
    }
}

/// What a test sends.
#[derive(Debug)]
pub enum TestRequest {
    /// A request over HTTP.
    Http(Request),
    /// A login to a database.
    Login(Login),
}

/// Returns the value of a connection's field, setting or secret.
pub type Values<'a> = &'a dyn Fn(&Field) -> Option<Zeroizing<String>>;

/// What is sent to one provider, as the catalogue has it for all connections: a test, or the
/// request that lists models.
#[derive(Clone, Copy, Debug)]
pub struct Trial<'p> {
    provider: &'p Provider,
    way: Way<'p>,
}

/// What is sent, and what answers mean.
#[derive(Clone, Copy, Debug)]
enum Way<'p> {
    Http(Draft<'p>, &'p [OutcomeRule]),
    Login(&'p LoginFields),
}

impl Provider {
    /// Returns the test of connections to it.
    ///
    /// # Errors
    /// There is none.
    pub fn trial(&self) -> Result<Trial<'_>, Untestable> {
        let draft = |probe| Way::Http(Draft::of_probe(self, probe), &probe.outcomes);
        let way = self.probe.as_ref().map(draft);
        let way = way.or_else(|| self.login.as_ref().map(Way::Login));
        let way = way.ok_or_else(|| Untestable::NoProbe(self.id.clone()))?;
        Ok(Trial { provider: self, way })
    }

    /// Returns the request that lists the models of a connection to it, and where its answers have
    /// them.
    ///
    /// # Errors
    /// There is none.
    pub fn listing(&self) -> Result<(Trial<'_>, &Listing), Untestable> {
        let list = self.models.list.as_ref();
        let list = list.ok_or_else(|| Untestable::NoListing(self.id.clone()))?;
        let outcomes = self.probe.as_ref().map(|probe| &*probe.outcomes).unwrap_or_default();
        let way = Way::Http(Draft::of_listing(self, list), outcomes);
        Ok((Trial { provider: self, way }, list))
    }
}

impl<'p> Trial<'p> {
    /// Returns whether requests of a connection would go elsewhere by something that is set of it,
    /// which the provider does not describe.
    pub fn is_diverted_by(&self, name: &str) -> bool {
        let plain = |name: &str| name.replace('_', "").to_ascii_lowercase();
        let diverts = DIVERTING.iter().any(|diverting| plain(diverting) == plain(name));
        diverts && self.provider.field(name).is_none()
    }

    /// Returns the fields of the provider that are no secrets.
    pub fn settings(&self) -> impl Iterator<Item = &'p Field> {
        self.provider.fields.iter().filter(|field| !field.secret)
    }

    /// Returns the secret fields that the request takes, if a connection has all that it takes. A
    /// test takes one at least.
    ///
    /// # Errors
    /// A field is missing, or one is there by which requests go elsewhere.
    pub fn secrets(&self, has: &dyn Fn(&Field) -> bool) -> Result<Vec<&'p Field>, Untestable> {
        let names: Vec<&str> = match self.way {
            Way::Http(draft, _) => draft.texts().flat_map(names_in).collect(),
            Way::Login(login) => login.names().map(|(_, name)| name).collect(),
        };
        for name in DIVERTING {
            let there = self.provider.field(name).filter(|field| has(field));
            let is_used = |field: &Field| names.iter().any(|name| field.is_called(name));
            if let Some(field) = there.filter(|field| !is_used(field)) {
                return Err(Untestable::Diverted(field.name.clone()));
            }
        }
        match self.way {
            Way::Http(draft, _) => draft.secrets(has),
            Way::Login(login) => login.secrets(self.provider, has),
        }
    }

    /// Returns what is sent for a connection.
    ///
    /// # Errors
    /// A field is missing, or does not fit.
    pub fn request(&self, values: Values<'_>) -> Result<TestRequest, Untestable> {
        match self.way {
            Way::Http(draft, _) => draft.request(values, None).map(TestRequest::Http),
            Way::Login(login) => login.login(self.provider, values).map(TestRequest::Login),
        }
    }

    /// Returns the request of a connection for a page of a list: its URL has one more parameter,
    /// unless it is the first.
    ///
    /// # Errors
    /// A field is missing, or does not fit.
    pub fn page_request(
        &self,
        values: Values<'_>,
        page: Option<(&str, &str)>,
    ) -> Result<Request, Untestable> {
        match self.way {
            Way::Http(draft, _) => draft.request(values, page),
            Way::Login(_) => Err(Untestable::NoListing(self.provider.id.clone())),
        }
    }

    /// Returns what an answer over HTTP with the beginning of its body means.
    pub fn outcome(&self, status: u16, body: &[u8]) -> TestOutcome {
        let fits = |rule: &&OutcomeRule| {
            let holds =
                |text: &String| body.windows(text.len()).any(|part| part == text.as_bytes());
            rule.status == status && rule.contains.as_ref().is_none_or(holds)
        };
        let rules: &[OutcomeRule] = match self.way {
            Way::Http(_, outcomes) => outcomes,
            Way::Login(_) => &[],
        };
        match rules.iter().find(fits) {
            Some(rule) => rule.outcome,
            None => outcome_of(status),
        }
    }
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

/// Returns the value of a field that a connection does not have.
pub(crate) fn default(field: &Field) -> Option<Zeroizing<String>> {
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
    use crate::draft::in_host;

    type Known<'a> = &'a [(&'a str, &'a str)];

    fn value(known: Known<'_>, field: &Field) -> Option<Zeroizing<String>> {
        let found = known.iter().find(|(name, _)| field.is_called(name));
        found.map(|(_, value)| Zeroizing::new((*value).to_owned()))
    }

    fn request(provider: &Provider, known: Known<'_>) -> Result<Request, Untestable> {
        let trial = provider.trial()?;
        trial.secrets(&|field| value(known, field).is_some())?;
        match trial.request(&|field| value(known, field))? {
            TestRequest::Http(request) => Ok(request),
            TestRequest::Login(login) => panic!("{login:?} is no request"),
        }
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
        let none = built_in("cortex", &[("api_key", "k")]).unwrap_err();
        assert_eq!(none, Untestable::NoProbe("cortex".to_owned()));
        let known = [("api_key", "k"), ("custom_host", "https://proxy.example")];
        let diverted = built_in("openai", &known).unwrap_err();
        assert_eq!(diverted, Untestable::Diverted("custom_host".to_owned()));
        let is_diverted = |provider: &str, name: &str| {
            Catalogue::built_in().of(provider).trial().unwrap().is_diverted_by(name)
        };
        for name in ["base_url", "baseUrl", "customHost"] {
            assert!(is_diverted("stripe", name), "{name}");
        }
        assert!(!is_diverted("openai", "base_url"), "it is described");
        assert!(!is_diverted("stripe", "timeout"));
    }

    #[test]
    fn a_request_is_proven_otherwise_only_if_the_connection_lacks_what_it_takes() {
        let azure = |known: Known<'_>| {
            let request = built_in("azure-openai", known)?;
            let auth = request.auth.map_or_else(String::new, |auth| format!("{auth:?}"));
            Ok((request.headers.len(), auth))
        };
        let resource = ("resource_name", "team");
        let application =
            [resource, ("tenant_id", "t"), ("client_id", "c"), ("client_secret", "s")];
        assert_eq!(azure(&[resource, ("api_key", "k")]), Ok((1, String::new())));
        assert_eq!(azure(&application), Ok((0, "Entra".to_owned())));
        let both = [&application[..], &[("api_key", "k")]].concat();
        assert_eq!(azure(&both), Ok((1, String::new())));
        let lacks = |field: &str| Err(Untestable::Lacks(field.to_owned()));
        assert_eq!(azure(&[resource]), lacks("api_key"));
        assert_eq!(
            azure(&[resource, ("client_id", "c"), ("client_secret", "s")]),
            lacks("tenant_id")
        );
        let keys = [("access_key_id", "a"), ("secret_access_key", "s"), ("region", "eu-west-1")];
        let request = built_in("bedrock", &keys).unwrap();
        assert!(request.url.starts_with("https://sts.eu-west-1.amazonaws.com/?Action=Get"));
        let Some(Auth::AwsV4(signed)) = request.auth else { panic!("it is signed") };
        assert_eq!((signed.region.as_str(), signed.session_token.is_none()), ("eu-west-1", true));
        let temporary = [&keys[..], &[("session_token", "t")]].concat();
        let Some(Auth::AwsV4(signed)) = built_in("bedrock", &temporary).unwrap().auth else {
            panic!("it is signed")
        };
        assert_eq!(signed.session_token.unwrap().as_str(), "t");
        assert_eq!(
            built_in("bedrock", &keys[..1]).unwrap_err(),
            Untestable::Lacks("secret_access_key".to_owned())
        );
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
