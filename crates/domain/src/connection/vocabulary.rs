//! Enums whose variants have stable texts.

use crate::text::Line;

/// Defines an enum whose variants have stable texts, with parsing and printing.
macro_rules! vocabulary {
    ($(#[$doc:meta])* $name:ident, $what:literal, {
        $($(#[$vdoc:meta])* $variant:ident = $text:literal,)+
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$vdoc])* $variant,)+
        }

        impl $name {
            /// Every value, in declaration order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Returns the stable word.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }

            /// Parses the stable word; the error lists all words.
            pub fn parse(text: &str) -> Result<Self, $crate::text::InvalidField> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err($crate::text::InvalidField::new(
                        $what,
                        concat!("must be one of", $(" ", $text),+),
                    )),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use vocabulary;

vocabulary!(
    /// The kind of service that a connection reaches.
    Kind, "kind", {
        /// A web API.
        Api = "api",
        /// An SQL database.
        DatabaseSql = "databasesql",
        /// A database without SQL.
        DatabaseNoSql = "databasenosql",
        /// Files.
        FileSystem = "filesystem",
        /// A message stream.
        Stream = "stream",
        /// Anything else.
        Custom = "custom",
    }
);

vocabulary!(
    /// The environment of a credential.
    Environment, "environment", {
        /// For test data.
        Test = "test",
        /// For production data.
        Live = "live",
    }
);

vocabulary!(
    /// How a connection authenticates to its provider.
    AuthMethod, "auth_method", {
        /// One key, sent in the way that the provider requires.
        ApiKey = "api_key",
        /// User name and password.
        Basic = "basic",
        /// A bearer token.
        Bearer = "bearer",
        /// A token in a named header.
        CustomHeader = "custom_header",
        /// OAuth 2 client credentials (RFC 6749 section 4.4).
        OAuth2ClientCredentials = "oauth2_client_credentials",
        /// OAuth 2 with a signed assertion (RFC 7523).
        OAuth2Jwt = "oauth2_jwt",
        /// A self-signed token made from a private key.
        PrivateKeyJwt = "private_key_jwt",
        /// A client certificate.
        Mtls = "mtls",
        /// AWS access key id and secret.
        AwsAccessKey = "aws_access_key",
        /// An AWS role to assume.
        AwsAssumedRole = "aws_assumed_role",
        /// Microsoft Entra application.
        AzureEntra = "azure_entra",
        /// Azure managed identity.
        AzureManaged = "azure_managed",
        /// Google Cloud with the gateway's own identity.
        GcpBasic = "gcp_basic",
        /// A Google Cloud service account file.
        GcpServiceAccount = "gcp_service_account",
        /// An OAuth 2 refresh token.
        RefreshToken = "refresh_token",
        /// An integration's OAuth 2 authorization code grant.
        IntegrationOAuth2AuthCode = "integration_oauth2_auth_code",
        /// An integration's OAuth 2 grant with the customer's own app.
        IntegrationOAuth2CustomApp = "integration_oauth2_custom_app",
        /// `WhatsApp` business number.
        WhatsApp = "whatsapp",
        /// Slack bot.
        SlackBot = "slack_bot",
        /// The secret is in the URL.
        UrlSecret = "url_secret",
        /// No credential is needed.
        None = "none",
        /// Not specified.
        Unknown = "unknown",
    }
);

vocabulary!(
    /// The user, team, organization or project that a connection is for.
    IdentityKind, "identity.type", {
        /// One person.
        User = "user",
        /// A team.
        Team = "team",
        /// A whole organization.
        Organization = "organization",
        /// A project.
        Project = "project",
    }
);

/// The party that a connection is for, with the caller's own id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Kind of party.
    pub kind: IdentityKind,
    /// The caller's own id for that party.
    pub value: Line,
}
