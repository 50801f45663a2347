//! What the request of a test lacks: a signature of AWS, or a token that is asked for first.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use ledger_providers::{Auth, AwsKeys, Request};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::assertion::{Algorithm, Assertion};
use crate::plan::{Moment, Plan, Step, Unusable};

/// How long the assertion for a token of a test is valid, in seconds.
const ASSERTION_SECONDS: i64 = 3_600;

/// What a request still takes.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "it is taken apart at once")]
pub enum Proof {
    /// Nothing: it is complete.
    Complete(Request),
    /// A token: the first request is for it, the second is sent with it.
    Token(Request, Request),
}

/// Completes a request as far as that takes nobody else.
///
/// # Errors
/// A key is not what it has to be. Nothing of it is said.
pub fn prove(mut request: Request, moment: Moment<'_>) -> Result<Proof, Unusable> {
    let (plan, secret) = match request.auth.take() {
        None => return Ok(Proof::Complete(request)),
        Some(Auth::AwsV4(keys)) => {
            sign_for_aws(&mut request, &keys, moment.now)?;
            return Ok(Proof::Complete(request));
        }
        Some(Auth::Google { token_url, scope, key_file }) => {
            of_service_account(&token_url, &scope, &key_file)?
        }
        Some(Auth::Entra { token_url, scope, client_id, client_secret }) => {
            (Plan::of_application(&token_url, &client_id, &scope), client_secret)
        }
    };
    match plan.step(&|_| Some(secret.clone()), moment)? {
        Step::Send(for_token) => Ok(Proof::Token(for_token, request)),
        Step::Signed(obtained) => Ok(Proof::Complete(with_token(request, &obtained.token))),
    }
}

/// Returns a request with a token in its header.
pub fn with_token(mut request: Request, token: &str) -> Request {
    let value = Zeroizing::new(format!("Bearer {token}"));
    request.headers.push(("Authorization".to_owned(), value));
    request
}

/// Reads a key file of Google, and returns how it is used, with its private key.
fn of_service_account(
    token_url: &str,
    scope: &str,
    key_file: &str,
) -> Result<(Plan, Zeroizing<String>), Unusable> {
    let malformed = || Unusable::Malformed {
        name: "key_file",
        wanted: "JSON with client_email and private_key",
    };
    let mut file: Map<String, Value> = serde_json::from_str(key_file).map_err(|_| malformed())?;
    let mut text = |name: &str| match file.remove(name) {
        Some(Value::String(text)) => Some(Zeroizing::new(text)),
        _ => None,
    };
    let email = text("client_email").ok_or_else(malformed)?;
    let key = text("private_key").ok_or_else(malformed)?;
    let assertion = Assertion {
        algorithm: Algorithm::Rs256,
        key_id: text("private_key_id").map(|id| id.to_string()),
        issuer: email.to_string(),
        audience: token_url.to_owned(),
        // It would ask to act for somebody else.
        subject: None,
        seconds: ASSERTION_SECONDS,
        headers: Map::new(),
        claims: Map::from_iter([("scope".to_owned(), scope.into())]),
    };
    Ok((Plan::of_assertion(token_url, assertion), key))
}

/// Adds the headers of a signature.
fn sign_for_aws(request: &mut Request, keys: &AwsKeys, now: i64) -> Result<(), Unusable> {
    let unfit = || Unusable::Malformed {
        name: "secret_access_key",
        wanted: "one that a request can be signed with",
    };
    let session_token = keys.session_token.as_ref().map(|token| token.to_string());
    let (id, key) = (keys.access_key_id.as_str(), keys.secret_access_key.as_str());
    let identity = Credentials::new(id, key, session_token, None, "connledger").into();
    let now = Duration::from_secs(u64::try_from(now).unwrap_or_default());
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(&keys.region)
        .name(&keys.service)
        .time(SystemTime::UNIX_EPOCH + now)
        .settings(SigningSettings::default())
        .build()
        .map_err(|_| unfit())?
        .into();
    let signed = {
        let headers = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let body = request.body.as_ref().map_or("", |body| body.as_str());
        let body = SignableBody::Bytes(body.as_bytes());
        let (method, url) = (request.method.as_str(), request.url.to_string());
        let signable = SignableRequest::new(method, url, headers, body).map_err(|_| unfit())?;
        sign(signable, &params).map_err(|_| unfit())?.into_parts().0
    };
    for (name, value) in signed.headers() {
        request.headers.push((name.to_owned(), Zeroizing::new(value.to_owned())));
    }
    Ok(())
}
