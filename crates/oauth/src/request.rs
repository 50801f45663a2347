//! Requests to token services.

use std::collections::BTreeMap;

use form_urlencoded::{Serializer, byte_serialize};
use ledger_providers::{Method, Request};
use zeroize::Zeroizing;

use crate::plan::{Client, Plan, Unusable};
use crate::settings::{Secrets, texts_of};

/// Headers that say how the request is sent, and so are no settings.
const RESERVED: [&str; 8] = [
    "accept-encoding",
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "te",
    "transfer-encoding",
];

/// Where a request goes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum To<'a> {
    /// To where tokens are given out.
    Token,
    /// To where codes are given out that people enter elsewhere.
    Device(&'a str),
}

/// Makes the request for a token. Extra parameters take the place of those of the same name.
pub(crate) fn of(
    plan: &Plan,
    to: To<'_>,
    form: Vec<(&'static str, Zeroizing<String>)>,
    client: Option<(&Client, Option<Zeroizing<String>>)>,
    secrets: Secrets<'_>,
) -> Result<Request, Unusable> {
    let url = match (to, &plan.token_url) {
        (To::Device(url), _) => url,
        (To::Token, Some(url)) => url.as_str(),
        (To::Token, None) => return Err(Unusable::Lacks("token_url")),
    };
    let mut form: BTreeMap<String, Zeroizing<String>> =
        form.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    if !plan.scopes.is_empty() && (plan.names_scopes() || matches!(to, To::Device(_))) {
        form.insert("scope".to_owned(), Zeroizing::new(plan.scopes.join(" ")));
    }
    let mut basic = None;
    if let Some((client, secret)) = client {
        match secret {
            Some(secret) if client.in_header => {
                basic = Some((encoded(&client.id), encoded(&secret)));
            }
            secret => {
                form.insert("client_id".to_owned(), Zeroizing::new(client.id.clone()));
                form.extend(secret.map(|secret| ("client_secret".to_owned(), secret)));
            }
        }
    }
    if !plan.has_assertion() {
        let members = plan.members_of("extra_params");
        for (name, value) in texts_of("extra_params", &plan.params, &members, secrets) {
            // What a person permitted is presented as it came.
            if plan.names_scopes() || !form.contains_key(&name) {
                form.insert(name, value);
            }
        }
    }
    Ok(Request {
        method: Method::Post,
        url: Zeroizing::new(url.to_owned()),
        headers: headers(plan, secrets)?,
        basic,
        body: Some(written(&form)),
        auth: None,
    })
}

fn headers(
    plan: &Plan,
    secrets: Secrets<'_>,
) -> Result<Vec<(String, Zeroizing<String>)>, Unusable> {
    let members = plan.members_of("custom_headers");
    let custom = texts_of("custom_headers", &plan.headers, &members, secrets);
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let fits = |name: &str, value: &str| {
        !name.is_empty()
            && name.chars().all(is_token)
            && !RESERVED.iter().any(|reserved| name.eq_ignore_ascii_case(reserved))
            && value.chars().all(|c| c == ' ' || c.is_ascii_graphic())
    };
    if custom.iter().any(|(name, value)| !fits(name, value)) {
        let wanted = "headers in ASCII, and none that says how a request is sent";
        return Err(Unusable::Malformed { name: "custom_headers", wanted });
    }
    let mut headers = vec![
        ("accept".to_owned(), "application/json".to_owned()),
        ("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned()),
    ];
    headers.retain(|(name, _)| !custom.iter().any(|(own, _)| own.eq_ignore_ascii_case(name)));
    let own = headers.into_iter().map(|(name, value)| (name, Zeroizing::new(value)));
    Ok(own.chain(custom).collect())
}

/// Encodes a part of a header as RFC 6749, section 2.3.1, wants it.
fn encoded(text: &str) -> Zeroizing<String> {
    Zeroizing::new(byte_serialize(text.as_bytes()).collect())
}

fn written(form: &BTreeMap<String, Zeroizing<String>>) -> Zeroizing<String> {
    let most: usize = form.iter().map(|(name, value)| 3 * (name.len() + value.len()) + 2).sum();
    // With room for all of it from the start, it does not grow and leave copies behind.
    let mut body = Serializer::new(String::with_capacity(most));
    for (name, value) in form {
        body.append_pair(name, value);
    }
    Zeroizing::new(body.finish())
}
