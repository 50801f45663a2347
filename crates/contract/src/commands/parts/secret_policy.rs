//! What policies of secret fields are about, as bodies have it.

use ledger_domain::{InvalidField, PolicySubject};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::commands::ConnectionRef;
use crate::commands::input::{Checked as _, ConnectionRule, FieldNameRule, Input, ProviderRule};

/// Which secret fields a policy is about. What is absent stands for all.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicySubjectBody {
    /// Id or slug of one connection of the workspace; not for policies of the whole ledger.
    connection: Option<Input<ConnectionRule>>,
    /// The connections of one provider, by any of its names.
    provider: Option<Input<ProviderRule>>,
    /// One secret field, by any of its names at the provider.
    field: Option<Input<FieldNameRule>>,
}

impl PolicySubjectBody {
    /// Checks the body. The connection is apart, because only the engine finds its id.
    ///
    /// Errors: `field_invalid`.
    pub fn check(self) -> Result<(Option<ConnectionRef>, PolicySubject), InvalidField> {
        let connection = self.connection.check("about.connection")?;
        let provider = self.provider.check("about.provider")?;
        let field = self.field.check("about.field")?;
        Ok((connection, PolicySubject { connection: None, provider, field }))
    }
}
