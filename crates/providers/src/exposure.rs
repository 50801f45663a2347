//! Secrets in the clear: in settings that only look harmless, in objects, header maps and URLs.

use std::fmt;

use serde_json::Value;

use crate::naming::words;
use crate::provider::Provider;
use crate::secrecy::{looks_secret, may_be_a_number};

/// The members that name a header where headers are a list of objects.
const PAIR_NAMES: [&str; 3] = ["name", "key", "header"];

/// Starts of tokens that services issue, in their own spelling.
const TOKEN_STARTS: [&str; 16] = [
    "AIza",
    "SG.",
    "eyJ",
    "ghp_",
    "gho_",
    "ghs_",
    "ghu_",
    "github_pat_",
    "glpat-",
    "rk_live_",
    "sk-",
    "sk_live_",
    "sk_test_",
    "xoxa-",
    "xoxb-",
    "xoxp-",
];
/// Shortest text that counts as such a token, in characters.
const TOKEN_CHARS_MIN: usize = 20;

/// Addresses that are a secret as a whole, because whoever knows them may post there.
const SECRET_ADDRESSES: [&str; 3] =
    ["hooks.slack.com/services/", "discord.com/api/webhooks/", "webhook.office.com/webhookb2/"];

/// Names of passwords in connection strings.
const PASSWORD_NAMES: [&str; 5] = ["password", "passwd", "pwd", "accountkey", "sharedaccesskey"];

/// A secret in the clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposed {
    /// Where it is: the name of the setting, then the names of members, such as
    /// `custom_headers.Authorization`.
    pub path: String,
    /// Why it counts as a secret.
    pub why: Why,
}

/// Why a value counts as a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The provider's description or its name says so.
    Named,
    /// It is a part of a URL or connection string.
    Within,
    /// Its text has the form of a credential.
    Form,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Named => "is a secret by its name",
            Self::Within => "has a password or key within its address",
            Self::Form => "has the form of a credential",
        })
    }
}

impl Provider {
    /// Returns the first text that is certainly a secret by its form, in something that is no
    /// setting: a label, an annotation, or what is said of a model. Names say nothing there.
    pub fn exposed_in_text(path: &str, value: &Value) -> Option<Exposed> {
        match value {
            Value::String(text) => {
                let why = why(path, text).filter(|why| *why != Why::Form || is_certain(text))?;
                Some(Exposed { path: path.to_owned(), why })
            }
            Value::Array(items) => items.iter().find_map(|item| Self::exposed_in_text(path, item)),
            Value::Object(members) => members
                .iter()
                .find_map(|(name, value)| Self::exposed_in_text(&format!("{path}.{name}"), value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => None,
        }
    }

    /// Returns the first secret that stands in the clear in the value of a setting.
    ///
    /// An object that is described as a secret is judged by its members, because header maps also
    /// hold what is none.
    pub fn exposed(&self, name: &str, value: &Value) -> Option<Exposed> {
        let described = self.field(name);
        let is_secret = described.map_or_else(
            || looks_secret(name) && is_filled(name, value),
            |field| field.secret && !value.is_object() && !is_empty(value),
        );
        if is_secret {
            return Some(Exposed { path: name.to_owned(), why: Why::Named });
        }
        within(name, value)
    }
}

/// Returns the first secret in a value, judging by its members' names and its texts.
fn within(path: &str, value: &Value) -> Option<Exposed> {
    match value {
        Value::String(text) => why(path, text).map(|why| Exposed { path: path.to_owned(), why }),
        Value::Array(items) => items.iter().find_map(|item| within(path, item)),
        Value::Object(members) => {
            let named = PAIR_NAMES.iter().find_map(|name| members.get(*name)?.as_str());
            let pair = named.zip(members.get("value"));
            let mut members = members.iter().map(|(name, value)| (name.as_str(), value));
            pair.into_iter()
                .find_map(|(name, value)| member(path, name, value))
                .or_else(|| members.find_map(|(name, value)| member(path, name, value)))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

fn member(path: &str, name: &str, value: &Value) -> Option<Exposed> {
    let path = format!("{path}.{name}");
    if looks_secret(name) && is_filled(name, value) {
        return Some(Exposed { path, why: Why::Named });
    }
    within(&path, value)
}

/// Returns whether a value under a telling name can be a secret.
fn is_filled(name: &str, value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) => false,
        Value::Number(_) => may_be_a_number(name),
        Value::String(text) => !is_blank(text),
        Value::Array(items) => items.iter().any(|item| is_filled(name, item)),
        Value::Object(members) => members.values().any(|value| is_filled(name, value)),
    }
}

fn is_empty(value: &Value) -> bool {
    matches!(value, Value::Null | Value::Bool(_)) || value.as_str().is_some_and(is_blank)
}

/// Returns whether a text is empty or only a place for a value.
fn is_blank(text: &str) -> bool {
    let text = text.trim();
    text.is_empty()
        || (text.starts_with("${") && text.ends_with('}'))
        || (text.starts_with("{{") && text.ends_with("}}"))
}

/// Returns why a text under a harmless name counts as a secret, if it does. Services give ids the
/// form of their tokens.
fn why(path: &str, text: &str) -> Option<Why> {
    let is_id = words(path).last().is_some_and(|last| last == "id");
    if !is_id && has_credential_form(text) {
        return Some(Why::Form);
    }
    let within = text.match_indices("://").any(|(at, _)| {
        let scheme = text.get(..at).unwrap_or_default();
        text.get(at + 3..).is_some_and(|rest| is_secret_url(scheme, rest))
    });
    (within || has_password(text)).then_some(Why::Within)
}

fn has_credential_form(text: &str) -> bool {
    let text = text.trim();
    if text.contains("-----BEGIN") && text.contains("PRIVATE KEY") {
        return true;
    }
    let scheme = text.split_once(' ').map(|(scheme, rest)| (scheme.to_ascii_lowercase(), rest));
    if let Some((scheme, rest)) = scheme
        && matches!(scheme.as_str(), "bearer" | "basic")
        && rest.len() >= 8
        && !rest.contains(' ')
    {
        return !is_blank(rest);
    }
    let is_long = text.chars().nth(TOKEN_CHARS_MIN - 1).is_some();
    is_long
        && !text.contains(char::is_whitespace)
        && TOKEN_STARTS.iter().any(|start| text.starts_with(start))
}

/// Returns whether a text in the form of a credential can hardly be anything else: names in words
/// have no digits, and a token of three parts is no other text in base64.
fn is_certain(text: &str) -> bool {
    let text = text.trim();
    text.contains(|c: char| c.is_ascii_digit())
        && (!text.starts_with("eyJ") || text.matches('.').count() >= 2)
}

/// Returns whether a URL without its scheme contains a password or a key.
fn is_secret_url(scheme: &str, rest: &str) -> bool {
    let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>'));
    let url = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
    if SECRET_ADDRESSES.iter().any(|address| url.contains(address)) {
        return true;
    }
    let authority = url.split(['/', '?', '#']).next().unwrap_or_default();
    if let Some((user, _)) = authority.rsplit_once('@') {
        let password = match user.split_once(':') {
            Some((_, password)) => password,
            // A lone user name is one for databases, but a token for the web.
            None if scheme.to_ascii_lowercase().ends_with("http")
                || scheme.to_ascii_lowercase().ends_with("https") =>
            {
                user
            }
            None => "",
        };
        if !is_blank(password) {
            return true;
        }
    }
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let pairs = query.split(['&', ';', '#']).filter_map(|pair| pair.split_once('='));
    pairs.into_iter().any(|(name, value)| looks_secret(name) && !is_blank(value))
}

/// Returns whether a connection string of names and values contains a password.
fn has_password(text: &str) -> bool {
    let parts = text.split([';', ' ', '&', '?', ',']).filter_map(|part| part.split_once('='));
    parts.into_iter().any(|(name, value)| {
        let name = name.trim().to_ascii_lowercase();
        PASSWORD_NAMES.contains(&name.as_str()) && !is_blank(value)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Catalogue;

    fn exposed(provider: &str, name: &str, value: &Value) -> Option<(String, Why)> {
        let found = Catalogue::built_in().of(provider).exposed(name, value);
        found.map(|found| (found.path, found.why))
    }

    #[test]
    fn a_field_that_is_described_or_named_as_a_secret_is_one() {
        for (provider, name) in [
            ("openai", "apiKey"),
            ("postgresql", "uri"),
            ("anything", "database_url"),
            ("anything", "custom_headers"),
            ("anything", "dbPass"),
        ] {
            let found = exposed(provider, name, &json!("hunter2"));
            assert_eq!(found, Some((name.to_owned(), Why::Named)), "{provider} {name}");
        }
        assert!(exposed("anything", "pin", &json!(1234)).is_some());
    }

    #[test]
    fn what_says_nothing_secret_is_a_setting() {
        for (name, value) in [
            ("api_key_required", json!(true)),
            ("password", json!(null)),
            ("password", json!("")),
            ("password", json!("${DB_PASSWORD}")),
            ("token_budget", json!(4096)),
            ("base_url", json!("https://[::1]:8080/v1?model=x")),
            ("url", json!("postgres://app@db.internal:5432/main?sslmode=require")),
            ("custom_headers", json!({"X-Team": "search", "Authorization": ""})),
            ("locale", json!("sk-SK")),
            ("client_id", json!("gho_0123456789abcdef0123")),
            ("scheme", json!("Bearer token")),
            ("description", json!("basic access for the search team")),
        ] {
            assert_eq!(exposed("anything", name, &value), None, "{name} {value}");
        }
    }

    #[test]
    fn in_labels_and_annotations_only_what_is_certainly_a_secret_counts() {
        let found = |value: Value| {
            Provider::exposed_in_text("annotations.x", &value).map(|found| found.path)
        };
        for value in [
            json!("sk-proj-0123456789abcdef"),
            json!("Bearer 0123456789abcdef"),
            json!("postgres://app:hunter2@db.internal/main"),
            json!("eyJhbGciOiJIUzI1NiJ9.e30.abc0123"),
        ] {
            assert_eq!(found(value.clone()).as_deref(), Some("annotations.x"), "{value}");
        }
        let deep = json!([{"a": {"b": "ghp_0123456789abcdef0123"}}]);
        assert_eq!(found(deep).as_deref(), Some("annotations.x.a.b"));
        for value in [
            json!({"password": "see the vault", "token": 7, "api_key": "rotated monthly"}),
            json!("sk-learn-pipeline-classifier"),
            json!("eyJhIjoxLCJiIjoyLCJjIjozfQ=="),
            json!("https://wiki.example/keys?page=2"),
            json!("sk-***"),
        ] {
            assert_eq!(found(value.clone()), None, "{value}");
        }
    }

    #[test]
    fn secrets_inside_objects_headers_and_lists_are_found_with_their_place() {
        for (value, path) in [
            (json!({"Authorization": "x"}), "extra.Authorization"),
            (json!({"deep": [{"apiKey": "x"}]}), "extra.deep.apiKey"),
            (json!({"X-Forwarded-By": "Bearer 0123456789"}), "extra.X-Forwarded-By"),
            (json!([{"name": "Cookie", "value": "x"}]), "extra.Cookie"),
            (json!({"clientSecret": {"value": "x"}}), "extra.clientSecret"),
        ] {
            let found = exposed("anything", "extra", &value).map(|(path, _)| path);
            assert_eq!(found.as_deref(), Some(path), "{value}");
        }
    }

    #[test]
    fn passwords_and_keys_within_addresses_are_found() {
        for text in [
            "https://user:hunter2@api.example/v1",
            "redis://:hunter2@cache:6379",
            "https://0123456789abcdef@git.example/repository",
            "https://api.example/v1?api_key=hunter2",
            "https://api.example/v1?a=b&sig=abc#x",
            "jdbc:postgresql://db/main?user=a&password=hunter2",
            "Server=db;User Id=app;Password=hunter2",
            "host=db password=hunter2",
            "https://hooks.slack.com/services/T0/B0/abc",
        ] {
            let found = exposed("anything", "address", &json!(text)).map(|(_, why)| why);
            assert_eq!(found, Some(Why::Within), "{text}");
        }
    }

    #[test]
    fn texts_in_the_form_of_a_credential_are_found() {
        for text in [
            "sk-proj-0123456789abcdef",
            "ghp_0123456789abcdef0123",
            "Basic dXNlcjpodW50ZXIy",
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE",
            "eyJhbGciOiJIUzI1NiJ9.e30.abc",
        ] {
            let found = exposed("anything", "note", &json!(text)).map(|(_, why)| why);
            assert_eq!(found, Some(Why::Form), "{text}");
        }
    }
}
