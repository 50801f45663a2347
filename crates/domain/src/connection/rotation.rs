//! Rotations: new values of secret fields, and how long the values before them stay in use.

use std::collections::{BTreeMap, BTreeSet};

use super::Connection;
use super::decide::has_report;
use super::draft::is_other;
use super::event::Event;
use super::rejection::Rejection;
use crate::ids::{Generation, Micros};
use crate::limits;
use crate::secret::{Former, FormerEnd, NewSecret, Secret};
use crate::text::{FieldName, InvalidField};

/// A request to keep the values that a rotation replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Until when.
    pub end: FormerEnd,
    /// When it was asked for.
    pub now: Micros,
}

/// What becomes of the values that a rotation replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replaced {
    /// They are retired at once.
    Retired,
    /// They are given out for a while.
    Kept(Keep),
    /// They are known to others: they are retired at once, those before them as well, and never
    /// come back.
    Compromised,
}

/// When former generations are to be retired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retirement {
    /// At once.
    Now,
    /// At a time.
    At {
        /// The time.
        until: Micros,
        /// When it was asked for.
        now: Micros,
    },
    /// At once where the deadline has passed at this time.
    Overdue(Micros),
    /// At once where they are kept only until they are confirmed, which the engine has checked.
    Confirmed,
}

/// Why a former generation was retired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetiredBy {
    /// By a command.
    Command,
    /// Its deadline passed.
    Deadline,
    /// Every consumer confirmed the current generation.
    Confirmation,
}

impl RetiredBy {
    /// Every cause.
    pub const ALL: [Self; 3] = [Self::Command, Self::Deadline, Self::Confirmation];

    /// Returns the stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Deadline => "deadline",
            Self::Confirmation => "confirmation",
        }
    }
}

/// Replaces the values of existing fields.
pub(super) fn rotate(
    state: &Connection,
    values: BTreeMap<FieldName, NewSecret>,
    replaced: Replaced,
) -> Result<Event, Rejection> {
    if values.is_empty() {
        return Err(Rejection::NothingToChange);
    }
    for field in values.keys() {
        if !state.secrets.contains_key(field) {
            return Err(Rejection::SecretFieldUnknown { field: field.clone() });
        }
    }
    let compromised = match replaced {
        Replaced::Compromised => compromise(state, &values)?,
        Replaced::Retired | Replaced::Kept(_) => BTreeMap::new(),
    };
    let mut secrets = values;
    // What a reference leads to may have another value, although the reference is the same.
    secrets.retain(|field, new| {
        new.held.reference().is_some() || is_other(state.secrets.get(field), Some(new))
    });
    if secrets.is_empty() {
        return Err(Rejection::NothingToChange);
    }
    let mut former = None;
    if let Replaced::Kept(keep) = replaced {
        check_end("keep_former_until", keep.end.until, keep.now)?;
        let in_use = |field: &&FieldName| {
            state.secrets.get(*field).is_some_and(|now| now.former_at(keep.now).is_some())
        };
        if let Some(field) = secrets.keys().find(in_use) {
            return Err(Rejection::FormerInUse { field: field.clone() });
        }
        former = Some(keep.end);
    }
    Ok(Event::SecretRotated { secrets, former, compromised, health_unknown: has_report(state) })
}

/// Returns the generations that are compromised when these values replace them. A value that stays
/// would be given out on, so each has to be another. What a reference leads to may have another
/// value, although the reference is the same.
fn compromise(
    state: &Connection,
    values: &BTreeMap<FieldName, NewSecret>,
) -> Result<BTreeMap<FieldName, BTreeSet<Generation>>, Rejection> {
    let mut compromised = BTreeMap::new();
    for (field, new) in values {
        let Some(secret) = state.secrets.get(field) else { continue };
        if new.held.sealed().is_some_and(|sealed| secret.has(sealed)) {
            let problem = "is the value that is compromised; set a new one";
            return Err(InvalidField::new(format!("secrets.{field}"), problem).into());
        }
        compromised.insert(field.clone(), secret.generations());
    }
    Ok(compromised)
}

/// Checks that no compromised value comes back with earlier secrets.
pub(super) fn check_returning(
    state: &Connection,
    then: &BTreeMap<FieldName, Secret>,
) -> Result<(), Rejection> {
    for (field, old) in then {
        let stays = state.secrets.get(field).is_some_and(|now| now.held == old.held);
        let known = [old.generation, old.came_first()];
        let compromised =
            known.into_iter().find(|generation| state.is_compromised(field, *generation));
        if let Some(generation) = compromised.filter(|_| !stays) {
            return Err(Rejection::GenerationCompromised { field: field.clone(), generation });
        }
    }
    Ok(())
}

/// Retires former generations, or sets when that is to happen.
pub(super) fn retire(
    state: &Connection,
    fields: &BTreeSet<FieldName>,
    when: Retirement,
) -> Result<Event, Rejection> {
    let cause = match when {
        Retirement::At { until, now } => return set_end(state, fields, until, now),
        Retirement::Now => RetiredBy::Command,
        Retirement::Overdue(_) => RetiredBy::Deadline,
        Retirement::Confirmed => RetiredBy::Confirmation,
    };
    let is_meant = |former: &Former| match when {
        Retirement::Overdue(now) => former.end.until <= now,
        Retirement::Confirmed => former.end.once_confirmed,
        Retirement::Now | Retirement::At { .. } => true,
    };
    let generations = formers(state, fields, is_meant)?;
    Ok(Event::FormerRetired { generations, cause })
}

fn set_end(
    state: &Connection,
    fields: &BTreeSet<FieldName>,
    until: Micros,
    now: Micros,
) -> Result<Event, Rejection> {
    let in_use = formers(state, fields, |former| now < former.end.until)?;
    check_end("at", until, now)?;
    let is_other = |(field, _): &(FieldName, Generation)| {
        let former = state.secrets.get(field).and_then(|secret| secret.former.as_deref());
        former.is_some_and(|former| former.end.until != until)
    };
    let generations: BTreeMap<_, _> = in_use.into_iter().filter(is_other).collect();
    if generations.is_empty() {
        return Err(Rejection::NothingToChange);
    }
    Ok(Event::FormerEndSet { generations, until })
}

/// Returns to former values.
pub(super) fn cancel(
    state: &Connection,
    fields: &BTreeSet<FieldName>,
    now: Micros,
) -> Result<Event, Rejection> {
    let generations = formers(state, fields, |former| now < former.end.until);
    let generations = generations.map_err(|rejection| match rejection {
        Rejection::FormerUnknown => compromised_former(state, fields).unwrap_or(rejection),
        other => other,
    })?;
    Ok(Event::RotationCancelled { generations, health_unknown: has_report(state) })
}

/// Returns the refusal to return to a value that would be a former one if it were not compromised.
fn compromised_former(state: &Connection, fields: &BTreeSet<FieldName>) -> Option<Rejection> {
    let meant = state.secrets.iter().filter(|(field, secret)| {
        (fields.is_empty() || fields.contains(*field)) && secret.former.is_none()
    });
    let mut compromised = meant.filter_map(|(field, secret)| {
        let generation = state.compromised.get(field)?.highest()?;
        (generation.next() == secret.generation).then(|| (field.clone(), generation))
    });
    let (field, generation) = compromised.next()?;
    Some(Rejection::GenerationCompromised { field, generation })
}

/// Returns the former generations of some fields, or of all when none is named.
fn formers(
    state: &Connection,
    fields: &BTreeSet<FieldName>,
    is_meant: impl Fn(&Former) -> bool,
) -> Result<BTreeMap<FieldName, Generation>, Rejection> {
    let former = |secret: &Secret| {
        let former = secret.former.as_deref().filter(|former| is_meant(former));
        former.map(|former| former.generation)
    };
    let mut found = BTreeMap::new();
    for field in fields {
        let unknown = || Rejection::SecretFieldUnknown { field: field.clone() };
        let secret = state.secrets.get(field).ok_or_else(unknown)?;
        found.insert(field.clone(), former(secret).ok_or(Rejection::FormerUnknown)?);
    }
    if fields.is_empty() {
        let all = state.secrets.iter();
        found.extend(all.filter_map(|(field, secret)| Some((field.clone(), former(secret)?))));
    }
    if found.is_empty() { Err(Rejection::FormerUnknown) } else { Ok(found) }
}

/// Checks that an end is ahead, and not too far.
fn check_end(field: &str, until: Micros, now: Micros) -> Result<(), InvalidField> {
    let ahead = until.get().saturating_sub(now.get());
    if ahead <= 0 {
        return Err(InvalidField::new(field, "must be in the future"));
    }
    if ahead > limits::OVERLAP_MICROS {
        return Err(InvalidField::new(field, "must be at most 90 days ahead"));
    }
    Ok(())
}
