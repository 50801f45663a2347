//! Sends `issue-key` and hands the key over.
//!
//! The client of the other commands keeps the receipt of an answer and nothing else; the key is
//! beside it, so this request is made here.

use std::time::Duration;

use async_nats::client::RequestErrorKind;
use async_nats::{HeaderMap, Message, Request};
use ledger_contract::errors::ProblemBody;
use ledger_contract::reply::KeyReceipt;
use ledger_contract::subjects::{self, LEDGER, Subjects};
use ledger_contract::time;
use ledger_domain::Micros;
use serde_json::json;

use crate::body;
use crate::cli::Common;
use crate::failure::Failure;
use crate::output::{Output, say};
use crate::questions::read_answer;
use crate::serve;
use crate::session::{self, Target};
use crate::verbs::Order;

const VERB: &str = "issue-key";

pub(super) async fn run(common: &Common, order: Order, out: Output) -> Result<(), Failure> {
    let target = session::target(common)?;
    let principal = order.text("principal").to_owned();
    let expires_at = order.text("expires_at").to_owned();
    let id = order.write.command_id.clone().unwrap_or_else(ledger_client::new_command_id);
    let headers = headers(&target, &order, &id)?;
    let answer = request(common, &target, headers, body::bytes(order.body), &id).await?;
    let answer: KeyReceipt = read_answer(&answer)?;
    let Some(issued) = answer.api_key else {
        return Err(Failure::refused("this command was answered before, and its key shown then")
            .hint("a key is stored nowhere: revoke that one, and issue another"));
    };
    let receipt = answer.receipt;
    if out.is_json() {
        out.object(&json!({
            "principal": principal,
            "id": issued.id,
            "key": issued.key,
            "expires_at": Some(&expires_at).filter(|text| !text.is_empty()),
            "version": receipt.version,
            "position": receipt.position,
            "recorded_at": receipt.recorded_at,
            "command_id": id,
        }))?;
    } else {
        out.line(&issued.key)?;
    }
    let end = if expires_at.is_empty() { "never".to_owned() } else { expires_at };
    say(format!("{VERB}: {principal}  key {}  expires {end}", issued.id));
    say("hint: the key is not shown again; keep it where only its user can read it");
    say(format!("hint: to take it away: connledger key revoke {}", issued.id));
    Ok(())
}

/// Returns the headers that say who asks, and what of the command.
fn headers(target: &Target, order: &Order, id: &str) -> Result<HeaderMap, Failure> {
    let timeout = i64::try_from(target.timeout.as_micros()).unwrap_or(i64::MAX);
    let deadline = Micros::new(serve::now().get().saturating_add(timeout));
    let write = &order.write;
    let given = [
        (subjects::AUTHORIZATION, Some(format!("Bearer {}", target.key.as_str()))),
        (subjects::DEADLINE, Some(time::format(deadline))),
        (subjects::COMMAND_ID, Some(id.to_owned())),
        (subjects::EXPECTED_VERSION, write.expect_version.clone()),
        (subjects::CORRELATION_ID, write.correlation_id.clone()),
    ];
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let Some(value) = value else { continue };
        let value: async_nats::HeaderValue = value
            .parse()
            .map_err(|_| Failure::usage(format!("what belongs into {name} is not one line")))?;
        headers.insert(name, value);
    }
    Ok(headers)
}

async fn request(
    common: &Common,
    target: &Target,
    headers: HeaderMap,
    body: Vec<u8>,
    command_id: &str,
) -> Result<Vec<u8>, Failure> {
    let subjects = Subjects::with_prefix(&target.prefix)
        .map_err(|error| Failure::usage(format!("--{error}")))?;
    let options = serve::connect_options(target.url.clone(), common)?;
    let nats = ledger_bus::connect(&options).await?;
    connected(&nats, target.timeout).await?;
    let request = Request::new().headers(headers).payload(body.into());
    let request = request.timeout(Some(target.timeout));
    let sent = nats.send_request(subjects.command(LEDGER, VERB), request).await;
    let message = sent.map_err(|error| match error.kind() {
        RequestErrorKind::NoResponders => Failure::unavailable(format!(
            "no ledger answers on NATS under the prefix `{}`",
            target.prefix
        )),
        RequestErrorKind::TimedOut => Failure::unavailable("the ledger did not answer in time")
            .hint(format!(
                "a key may have been issued by the command {command_id}; if `connledger key list` \
                 shows one, revoke it: nobody has it"
            )),
        _ => Failure::unavailable(format!("the request was not sent: {error}")),
    })?;
    good(&message)
}

/// Waits until the server has answered once.
async fn connected(nats: &async_nats::Client, patience: Duration) -> Result<(), Failure> {
    match tokio::time::timeout(patience, nats.flush()).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Failure::unavailable("NATS does not answer")
            .hint("is the ledger running? start one with `connledger serve`")),
    }
}

/// Turns an error reply into a failure.
fn good(message: &Message) -> Result<Vec<u8>, Failure> {
    let headers = message.headers.as_ref();
    if headers.and_then(|headers| headers.get(subjects::ERROR_CODE)).is_none() {
        return Ok(message.payload.to_vec());
    }
    let problem: ProblemBody = read_answer(&message.payload)?;
    Err(problem.error.into())
}
