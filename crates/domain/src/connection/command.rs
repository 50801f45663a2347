//! Commands to a connection.

use std::collections::{BTreeMap, BTreeSet};

use super::access::GrantScope;
use super::dependents::{Dependent, DependentKey};
use super::draft::{Draft, Revision};
use super::limits_of_use::Limits;
use super::models::ModelPolicy;
use super::pricing::Pricing;
use super::provider_token::RefreshOutcome;
use super::rotation::{Replaced, Retirement};
use super::tested::TestResult;
use crate::ids::{Micros, Version};
use crate::secret::NewSecret;
use crate::text::{FieldName, Prose, Slug};

/// A requested change, which [`super::decide`] accepts or refuses. Its secrets are already sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Creates the connection.
    Create(Box<Draft>),
    /// Changes its editable fields.
    Update {
        /// The changes.
        revision: Box<Revision>,
        /// Whether secrets that stay attached are removed if the change sends them elsewhere, of
        /// which the engine judges.
        detach_secrets: bool,
    },
    /// Replaces the values of existing secret fields.
    RotateSecret {
        /// The new values.
        secrets: BTreeMap<FieldName, NewSecret>,
        /// What becomes of the values before them.
        replaced: Replaced,
    },
    /// Retires former generations, now or at another time than was said.
    RetireFormer {
        /// The fields; all that have a former generation when empty.
        fields: BTreeSet<FieldName>,
        /// When.
        when: Retirement,
    },
    /// Takes a rotation back: the former value is current again, under a new generation.
    CancelRotation {
        /// The fields; all that have a former generation when empty.
        fields: BTreeSet<FieldName>,
        /// When it was asked for.
        now: Micros,
    },
    /// Allows gateways to use it.
    Enable,
    /// Prevents gateways from using it.
    Disable {
        /// The reason.
        reason: Option<Prose>,
    },
    /// Reports a temporary failure that is being retried.
    MarkDegraded {
        /// The reason.
        reason: Option<Prose>,
    },
    /// Reports a failure that needs manual intervention.
    MarkFailed {
        /// The reason.
        reason: Option<Prose>,
    },
    /// Reports that it works.
    MarkOperational {
        /// The reason, or how it was found out.
        reason: Option<Prose>,
    },
    /// Records the result of a test.
    TestConnection {
        /// The result.
        result: Box<TestResult>,
        /// The version of the connection that was tested.
        tested: Version,
    },
    /// Records what came of an attempt to refresh its token.
    RefreshToken {
        /// What came of it.
        outcome: Box<RefreshOutcome>,
        /// The connection with which it was made.
        of: Box<super::Connection>,
    },
    /// Archives it.
    Archive {
        /// The reason.
        reason: Option<Prose>,
        /// Archives it even if something depends on it.
        force: bool,
    },
    /// Destroys its data key and everything that it says, for good.
    Erase {
        /// The reason.
        reason: Prose,
        /// Erases it even if something depends on it.
        force: bool,
    },
    /// Restores it from the archive.
    Restore {
        /// A new slug, required if the old one has been taken since.
        slug: Option<Slug>,
    },
    /// Allows one workspace, or all, to use it.
    GrantWorkspace {
        /// The workspaces.
        scope: GrantScope,
        /// The limits of their use.
        limits: Limits,
    },
    /// Revokes the access of one workspace, or of all.
    RevokeWorkspace {
        /// The workspaces.
        scope: GrantScope,
    },
    /// Changes the limits of an existing grant.
    SetLimits {
        /// The workspaces of the grant.
        scope: GrantScope,
        /// The limits of their use.
        limits: Limits,
    },
    /// Replaces the model policy.
    SetModelPolicy(ModelPolicy),
    /// Replaces the price factors.
    SetPricing(Option<Pricing>),
    /// Records that something uses it.
    LinkDependent {
        /// The dependent.
        key: DependentKey,
        /// Its name and attributes.
        dependent: Dependent,
    },
    /// Records that something no longer uses it.
    UnlinkDependent {
        /// The dependent.
        key: DependentKey,
    },
    /// Restores the settings of an earlier version, including secret values, as a new change.
    Revert {
        /// The version whose settings are restored.
        to: Version,
        /// The connection at that version, as the engine found it; `None` if there is no such
        /// version.
        then: Option<Box<super::Connection>>,
        /// Whether the secrets of that version stay away if they would be sent elsewhere than the
        /// present ones, of which the engine judges.
        detach_secrets: bool,
    },
}
