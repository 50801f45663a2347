//! Warns in the log of API keys that expire soon, each once in a run.

use std::collections::HashSet;

use ledger_contract::time;
use ledger_domain::principal::ApiKeyId;
use ledger_domain::{Micros, PrincipalName};

use super::PrincipalDirectory;

/// The keys that have been warned of.
#[derive(Debug, Default)]
pub(super) struct Endings(HashSet<ApiKeyId>);

/// A key that expires soon.
#[derive(Debug, PartialEq, Eq)]
struct Ending {
    principal: PrincipalName,
    key: ApiKeyId,
    expires_at: Micros,
}

impl Endings {
    /// Warns of the keys that expire soon and have not been warned of.
    pub(super) fn warn(&mut self, directory: &PrincipalDirectory, now: Micros) {
        for Ending { principal, key, expires_at } in self.newly(directory, now) {
            tracing::warn!(
                ledger.principal = principal.as_str(),
                ledger.key = key.as_str(),
                expires_at = time::format(expires_at),
                "an api key expires soon"
            );
        }
    }

    fn newly(&mut self, directory: &PrincipalDirectory, now: Micros) -> Vec<Ending> {
        let mut newly = Vec::new();
        for principal in directory.principals().iter().filter(|principal| principal.enabled) {
            for (id, key) in &principal.keys {
                if let Some(expires_at) = key.expires_at
                    && key.ends_soon(now)
                    && self.0.insert(id.clone())
                {
                    let (principal, key) = (principal.name.clone(), id.clone());
                    newly.push(Ending { principal, key, expires_at });
                }
            }
        }
        newly
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use ledger_domain::connection::Environment;
    use ledger_domain::principal::{ApiKey, KeyDigest, PrincipalKind};
    use ledger_domain::{Actor, CheckedText as _, Position, Principal, Version};

    use super::*;

    fn principal(enabled: bool) -> Principal {
        let (at, actor) = (Micros::new(0), Actor::new("user:admin"));
        let key = ApiKey {
            digest: KeyDigest::new("b3.x"),
            environment: Environment::Live,
            label: None,
            issued_at: at,
            issued_by: actor.clone(),
            expires_at: Some(Micros::new(100)),
            revoked: None,
        };
        let id = ApiKeyId::stored("k23456789abc".into());
        Principal {
            name: PrincipalName::stored("eu-1".into()),
            kind: PrincipalKind::Gateway,
            display_name: None,
            grants: Vec::new(),
            enabled,
            keys: BTreeMap::from([(id, key)]),
            blocks: BTreeMap::new(),
            version: Version::new(1),
            position: Position::new(1),
            created_at: at,
            created_by: actor.clone(),
            updated_at: at,
            updated_by: actor,
        }
    }

    #[test]
    fn a_key_is_warned_of_once_in_its_last_quarter() {
        let directory = PrincipalDirectory::default();
        directory.put(&Arc::new(principal(true)));
        let mut endings = Endings::default();
        let mut names = |now: i64| {
            let newly = endings.newly(&directory, Micros::new(now));
            newly.into_iter().map(|one| one.principal.as_str().to_owned()).collect::<Vec<_>>()
        };
        assert!(names(74).is_empty(), "there is time");
        assert_eq!(names(75), ["eu-1"]);
        assert!(names(76).is_empty(), "once");
        directory.put(&Arc::new(principal(false)));
        let ended = Endings::default().newly(&directory, Micros::new(75));
        assert!(ended.is_empty(), "it opens nothing anyway");
        directory.put(&Arc::new(principal(true)));
        assert!(Endings::default().newly(&directory, Micros::new(100)).is_empty(), "over");
    }
}
