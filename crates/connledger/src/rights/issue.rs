//! Sends `issue-key` and prints the key.

use ledger_client::{Accepted, ClientError, CommandHeaders, IssuedHandover};
use serde_json::json;

use crate::body;
use crate::common::Common;
use crate::failure::Failure;
use crate::key_out::{KeyOutArgs, hand_out};
use crate::output::Output;
use crate::queries::short_time;
use crate::session::Session;
use crate::verbs::{PendingCommand, told};

const VERB: &str = "issue-key";

pub(super) async fn run(
    common: &Common,
    command: PendingCommand,
    key_out: &KeyOutArgs,
    out: Output,
) -> Result<(), Failure> {
    let mut file = key_out.open()?;
    let session = Session::of_ledger(common, out).await?;
    let principal = command.text("principal").to_owned();
    let id = command.write.command_id.clone().unwrap_or_else(ledger_client::new_command_id);
    let headers = CommandHeaders {
        command_id: Some(id.clone()),
        expected_version: command.write.expect_version.clone(),
        correlation_id: command.write.correlation_id.clone(),
        ..CommandHeaders::default()
    };
    let is_wrapped = !command.text("wrap").is_empty();
    let body = body::bytes(command.body);
    if is_wrapped {
        let answer = session.client.hand_over_key(body, headers).await;
        let (accepted, made) = answer.map_err(|error| failed(error, &id))?;
        return write_token(out, &principal, &made.ok_or_else(answered_before)?, &accepted);
    }
    let answer = session.client.issue_key(body, headers).await;
    let (accepted, issued) = answer.map_err(|error| failed(error, &id))?;
    let issued = issued.ok_or_else(answered_before)?;
    hand_out(out, &principal, &issued, file.as_mut(), told(&accepted))?;
    let end = issued.expires_at.as_deref().unwrap_or("never");
    out.say(format!("{VERB}: {principal}  key {}  expires {end}", issued.id));
    match &file {
        Some(file) => out.say(format!("the key is in {}", file.path().display())),
        None => out.hint("the key is not shown again; keep it where only its user can read it"),
    }
    out.hint(format!("to revoke it: connledger key revoke {}", issued.id));
    Ok(())
}

/// Writes the token that stands for a key.
fn write_token(
    out: Output,
    principal: &str,
    made: &IssuedHandover,
    accepted: &Accepted,
) -> Result<(), Failure> {
    if out.is_json() {
        let mut object = told(accepted);
        object.insert("principal".to_owned(), principal.into());
        object.insert("id".to_owned(), json!(made.key));
        object.insert("handover".to_owned(), json!(made.id));
        object.insert("token".to_owned(), json!(made.token));
        object.insert("expires_at".to_owned(), json!(made.expires_at));
        return out.object(&object);
    }
    out.verbatim(&made.token)?;
    let (id, until) = (&made.id, short_time(&made.expires_at));
    let key = made.key.as_deref().unwrap_or_default();
    out.say(format!("{VERB}: {principal}  key {key}"));
    out.say(format!("handover {id} can be used once, until {until}"));
    out.hint(format!("to end it, and revoke the key: connledger handover revoke {id} --of-key"));
    Ok(())
}

fn answered_before() -> Failure {
    Failure::refused("this command was answered before, and its key or token shown then")
        .hint("neither is stored: revoke that key, and issue another")
}

fn failed(error: ClientError, command_id: &str) -> Failure {
    let unanswered = matches!(error, ClientError::Unanswered(_));
    let failure = Failure::from(error);
    if !unanswered {
        return failure;
    }
    failure.hint(format!(
        "the command {command_id} may have issued a key; if `connledger key list` shows one, \
        revoke it: nobody has it"
    ))
}
