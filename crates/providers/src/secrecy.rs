//! Which fields without a description are treated as secret.

use crate::naming::{plain, words};

/// Parts of names that indicate a secret.
const TELLING: [&str; 13] = [
    "key",
    "secret",
    "token",
    "password",
    "credential",
    "passphrase",
    "passwd",
    "pwd",
    "connectionstring",
    "authorization",
    "cookie",
    "webhookurl",
    "databaseurl",
];

/// Whole words of names that indicate a secret.
const TELLING_WORDS: [&str; 7] = ["bearer", "dsn", "pass", "pat", "pin", "sig", "signature"];

/// Names that contain one of those, but are certainly not secret.
const HARMLESS: [&str; 8] = [
    "keyspace",
    "keywords",
    "keyid",
    "passthrough",
    "publickey",
    "publishablekey",
    "tokenizer",
    "author",
];

/// Last words of names that say something about a secret and are none.
const HARMLESS_ENDS: [&str; 11] = [
    "algorithm",
    "endpoint",
    "field",
    "format",
    "limit",
    "method",
    "mode",
    "type",
    "uri",
    "url",
    "version",
];

/// First words of names that say how much or how many.
const HARMLESS_STARTS: [&str; 4] = ["count", "max", "min", "num"];

/// Words of names whose values are chosen by people and may be short or only digits.
const CHOSEN: [&str; 7] = ["pass", "passphrase", "passwd", "password", "pin", "pwd", "secret"];

/// Returns whether a field without a description is treated as a secret, judging by its name.
/// Ignores case, hyphens and underscores. In doubt, it is a secret.
pub fn looks_secret(name: &str) -> bool {
    let (plain, words) = (plain(name), words(name));
    if HARMLESS.contains(&plain.as_str()) {
        return false;
    }
    let whole = ["webhookurl", "databaseurl"].iter().any(|part| plain.contains(part));
    let about = words.last().is_some_and(|last| HARMLESS_ENDS.contains(&last.as_str()))
        || words.first().is_some_and(|first| HARMLESS_STARTS.contains(&first.as_str()));
    if about && !whole {
        return false;
    }
    words.last().is_some_and(|last| last == "auth")
        || TELLING.iter().any(|part| plain.contains(part))
        || words.iter().any(|word| TELLING_WORDS.contains(&word.as_str()))
}

/// Returns whether a secret of that name may be a number, as passwords and personal numbers are.
pub(crate) fn may_be_a_number(name: &str) -> bool {
    words(name).iter().any(|word| CHOSEN.contains(&word.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_tell_of_a_secret_are_secret_in_any_spelling() {
        for name in [
            "key",
            "apiKey",
            "API-KEY",
            "client_secret",
            "botToken",
            "DB_PASSWORD",
            "credentials",
            "aws_access_key_id",
            "key_passphrase",
            "connection_string",
            "connectionString",
            "my_token_url_secret",
            "Authorization",
            "proxy-authorization",
            "auth",
            "dsn",
            "SENTRY_DSN",
            "database_url",
            "DATABASE_URL",
            "dbPass",
            "pass",
            "gitlab_pat",
            "bearer",
            "Cookie",
            "Set-Cookie",
            "slack_webhook_url",
            "webhookUrl",
            "pin",
            "sig",
        ] {
            assert!(looks_secret(name), "{name}");
        }
    }

    #[test]
    fn settings_and_addresses_are_not_secret() {
        for name in [
            "region",
            "endpoint",
            "token_url",
            "tokenUrl",
            "token_response_field",
            "max_tokens",
            "maxCompletionTokens",
            "keyspace",
            "custom_host",
            "key_id",
            "authorization_url",
            "auth_mode",
            "auth_source",
            "auth_type",
            "author",
            "path",
            "compass",
            "pass_through",
            "patch",
            "public_key",
            "design",
        ] {
            assert!(!looks_secret(name), "{name}");
        }
    }
}
