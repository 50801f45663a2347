//! AWS KMS, with the SDK that AWS publishes.

use std::time::Duration;

use async_trait::async_trait;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_kms::Client;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::primitives::Blob;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ledger_domain::MasterKeyId;
use ledger_vault::{MasterKeyBytes, WrappedMasterKey};
use zeroize::Zeroizing;

use super::KeyService;
use super::aws_http::AwsHttp;
use crate::error::Cause;
use crate::quote::quote;
use crate::reader::Settings;

/// What the service is called in messages.
pub(super) const SERVICE: &str = "AWS KMS";
/// What a wrapped key is bound to, as KMS and its audit trail have it.
const CONTEXT: &str = "connledger-master-key";
/// Longest name of a key: an ARN.
const KEY_BYTES_MAX: usize = 2_048;
/// Time limit of a request with its repetitions.
const OPERATION_MAX: Duration = Duration::from_secs(20);

/// Returns whether a text can be the id, the ARN or the alias of a key.
pub(super) fn is_key(text: &str) -> bool {
    let is_good = |c: char| c.is_ascii_alphanumeric() || ":/_-".contains(c);
    (1..=KEY_BYTES_MAX).contains(&text.len()) && text.chars().all(is_good)
}

/// The service, with the region and the credentials that the environment names.
#[derive(Debug)]
pub(crate) struct AwsKms {
    client: Client,
}

impl AwsKms {
    pub(super) async fn find(settings: Settings) -> Result<Self, Cause> {
        config(settings).await.map(|config| Self { client: Client::new(&config) })
    }
}

/// Finds region and credentials as the tools of AWS do, for any of its services.
pub(crate) async fn config(settings: Settings) -> Result<SdkConfig, Cause> {
    let config = aws_config::defaults(BehaviorVersion::latest())
        .http_client(AwsHttp::new(settings.plain)?)
        .retry_config(RetryConfig::standard().with_initial_backoff(Duration::from_millis(200)))
        .timeout_config(TimeoutConfig::builder().operation_timeout(OPERATION_MAX).build())
        .load()
        .await;
    if config.region().is_none() {
        let remedy = "set AWS_REGION to the region of the key or the secret";
        return Err(Cause::refused("its region is not given", remedy));
    }
    Ok(config)
}

#[async_trait]
impl KeyService for AwsKms {
    fn name(&self) -> String {
        SERVICE.to_owned()
    }

    async fn wrap(
        &self,
        key: &str,
        id: MasterKeyId,
        bytes: &MasterKeyBytes,
    ) -> Result<Vec<u8>, Cause> {
        let request = self.client.encrypt().key_id(key).plaintext(Blob::new(bytes.as_slice()));
        let made = request.encryption_context(CONTEXT, id.to_string()).send().await;
        let made = made.map_err(|error| meaning(&error, &STANDARD.encode(bytes), of_code))?;
        made.ciphertext_blob.map(Blob::into_inner).ok_or_else(unexpected)
    }

    async fn open(&self, wrapped: &WrappedMasterKey) -> Result<MasterKeyBytes, Cause> {
        let ciphertext = wrapped.ciphertext();
        let request = self.client.decrypt().key_id(wrapped.key());
        let request = request.ciphertext_blob(Blob::new(ciphertext));
        let opened = request.encryption_context(CONTEXT, wrapped.id().to_string()).send().await;
        let opened =
            opened.map_err(|error| meaning(&error, &STANDARD.encode(ciphertext), of_code))?;
        opened.plaintext.map(|bytes| Zeroizing::new(bytes.into_inner())).ok_or_else(unexpected)
    }
}

fn unexpected() -> Cause {
    Cause::refused(
        "its answer lacks what was asked for",
        "check AWS_ENDPOINT_URL_KMS and AWS_ENDPOINT_URL",
    )
}

/// Says what an error of the SDK means; `of_code` knows the codes of the service. What was `sent`
/// is not repeated.
pub(crate) fn meaning<E>(
    error: &SdkError<E, HttpResponse>,
    sent: &str,
    of_code: fn(&str, u16, &str) -> Cause,
) -> Cause
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    if let Some(missing) = without_credentials(error) {
        return missing;
    }
    let status = error.raw_response().map_or(0, |response| response.status().as_u16());
    match error {
        SdkError::ServiceError(said) => {
            let (code, text) = (said.err().code(), said.err().message());
            let text = quote(text.unwrap_or_default().as_bytes(), &[sent]);
            of_code(code.unwrap_or("no code"), status, &text)
        }
        SdkError::TimeoutError(_) => Cause::away("it did not answer in time"),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => {
            Cause::away("it did not answer in time")
        }
        SdkError::DispatchFailure(failure) if failure.is_io() => {
            Cause::away("no connection can be made, or it broke")
        }
        SdkError::ResponseError(_) if status == 429 || status >= 500 => {
            Cause::away(format!("it answers with status {status}"))
        }
        SdkError::ResponseError(_) => unexpected(),
        other => {
            let text = causes(other).last().map(ToString::to_string).unwrap_or_default();
            Cause::refused(
                quote(text.as_bytes(), &[sent]),
                "check the variables that begin with AWS_",
            )
        }
    }
}

fn causes<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}

/// Says why there are no credentials, if that is the cause.
fn without_credentials(error: &(dyn std::error::Error + 'static)) -> Option<Cause> {
    let error = causes(error).find_map(|cause| cause.downcast_ref::<CredentialsError>())?;
    Some(match error {
        CredentialsError::ProviderTimedOut(_) => {
            Cause::away("what has the credentials did not answer in time")
        }
        _ => Cause::refused(
            "there are no credentials in the environment, nor does the machine have any",
            "give AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the machine a role",
        ),
    })
}

/// Says what a code of the service means.
fn of_code(code: &str, status: u16, said: &str) -> Cause {
    let text = if said.is_empty() { code.to_owned() } else { format!("{code}: {said}") };
    let remedy = match code {
        "ThrottlingException"
        | "KMSInternalException"
        | "DependencyTimeoutException"
        | "KeyUnavailableException"
        | "InternalFailure"
        | "ServiceUnavailable" => return Cause::away(text),
        _ if status == 429 || status >= 500 => return Cause::away(text),
        "AccessDeniedException" => {
            "permit kms:Encrypt and kms:Decrypt on the key to the credentials in use"
        }
        "NotFoundException" => "check the name of the key, AWS_REGION and the account",
        "DisabledException" => "enable the key at AWS",
        "KMSInvalidStateException" => "cancel the deletion of the key, or enable it, at AWS",
        "InvalidCiphertextException" | "IncorrectKeyException" => {
            "the line was changed, or belongs to another key; restore it from a copy"
        }
        "ExpiredTokenException" | "UnrecognizedClientException" | "InvalidSignatureException" => {
            "renew the credentials, and check the clock of this machine"
        }
        "InvalidKeyUsageException" => "use a symmetric key for encryption",
        _ => "look the code up in the documentation of AWS KMS",
    };
    Cause::refused(text, remedy)
}
