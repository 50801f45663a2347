//! Keys that are handed over: made when they are issued, and given out for their token.

use std::sync::Arc;

use ledger_contract::access::IssuedKey;
use ledger_contract::commands::{DrawnToken, ParsedCommand};
use ledger_contract::handover::IssuedHandover;
use ledger_contract::records::{Happened, Record};
use ledger_contract::reveal::RevealAnswer;
use ledger_contract::time;
use ledger_domain::principal::ApiKeyId;
use ledger_domain::{
    GivenOut, HandoverContent, HandoverEvent, Micros, PrincipalCommand, PrincipalName, Sealed,
};
use ledger_vault::{Disclosure, Plaintext, TokenKey};

use super::{NewToken, new_token};
use crate::access::new_key;
use crate::engine::Engine;
use crate::errors::{ExecuteError, Fault};
use crate::execute::Outcome;
use crate::request::RequestContext;
use crate::reveal::Recorded;

/// What the answer to `issue-key` has, once the command is accepted.
pub(crate) enum IssuedAs {
    /// The key.
    Key(IssuedKey),
    /// The token for which the key with this id is given out.
    Token(NewToken, ApiKeyId),
}

impl Engine {
    /// Generates the key that a command issues and replaces it in the command by its digest, and by
    /// what only the token opens if it is to be handed over.
    pub(crate) fn draw_key(&self, command: &mut ParsedCommand) -> Option<IssuedAs> {
        let ParsedCommand::IssueKey { name, environment, label, end, wrap } = command else {
            return None;
        };
        let ports = &self.shared.ports;
        let key = new_key(*environment, &mut ports.rng());
        let expires_at = self.shared.key_lifetimes.end(*end, ports.now());
        let issue = PrincipalCommand::IssueKey {
            id: key.id.clone(),
            digest: key.digest,
            environment: *environment,
            label: label.take(),
            expires_at,
        };
        let mut wrap = wrap.take();
        let text = key.text.as_str().to_owned();
        let issued = match &mut wrap {
            None => IssuedAs::Key(issued_key(&key.id, text, expires_at)),
            Some(wrap) => {
                let token = new_token(&mut ports.rng());
                let value = Plaintext::from_string(text);
                let sealed =
                    TokenKey::of(&token.text).seal(&mut ports.rng(), key.id.as_str(), &value);
                wrap.drawn = Some(DrawnToken {
                    id: token.id.clone(),
                    digest: token.digest.clone(),
                    sealed_key: Some(sealed),
                });
                IssuedAs::Token(token, key.id)
            }
        };
        let (name, command_to) = (name.clone(), Box::new(issue));
        *command = ParsedCommand::Principal { name, command: command_to, wrap };
        Some(issued)
    }

    /// Returns the handover of a key, which is durable, with its token.
    pub(crate) fn issued_handover(
        &self,
        token: &NewToken,
        key: &ApiKeyId,
    ) -> Result<IssuedHandover, Fault> {
        let made = self.shared.handovers.get(&token.id);
        let made = made.ok_or_else(|| Fault::bug("a handover was made and is not known"))?;
        Ok(IssuedHandover {
            id: token.id.as_str().to_owned(),
            token: token.text.as_str().to_owned(),
            key: Some(key.as_str().to_owned()),
            expires_at: time::format(made.until),
        })
    }

    /// Returns the key of the token with which a request wants to receive something.
    pub(crate) fn token_key(
        command: &ParsedCommand,
        context: &RequestContext,
    ) -> Option<Arc<TokenKey>> {
        match command {
            ParsedCommand::Unwrap { token: Some(token), .. } => {
                Some(Arc::new(TokenKey::of(token.as_str())))
            }
            ParsedCommand::Unwrap { token: None, .. } => context.caller.token_key(),
            _ => None,
        }
    }

    /// Opens the key that a recorded use of a handover gives out.
    pub(crate) fn received_key(
        &self,
        recorded: &Recorded,
        token: Option<&TokenKey>,
    ) -> Result<RevealAnswer, ExecuteError> {
        let Recorded { outcome, record: Record { metadata, happened }, .. } = recorded;
        let (principal, key, sealed) = handed_over(outcome)
            .ok_or_else(|| Fault::bug("a key was received that is not in the handover"))?;
        let token = token.ok_or_else(|| Fault::bug("a key was received without a token"))?;
        let is_it = matches!(
            happened,
            Happened::Handover(HandoverEvent::Used { given: GivenOut::Key(id), .. }) if id == key
        );
        if !is_it {
            return Err(Fault::bug("a use was recorded as something else").into());
        }
        let recorded = Disclosure::recorded(metadata.event_id);
        let opened = token.open(key.as_str(), sealed).map_err(Fault::from)?;
        let text = std::str::from_utf8(opened.expose(&recorded));
        let text = text.map_err(|_| Fault::bug("a key is not text"))?.to_owned();
        let holder = self.shared.directory.principal(principal);
        let end = holder.and_then(|holder| holder.keys.get(key)?.expires_at);
        Ok(RevealAnswer {
            connection: String::new(),
            position: outcome.receipt.position,
            incarnation: outcome.receipt.incarnation.clone(),
            secrets: [].into(),
            handover: None,
            principal: Some(principal.as_str().to_owned()),
            api_key: Some(issued_key(key, text, end)),
        })
    }
}

/// Returns the key that a handover was of before it was used, if it was of one.
fn handed_over(outcome: &Outcome) -> Option<(&PrincipalName, &ApiKeyId, &Sealed)> {
    match &outcome.handed_over.as_ref()?.content {
        HandoverContent::Key { principal, key, sealed } => Some((principal, key, sealed.as_ref()?)),
        HandoverContent::Values { .. } => None,
    }
}

fn issued_key(id: &ApiKeyId, key: String, expires_at: Option<Micros>) -> IssuedKey {
    IssuedKey { id: id.as_str().to_owned(), key, expires_at: expires_at.map(time::format) }
}
