//! Signing in at the identity provider: the way there, and the way back.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use ledger_contract::errors::{Code, Problem};
use ledger_contract::records::Via;
use ledger_engine::{Attempt, Caller};
use ledger_http::toolkit::{Inputs, Refusal};
use ledger_http_server::{ClientAddress, answer};
use ledger_tokens::{SignIn, SignInAnswer, SignInAttempt, SignInError, SignedIn};
use maud::{Markup, html};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::{Why, admit, begin, ended, is_here};
use crate::answers::{page, see_other, with_cookie};
use crate::console::Console;
use crate::door;
use crate::view::layout::alone;
use crate::view::parts::with_query;

/// The name in the audit journal.
const OPERATION: &str = "signInAtIssuer";
/// The longest address that is remembered meanwhile; cookies have little room.
const TO_BYTES_MAX: usize = 1_500;
const REFRESH: HeaderName = HeaderName::from_static("refresh");

/// Returns the link by which somebody signs in at the issuer.
pub(super) fn link(issuer: &SignIn, to: &str) -> Markup {
    html! {
        a.button.primary.wide href=(with_query("/sign-in/issuer", &[("to", to)])) {
            "Sign in with " (host(issuer.issuer()))
        }
        p.or { span { "or with a key" } }
    }
}

/// Returns the host of an issuer, which people know.
fn host(issuer: &str) -> &str {
    let rest = issuer.split_once("://").map_or(issuer, |(_, rest)| rest);
    rest.split(['/', ':']).next().unwrap_or(rest)
}

fn issuer(console: &Console) -> Result<&Arc<SignIn>, Problem> {
    console.sign_in.as_ref().ok_or_else(|| Problem::new(Code::RouteUnknown))
}

/// Sends a browser to the issuer. It keeps what binds the answer to it.
pub(crate) async fn start(console: Arc<Console>, request: Request) -> Result<Response, Refusal> {
    let (mut parts, _) = request.into_parts();
    let issuer = issuer(&console)?;
    let inputs = Inputs::of(&mut parts).await?;
    let to = inputs.text("to").filter(|to| is_here(to) && to.len() <= TO_BYTES_MAX).unwrap_or("/");
    // Nobody is sent there by a page of another site.
    if door::is_from_elsewhere(&parts) {
        return Ok(see_other("/sign-in"));
    }
    match issuer.begin().await {
        Ok((attempt, link)) => {
            let to = utf8_percent_encode(to, NON_ALPHANUMERIC);
            let kept = format!("{}.{to}", attempt.to_text().as_str());
            Ok(with_cookie(see_other(&link), console.cookies.set_attempt(&kept)))
        }
        Err(error) => {
            let problem = problem(&error);
            console.state.engine().refused(problem.code, &attempt_of(&parts));
            Ok(ended(&console, &Why::Refused(problem), to))
        }
    }
}

/// Takes a browser that comes back from the issuer, and begins a session.
pub(crate) async fn callback(console: Arc<Console>, request: Request) -> Result<Response, Refusal> {
    let (mut parts, _) = request.into_parts();
    issuer(&console)?;
    let inputs = Inputs::of(&mut parts).await?;
    let query = inputs.query.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let back = SignInAnswer::of(query);
    let (kept, to) = remembered(&console, &parts);
    let mut attempt = attempt_of(&parts);
    let removed = console.cookies.remove_attempt();
    match finish(&console, &parts, kept.as_ref(), &back, &mut attempt).await {
        Ok(caller) => {
            let address = parts.extensions.get::<ClientAddress>().map(|address| address.0);
            let cookie = begin(&console, caller.through(Via::Http, address), &parts.headers)?;
            Ok(with_cookie(with_cookie(signed_in(&to), cookie), removed))
        }
        Err(problem) => Ok(with_cookie(ended(&console, &Why::Refused(problem), &to), removed)),
    }
}

fn attempt_of(parts: &Parts) -> Attempt {
    let address = parts.extensions.get::<ClientAddress>().map(|address| address.0);
    Attempt::new(Via::Http, OPERATION).from_address(address)
}

/// Returns what the browser has kept: the attempt, and where to go on.
fn remembered(console: &Console, parts: &Parts) -> (Option<SignInAttempt>, String) {
    let kept = console.cookies.attempt(&parts.headers).unwrap_or_default();
    let (attempt, to) = kept.rsplit_once('.').unwrap_or_default();
    let to = percent_decode_str(to).decode_utf8().unwrap_or_default();
    let to = if is_here(&to) { to.into_owned() } else { "/".to_owned() };
    (SignInAttempt::parse(attempt), to)
}

/// Returns who has signed in. What is refused is counted.
async fn finish(
    console: &Console,
    parts: &Parts,
    kept: Option<&SignInAttempt>,
    back: &SignInAnswer,
    attempt: &mut Attempt,
) -> Result<Caller, Problem> {
    let refused = |problem: Problem, attempt: &Attempt| {
        console.state.engine().refused(problem.code, attempt);
        problem
    };
    let finished = match kept {
        Some(kept) => issuer(console)?.finish(kept, back).await,
        None => Err(SignInError::NotBegun),
    };
    let SignedIn { access_token, subject } =
        finished.map_err(|error| refused(problem(&error), attempt))?;
    let caller = admit(console, parts.extensions.get(), &access_token, attempt)?;
    attempt.by(&caller);
    if caller.actor().as_str() != format!("oidc:{subject}") {
        let message = "the access token is of somebody else than the ID token";
        return Err(refused(Problem::because(Code::SignInFailed, message), attempt));
    }
    if caller.grants().is_empty() {
        let message = "the identity provider knows you, but you have no rights in this ledger";
        return Err(refused(Problem::because(Code::Forbidden, message), attempt));
    }
    Ok(caller)
}

fn problem(error: &SignInError) -> Problem {
    let code = if error.is_temporary() { Code::SignInUnavailable } else { Code::SignInFailed };
    Problem::because(code, error.to_string())
}

/// Returns a page that goes on to another by itself. Browsers send the cookie of a session along
/// only when a page of this server leads there, so a redirect from the issuer would arrive without.
fn signed_in(to: &str) -> Response {
    let body = html! {
        div.sign-in {
            h1 { "Signed in" }
            p { "You are taken to the console." }
            p { a.button.primary href=(to) { "Go on" } }
        }
    };
    let response = page(StatusCode::OK, alone("Signed in", &body));
    match HeaderValue::from_str(&format!("0; url={to}")) {
        Ok(soon) => answer::with(response, REFRESH, soon),
        Err(_) => response,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_called_by_its_host() {
        assert_eq!(host("https://login.example.com/realms/main"), "login.example.com");
        assert_eq!(host("http://127.0.0.1:4000"), "127.0.0.1");
    }

    #[test]
    fn what_may_pass_by_itself_is_told_from_what_will_not() {
        assert_eq!(problem(&SignInError::NoKeys).code, Code::SignInUnavailable);
        assert_eq!(problem(&SignInError::Denied).code, Code::SignInFailed);
    }
}
