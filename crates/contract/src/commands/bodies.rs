//! Bodies shared by several verbs.

use ledger_domain::principal::TokenRef;
use ledger_domain::{InvalidField, Prose, limits};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::input::{
    Checked as _, ConnectionRule, GrantToRule, Input, LineRule, PrincipalRule, ProseRule,
};
use super::parts::LimitsBody;

/// A connection as a body names it.
pub(crate) type ConnectionName = Option<Input<ConnectionRule>>;
/// A principal as a body names it.
pub(super) type PrincipalNameInput = Option<Input<PrincipalRule>>;
/// The reason for a command.
pub(super) type Reason = Option<Input<ProseRule<{ limits::REASON_CHARS }>>>;

/// Body of `disable`, `mark-degraded`, `mark-failed` and `mark-operational`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReasonBody {
    /// Id or slug of the connection.
    pub(super) connection: ConnectionName,
    /// The reason, at most 1,024 characters.
    pub(super) reason: Reason,
}

/// Body of `grant-workspace`, which requires `administer` and `reveal` in the connection's home
/// workspace, and of `set-limits`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GrantBody {
    /// Id or slug of the connection.
    pub(super) connection: ConnectionName,
    /// Name of a workspace, or `*` for all.
    pub(super) grant_to: Input<GrantToRule>,
    /// The limits of its use; unlimited when absent.
    #[serde(default)]
    pub(super) limits: LimitsBody,
}

/// Body of `enable-principal` and `disable-principal`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PrincipalBody {
    /// Name of the principal.
    pub(super) principal: PrincipalNameInput,
    /// The reason, at most 1,024 characters. It is stored only when disabling.
    pub(super) reason: Reason,
}

/// Returns the schema of a body that has a text in one field and nothing in another.
pub(super) fn only(given: &str, absent: &str) -> serde_json::Value {
    json!({
        "required": [given],
        "properties": { (given): { "type": "string" }, (absent): { "type": "null" } },
    })
}

/// Returns the schema of a body that has nothing in a field.
pub(super) fn absent(name: &str) -> serde_json::Value {
    json!({ "properties": { (name): { "type": "null" } } })
}

/// Body of `block-token` and `unblock-token`: a subject or the id of a token, and not both.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = json!([only("subject", "token_id"), only("token_id", "subject")])))]
pub(super) struct TokenBody {
    /// The claim `sub` of the tokens.
    subject: Option<Input<LineRule<{ limits::TOKEN_NAME_CHARS }>>>,
    /// The claim `jti` of the token.
    token_id: Option<Input<LineRule<{ limits::TOKEN_NAME_CHARS }>>>,
    /// The reason, at most 1,024 characters.
    reason: Reason,
}

impl TokenBody {
    /// Checks the body.
    ///
    /// Errors: `field_invalid`.
    pub(super) fn check(self) -> Result<(TokenRef, Option<Prose>), InvalidField> {
        let token = TokenRef::of(self.subject.check("subject")?, self.token_id.check("token_id")?)?;
        Ok((token, self.reason.check("reason")?))
    }
}
