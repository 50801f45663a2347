//! Alerts: which events are told to somebody outside, and where. They are kept for each workspace
//! and for the ledger as a whole, each in a stream of its own.
//!
//! | command | event | refusals |
//! |---|---|---|
//! | create | created | exists; too many |
//! | update | updated | unknown; nothing to change |
//! | rotate its secret | secret rotated | unknown; sent by mail, which is not signed |
//! | test | tested | unknown; disabled |
//! | replay | replayed | unknown; disabled |
//! | disable | disabled | unknown; disabled already |
//! | remove | removed | unknown |
//!
//! An alert of a workspace is about the events of that workspace, one of the ledger about those of
//! all. What was delivered is no part of its state: that is kept beside the log.

mod receiver;

use std::collections::{BTreeMap, BTreeSet};

use crate::connection::{Patch, Rejection, check_expected, vocabulary};
use crate::ids::{Actor, Expected, Micros, Position, Version};
use crate::limits;
use crate::text::{AlertName, InvalidField, Line, Prose};

pub use receiver::AlertReceiver;

vocabulary!(
    /// How messages of an alert are signed, as the Standard Webhooks convention has it.
    SignatureScheme, "signature", {
        /// HMAC with SHA-256, under a secret that both sides have.
        Hmac = "hmac",
        /// Ed25519, which receivers check with a public key.
        Ed25519 = "ed25519",
    }
);

/// Which events an alert is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertSelection {
    /// Types of events, and words that stand for several.
    pub on: BTreeSet<Line>,
    /// Only those of connections of this provider.
    pub provider: Option<Line>,
    /// Only those of connections with all these labels.
    pub labels: BTreeMap<Line, Prose>,
}

/// What is set of an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertSettings {
    /// Where its messages go.
    pub receiver: AlertReceiver,
    /// Which events it is about.
    pub selection: AlertSelection,
    /// Whether messages are sent. While it is disabled, they wait.
    pub enabled: bool,
}

/// What a signing secret follows from, besides the ledger's own key. It is no secret itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signing {
    /// How messages are signed.
    pub scheme: SignatureScheme,
    /// Random text, another one for each secret.
    pub salt: Line,
    /// What receivers check signatures with, unless that is a secret.
    pub public_key: Option<Line>,
}

/// A signing secret that was replaced, and still signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormerSigning {
    /// What it follows from.
    pub signing: Signing,
    /// Until when.
    pub until: Micros,
}

/// An alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// The position of the event by which it was created, which no other alert has.
    pub id: Position,
    /// The position of its latest event.
    pub changed: Position,
    /// What is set.
    pub settings: AlertSettings,
    /// Why the ledger disabled it, if it did.
    pub disabled_because: Option<Line>,
    /// What its messages are signed with. An alert by mail has it for the time when it gets a URL.
    pub signing: Signing,
    /// The secret before that, while it still signs.
    pub former: Option<FormerSigning>,
    /// Who created it.
    pub by: Actor,
    /// When.
    pub at: Micros,
}

impl Alert {
    /// Returns what messages are signed with at a time, the current secret first.
    pub fn signings(&self, now: Micros) -> impl Iterator<Item = &Signing> {
        let former = self.former.as_ref().filter(|former| now < former.until);
        std::iter::once(&self.signing).chain(former.map(|former| &former.signing))
    }
}

/// The alerts of one workspace, or of the ledger as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alerts {
    /// Version of their stream.
    pub version: Version,
    /// The alerts, by name.
    pub all: BTreeMap<AlertName, Alert>,
}

/// Changes to what is set of an alert. What is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertRevision {
    /// Where its messages go.
    pub receiver: Option<AlertReceiver>,
    /// The types of events.
    pub on: Option<BTreeSet<Line>>,
    /// The provider, or all.
    pub provider: Patch<Line>,
    /// The labels.
    pub labels: Option<BTreeMap<Line, Prose>>,
    /// Whether messages are sent.
    pub enabled: Option<bool>,
}

impl AlertRevision {
    fn apply(self, settings: &AlertSettings) -> AlertSettings {
        let AlertSettings { receiver, mut selection, enabled } = settings.clone();
        self.provider.apply(&mut selection.provider);
        selection.on = self.on.unwrap_or(selection.on);
        selection.labels = self.labels.unwrap_or(selection.labels);
        AlertSettings {
            receiver: self.receiver.unwrap_or(receiver),
            selection,
            enabled: self.enabled.unwrap_or(enabled),
        }
    }
}

/// A command about an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertCommand {
    /// The alert.
    pub name: AlertName,
    /// What is to be done.
    pub change: AlertChange,
}

/// What a command does to an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlertChange {
    /// Creates it.
    Create {
        /// What is set.
        settings: AlertSettings,
        /// How its messages are signed.
        scheme: SignatureScheme,
        /// What the secret follows from; drawn after the command is parsed.
        drawn: Option<Signing>,
    },
    /// Changes what is set.
    Update(AlertRevision),
    /// Replaces its signing secret.
    RotateSecret {
        /// How messages are signed from now on; as before if absent.
        scheme: Option<SignatureScheme>,
        /// For how many seconds the former secret signs as well.
        overlap_seconds: u32,
        /// What the secret follows from; drawn after the command is parsed.
        drawn: Option<Signing>,
    },
    /// Sends a message that says nothing but that it is a test, and tries at once what waits.
    Test,
    /// Sends dead letters again.
    Replay {
        /// The position of the event of one of them; all if absent.
        position: Option<Position>,
    },
    /// Sends nothing until it is enabled again. The ledger does it by itself.
    Disable {
        /// The receiver that is gone. Nothing happens if the alert has another one by now.
        receiver: AlertReceiver,
        /// Why.
        because: Line,
    },
    /// Removes it, with what waits.
    Remove,
}

impl AlertChange {
    /// Returns where messages go from now on, if the command says so.
    pub const fn receiver(&self) -> Option<&AlertReceiver> {
        match self {
            Self::Create { settings, .. } => Some(&settings.receiver),
            Self::Update(revision) => revision.receiver.as_ref(),
            Self::RotateSecret { .. }
            | Self::Test
            | Self::Replay { .. }
            | Self::Disable { .. }
            | Self::Remove => None,
        }
    }
}

/// An event about an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertEvent {
    /// The alert.
    pub name: AlertName,
    /// What happened.
    pub happened: AlertHappened,
}

/// What happened to an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlertHappened {
    /// It was created.
    Created {
        /// What is set.
        settings: AlertSettings,
        /// What messages are signed with.
        signing: Signing,
    },
    /// It was changed.
    Updated {
        /// What is set now.
        settings: AlertSettings,
    },
    /// Its signing secret was replaced.
    SecretRotated {
        /// What messages are signed with now.
        signing: Signing,
        /// Until when the former secret signs as well, if it does.
        former_until: Option<Micros>,
    },
    /// It is tested.
    Tested,
    /// Dead letters are sent again.
    Replayed {
        /// The position of the event of one of them; all if absent.
        position: Option<Position>,
    },
    /// It was disabled by the ledger itself.
    Disabled {
        /// Why.
        because: Line,
    },
    /// It was removed.
    Removed,
}

impl AlertEvent {
    /// All stored type names, in the order of the variants.
    pub const TYPE_NAMES: [&'static str; 7] = [
        "alert_created",
        "alert_updated",
        "alert_secret_rotated",
        "alert_tested",
        "alert_replayed",
        "alert_disabled",
        "alert_removed",
    ];

    /// Returns the stored type name.
    pub const fn type_name(&self) -> &'static str {
        match self.happened {
            AlertHappened::Created { .. } => "alert_created",
            AlertHappened::Updated { .. } => "alert_updated",
            AlertHappened::SecretRotated { .. } => "alert_secret_rotated",
            AlertHappened::Tested => "alert_tested",
            AlertHappened::Replayed { .. } => "alert_replayed",
            AlertHappened::Disabled { .. } => "alert_disabled",
            AlertHappened::Removed => "alert_removed",
        }
    }
}

/// Decides on a command about an alert at a time.
pub fn decide_alert(
    state: &Alerts,
    expected: Expected,
    command: AlertCommand,
    now: Micros,
) -> Result<AlertEvent, Rejection> {
    check_expected(state.version, expected)?;
    let AlertCommand { name, change } = command;
    let alert = state.all.get(&name);
    let happened = match (alert, change) {
        (Some(_), AlertChange::Create { .. }) => return Err(Rejection::AlertExists),
        (None, AlertChange::Create { settings, drawn, .. }) => {
            if state.all.len() >= limits::ALERTS {
                return Err(Rejection::AlertsFull(limits::ALERTS));
            }
            AlertHappened::Created { settings, signing: drawn.ok_or_else(not_drawn)? }
        }
        (None, _) => return Err(Rejection::AlertUnknown),
        (Some(alert), change) => decide_existing(alert, change, now)?,
    };
    Ok(AlertEvent { name, happened })
}

fn decide_existing(
    alert: &Alert,
    change: AlertChange,
    now: Micros,
) -> Result<AlertHappened, Rejection> {
    match change {
        AlertChange::Create { .. } => Err(Rejection::AlertExists),
        AlertChange::Update(revision) => {
            let settings = revision.apply(&alert.settings);
            if settings == alert.settings {
                return Err(Rejection::NothingToChange);
            }
            Ok(AlertHappened::Updated { settings })
        }
        AlertChange::RotateSecret { .. } if !alert.settings.receiver.is_signed() => {
            Err(Rejection::AlertUnsigned)
        }
        AlertChange::RotateSecret { overlap_seconds, drawn, .. } => {
            let signing = drawn.ok_or_else(not_drawn)?;
            let overlap = i64::from(overlap_seconds) * 1_000_000;
            let until = Micros::new(now.get().saturating_add(overlap));
            let former_until = (overlap_seconds > 0).then_some(until);
            Ok(AlertHappened::SecretRotated { signing, former_until })
        }
        AlertChange::Test | AlertChange::Replay { .. } | AlertChange::Disable { .. }
            if !alert.settings.enabled =>
        {
            Err(Rejection::AlertDisabled)
        }
        AlertChange::Test => Ok(AlertHappened::Tested),
        AlertChange::Replay { position } => Ok(AlertHappened::Replayed { position }),
        AlertChange::Disable { receiver, .. } if receiver != alert.settings.receiver => {
            Err(Rejection::NothingToChange)
        }
        AlertChange::Disable { because, .. } => Ok(AlertHappened::Disabled { because }),
        AlertChange::Remove => Ok(AlertHappened::Removed),
    }
}

/// Refuses a command that begins a secret and has none.
fn not_drawn() -> InvalidField {
    InvalidField::new("signature", "must be given a secret before it is decided")
}

/// What is known of an event about an alert besides the event.
#[derive(Clone, Debug)]
pub struct AlertFacts {
    /// Its version in the stream.
    pub version: Version,
    /// Its position in the log.
    pub position: Position,
    /// Who caused it.
    pub by: Actor,
    /// When it was recorded.
    pub at: Micros,
}

impl Alerts {
    /// Applies an event.
    pub fn evolve(&mut self, event: AlertEvent, facts: AlertFacts) {
        self.version = facts.version;
        let AlertEvent { name, happened } = event;
        match happened {
            AlertHappened::Created { settings, signing } => {
                self.all.insert(name, Alert::created(settings, signing, facts));
            }
            AlertHappened::Removed => {
                self.all.remove(&name);
            }
            happened => {
                if let Some(alert) = self.all.get_mut(&name) {
                    alert.changed = facts.position;
                    alert.evolve(happened);
                }
            }
        }
    }
}

impl Alert {
    fn created(settings: AlertSettings, signing: Signing, facts: AlertFacts) -> Self {
        let AlertFacts { position, by, at, .. } = facts;
        Self {
            id: position,
            changed: position,
            settings,
            disabled_because: None,
            signing,
            former: None,
            by,
            at,
        }
    }

    /// Applies what happened to an alert that exists and goes on existing.
    fn evolve(&mut self, happened: AlertHappened) {
        match happened {
            AlertHappened::Updated { settings } => {
                self.settings = settings;
                self.disabled_because = None;
            }
            AlertHappened::SecretRotated { signing, former_until } => {
                let former = std::mem::replace(&mut self.signing, signing);
                self.former = former_until.map(|until| FormerSigning { signing: former, until });
            }
            AlertHappened::Disabled { because } => {
                self.settings.enabled = false;
                self.disabled_because = Some(because);
            }
            AlertHappened::Created { .. }
            | AlertHappened::Tested
            | AlertHappened::Replayed { .. }
            | AlertHappened::Removed => {}
        }
    }
}

#[cfg(test)]
mod tests;
