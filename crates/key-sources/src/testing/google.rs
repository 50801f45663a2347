//! A server like Google Cloud KMS, after its public documentation, which is the metadata server of
//! its machine as well.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::engine::Key;

/// What the metadata server gives to the machine.
pub const GOOGLE_TOKEN: &str = "ya29.cnry-7f3a91e04bd2-tweet-token";
/// The key that is there.
pub const GOOGLE_KEY: &str =
    "projects/p-1/locations/europe-west3/keyRings/ledger/cryptoKeys/master";
const METADATA: &str = "/computeMetadata/v1/instance/service-accounts/default/token";

/// A refusal: a status, its name and what is said.
type Refusal = (u16, &'static str, String);

#[derive(Debug)]
struct Google {
    keys: HashMap<&'static str, Key>,
    is_disabled: bool,
    is_permitted: bool,
}

/// The server. It stops when dropped.
#[derive(Debug)]
pub struct GoogleServer {
    address: SocketAddr,
    google: Arc<Mutex<Google>>,
    server: JoinHandle<()>,
}

impl GoogleServer {
    /// Starts one with [`GOOGLE_KEY`].
    ///
    /// # Panics
    ///
    /// If this machine has no free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let keys = HashMap::from([(GOOGLE_KEY, Key::new(false))]);
        let google = Google { keys, is_disabled: false, is_permitted: true };
        let google = Arc::new(Mutex::new(google));
        let routes = Router::new().fallback(answer).with_state(Arc::clone(&google));
        let server = tokio::spawn(async move {
            axum::serve(listener, routes).await.expect("it serves until it is aborted");
        });
        Self { address, google, server }
    }

    /// Returns its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    fn google(&self) -> MutexGuard<'_, Google> {
        self.google.lock().expect("not poisoned")
    }

    /// Disables the version of the key.
    pub fn disable(&self) {
        self.google().is_disabled = true;
    }

    /// Permits nobody to use the key.
    pub fn forbid(&self) {
        self.google().is_permitted = false;
    }
}

impl Drop for GoogleServer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(
    State(google): State<Arc<Mutex<Google>>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let google = google.lock().expect("not poisoned");
    match google.execute(uri.path(), &headers, &body) {
        Ok(answer) => answer.to_string().into_response(),
        Err((code, status, message)) => {
            let error = json!({ "code": code, "status": status, "message": message });
            let code = StatusCode::from_u16(code).expect("a status");
            (code, json!({ "error": error }).to_string()).into_response()
        }
    }
}

impl Google {
    fn execute(&self, path: &str, headers: &HeaderMap, body: &[u8]) -> Result<Value, Refusal> {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        if path == METADATA && header("Metadata-Flavor") == Some("Google") {
            let token = GOOGLE_TOKEN;
            return Ok(
                json!({ "access_token": token, "expires_in": 3599, "token_type": "Bearer" }),
            );
        }
        if header("Authorization") != Some(&format!("Bearer {GOOGLE_TOKEN}")) {
            let said = "Request had invalid authentication credentials.";
            return Err((401, "UNAUTHENTICATED", said.to_owned()));
        }
        let name = path.strip_prefix("/v1/").and_then(|rest| rest.split_once(':'));
        let (name, operation) = name.ok_or((404, "NOT_FOUND", "no such route".to_owned()))?;
        if !self.is_permitted {
            let said = format!("Permission denied on resource '{name}' (or it may not exist).");
            return Err((403, "PERMISSION_DENIED", said));
        }
        let key = self.keys.get(name);
        let key = key.ok_or_else(|| (404, "NOT_FOUND", format!("CryptoKey {name} not found.")))?;
        if self.is_disabled {
            let said =
                format!("{name}/cryptoKeyVersions/1 is not enabled, current state is: DISABLED.");
            return Err((400, "FAILED_PRECONDITION", said));
        }
        with_key(key, operation, body)
    }
}

fn with_key(key: &Key, operation: &str, body: &[u8]) -> Result<Value, Refusal> {
    let invalid = |said: &str| (400, "INVALID_ARGUMENT", said.to_owned());
    let request: Map<String, Value> =
        serde_json::from_slice(body).map_err(|_| invalid("Invalid JSON payload received."))?;
    let text = |name: &str| request.get(name).and_then(Value::as_str).unwrap_or_default();
    let bound = text("additionalAuthenticatedData");
    let ask = |name: &str, value: &str| {
        let pairs = [(name, value), ("associated_data", bound)];
        pairs.map(|(name, value)| (name.to_owned(), json!(value))).into_iter().collect()
    };
    if operation == "encrypt" {
        let made = key.encrypt(&ask("plaintext", text("plaintext")));
        let made = made.map_err(|(_, said)| invalid(&said))?;
        let made = made.get("ciphertext").and_then(Value::as_str).expect("a text");
        return Ok(json!({ "name": "1", "ciphertext": STANDARD.encode(made) }));
    }
    let sealed = STANDARD.decode(text("ciphertext")).unwrap_or_default();
    let opened = key.decrypt(&ask("ciphertext", &String::from_utf8_lossy(&sealed)));
    opened.map_err(|_| {
        invalid("Decryption failed: verify that 'name' refers to the correct CryptoKey.")
    })
}
