//! Handovers: values of a connection's secrets that one bearer of a token receives once, and not
//! later than at a time. Their events are in the stream of the connection's reveals.

use std::collections::BTreeMap;

use crate::connection::{Connection, Rejection};
use crate::ids::{Actor, ConnectionId, Generation, Micros};
use crate::limits;
use crate::principal::KeyDigest;
use crate::reveal::{RevealSecret, WantedGeneration, decide_reveal};
use crate::secret::Held;
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

/// A request to a handover that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandoverCommand {
    /// Receives the values.
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
    /// It was made.
    Made(Box<HandedOver>),
    /// Its values were received.
    Used {
        /// The handover.
        handover: HandoverId,
        /// The fields, with the generation of each.
        generations: BTreeMap<FieldName, Generation>,
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

impl HandoverEvent {
    /// All stored type names, in the order of the variants.
    pub const TYPE_NAMES: [&'static str; 3] =
        ["secret_handed_over", "handover_used", "handover_ended"];

    /// Returns the stored type name.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Made(_) => "secret_handed_over",
            Self::Used { .. } => "handover_used",
            Self::Ended { .. } => "handover_ended",
        }
    }

    /// Returns the generations that it hands over or gives out.
    pub fn generations(&self) -> Option<&BTreeMap<FieldName, Generation>> {
        match self {
            Self::Made(made) => Some(&made.generations),
            Self::Used { generations, .. } => Some(generations),
            Self::Ended { .. } => None,
        }
    }
}

/// The state of a handover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handover {
    /// What was handed over, and how.
    pub made: HandedOver,
    /// The connection whose secrets they are.
    pub connection: ConnectionId,
    /// Its home workspace.
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

    /// Returns the state after an event that ended it.
    #[must_use]
    pub fn after(&self, event: &HandoverEvent, at: Micros, by: Actor) -> Self {
        let unused = match event {
            HandoverEvent::Made(_) => return self.clone(),
            HandoverEvent::Used { .. } => None,
            HandoverEvent::Ended { cause, .. } => Some(*cause),
        };
        Self { ended: Some(Ended { unused, at, by }), ..self.clone() }
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
    let ahead = until.get().saturating_sub(now.get());
    if !(1..=limits::HANDOVER_MICROS).contains(&ahead) {
        return Err(InvalidField::new("wrap", "must be in the future, at most 24 hours").into());
    }
    if pending >= limits::HANDOVERS {
        return Err(Rejection::HandoversFull(pending));
    }
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
        if held.and_then(Held::reference).is_some_and(|one| one.connection().is_some()) {
            let problem = format!(
                "cannot hand over {}, whose value is another connection's: wrap a reveal of that one",
                field.text()
            );
            return Err(InvalidField::new("wrap", problem).into());
        }
    }
    Ok(())
}

/// Decides on a command to a handover at `now`. `connection` is the state of the connection whose
/// secrets it hands over.
///
/// A handover is used once, whatever the clock does afterwards. If the connection does not give its
/// values out now, it stays as it is.
pub fn decide_handover(
    state: Option<&Handover>,
    connection: Option<&Connection>,
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
    let handover = state.made.handover.clone();
    let is_over = now >= state.made.until;
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
            if state.made.receiver.is_some() && state.made.receiver != by {
                return Err(Rejection::HandoverForOther);
            }
            if is_over {
                return Err(Rejection::HandoverEnded(HandoverEnd::Expired));
            }
            check_given_out(state, connection, now)?;
            let generations = state.made.generations.clone();
            Ok(HandoverEvent::Used { handover, generations, from })
        }
    }
}

/// Checks that the connection still gives out every value.
fn check_given_out(
    state: &Handover,
    connection: Option<&Connection>,
    now: Micros,
) -> Result<(), Rejection> {
    for (field, generation) in &state.made.generations {
        let one = RevealSecret {
            fields: [field.clone()].into(),
            generation: WantedGeneration::Exactly(*generation),
            reason: state.made.reason.clone(),
            from: None,
        };
        decide_reveal(connection, one, now)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::Lifecycle;
    use crate::connection::tests::samples::{field, state_of_sample, text};

    const UNTIL: Micros = Micros::new(100);

    fn command(until: Micros, receiver: Option<&str>) -> HandOver {
        HandOver {
            id: HandoverId::parse("id", "k3x9a2bq71ce").unwrap(),
            digest: KeyDigest::new("b3.x"),
            reveal: RevealSecret {
                fields: [].into(),
                generation: WantedGeneration::Current,
                reason: text("to set it up"),
                from: None,
            },
            until,
            receiver: receiver.map(text),
        }
    }

    fn made(receiver: Option<&str>) -> Handover {
        let connection = state_of_sample();
        let event =
            decide_hand_over(Some(&connection), command(UNTIL, receiver), 0, Micros::new(0));
        let HandoverEvent::Made(made) = event.unwrap() else { panic!("it is made") };
        Handover {
            made: *made,
            connection: connection.id,
            workspace: connection.workspace,
            made_by: Actor::new("user:ada"),
            made_at: Micros::new(0),
            ended: None,
        }
    }

    fn take(state: &Handover, by: Option<&str>, now: i64) -> Result<HandoverEvent, Rejection> {
        let command = HandoverCommand::Use { by: by.map(text), from: None };
        decide_handover(Some(state), Some(&state_of_sample()), command, Micros::new(now))
    }

    fn after(state: &Handover, event: &HandoverEvent, at: i64) -> Handover {
        state.after(event, Micros::new(at), Actor::new("handover:x"))
    }

    #[test]
    fn a_handover_is_used_once_and_tells_later_when() {
        let state = made(None);
        let used = take(&state, None, 7).unwrap();
        assert_eq!(used.generations().unwrap()[&field("api_key")], Generation::new(1));
        let state = after(&state, &used, 7);
        assert!(!state.is_pending());
        for now in [0, 8, 200] {
            let refused = Err(Rejection::HandoverUsed { at: Micros::new(7) });
            assert_eq!(take(&state, None, now), refused);
        }
        let revoke = HandoverCommand::Revoke { reason: None };
        for command in [revoke, HandoverCommand::Expire] {
            let refused = decide_handover(Some(&state), None, command, Micros::new(200));
            assert_eq!(refused, Err(Rejection::HandoverUsed { at: Micros::new(7) }));
        }
    }

    #[test]
    fn it_ends_at_its_time_or_before_and_stays_ended_if_the_clock_goes_back() {
        let state = made(None);
        let end = |command, now| decide_handover(Some(&state), None, command, Micros::new(now));
        assert_eq!(take(&state, None, 100), Err(Rejection::HandoverEnded(HandoverEnd::Expired)));
        assert_eq!(end(HandoverCommand::Expire, 99), Err(Rejection::NothingToChange));
        let expired = end(HandoverCommand::Expire, 100).unwrap();
        let revoked = end(HandoverCommand::Revoke { reason: None }, 5).unwrap();
        for (event, cause) in [(expired, HandoverEnd::Expired), (revoked, HandoverEnd::Revoked)] {
            let state = after(&state, &event, 5);
            assert_eq!(take(&state, None, 1), Err(Rejection::HandoverEnded(cause)));
        }
    }

    #[test]
    fn one_that_is_for_a_principal_is_for_no_other() {
        let state = made(Some("eu-1"));
        for other in [None, Some("eu-2")] {
            assert_eq!(take(&state, other, 1), Err(Rejection::HandoverForOther));
        }
        assert!(take(&state, Some("eu-1"), 1).is_ok());
        assert!(take(&made(None), Some("eu-2"), 1).is_ok());
    }

    #[test]
    fn it_gives_out_no_more_than_the_connection_does_and_stays_unused() {
        let state = made(None);
        let take = |connection: Option<&Connection>| {
            let command = HandoverCommand::Use { by: None, from: None };
            decide_handover(Some(&state), connection, command, Micros::new(1))
        };
        let archived = Connection {
            lifecycle: Lifecycle::Archived { at: Micros::new(0) },
            ..state_of_sample()
        };
        assert_eq!(take(Some(&archived)), Err(Rejection::ConnectionArchived));
        let disabled = Connection { enabled: false, ..state_of_sample() };
        assert_eq!(take(Some(&disabled)), Err(Rejection::ConnectionDisabled));
        let mut rotated = state_of_sample();
        let secret = rotated.secrets.get_mut(&field("api_key")).unwrap();
        secret.generation = Generation::new(2);
        let retired = Rejection::GenerationRetired { field: field("api_key") };
        assert_eq!(take(Some(&rotated)), Err(retired));
        assert_eq!(take(None), Err(Rejection::ConnectionUnknown));
    }

    #[test]
    fn how_long_and_how_many_there_may_be_is_limited() {
        let connection = state_of_sample();
        let ask = |until, pending| {
            let command = command(Micros::new(until), None);
            decide_hand_over(Some(&connection), command, pending, Micros::new(0))
        };
        for until in [-1, 0, limits::HANDOVER_MICROS + 1] {
            assert!(matches!(ask(until, 0), Err(Rejection::Invalid(_))), "{until}");
        }
        assert!(ask(limits::HANDOVER_MICROS, limits::HANDOVERS - 1).is_ok());
        let full = Rejection::HandoversFull(limits::HANDOVERS);
        assert_eq!(ask(1, limits::HANDOVERS), Err(full));
    }
}
