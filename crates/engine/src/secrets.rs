//! The secrets of commands: sealing them, and the data keys for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use ledger_contract::commands::{GivenSecret, NewConnection};
use ledger_domain::connection::Draft;
use ledger_domain::{
    Command, ConnectionId, FieldName, Held, NewSecret, Rejection, Secret, Slug, WorkspaceName,
};
use ledger_store::tables::keys;
use ledger_vault::{DataKey, OpenError as UnsealError, Plaintext, Scope, WrappedDataKey};

use crate::engine::{Engine, HeldKey};
use crate::errors::{ConnectionUnknown, ExecuteError, Fault};
use crate::master_keys::KeyUse;
use crate::policies::SecretFields;
use crate::ports::Ports;
use crate::writer::Work;

impl Engine {
    /// Makes the work of a new connection, whose data key is made for it.
    pub(crate) fn create(&self, draft: NewConnection) -> Result<Work, ExecuteError> {
        let keys = self.shared.master_keys.enter()?;
        let ports = &self.shared.ports;
        let id = ports.connection_id();
        let provider = draft.details.provider.as_str();
        let fields = SecretFields::new(&self.shared.catalogue, &draft.workspace, id, provider);
        self.check_values(fields, draft.secrets.iter())?;
        let scope = Scope { workspace: &draft.workspace, connection: id };
        let (key, wrapped) = keys.ring().new_data_key(&mut ports.rng(), scope);
        let seal = |(field, given): (FieldName, GivenSecret)| {
            let secret = match given {
                GivenSecret::Value(value) => seal(ports, &key, scope, &field, &value),
                GivenSecret::Reference(reference) => NewSecret::referring(reference),
            };
            (field, secret)
        };
        let draft = Draft {
            slug: draft.slug.unwrap_or_else(|| made_slug(draft.details.provider.as_str(), id)),
            secrets: draft.secrets.into_iter().map(seal).collect(),
            workspace: draft.workspace.clone(),
            details: draft.details,
            enabled: draft.enabled,
            access: draft.access,
            models: draft.models,
            pricing: draft.pricing,
        };
        let held = HeldKey { workspace: draft.workspace.clone(), key: Arc::new(key) };
        self.shared.keep_data_key(id, held);
        Ok(Work::Connection {
            id,
            command: Box::new(Command::Create(Box::new(draft))),
            new_key: Some(wrapped.to_bytes()),
        })
    }

    /// Seals the secrets of a command. A value that is stored already, as the current one or the
    /// former, keeps its ciphertext, so that the decider sees which it is.
    pub(crate) fn seal_all(
        &self,
        workspace: &WorkspaceName,
        id: ConnectionId,
        secrets: BTreeMap<FieldName, GivenSecret>,
    ) -> Result<BTreeMap<FieldName, NewSecret>, ExecuteError> {
        if secrets.is_empty() {
            return Ok(BTreeMap::new());
        }
        let scope = Scope { workspace, connection: id };
        let keys = self.shared.master_keys.enter()?;
        let row = self.shared.models.load().row(id)?;
        if row.as_ref().is_some_and(|row| row.connection.lifecycle.is_erased()) {
            return Err(Rejection::ConnectionErased.into());
        }
        let key = self.known_data_key(&keys, scope)?;
        let stored = row.map(|row| row.connection.secrets).unwrap_or_default();
        let mut sealed = BTreeMap::new();
        for (field, given) in secrets {
            let value = match given {
                GivenSecret::Value(value) => value,
                GivenSecret::Reference(reference) => {
                    sealed.insert(field, NewSecret::referring(reference));
                    continue;
                }
            };
            let same =
                stored.get(&field).and_then(|old| same_value(old, &value, &key, scope, &field));
            let secret =
                same.unwrap_or_else(|| seal(&self.shared.ports, &key, scope, &field, &value));
            sealed.insert(field, secret);
        }
        Ok(sealed)
    }

    /// Returns a connection's data key.
    ///
    /// Errors: `connection_erased` if it is destroyed, `connection_unknown`.
    pub(crate) fn known_data_key(
        &self,
        keys: &KeyUse,
        scope: Scope<'_>,
    ) -> Result<Arc<DataKey>, ExecuteError> {
        match self.data_key(keys, scope)? {
            Some(key) => Ok(key),
            None if self.shared.is_erased(scope.connection)? => {
                Err(Rejection::ConnectionErased.into())
            }
            None => Err(ConnectionUnknown::Id.into()),
        }
    }

    /// Returns a connection's data key, or `None` if the workspace has no such connection.
    pub(crate) fn data_key(
        &self,
        keys: &KeyUse,
        scope: Scope<'_>,
    ) -> Result<Option<Arc<DataKey>>, Fault> {
        let id = scope.connection;
        if let Some(held) = self.shared.data_keys.lock().get(&id) {
            // A cached key is also withheld from callers of other workspaces; see below.
            let own = held.workspace == *scope.workspace;
            return Ok(own.then(|| held.key.clone()));
        }
        let Some(wrapped) = keys::get(&self.shared.store, id)? else { return Ok(None) };
        // A data key is bound to its workspace. For callers of another workspace the connection
        // does not exist.
        let row = self.shared.models.load().row(id)?;
        if row.is_some_and(|row| row.connection.workspace != *scope.workspace) {
            return Ok(None);
        }
        let key = Arc::new(self.unwrap(keys, scope, &wrapped)?);
        let held = HeldKey { workspace: scope.workspace.clone(), key: key.clone() };
        self.shared.keep_data_key(id, held);
        // It may have been erased since its key was read. A later erasure takes the key out itself.
        if self.shared.is_erased(id)? {
            self.shared.data_keys.lock().take(&id);
            return Ok(None);
        }
        Ok(Some(key))
    }

    /// Unwraps the data key of a connection, given its stored form.
    fn unwrap(&self, in_use: &KeyUse, scope: Scope<'_>, stored: &[u8]) -> Result<DataKey, Fault> {
        let opened = |stored: &[u8]| {
            let wrapped = WrappedDataKey::from_bytes(stored)?;
            in_use.ring().unwrap(scope, &wrapped)
        };
        match opened(stored) {
            // It was wrapped anew since it was read, and its former master key retired.
            Err(error @ UnsealError::UnknownKey { .. }) => {
                match keys::get(&self.shared.store, scope.connection)? {
                    Some(now) if now != stored => Ok(opened(&now)?),
                    _ => Err(error.into()),
                }
            }
            opened => Ok(opened?),
        }
    }
}

/// Returns the stored form of a value that a field has, or had before it, in a time that depends
/// only on the lengths. One that cannot be opened is another, so that it can be replaced.
fn same_value(
    stored: &Secret,
    value: &Plaintext,
    key: &DataKey,
    scope: Scope<'_>,
    field: &FieldName,
) -> Option<NewSecret> {
    let former = stored.former.as_deref().map(|former| (&former.held, &former.hint));
    let known = [Some((&stored.held, &stored.hint)), former].into_iter().flatten();
    let is_same = |held: &Held| {
        let old = held.sealed().and_then(|sealed| key.open(scope, field, sealed).ok());
        old.is_some_and(|old| old.same_as(value))
    };
    // Both are compared, whichever it is.
    let same: Vec<_> = known.filter(|(held, _)| is_same(held)).collect();
    let (held, hint) = *same.first()?;
    Some(NewSecret { held: held.clone(), hint: hint.clone() })
}

fn seal(
    ports: &Ports,
    key: &DataKey,
    scope: Scope<'_>,
    field: &FieldName,
    value: &Plaintext,
) -> NewSecret {
    let sealed = key.seal(&mut ports.rng(), scope, field, value);
    NewSecret { held: Held::Sealed(sealed), hint: value.hint(field) }
}

/// Derives a slug from the provider's name and the random end of the id.
fn made_slug(provider: &str, id: ConnectionId) -> Slug {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = provider.chars().map(plain).take(40).collect();
    let name = name.trim_matches('-');
    let id = id.uuid().simple().to_string();
    let tail = id.get(20..).unwrap_or(&id);
    let text = if name.is_empty() { format!("c-{tail}") } else { format!("{name}-{tail}") };
    Slug::parse("slug", &text).expect("made of the slug alphabet")
}
