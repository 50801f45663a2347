//! What a workspace with which a connection is shared sees of it: what it takes to use it.

use std::collections::BTreeSet;

use super::Connection;
use crate::ids::Actor;
use crate::text::WorkspaceName;

impl Connection {
    /// Returns the connection as it is shown to a guest: somebody who has rights only in
    /// workspaces with which it is shared. `own` are these workspaces.
    ///
    /// It shows neither the names nor the limits of other workspaces, nor dependents, annotations,
    /// and who created and changed it. The limits of the grant to all workspaces are shown if they
    /// apply to one of `own`.
    #[must_use]
    pub fn for_guest(mut self, own: &BTreeSet<&WorkspaceName>) -> Self {
        self.access.workspaces.retain(|name, _| own.contains(name));
        if self.access.workspaces.len() == own.len() {
            self.access.everyone = None;
        }
        self.dependents.clear();
        self.details.annotations.clear();
        self.created_by = Actor::undisclosed();
        self.updated_by = Actor::undisclosed();
        self
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::connection::tests::samples::{state_of_sample, text};
    use crate::connection::{Access, Dependent, DependentKey, Grant, Limits};

    fn shared_with(everyone: bool, names: &[&str]) -> Connection {
        let grant = Grant { allowed: true, limits: Limits::default() };
        let mut connection = state_of_sample();
        connection.access = Access {
            everyone: everyone.then(Limits::default),
            workspaces: names.iter().map(|name| (text(name), grant.clone())).collect(),
        };
        connection
    }

    fn seen(connection: Connection, own: &[&str]) -> (bool, Vec<String>) {
        let own: Vec<WorkspaceName> = own.iter().map(|name| text(name)).collect();
        let access = connection.for_guest(&own.iter().collect()).access;
        let names = access.workspaces.keys().map(|name| name.as_str().to_owned());
        (access.everyone.is_some(), names.collect())
    }

    #[test]
    fn a_guest_sees_the_grants_that_apply_to_it() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(seen(shared_with(false, &["a", "b"]), &["a"]), (false, names(&["a"])));
        assert_eq!(seen(shared_with(true, &["a", "b"]), &["a"]), (false, names(&["a"])));
        assert_eq!(seen(shared_with(true, &["b"]), &["a"]), (true, names(&[])));
        assert_eq!(seen(shared_with(true, &["a", "b"]), &["a", "c"]), (true, names(&["a"])));
    }

    #[test]
    fn a_guest_sees_neither_dependents_nor_annotations_nor_actors() {
        let mut connection = shared_with(false, &["a"]);
        let key = DependentKey { kind: text("tool"), id: text("t-1") };
        connection.dependents.insert(key, Dependent { name: None, attributes: BTreeMap::new() });
        connection.details.annotations.insert(text("x.note"), text("1"));
        let own: WorkspaceName = text("a");
        let before = connection.clone();
        let after = connection.for_guest(&BTreeSet::from([&own]));
        assert!(after.dependents.is_empty() && after.details.annotations.is_empty());
        assert_eq!(after.created_by, Actor::undisclosed());
        assert_eq!(after.updated_by, Actor::undisclosed());
        let used = |one: &Connection| (one.details.config.clone(), one.secrets.clone());
        assert_eq!(used(&after), used(&before), "what it takes to use it stays");
    }
}
