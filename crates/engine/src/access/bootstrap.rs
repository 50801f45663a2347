//! Creates the first administrator. It takes access to the data directory and the master key.

use std::collections::{BTreeMap, BTreeSet};

use ledger_contract::commands::ParsedCommand;
use ledger_contract::headers::Headers;
use ledger_contract::records::Via;
use ledger_contract::subjects;
use ledger_domain::connection::Environment;
use ledger_domain::principal::{
    Grant, KeyEnd, PrincipalDraft, PrincipalKind, PrincipalRevision, Scope, Workspaces,
};
use ledger_domain::{CheckedText as _, Principal, PrincipalCommand, PrincipalName};

use super::Caller;
use crate::engine::Engine;
use crate::errors::{ExecuteError, Fault};
use crate::execute::CommandRequest;
use crate::executed::Executed;
use crate::fingerprint::Received;

/// Name of the principal that the first admin key belongs to.
const ADMIN: &str = "admin";
/// The actor named in the resulting events.
const SYSTEM_ACTOR: &str = "system:init";

impl Engine {
    /// Creates the principal `admin` with every right and issues a key to it. An existing `admin`
    /// gets every right in place of its grants, and its keys are revoked. Returns the key, which is
    /// not stored anywhere and expires after the default lifetime.
    pub async fn issue_admin_key(&self, environment: Environment) -> Result<String, ExecuteError> {
        let name = PrincipalName::stored(ADMIN.into());
        match self.shared.directory.principal(&name) {
            None => {
                let draft = PrincipalDraft {
                    kind: PrincipalKind::User,
                    display_name: None,
                    grants: vec![everything()],
                };
                self.as_system(ParsedCommand::principal(
                    name.clone(),
                    PrincipalCommand::Create(draft),
                ))
                .await?;
            }
            Some(admin) => self.restore_admin(&admin).await?,
        }
        let end = KeyEnd::AfterDefault;
        let issue = ParsedCommand::IssueKey { name, environment, label: None, end, wrap: None };
        let key = self.as_system(issue).await?.api_key;
        key.map(|mut key| std::mem::take(&mut key.key))
            .ok_or_else(|| Fault::bug("issue-key returned no key").into())
    }

    async fn restore_admin(&self, admin: &Principal) -> Result<(), ExecuteError> {
        let name = &admin.name;
        if !admin.enabled {
            self.as_system(ParsedCommand::principal(name.clone(), PrincipalCommand::Enable))
                .await?;
        }
        // Replaces the grants, because `admin` may already have as many as are permitted.
        let grants = vec![everything()];
        if admin.grants != grants {
            let revision = PrincipalRevision { grants: Some(grants), ..Default::default() };
            self.as_system(ParsedCommand::principal(
                name.clone(),
                PrincipalCommand::Update(revision),
            ))
            .await?;
        }
        for (id, _) in admin.keys.iter().filter(|(_, key)| key.revoked.is_none()) {
            let revoke = PrincipalCommand::RevokeKey { id: id.clone(), reason: None };
            self.as_system(ParsedCommand::principal(name.clone(), revoke)).await?;
        }
        Ok(())
    }

    async fn as_system(&self, command: ParsedCommand) -> Result<Executed, ExecuteError> {
        let workspace = subjects::ledger_workspace();
        let received = Received::default();
        let caller = Caller::system(SYSTEM_ACTOR);
        let context = self.context(caller, Via::System, Headers::default());
        self.execute(CommandRequest { workspace, command, received, context }).await
    }
}

/// Returns a grant of every scope everywhere.
pub(super) fn everything() -> Grant {
    Grant {
        scopes: Scope::ALL.iter().copied().collect(),
        workspaces: Workspaces::All,
        providers: BTreeSet::new(),
        labels: BTreeMap::new(),
    }
}
