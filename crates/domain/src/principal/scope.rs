//! Scopes, and roles as sets of scopes.

use crate::connection::vocabulary;

vocabulary!(
    /// One kind of right.
    Scope, "scopes", {
        /// See connections, masked.
        Read = "read",
        /// Create and change connections, except replacing their secrets or sharing them with other
        /// workspaces.
        Write = "write",
        /// Replace secret values.
        Rotate = "rotate",
        /// Reveal secret values in the clear; each reveal is an event.
        Reveal = "reveal",
        /// See who did what.
        Audit = "audit",
        /// Share connections with other workspaces; manage workspaces, principals, keys and the
        /// ledger itself. Over the whole ledger it amounts to every right, because its holder can
        /// create principals with any grants and issue keys to them. Over a workspace it extends to
        /// the principals of that workspace, and to rights that its holder has.
        Administer = "administer",
    }
);

vocabulary!(
    /// A predefined set of scopes.
    Role, "role", {
        /// Sees connections.
        Viewer = "viewer",
        /// Sees and changes connections and replaces secrets.
        Editor = "editor",
        /// Sees connections and replaces secrets, as a rotation job does.
        Rotator = "rotator",
        /// Sees connections and reveals their secrets, as a gateway does.
        Gateway = "gateway",
        /// Sees connections and who did what.
        Auditor = "auditor",
        /// Everything.
        Admin = "admin",
    }
);

impl Role {
    /// Returns the scopes of the role.
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
