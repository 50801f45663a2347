//! Which settings decide where, or as whom, a secret is sent.

use serde_json::Value;

use crate::draft;
use crate::login::LoginFields;
use crate::naming::words;
use crate::provider::Provider;
use crate::template::placeholders;

/// Words of names that say where something is sent.
const PLACES: [&str; 40] = [
    "addr",
    "address",
    "addresses",
    "authority",
    "backend",
    "base",
    "broker",
    "brokers",
    "callback",
    "cluster",
    "destination",
    "dns",
    "domain",
    "endpoint",
    "endpoints",
    "forwarded",
    "gateway",
    "host",
    "hosts",
    "hostname",
    "instance",
    "node",
    "nodes",
    "origin",
    "port",
    "proxy",
    "realm",
    "redirect",
    "relay",
    "server",
    "servers",
    "site",
    "subdomain",
    "target",
    "targets",
    "tunnel",
    "upstream",
    "uri",
    "url",
    "webhook",
];

/// Words that say as whom something is sent, at the end of a name or before `id` and `name`.
const PARTIES: [&str; 13] = [
    "account",
    "arn",
    "audience",
    "client",
    "impersonate",
    "issuer",
    "login",
    "principal",
    "role",
    "subject",
    "tenant",
    "user",
    "username",
];

/// Ends of names in one word that say the same.
const ENDS: [&str; 9] =
    ["baseurl", "apibase", "endpoint", "hostname", "host", "proxy", "uri", "url", "username"];

impl Provider {
    /// Returns whether a change of a setting from `old` to `new` may send secrets elsewhere, or as
    /// somebody else. Absent values are null.
    ///
    /// The description of the field decides, or whether it is part of the provider's addresses, or
    /// how it authenticates. Otherwise names do, of the setting and of the members that differ, and
    /// texts that are addresses.
    pub fn redirects(&self, name: &str, old: &Value, new: &Value) -> bool {
        if old == new {
            return false;
        }
        let described = self.field(name);
        if let Some(says) = described.and_then(|field| field.destination) {
            return says;
        }
        let chooses = described.is_some_and(|field| !field.selects.is_empty());
        chooses || self.is_in_address(name) || directs(name) || differs_in_direction(old, new)
    }

    /// Returns whether a field is a part of the provider's own addresses.
    fn is_in_address(&self, name: &str) -> bool {
        let addresses = self.base_url.iter().chain(&self.token_url);
        let names = addresses.flat_map(|address| placeholders(address).unwrap_or_default());
        let requests = self.probe.iter().map(|probe| &probe.url);
        let requests = requests.chain(self.models.list.iter().map(|list| &list.url));
        let of_requests = requests.flat_map(|url| draft::in_host(url));
        let auth = self.probe.iter().filter_map(|probe| probe.auth.as_ref()?.token_url());
        let of_requests = of_requests.chain(auth.flat_map(draft::in_host));
        let of_login = self.login.iter().flat_map(LoginFields::destinations);
        let mut names = names.chain(of_requests).chain(of_login);
        let field = self.field(name);
        names.any(|placeholder| {
            placeholder == name || field.is_some_and(|field| field.is_called(placeholder))
        })
    }
}

/// Returns whether a name says where or as whom.
fn directs(name: &str) -> bool {
    let words = words(name);
    let plain = words.concat();
    let mut ending = words.iter().rev().skip_while(|word| matches!(word.as_str(), "id" | "name"));
    ending.next().is_some_and(|word| PARTIES.contains(&word.as_str()))
        || words.iter().any(|word| PLACES.contains(&word.as_str()))
        || ENDS.iter().any(|end| plain.ends_with(end))
}

/// Returns whether two values differ in a member whose name directs, or in an address.
fn differs_in_direction(old: &Value, new: &Value) -> bool {
    match (old, new) {
        (Value::Object(before), Value::Object(after)) => {
            let names = before.keys().chain(after.keys());
            let null = Value::Null;
            names.into_iter().any(|name| {
                let (old, new) = (before.get(name), after.get(name));
                let (old, new) = (old.unwrap_or(&null), new.unwrap_or(&null));
                old != new && (directs(name) || differs_in_direction(old, new))
            })
        }
        (old, new) => old != new && (has_direction(old) || has_direction(new)),
    }
}

fn has_direction(value: &Value) -> bool {
    match value {
        Value::String(text) => is_address(text),
        Value::Array(items) => items.iter().any(has_direction),
        Value::Object(members) => {
            members.iter().any(|(name, value)| directs(name) || has_direction(value))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Returns whether a text has the form of an address: a URL, a host with a port, the full name of a
/// host, or an IP address.
fn is_address(text: &str) -> bool {
    let text = text.trim();
    if text.contains("://") || text.starts_with("//") {
        return true;
    }
    let start = text.split('/').next().unwrap_or_default();
    // What stands before an `@` says as whom, not where.
    let start = start.rsplit_once('@').map_or(start, |(_, host)| host);
    let bare = start.trim_start_matches('[').trim_end_matches(']');
    if bare.parse::<std::net::IpAddr>().is_ok() {
        return true;
    }
    let with_port = start.rsplit_once(':').is_some_and(|(host, port)| {
        let is_host =
            |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '[' | ']' | ':');
        // Zero is no port: names of models end so, too.
        !host.is_empty()
            && host.chars().all(is_host)
            && port.parse::<u16>().is_ok_and(|port| port > 0)
    });
    with_port || is_full_name(start)
}

/// Returns whether a text is a host name of several labels, such as `evil.example`. In doubt it is,
/// as file names and names of classes are.
fn is_full_name(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
        !label.is_empty() && label.chars().all(is_part)
    };
    let top = name.rsplit_once('.').map(|(_, top)| top);
    let is_top = |top: &str| {
        top.starts_with("xn--") || (top.len() >= 2 && top.chars().all(char::is_alphabetic))
    };
    top.is_some_and(is_top) && name.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Catalogue;

    fn redirects(provider: &str, name: &str, old: &Value, new: &Value) -> bool {
        Catalogue::built_in().of(provider).redirects(name, old, new)
    }

    #[test]
    fn described_fields_decide_by_their_description() {
        let moved = |provider, name| redirects(provider, name, &json!("a"), &json!("b"));
        for (provider, name) in [
            ("openai", "baseUrl"),
            ("openai", "endpoint"),
            ("azure-openai", "resource_name"),
            ("azure-openai", "azure_resource_name"),
            ("azure-ai", "tenantId"),
            ("bedrock", "region"),
            ("bedrock", "auth_type"),
            ("bedrock", "role_arn"),
            ("postgresql", "host"),
            ("postgresql", "user"),
            ("mysql", "host"),
            ("cortex", "snowflake_account"),
            ("github", "client_id"),
            ("anything", "custom_host"),
        ] {
            assert!(moved(provider, name), "{provider} {name}");
        }
        for (provider, name) in [
            ("openai", "project"),
            ("azure-ai", "api_version"),
            ("postgresql", "database"),
            ("workers-ai", "account_id"),
            ("stripe", "account_id"),
        ] {
            assert!(!moved(provider, name), "{provider} {name}");
        }
    }

    #[test]
    fn other_fields_decide_by_name_and_by_the_form_of_an_address() {
        let null = Value::Null;
        for (name, new) in [
            ("apiBase", json!("x")),
            ("HTTPS_PROXY", json!("x")),
            ("smtp.port", json!(25)),
            ("baseurl", json!("x")),
            ("target", json!("https://evil.example")),
            ("target", json!("evil.example:443/v1")),
            ("target", json!("evil")),
            ("backend_node", json!("evil")),
            ("x", json!("evil.example")),
            ("x", json!("evil.example.")),
            ("x", json!("api_v2.evil.example/v1")),
            ("x", json!("evil.xn--p1ai")),
            ("x", json!("пример.рф")),
            ("x", json!("me@evil.example")),
            ("x", json!("me@evil.example:443/")),
            ("x", json!("10.0.0.1")),
            ("x", json!("10.0.0.1:8080")),
            ("x", json!("[::1]:80")),
            ("list", json!(["a", "evil.example:443"])),
            ("custom_headers", json!({"X-Forwarded-Host": "evil"})),
            ("options", json!({"deep": {"endpoint": "evil"}})),
        ] {
            assert!(redirects("anything", name, &null, &new), "{name} {new}");
            assert!(redirects("anything", name, &new, &null), "{name} {new} removed");
        }
        for (name, new) in [
            ("model", json!("gpt-4.1")),
            ("model", json!("anthropic.claude-3-5-sonnet-20241022-v2:0")),
            ("version", json!("1.2.3-rc")),
            ("note", json!("one. two")),
            ("note", json!("a..com")),
            ("support", json!("x")),
            ("user_agent", json!("x")),
            ("region", json!("eu")),
            ("security", json!("high")),
            ("ratio", json!("16:9x")),
            ("custom_headers", json!({"X-Team": "search"})),
            ("timeout", json!(30)),
        ] {
            assert!(!redirects("anything", name, &null, &new), "{name} {new}");
        }
    }

    #[test]
    fn only_what_differs_decides() {
        let old = json!({"url": "https://a", "team": "x"});
        let new = json!({"url": "https://a", "team": "y"});
        assert!(!redirects("anything", "options", &old, &new));
        assert!(redirects("anything", "options", &old, &json!({"team": "x"})));
        assert!(!redirects("anything", "base_url", &json!("a"), &json!("a")));
    }
}
