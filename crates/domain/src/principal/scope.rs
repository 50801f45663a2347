//! What can be allowed, alone or as a role.

use crate::connection::vocabulary;

vocabulary!(
    /// One thing that can be allowed.
    Scope, "scopes", {
        /// See connections, masked.
        Read = "read",
        /// Make and change connections, without replacing secrets of existing ones or letting
        /// other workspaces use them.
        Write = "write",
        /// Replace secret values.
        Rotate = "rotate",
        /// Get secret values in the clear; each time is an event.
        Reveal = "reveal",
        /// See who did what.
        Audit = "audit",
        /// Let other workspaces use a connection; manage workspaces, principals, keys and the
        /// ledger itself.
        Administer = "administer",
    }
);

vocabulary!(
    /// A usual set of scopes.
    Role, "role", {
        /// Sees connections.
        Viewer = "viewer",
        /// Sees and changes connections and replaces secrets.
        Editor = "editor",
        /// Sees connections and replaces secrets, as a rotation job does.
        Rotator = "rotator",
        /// Sees connections and gets their secrets, as a gateway does.
        Gateway = "gateway",
        /// Sees connections and who did what.
        Auditor = "auditor",
        /// Everything.
        Admin = "admin",
    }
);

impl Role {
    /// Returns what the role stands for.
    pub const fn scopes(self) -> &'static [Scope] {
        match self {
            Self::Viewer => &[Scope::Read],
            Self::Editor => &[Scope::Read, Scope::Write, Scope::Rotate],
            Self::Rotator => &[Scope::Read, Scope::Rotate],
            Self::Gateway => &[Scope::Read, Scope::Reveal],
            Self::Auditor => &[Scope::Read, Scope::Audit],
            Self::Admin => Scope::ALL,
        }
    }
}
