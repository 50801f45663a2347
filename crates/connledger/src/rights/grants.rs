//! The flags for a principal's permissions.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use ledger_domain::InvalidField;
use ledger_domain::principal::{Role, Scope};
use serde_json::{Value, json};

use crate::body::{self, Body, Pair, insert_under};
use crate::common::Common;
use crate::failure::Failure;

/// The permissions of a principal. The common flag `--workspace` limits where they hold.
#[derive(Debug, Args)]
#[command(next_help_heading = "Permissions (with --workspace: only there)")]
pub(super) struct GrantArgs {
    /// Role, a set of scopes: viewer, editor, rotator, gateway, auditor or admin
    #[arg(long)]
    role: Vec<String>,
    /// Single scope: read, write, rotate, reveal, audit or administer
    #[arg(long)]
    scope: Vec<String>,
    /// Only connections to this provider; if repeated, to any of them
    #[arg(long)]
    provider: Vec<String>,
    /// Only connections with this label; if repeated, with all of them
    #[arg(long, value_name = "KEY=VALUE")]
    label: Vec<Pair>,
    /// File with several permissions as a JSON array, `-` for standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["role", "scope", "provider", "label"])]
    grants: Option<PathBuf>,
}

impl GrantArgs {
    /// Returns the permissions that the flags describe; nothing if no flag was given.
    pub(super) fn permissions(self, common: &Common) -> Result<Option<Value>, Failure> {
        let workspaces = common.workspaces_given();
        if let Some(path) = &self.grants {
            if !workspaces.is_empty() {
                return Err(Failure::usage("--grants and --workspace contradict each other")
                    .hint("name the workspaces of each permission in the file"));
            }
            return body::read_array(path).map(Some);
        }
        let narrowed =
            !workspaces.is_empty() || !self.provider.is_empty() || !self.label.is_empty();
        let scopes = self.scopes()?;
        if scopes.is_empty() {
            if narrowed {
                return Err(Failure::usage(
                    "the flags say where it may do something, but not what",
                )
                .hint("add --role viewer, for example, or --scope read"));
            }
            return Ok(None);
        }
        let mut permission = Body::new();
        permission.insert("scopes".to_owned(), json!(scopes));
        if !workspaces.is_empty() {
            permission.insert("workspaces".to_owned(), json!(workspaces));
        }
        if !self.provider.is_empty() {
            permission.insert("providers".to_owned(), json!(self.provider));
        }
        for Pair { key, value } in self.label {
            insert_under(&mut permission, "labels", key, Value::String(value));
        }
        Ok(Some(json!([permission])))
    }

    /// Returns all given scopes, including those of roles.
    fn scopes(&self) -> Result<BTreeSet<&'static str>, Failure> {
        let wrong = |flag: &str, error: &InvalidField| Failure::usage(format!("{flag}: {error}"));
        let mut scopes = BTreeSet::new();
        for text in &self.role {
            let role = Role::parse(text).map_err(|error| wrong("--role", &error))?;
            scopes.extend(role.scopes().iter().map(|scope| scope.as_str()));
        }
        for text in &self.scope {
            let scope = Scope::parse(text).map_err(|error| wrong("--scope", &error))?;
            scopes.insert(scope.as_str());
        }
        Ok(scopes)
    }
}

#[cfg(test)]
mod tests {
    use super::super::PrincipalCommand;
    use super::*;
    use crate::commands::{Cli, Command};

    /// Parses flags as part of a command line.
    fn read(flags: &str) -> Result<Option<Value>, Failure> {
        let line = format!("connledger principal create one --kind user {flags}");
        let cli = Cli::read(line.split_whitespace()).unwrap();
        let Command::Principal(PrincipalCommand::Create(args)) = cli.command else {
            panic!("{line}")
        };
        args.grants.permissions(&cli.common)
    }

    #[test]
    fn flags_make_one_permission() {
        assert_eq!(read("").unwrap(), None);
        let one = read("--role gateway --scope audit -w a -w b --provider openai --label team=x");
        let expected = json!([{
            "scopes": ["audit", "read", "reveal"], "workspaces": ["a", "b"],
            "providers": ["openai"], "labels": {"team": "x"},
        }]);
        assert_eq!(one.unwrap(), Some(expected));
        let everywhere = read("--role viewer --role rotator").unwrap();
        assert_eq!(everywhere, Some(json!([{"scopes": ["read", "rotate"]}])));
    }

    #[test]
    fn contradictory_flags_are_refused() {
        for flags in ["--workspace a", "--label a=b", "--role king", "--grants x -w a"] {
            assert!(read(flags).is_err(), "{flags}");
        }
    }
}
