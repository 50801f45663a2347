//! Signing in and out: with a key, or at the identity provider.

pub(crate) mod issuer;

use std::sync::Arc;

use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use ledger_contract::errors::{Code, Problem};
use ledger_contract::records::Via;
use ledger_engine::{Attempt, Caller};
use ledger_http::toolkit::{Inputs, Refusal};
use ledger_http_server::{ClientAddress, CredentialGate};
use maud::{Markup, html};

use crate::answers::{self, page, see_other, status, with_cookie};
use crate::console::Console;
use crate::door;
use crate::form::Form;
use crate::request::PageRequest;
use crate::view::layout::alone;
use crate::view::parts::{TextField, alert, with_query};

/// The name in the audit journal.
const OPERATION: &str = "signIn";
/// The most bytes of the form.
const FORM_BYTES_MAX: usize = 16 * 1024;
/// The field with the key.
const KEY: &str = "key";

/// Why somebody is asked to sign in.
#[derive(Clone, Debug)]
pub(crate) enum Why {
    /// They have not yet.
    New,
    /// Their session has ended.
    Over,
    /// It has, and a form that they sent did nothing.
    Ended,
    /// They signed out.
    SignedOut,
    /// What they signed in with is not accepted.
    Refused(Problem),
}

/// Returns the path of the form that leads to a page.
pub(crate) fn path_to(to: &str, why: &Why) -> String {
    let mut pairs = vec![("to", to)];
    if matches!(why, Why::Over) {
        pairs.push(("why", "ended"));
    }
    pairs.retain(|(name, value)| *name != "to" || (*value != "/" && is_here(value)));
    if pairs.is_empty() { "/sign-in".to_owned() } else { with_query("/sign-in", &pairs) }
}

/// Returns whether a path leads to this server.
fn is_here(path: &str) -> bool {
    let local = path.starts_with('/') && !path.starts_with("//");
    local && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}

/// Answers the form.
pub(crate) async fn form(console: Arc<Console>, request: Request) -> Result<Response, Refusal> {
    let (mut parts, _) = request.into_parts();
    let inputs = Inputs::of(&mut parts).await?;
    let why = match inputs.text("why") {
        Some("ended") => Why::Over,
        Some("out") => Why::SignedOut,
        _ => Why::New,
    };
    Ok(page(StatusCode::OK, asked(&console, &why, inputs.text("to").unwrap_or("/"))))
}

/// Tells somebody why they are not signed in any more, or could not sign in.
pub(crate) fn ended(console: &Console, why: &Why, to: &str) -> Response {
    let status = match why {
        Why::Refused(problem) => status(problem.code),
        _ => StatusCode::UNAUTHORIZED,
    };
    page(status, asked(console, why, to))
}

/// Begins a session for whoever has a key, or a token of the identity provider.
pub(crate) async fn sign_in(console: Arc<Console>, request: Request) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let engine = console.state.engine();
    let address = parts.extensions.get::<ClientAddress>().map(|address| address.0);
    let mut attempt = Attempt::new(Via::Http, OPERATION).from_address(address);
    if !door::is_of_this_site(&parts) {
        return Err(answers::foreign_form(engine, &attempt));
    }
    let body = to_bytes(body, FORM_BYTES_MAX).await;
    let body = body.map_err(|_| Problem::new(Code::MessageTooLarge))?;
    let form = Form::parse(&body)?;
    let to = form.text("to");
    let to = if is_here(to) { to } else { "/" };
    let admitted = admit(&console, parts.extensions.get(), form.text(KEY).trim(), &mut attempt);
    let caller = match admitted {
        Ok(caller) => caller,
        Err(problem) => return Ok(ended(&console, &Why::Refused(problem), to)),
    };
    let cookie = begin(&console, caller.through(Via::Http, address), &parts.headers)?;
    Ok(with_cookie(see_other(to), cookie))
}

/// Begins a session in place of a former one, and returns its cookie.
fn begin(console: &Console, caller: Caller, headers: &HeaderMap) -> Result<HeaderValue, Problem> {
    if let Some(former) = console.cookies.read(headers) {
        console.sessions.end(former);
    }
    let actor = caller.actor().as_str().to_owned();
    let cookie = console.sessions.begin(caller, console.state.engine().clock().now())?;
    tracing::info!(ledger.actor = actor, "signed in to the console");
    Ok(console.cookies.set(&cookie))
}

/// Checks a credential by the rates and lockouts of those in headers. What is refused is counted.
fn admit(
    console: &Console,
    gate: Option<&CredentialGate>,
    key: &str,
    attempt: &mut Attempt,
) -> Result<Caller, Problem> {
    let engine = console.state.engine();
    let refused = |problem: Problem, attempt: &Attempt| {
        engine.refused(problem.code, attempt);
        problem
    };
    // Nobody guesses by sending nothing.
    if key.is_empty() {
        return Err(refused(Problem::new(Code::CredentialMissing), attempt));
    }
    let header = zeroize::Zeroizing::new(format!("Bearer {key}"));
    if let Some(gate) = gate {
        // The gate has recorded a refusal of its own.
        gate.admit(&header).inspect_err(|problem| engine.count_refusal(problem.code))?;
    }
    match engine.authenticate(Some(&header)) {
        // The token of a handover opens nothing but what it stands for.
        Ok(caller) if caller.handover().is_some() => {
            Err(refused(Problem::new(Code::CredentialInvalid), attempt))
        }
        Ok(caller) => Ok(caller),
        Err(error) => {
            attempt.claims(&engine.claim(Some(&header)));
            Err(refused(error.into(), attempt))
        }
    }
}

/// Ends the session.
pub(crate) async fn sign_out(request: PageRequest) -> Result<Response, Refusal> {
    let PageRequest { console, headers, caller, .. } = &request;
    if let Some(id) = console.cookies.read(headers) {
        console.sessions.end(id);
    }
    tracing::info!(ledger.actor = caller.actor().as_str(), "signed out of the console");
    Ok(with_cookie(see_other("/sign-in?why=out"), console.cookies.remove()))
}

fn asked(console: &Console, why: &Why, to: &str) -> Markup {
    let to = if is_here(to) { to } else { "/" };
    let body = html! {
        div.sign-in {
            h1 { "Sign in" }
            @match why {
                Why::New => {},
                Why::SignedOut => p.notice role="status" { "You have signed out." },
                Why::Over => p.notice role="status" {
                    "Your session has ended. Sign in to go on."
                },
                Why::Ended => p.notice role="status" {
                    "Your session has ended, and nothing was done. Sign in, and do it again."
                },
                Why::Refused(problem) => (alert(problem)),
            }
            @if let Some(issuer) = &console.sign_in { (issuer::link(issuer, to)) }
            (key_form(to, console.sign_in.is_some()))
            details {
                summary { "Where do I get a key?" }
                p {
                    "Whoever administers the ledger issues it: "
                    code { "connledger principal issue-key NAME" }
                    ". The first key is printed by " code { "connledger init" } "."
                }
            }
            p.soft {
                "The key goes to this server and is not kept. You stay signed in for 8 hours at \
                 most, for 30 minutes without a request, and no longer than your key or token is valid. "
                a href="/api/v1/docs" { "API reference" }
            }
        }
    };
    alone("Sign in", &body)
}

/// Returns the form for a key. Where people sign in at an issuer, it comes second.
fn key_form(to: &str, is_second: bool) -> Markup {
    html! {
        form.stacked method="post" action="/sign-in" {
            input type="hidden" name="to" value=(to);
            (key_field(!is_second))
            button.primary[!is_second] type="submit" { "Sign in" }
        }
    }
}

fn key_field(autofocus: bool) -> Markup {
    TextField {
        name: KEY,
        label: "API key",
        help: Some(
            "Begins with sk_live_ or sk_test_. An access token of your identity provider \
                    works as well, if the server accepts those.",
        ),
        required: true,
        secret: true,
        autofocus,
        ..TextField::default()
    }
    .render()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_in_leads_to_no_other_server() {
        assert!(is_here("/connections?text=a%20b"));
        for elsewhere in ["//evil.example", "https://evil.example", "/\\evil.example", "x", "/a\n"]
        {
            assert!(!is_here(elsewhere), "{elsewhere}");
        }
        assert_eq!(path_to("/", &Why::New), "/sign-in");
        assert_eq!(path_to("/a?b=c", &Why::Over), "/sign-in?to=%2Fa%3Fb%3Dc&why=ended");
        assert_eq!(path_to("//evil", &Why::New), "/sign-in");
    }
}
