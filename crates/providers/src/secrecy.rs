//! Which fields without a description are treated as secret.

/// Parts of names that indicate a secret.
const TELLING: [&str; 9] = [
    "key",
    "secret",
    "token",
    "password",
    "credential",
    "passphrase",
    "passwd",
    "pwd",
    "connectionstring",
];

/// Names that contain one of those parts, but are certainly not secret.
const HARMLESS: [&str; 8] = [
    "keyspace",
    "keywords",
    "maxtokens",
    "tokenendpoint",
    "tokenresponsefield",
    "tokentype",
    "tokenuri",
    "tokenurl",
];

/// Returns whether a field without a description is treated as a secret, judging by its name.
/// Ignores case, hyphens and underscores. In doubt, it is a secret.
pub fn looks_secret(name: &str) -> bool {
    let plain: String = name
        .chars()
        .filter(|letter| !matches!(letter, '_' | '-' | '.' | ' '))
        .map(|letter| letter.to_ascii_lowercase())
        .collect();
    TELLING.iter().any(|part| plain.contains(part)) && !HARMLESS.contains(&plain.as_str())
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
            "keyspace",
            "custom_host",
        ] {
            assert!(!looks_secret(name), "{name}");
        }
    }
}
