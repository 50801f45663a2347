//! What is sent to token services.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ledger_domain::connection::AuthMethod;
use serde_json::{Value, json};

use super::*;

const URL: &str = "https://as.example/token";

fn refusal(method: AuthMethod, config: &Value, secrets: &[(&'static str, &'static str)]) -> String {
    connection(method, config, secrets).step().expect_err("no plan").to_string()
}

fn header<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
    let mut headers = request.headers.iter();
    headers.find(|(own, _)| own == name).map(|(_, value)| value.as_str())
}

#[test]
fn client_credentials_are_sent_in_the_body_or_in_a_header() {
    let method = AuthMethod::OAuth2ClientCredentials;
    let secrets = [("client_secret", "s:e c/ret")];
    let config = json!({"token_url": URL, "client_id": "my id", "scopes": ["a", "b"]});
    let request = connection(method, &config, &secrets).request();
    assert_eq!((request.method.as_str(), request.url.as_str()), ("POST", URL));
    assert_eq!(header(&request, "content-type"), Some("application/x-www-form-urlencoded"));
    let sent = [
        ("grant_type", "client_credentials"),
        ("client_id", "my id"),
        ("client_secret", "s:e c/ret"),
        ("scope", "a b"),
    ];
    assert_eq!(form(&request), pairs(&sent));
    assert!(request.basic.is_none());

    let mut config = config;
    config["basic_auth_in_header"] = json!(true);
    let request = connection(method, &config, &secrets).request();
    let sent = [("grant_type", "client_credentials"), ("scope", "a b")];
    assert_eq!(form(&request), pairs(&sent));
    let (user, password) = request.basic.expect("a header");
    assert_eq!((user.as_str(), password.as_str()), ("my+id", "s%3Ae+c%2Fret"));
}

#[test]
fn extra_parameters_and_headers_may_be_settings_or_secrets() {
    let config = json!({
        "token_url": URL, "client_id": "c",
        "extra_params": {"audience": "api", "resource": 7, "client_id": "other", "gone": null},
        "custom_headers": {"X-Tenant": "t", "Accept": "*/*"},
    });
    let secrets = [
        ("client_secret", "s"),
        ("extra_params.pin", "p"),
        ("custom_headers.X-Key", "k"),
        ("api_key", "for nobody"),
    ];
    let one = connection(AuthMethod::OAuth2ClientCredentials, &config, &secrets);
    let taken: Vec<String> = one.plan().expect("a plan").secrets().into_iter().collect();
    assert_eq!(taken, ["client_secret", "custom_headers.X-Key", "extra_params.pin"]);
    let request = one.request();
    let sent = [
        ("grant_type", "client_credentials"),
        ("client_id", "other"),
        ("client_secret", "s"),
        ("audience", "api"),
        ("resource", "7"),
        ("pin", "p"),
    ];
    assert_eq!(form(&request), pairs(&sent));
    assert_eq!(header(&request, "X-Tenant"), Some("t"));
    assert_eq!(header(&request, "X-Key"), Some("k"));
    assert_eq!((header(&request, "Accept"), header(&request, "accept")), (Some("*/*"), None));
    let shown = format!("{request:?}");
    assert!(!shown.contains("k\"") && !shown.contains("client_secret"), "{shown}");
}

#[test]
fn a_refresh_token_is_sent_with_the_secret_of_its_client_if_it_has_one() {
    let config = json!({"token_url": URL, "client_id": "c", "scopes": "a b"});
    let public = connection(AuthMethod::RefreshToken, &config, &[("refresh_token", "r")]);
    let sent = [
        ("grant_type", "refresh_token"),
        ("refresh_token", "r"),
        ("client_id", "c"),
        ("scope", "a b"),
    ];
    assert_eq!(form(&public.request()), pairs(&sent));
    let secrets = [("refresh_token", "r"), ("client_secret", "s")];
    let private = connection(AuthMethod::RefreshToken, &config, &secrets).request();
    assert_eq!(form(&private)["client_secret"], "s");
    let in_header = json!({"token_url": URL, "client_id": "c", "basic_auth_in_header": true});
    let private = connection(AuthMethod::RefreshToken, &in_header, &secrets).request();
    assert!(!form(&private).contains_key("client_id"));
    let (user, password) = private.basic.expect("a header");
    assert_eq!(STANDARD.encode(format!("{}:{}", *user, *password)), STANDARD.encode("c:s"));
}

#[test]
fn an_assertion_is_a_grant_or_authenticates_the_client() {
    let secrets = [("secret_key", "k")];
    let more = json!({"token_url": URL, "scopes": ["a"], "extra_params": {"claim": "x"}});
    let grant = form(&connection(AuthMethod::OAuth2Jwt, &asserting(&more), &secrets).request());
    assert_eq!(grant["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");
    assert_eq!((grant["scope"].as_str(), grant.len()), ("a", 3), "extra parameters are claims");
    assert_eq!(grant["assertion"].split('.').count(), 3);
    for (method, usage) in [
        (AuthMethod::OAuth2Jwt, json!("client_authentication")),
        (AuthMethod::PrivateKeyJwt, Value::Null),
    ] {
        let more = json!({"token_url": URL, "jwt_usage": usage, "client_id": "c"});
        let sent = form(&connection(method, &asserting(&more), &secrets).request());
        assert_eq!(sent["grant_type"], "client_credentials");
        assert_eq!(
            sent["client_assertion_type"],
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        );
        assert_eq!(sent["client_id"], "c");
        assert!(sent.contains_key("client_assertion") && !sent.contains_key("assertion"));
    }
}

#[test]
fn what_is_missing_or_malformed_is_named_without_a_value() {
    let client = AuthMethod::OAuth2ClientCredentials;
    let secret = [("client_secret", "canary")];
    let table = [
        (AuthMethod::ApiKey, json!({}), "auth_method is api_key"),
        (client, json!({"client_id": "c"}), "token_url is missing"),
        (client, json!({"token_url": URL}), "client_id is missing"),
        (client, json!({"token_url": "canary", "client_id": "c"}), "token_url must be an https:"),
        (client, json!({"token_url": URL, "client_id": 7}), "client_id must be text"),
        (client, json!({"token_url": URL, "client_id": "c", "scopes": [7]}), "scopes must be"),
        (
            client,
            json!({"token_url": URL, "client_id": "c", "basic_auth_in_header": "canary"}),
            "basic_auth_in_header must be true or false",
        ),
        (
            client,
            json!({"token_url": URL, "client_id": "c", "custom_headers": {"Host": "canary"}}),
            "custom_headers must be headers",
        ),
        (
            client,
            json!({"token_url": URL, "client_id": "c", "custom_headers": {"X": "a\r\nB: canary"}}),
            "custom_headers must be headers",
        ),
        (
            client,
            json!({"token_url": URL, "client_id": "c", "token_response_field": "canary"}),
            "token_response_field must be",
        ),
    ];
    for (method, config, part) in table {
        let said = refusal(method, &config, &secret);
        assert!(said.contains(part) && !said.contains("canary"), "{config}: {said}");
    }
    let config = json!({"token_url": URL, "client_id": "c"});
    assert!(refusal(client, &config, &[]).contains("secret client_secret is missing"));
    let refresh = AuthMethod::RefreshToken;
    assert!(refusal(refresh, &config, &secret).contains("secret refresh_token is missing"));
}
