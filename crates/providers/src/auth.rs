//! What proves who sends a request, where no placeholder can: a signature, or a token that is asked
//! for first.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// A signature of a request, or a token for it. Members that are called after a secret or an id are
/// names of fields; others are texts that may have placeholders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum AuthFields {
    /// A signature of AWS, version 4.
    AwsV4 {
        /// The name of the service, such as `sts`.
        service: String,
        /// The region.
        region: String,
        /// The secret field with the id of the access key.
        access_key_id: String,
        /// The secret field with the access key.
        secret_access_key: String,
        /// The secret field with the token that temporary keys have.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session_token: Option<String>,
    },
    /// A token for a service account of Google.
    Google {
        /// The URL that gives tokens.
        token_url: String,
        /// What the token is for.
        scope: String,
        /// The secret field with the whole key file, in JSON.
        key_file: String,
    },
    /// A token for an application of Microsoft Entra.
    Entra {
        /// The URL that gives tokens.
        token_url: String,
        /// What the token is for.
        scope: String,
        /// The field with the id of the application.
        client_id: String,
        /// The secret field with its secret.
        client_secret: String,
    },
}

impl AuthFields {
    /// Returns the names of its fields, with what each is of, and whether a connection needs it.
    pub(crate) fn names(&self) -> Vec<(&'static str, &str, bool)> {
        match self {
            Self::AwsV4 { access_key_id, secret_access_key, session_token, .. } => {
                let session = session_token.iter().map(|name| ("session_token", &**name, false));
                let needed = [
                    ("access_key_id", access_key_id.as_str(), true),
                    ("secret_access_key", secret_access_key.as_str(), true),
                ];
                needed.into_iter().chain(session).collect()
            }
            Self::Google { key_file, .. } => vec![("key_file", key_file, true)],
            Self::Entra { client_id, client_secret, .. } => {
                vec![("client_id", client_id, true), ("client_secret", client_secret, true)]
            }
        }
    }

    /// Returns its texts that may have placeholders.
    pub(crate) fn texts(&self) -> Vec<(&'static str, &str)> {
        match self {
            Self::AwsV4 { region, service, .. } => vec![("region", region), ("service", service)],
            Self::Google { token_url, scope, .. } | Self::Entra { token_url, scope, .. } => {
                vec![("token_url", token_url), ("scope", scope)]
            }
        }
    }

    /// Returns the URL that gives tokens.
    pub(crate) fn token_url(&self) -> Option<&str> {
        match self {
            Self::AwsV4 { .. } => None,
            Self::Google { token_url, .. } | Self::Entra { token_url, .. } => Some(token_url),
        }
    }
}

/// What proves who sends a request of one connection, wiped when dropped.
pub enum Auth {
    /// A signature of AWS, version 4.
    AwsV4(AwsKeys),
    /// A token for a service account of Google.
    Google {
        /// The URL that gives tokens.
        token_url: Zeroizing<String>,
        /// What the token is for.
        scope: Zeroizing<String>,
        /// The whole key file, in JSON.
        key_file: Zeroizing<String>,
    },
    /// A token for an application of Microsoft Entra.
    Entra {
        /// The URL that gives tokens.
        token_url: Zeroizing<String>,
        /// What the token is for.
        scope: Zeroizing<String>,
        /// The id of the application.
        client_id: Zeroizing<String>,
        /// Its secret.
        client_secret: Zeroizing<String>,
    },
}

/// Keys of AWS.
pub struct AwsKeys {
    /// The name of the service.
    pub service: Zeroizing<String>,
    /// The region.
    pub region: Zeroizing<String>,
    /// The id of the access key.
    pub access_key_id: Zeroizing<String>,
    /// The access key.
    pub secret_access_key: Zeroizing<String>,
    /// The token that temporary keys have.
    pub session_token: Option<Zeroizing<String>>,
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AwsV4(_) => "AwsV4",
            Self::Google { .. } => "Google",
            Self::Entra { .. } => "Entra",
        })
    }
}

impl fmt::Debug for AwsKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AwsKeys")
    }
}
