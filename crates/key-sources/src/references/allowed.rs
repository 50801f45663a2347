//! What references may point at, as the operator says.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use ledger_domain::{CheckedText as _, Reference, ReferenceFormat, ReferenceKind, WorkspaceName};

/// What references may point at: one place, or all whose names begin like it. For one workspace, or
/// for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedReference {
    workspace: Option<WorkspaceName>,
    kind: ReferenceKind,
    /// The name, or its beginning.
    name: String,
    is_prefix: bool,
}

/// A text that does not say what may be pointed at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidAllowance(String);

impl FromStr for AllowedReference {
    type Err = InvalidAllowance;

    /// Reads `KIND:NAME`, `KIND:BEGINNING*` or `WORKSPACE=KIND:...`.
    fn from_str(text: &str) -> Result<Self, InvalidAllowance> {
        let wrong = |problem: &str| InvalidAllowance(problem.to_owned());
        let form = "must be like env:TEAM_*, file:/run/secrets/team/*, vault:kv/team/* or aws:team/*, \
                    with WORKSPACE= before it for one workspace only";
        let (kind, name) = text.split_once(':').ok_or_else(|| wrong(form))?;
        let (workspace, kind) = match kind.split_once('=') {
            None => (None, kind),
            Some((workspace, kind)) => {
                let name = WorkspaceName::parse("workspace", workspace);
                let name = name.map_err(|invalid| InvalidAllowance(invalid.to_string()))?;
                (Some(name), kind)
            }
        };
        let kind = ReferenceKind::ALL.into_iter().find(|known| known.as_str() == kind);
        let kind = kind.ok_or_else(|| wrong(form))?;
        if kind == ReferenceKind::Connection {
            return Err(wrong("need not permit connections, whose own rights decide"));
        }
        let (name, is_prefix) = match name.strip_suffix('*') {
            Some(beginning) => (beginning, true),
            None => (name, false),
        };
        if name.contains('*') {
            return Err(wrong("may have one `*`, at the end"));
        }
        // What a reference may look like, a beginning may with anything behind it.
        let whole = if is_prefix { format!("{name}x") } else { name.to_owned() };
        let is_wide = matches!(name, "" | "/");
        let parsed = Reference::parse("name", kind, &whole, None, ReferenceFormat::String);
        if is_wide || (parsed.is_err() && !is_beginning(kind, name)) {
            let problem = format!("must have {}, in whole or as a beginning with `*`", kind.form());
            return Err(InvalidAllowance(problem));
        }
        Ok(Self { workspace, kind, name: name.to_owned(), is_prefix })
    }
}

/// Returns whether a text that is no name yet can begin one: a mount without its `/`.
fn is_beginning(kind: ReferenceKind, name: &str) -> bool {
    kind == ReferenceKind::Vault
        && Reference::parse("name", kind, &format!("{name}/x"), None, ReferenceFormat::String)
            .is_ok()
}

impl fmt::Display for AllowedReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(workspace) = &self.workspace {
            write!(f, "{workspace}=")?;
        }
        let more = if self.is_prefix { "*" } else { "" };
        write!(f, "{}:{}{more}", self.kind.as_str(), self.name)
    }
}

impl AllowedReference {
    /// Returns whether it permits a reference of a workspace.
    pub(super) fn fits(&self, workspace: &WorkspaceName, reference: &Reference) -> bool {
        let name = reference.name.text();
        self.workspace.as_ref().is_none_or(|own| own == workspace)
            && self.kind == reference.kind
            && if self.is_prefix { name.starts_with(&self.name) } else { name == self.name }
    }

    /// Returns the folder that nothing leads out of, and the path within it, of a file.
    pub(super) fn split(&self, path: &str) -> Option<(PathBuf, PathBuf)> {
        let (base, _) = self.name.rsplit_once('/')?;
        let rest = path.strip_prefix(base)?.strip_prefix('/')?;
        let base = if base.is_empty() { "/" } else { base };
        Some((PathBuf::from(base), PathBuf::from(rest)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(allowed: &str, workspace: &str, kind: ReferenceKind, name: &str) -> bool {
        let reference = Reference::parse("k", kind, name, None, ReferenceFormat::String).unwrap();
        let workspace = WorkspaceName::parse("w", workspace).unwrap();
        allowed.parse::<AllowedReference>().unwrap().fits(&workspace, &reference)
    }

    #[test]
    fn what_is_allowed_is_a_name_or_the_beginning_of_one() {
        use ReferenceKind::{Aws, Environment, File, Vault};
        for (allowed, kind, name, is_allowed) in [
            ("env:TEAM_*", Environment, "TEAM_KEY", true),
            ("env:TEAM_*", Environment, "TEAM", false),
            ("env:TEAM", Environment, "TEAM_KEY", false),
            ("env:TEAM", Environment, "TEAM", true),
            ("file:/run/secrets/*", File, "/run/secrets/a/b", true),
            ("file:/run/secrets/*", File, "/run/secretsx", false),
            ("file:/run/secrets/db_*", File, "/run/secrets/db_a", true),
            ("file:/run/secrets/db_*", File, "/run/secrets/api", false),
            ("vault:kv/team/*", Vault, "kv/team/a", true),
            ("vault:kv/team/*", Vault, "kv/teams/a", false),
            ("vault:kv/team/*", Aws, "kv/team/a", false),
            ("vault:kv*", Vault, "kv/a", true),
            ("aws:prod/*", Aws, "prod/a", true),
            ("search=aws:prod/*", Aws, "prod/a", true),
            ("other=aws:prod/*", Aws, "prod/a", false),
        ] {
            assert_eq!(fits(allowed, "search", kind, name), is_allowed, "{allowed} {name}");
            assert_eq!(allowed.parse::<AllowedReference>().unwrap().to_string(), allowed);
        }
    }

    #[test]
    fn what_allows_everything_or_nothing_is_refused() {
        for (bad, part) in [
            ("", "must be like"),
            ("env", "must be like"),
            ("http:x", "must be like"),
            ("env:*", "the name of a variable"),
            ("env:", "the name of a variable"),
            ("file:/*", "an absolute path"),
            ("file:secrets/*", "an absolute path"),
            ("file:/run/../*", "an absolute path"),
            ("vault:*", "a mount and a path"),
            ("vault:kv/*/a", "one `*`, at the end"),
            ("aws:**", "one `*`, at the end"),
            ("connection:a/b", "need not permit connections"),
            ("Team=env:A", "workspace"),
        ] {
            let error = bad.parse::<AllowedReference>().expect_err(bad).to_string();
            assert!(error.contains(part), "{bad}: {error}");
        }
    }

    #[test]
    fn a_file_is_named_from_the_folder_that_nothing_leads_out_of() {
        let split = |allowed: &str, path: &str| {
            let (base, rest) = allowed.parse::<AllowedReference>().unwrap().split(path).unwrap();
            format!("{} {}", base.display(), rest.display())
        };
        assert_eq!(split("file:/run/secrets/*", "/run/secrets/a/b"), "/run/secrets a/b");
        assert_eq!(split("file:/run/secrets/db_*", "/run/secrets/db_a"), "/run/secrets db_a");
        assert_eq!(split("file:/key", "/key"), "/ key");
    }
}
