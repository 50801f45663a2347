//! A peer that verifies signatures of AWS with the library of its own command line, and answers as
//! its token service does.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::process::Command;

use crate::settings;

/// The id of the key that it knows.
pub(super) const ID: &str = "AKIAIOSFODNN7EXAMPLE";
/// The region that requests are signed for.
pub(super) const REGION: &str = "eu-west-1";

/// Computes the signature of a request anew.
const VERIFY: &str = "
import json, sys
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
sent = json.load(sys.stdin)
request = AWSRequest(method=sent['method'], url=sent['url'], headers=sent['headers'])
request.context['timestamp'] = sent['headers']['x-amz-date']
auth = SigV4Auth(Credentials('id', sent['key']), 'sts', sent['region'])
canonical = auth.canonical_request(request)
print(auth.signature(auth.string_to_sign(request, canonical), request))
";

#[derive(Clone)]
struct Known {
    url: String,
    key: String,
}

/// Starts one that knows a key. Returns its address. It ends with the test.
pub(super) async fn start(key: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let router = Router::new().fallback(answer);
    let router = router.with_state(Known { url: url.clone(), key: key.to_owned() });
    tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
    url
}

async fn answer(
    State(known): State<Known>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> (StatusCode, String) {
    let sent = |name: &str| {
        let value = headers.get(name).map(|value| value.to_str().expect("text"));
        value.unwrap_or_default().to_owned()
    };
    let refused = |code: &str| {
        let body = format!("<ErrorResponse><Error><Code>{code}</Code></Error></ErrorResponse>");
        (StatusCode::FORBIDDEN, body)
    };
    let authorization = sent("authorization");
    let rest = authorization.strip_prefix("AWS4-HMAC-SHA256 ").expect("its way to sign");
    let parts: BTreeMap<&str, &str> =
        rest.split(", ").filter_map(|part| part.split_once('=')).collect();
    let scope: Vec<&str> = parts["Credential"].split('/').collect();
    assert_eq!(scope[2..], [REGION, "sts", "aws4_request"]);
    assert_eq!(uri.query(), Some("Action=GetCallerIdentity&Version=2011-06-15"));
    if scope[0] != ID {
        return refused("InvalidClientTokenId");
    }
    let signed: Vec<&str> = parts["SignedHeaders"].split(';').collect();
    let has_token = !sent("x-amz-security-token").is_empty();
    assert_eq!(signed.contains(&"x-amz-security-token"), has_token, "{signed:?}");
    assert!(signed.contains(&"host") && signed.contains(&"x-amz-date"), "{signed:?}");
    let headers: BTreeMap<&str, String> = signed.iter().map(|name| (*name, sent(name))).collect();
    let request = json!({
        "method": method.as_str(), "url": format!("{}{uri}", known.url), "headers": headers,
        "key": known.key, "region": REGION,
    });
    if computed(&request.to_string()).await != parts["Signature"] {
        return refused("SignatureDoesNotMatch");
    }
    (StatusCode::OK, "<GetCallerIdentityResponse/>".to_owned())
}

/// Returns the Python beside moto, which has the library.
fn python() -> PathBuf {
    settings::moto_server().with_file_name("python")
}

async fn computed(request: &str) -> String {
    let mut command = Command::new(python());
    command.args(["-c", VERIFY]).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(request.as_bytes()).await.expect("it reads");
    drop(stdin);
    let done = child.wait_with_output().await.expect("it ends");
    assert!(done.status.success());
    String::from_utf8(done.stdout).expect("text").trim().to_owned()
}
