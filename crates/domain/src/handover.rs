//! Handovers: values of a connection's secrets, or an API key, that one bearer of a token receives
//! once, and not later than at a time. Their events are in the stream of the connection's reveals,
//! or in that of the handovers of the key's principal.

use std::collections::BTreeMap;

use crate::connection::{Connection, Rejection};
use crate::ids::{Actor, ConnectionId, Generation, Micros};
use crate::limits;
use crate::principal::{ApiKeyId, KeyDigest, Principal};
use crate::reveal::{RevealSecret, WantedGeneration, decide_reveal};
use crate::secret::{Held, Sealed};
use crate::text::{
    CheckedText, FieldName, InvalidField, Line, PrincipalName, Prose, WorkspaceName,
};

/// The id of a handover, the public part of its token: twelve characters `a-z` and `0-9`. A token
/// has the form `once_<id>_<secret>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HandoverId(Box<str>);

impl HandoverId {
    /// Checks an id; `field` names it in the error.
    pub fn parse(field: &str, text: &str) -> Result<Self, InvalidField> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        if text.len() == limits::HANDOVER_ID_CHARS && text.bytes().all(allowed) {
            return Ok(Self(text.into()));
        }
        let problem = "must be 12 characters a-z and 0-9, the second part of a token";
        Err(InvalidField::new(field, problem))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl CheckedText for HandoverId {
    fn text(&self) -> &str {
        &self.0
    }
    fn stored(text: Box<str>) -> Self {
        Self(text)
    }
}

/// A request to hand over values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandOver {
    /// The id, which is a new one.
    pub id: HandoverId,
    /// A digest of the token.
    pub digest: KeyDigest,
    /// Which values, and why.
    pub reveal: RevealSecret,
    /// Until when.
    pub until: Micros,
    /// The only principal that may use it; anyone with the token when absent.
    pub receiver: Option<PrincipalName>,
}

/// A request to hand over an API key that is issued at the same time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandOverKey {
    /// The id, which is a new one.
    pub id: HandoverId,
    /// A digest of the token.
    pub digest: KeyDigest,
    /// The key.
    pub key: ApiKeyId,
    /// When the key expires; never when absent.
    pub key_end: Option<Micros>,
    /// Until when.
    pub until: Micros,
    /// The only principal that may use it; anyone with the token when absent.
    pub receiver: Option<PrincipalName>,
}

/// A request to a handover that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandoverCommand {
    /// Receives what was handed over.
    Use {
        /// The principal that asks, if it is one.
        by: Option<PrincipalName>,
        /// Where the request came from, if the endpoint knows it.
        from: Option<Line>,
    },
    /// Ends it, because its time is over at this one.
    Expire,
    /// Ends it before.
    Revoke {
        /// The reason.
        reason: Option<Prose>,
    },
}

/// Values were handed over to the bearer of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandedOver {
    /// The id.
    pub handover: HandoverId,
    /// A digest of the token.
    pub digest: KeyDigest,
    /// The fields, with the generation of each.
    pub generations: BTreeMap<FieldName, Generation>,
    /// The reason.
    pub reason: Prose,
    /// Where the request came from.
    pub from: Option<Line>,
    /// From when on it cannot be used.
    pub until: Micros,
    /// The only principal that may use it.
    pub receiver: Option<PrincipalName>,
}

/// An API key was handed over to the bearer of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyHandedOver {
    /// The id.
    pub handover: HandoverId,
    /// A digest of the token.
    pub digest: KeyDigest,
    /// The key.
    pub key: ApiKeyId,
    /// From when on it cannot be used.
    pub until: Micros,
    /// The only principal that may use it.
    pub receiver: Option<PrincipalName>,
}

/// Why a handover ended without being used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandoverEnd {
    /// Its time was over.
    Expired,
    /// It was revoked.
    Revoked,
}

impl HandoverEnd {
    /// Every cause.
    pub const ALL: [Self; 2] = [Self::Expired, Self::Revoked];

    /// Returns the stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

/// An event of a handover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandoverEvent {
    /// It was made, of values.
    Made(Box<HandedOver>),
    /// It was made, of a key.
    KeyMade(Box<KeyHandedOver>),
    /// What was handed over was received.
    Used {
        /// The handover.
        handover: HandoverId,
        /// What was given out.
        given: GivenOut,
        /// Where the request came from.
        from: Option<Line>,
    },
    /// It ended unused.
    Ended {
        /// The handover.
        handover: HandoverId,
        /// Why.
        cause: HandoverEnd,
        /// The reason that was given.
        reason: Option<Prose>,
    },
}

/// What was given out for a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GivenOut {
    /// Values: the fields, with the generation of each.
    Values(BTreeMap<FieldName, Generation>),
    /// An API key.
    Key(ApiKeyId),
}

impl HandoverEvent {
    /// All stored type names, in the order of the variants.
    pub const TYPE_NAMES: [&'static str; 4] =
        ["secret_handed_over", "api_key_handed_over", "handover_used", "handover_ended"];

    /// Returns the stored type name.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Made(_) => "secret_handed_over",
            Self::KeyMade(_) => "api_key_handed_over",
            Self::Used { .. } => "handover_used",
            Self::Ended { .. } => "handover_ended",
        }
    }
}

/// What a token stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandoverContent {
    /// Values of a connection's secrets.
    Values {
        /// The connection.
        connection: ConnectionId,
        /// The fields, with the generation of each.
        generations: BTreeMap<FieldName, Generation>,
        /// The reason.
        reason: Prose,
    },
    /// An API key, which nobody has before the token is used.
    Key {
        /// Its principal.
        principal: PrincipalName,
        /// Its id.
        key: ApiKeyId,
        /// The key as the token opens it, and nothing else does; gone once the handover has ended.
        sealed: Option<Sealed>,
    },
}

/// The state of a handover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handover {
    /// The id.
    pub id: HandoverId,
    /// A digest of the token.
    pub digest: KeyDigest,
    /// What was handed over.
    pub content: HandoverContent,
    /// From when on it cannot be used.
    pub until: Micros,
    /// The only principal that may use it.
    pub receiver: Option<PrincipalName>,
    /// The workspace of its events: the home of the connection, or the ledger as a whole.
    pub workspace: WorkspaceName,
    /// Who made it.
    pub made_by: Actor,
    /// When.
    pub made_at: Micros,
    /// How it ended, if it did.
    pub ended: Option<Ended>,
}

/// How a handover ended, when, and by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Why it ended unused; `None` if it was used.
    pub unused: Option<HandoverEnd>,
    /// When.
    pub at: Micros,
    /// By whom.
    pub by: Actor,
}

impl Handover {
    /// Returns whether it can be used, by what is recorded.
    pub fn is_pending(&self) -> bool {
        self.ended.is_none()
    }

    /// Returns the key that it handed over, with its principal, if it ended and nobody received it.
    pub fn unreceived_key(&self) -> Option<(&PrincipalName, &ApiKeyId)> {
        let is_unused = self.ended.as_ref().is_some_and(|ended| ended.unused.is_some());
        match &self.content {
            HandoverContent::Key { principal, key, .. } if is_unused => Some((principal, key)),
            _ => None,
        }
    }

    /// Returns the state after an event that ended it.
    #[must_use]
    pub fn after(&self, event: &HandoverEvent, at: Micros, by: Actor) -> Self {
        let unused = match event {
            HandoverEvent::Made(_) | HandoverEvent::KeyMade(_) => return self.clone(),
            HandoverEvent::Used { .. } => None,
            HandoverEvent::Ended { cause, .. } => Some(*cause),
        };
        let mut after = Self { ended: Some(Ended { unused, at, by }), ..self.clone() };
        if let HandoverContent::Key { sealed, .. } = &mut after.content {
            *sealed = None;
        }
        after
    }
}

/// Decides whether values are handed over at `now`. `pending` is the number of handovers of the
/// workspace that can still be used.
pub fn decide_hand_over(
    state: Option<&Connection>,
    command: HandOver,
    pending: usize,
    now: Micros,
) -> Result<HandoverEvent, Rejection> {
    let HandOver { id, digest, reveal, until, receiver } = command;
    let revealed = decide_reveal(state, reveal, now)?;
    check_limits(until, pending, now)?;
    check_handed_over(state, &revealed.generations)?;
    Ok(HandoverEvent::Made(Box::new(HandedOver {
        handover: id,
        digest,
        generations: revealed.generations,
        reason: revealed.reason,
        from: revealed.from,
        until,
        receiver,
    })))
}

/// Decides whether a key that is issued now is handed over, as [`decide_hand_over`] does.
pub fn decide_hand_over_key(
    command: HandOverKey,
    pending: usize,
    now: Micros,
) -> Result<HandoverEvent, Rejection> {
    let HandOverKey { id, digest, key, key_end, until, receiver } = command;
    check_limits(until, pending, now)?;
    if key_end.is_some_and(|end| end < until) {
        return Err(InvalidField::new("wrap", "must not end after the key itself").into());
    }
    let made = KeyHandedOver { handover: id, digest, key, until, receiver };
    Ok(HandoverEvent::KeyMade(Box::new(made)))
}

fn check_limits(until: Micros, pending: usize, now: Micros) -> Result<(), Rejection> {
    let ahead = until.get().saturating_sub(now.get());
    if !(1..=limits::HANDOVER_MICROS).contains(&ahead) {
        return Err(InvalidField::new("wrap", "must be in the future, at most 24 hours").into());
    }
    if pending >= limits::HANDOVERS {
        return Err(Rejection::HandoversFull(pending));
    }
    Ok(())
}

/// Checks that there are values, and that each is one which the bearer of a token can receive: a
/// token gives no right to another connection.
fn check_handed_over(
    state: Option<&Connection>,
    generations: &BTreeMap<FieldName, Generation>,
) -> Result<(), Rejection> {
    if generations.is_empty() {
        return Err(InvalidField::new("wrap", "needs a secret; the connection has none").into());
    }
    for (field, generation) in generations {
        let secret = state.and_then(|state| state.secrets.get(field));
        let held = secret.and_then(|secret| secret.held_of(*generation));
        if held.is_some_and(Held::is_of_another_connection) {
            let problem = format!(
                "cannot hand over {}, whose value is another connection's: wrap a reveal of that one",
                field.text()
            );
            return Err(InvalidField::new("wrap", problem).into());
        }
    }
    Ok(())
}

/// The present state of what a handover is about.
#[derive(Clone, Copy, Debug, Default)]
pub struct HandoverSource<'a> {
    /// The connection whose values it hands over.
    pub connection: Option<&'a Connection>,
    /// The principal whose key it hands over.
    pub principal: Option<&'a Principal>,
}

/// Decides on a command to a handover at `now`.
///
/// A handover is used once, whatever the clock does afterwards. If the connection does not give its
/// values out now, or the key was revoked, it stays as it is.
pub fn decide_handover(
    state: Option<&Handover>,
    source: HandoverSource<'_>,
    command: HandoverCommand,
    now: Micros,
) -> Result<HandoverEvent, Rejection> {
    let state = state.ok_or(Rejection::HandoverUnknown)?;
    if let Some(ended) = &state.ended {
        return Err(match ended.unused {
            None => Rejection::HandoverUsed { at: ended.at },
            Some(cause) => Rejection::HandoverEnded(cause),
        });
    }
    let handover = state.id.clone();
    let is_over = now >= state.until;
    match command {
        HandoverCommand::Expire if is_over => {
            let cause = HandoverEnd::Expired;
            Ok(HandoverEvent::Ended { handover, cause, reason: None })
        }
        HandoverCommand::Expire => Err(Rejection::NothingToChange),
        HandoverCommand::Revoke { reason } => {
            Ok(HandoverEvent::Ended { handover, cause: HandoverEnd::Revoked, reason })
        }
        HandoverCommand::Use { by, from } => {
            if state.receiver.is_some() && state.receiver != by {
                return Err(Rejection::HandoverForOther);
            }
            if is_over {
                return Err(Rejection::HandoverEnded(HandoverEnd::Expired));
            }
            let given = given_out(&state.content, source, now)?;
            Ok(HandoverEvent::Used { handover, given, from })
        }
    }
}

/// Returns what is given out, if the connection still gives out every value, or the key is not
/// revoked.
fn given_out(
    content: &HandoverContent,
    source: HandoverSource<'_>,
    now: Micros,
) -> Result<GivenOut, Rejection> {
    match content {
        HandoverContent::Values { generations, reason, .. } => {
            for (field, generation) in generations {
                let one = RevealSecret {
                    fields: [field.clone()].into(),
                    generation: WantedGeneration::Exactly(*generation),
                    reason: reason.clone(),
                    from: None,
                    for_test: false,
                };
                decide_reveal(source.connection, one, now)?;
            }
            Ok(GivenOut::Values(generations.clone()))
        }
        HandoverContent::Key { key: id, .. } => {
            let key = source.principal.and_then(|principal| principal.keys.get(id));
            if key.is_none_or(|key| key.revoked.is_some()) {
                return Err(Rejection::HandoverEnded(HandoverEnd::Revoked));
            }
            Ok(GivenOut::Key(id.clone()))
        }
    }
}

#[cfg(test)]
mod tests;
