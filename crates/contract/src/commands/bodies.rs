//! Bodies that several verbs share.

use ledger_domain::limits;
use schemars::JsonSchema;
use serde::Deserialize;

use super::input::{ConnectionRule, GrantToRule, Input, PrincipalRule, ProseRule};
use super::parts::LimitsBody;

/// A connection as a body names it.
pub(crate) type ConnectionName = Option<Input<ConnectionRule>>;
/// A principal as a body names it.
pub(super) type PrincipalNameInput = Option<Input<PrincipalRule>>;
/// Why something is done.
pub(super) type Reason = Option<Input<ProseRule<{ limits::REASON_CHARS }>>>;

/// `disable`, `mark-degraded`, `mark-failed`, `mark-operational`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReasonBody {
    /// Id or slug.
    pub(super) connection: ConnectionName,
    /// Why, at most 1,024 characters.
    pub(super) reason: Reason,
}

/// `grant-workspace`, which takes `administer` in the connection's own workspace, and
/// `set-limits`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GrantBody {
    /// Id or slug.
    pub(super) connection: ConnectionName,
    /// Name of a workspace, or `*` for all.
    pub(super) grant_to: Input<GrantToRule>,
    /// How much it may use.
    #[serde(default)]
    pub(super) limits: LimitsBody,
}

/// `enable-principal` and `disable-principal`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PrincipalBody {
    /// Its name.
    pub(super) principal: PrincipalNameInput,
    /// Why, at most 1,024 characters; kept when disabling.
    pub(super) reason: Reason,
}
