//! AWS Secrets Manager, with the SDK that AWS publishes.

use aws_sdk_secretsmanager::Client;
use ledger_vault::Plaintext;
use tokio::sync::OnceCell;

use super::FollowError;
use crate::error::Cause;
use crate::reader::Settings;
use crate::services::{aws_config, aws_meaning};

const SERVICE: &str = "AWS Secrets Manager";

/// The service, with the region and the credentials that the environment names.
#[derive(Debug)]
pub(super) struct SecretsManager {
    settings: Settings,
    client: OnceCell<Client>,
}

impl SecretsManager {
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings, client: OnceCell::new() }
    }

    /// Returns the current version of a secret.
    pub(super) async fn read(&self, name: &str) -> Result<Plaintext, FollowError> {
        self.value(name).await.map_err(|cause| FollowError::at(SERVICE, cause))
    }

    async fn value(&self, name: &str) -> Result<Plaintext, Cause> {
        let find = async || aws_config(self.settings).await.map(|config| Client::new(&config));
        let client = self.client.get_or_try_init(find).await?;
        let got = client.get_secret_value().secret_id(name).send().await;
        let got = got.map_err(|error| aws_meaning(&error, "", of_code))?;
        if let Some(text) = got.secret_string {
            return Ok(Plaintext::from_string(text));
        }
        let bytes = got.secret_binary.map(aws_sdk_secretsmanager::primitives::Blob::into_inner);
        bytes.map(Plaintext::new).ok_or_else(|| {
            let remedy = "check AWS_ENDPOINT_URL_SECRETS_MANAGER and AWS_ENDPOINT_URL";
            Cause::refused("its answer lacks what was asked for", remedy)
        })
    }
}

/// Says what a code of the service means.
fn of_code(code: &str, status: u16, said: &str) -> Cause {
    let text = if said.is_empty() { code.to_owned() } else { format!("{code}: {said}") };
    let remedy = match code {
        "ThrottlingException"
        | "InternalServiceError"
        | "InternalFailure"
        | "ServiceUnavailable" => return Cause::away(text),
        _ if status == 429 || status >= 500 => return Cause::away(text),
        "AccessDeniedException" => {
            "permit secretsmanager:GetSecretValue on the secret to the credentials in use"
        }
        "ResourceNotFoundException" => "check the name of the secret, AWS_REGION and the account",
        "InvalidRequestException" => "cancel the deletion of the secret at AWS",
        "DecryptionFailure" => "permit kms:Decrypt on the key of the secret",
        "ExpiredTokenException" | "UnrecognizedClientException" | "InvalidSignatureException" => {
            "renew the credentials, and check the clock of this machine"
        }
        _ => "look the code up in the documentation of AWS Secrets Manager",
    };
    Cause::refused(text, remedy)
}
