//! The process environment, which only this module reads, and the variables of a build.
#![expect(clippy::disallowed_methods, reason = "this file is where xtask reads its environment")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Every variable that setup may write into `.cargo/local.toml`.
pub(crate) const MANAGED: [&str; 23] = [
    "BINDGEN_EXTRA_CLANG_ARGS",
    "CONNLEDGER_BROWSER_NODE_MODULES",
    "CONNLEDGER_CHROMIUM",
    "CONNLEDGER_CLIENTS_NODE_MODULES",
    "CONNLEDGER_CLIENTS_PYTHON",
    "CONNLEDGER_MARIADB_SERVER",
    "CONNLEDGER_MOTO_SERVER",
    "CONNLEDGER_NATS_SERVER",
    "CONNLEDGER_NODE",
    "CONNLEDGER_OAUTH_PYTHON",
    "CONNLEDGER_POSTGRES",
    "CONNLEDGER_PROMTOOL",
    "CONNLEDGER_PROOFS_PYTHON",
    "CONNLEDGER_PYTHON",
    "CONNLEDGER_RECEIVER_PYTHON",
    "CONNLEDGER_REDIS_SERVER",
    "CONNLEDGER_RSYSLOGD",
    "CONNLEDGER_SCHEMATHESIS",
    "CONNLEDGER_SERVERS_NODE_MODULES",
    "CONNLEDGER_SHIP_PYTHON",
    "LIBCLANG_PATH",
    "ROCKSDB_LIB_DIR",
    "ROCKSDB_STATIC",
];

/// Variables by name, in alphabetical order so that generated files are stable.
pub(crate) type Variables = BTreeMap<String, String>;

/// Returns a variable that is set and not empty.
pub(crate) fn text(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Returns a path-valued variable that is set and not empty.
pub(crate) fn path(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// The variables that the user set, as opposed to those from `.cargo/local.toml`.
///
/// Cargo passes the variables of that file on as if they had been exported. A value equal to the
/// written one therefore counts as written by setup. It is determined anew, so that no stale path
/// survives a setup.
#[derive(Debug, Default)]
pub(crate) struct PersonalEnvironment {
    values: Variables,
}

impl PersonalEnvironment {
    /// Reads the managed variables, except those that an earlier setup wrote.
    pub(crate) fn read(written: &Variables) -> Self {
        let pairs = MANAGED.iter().filter_map(|name| Some(((*name).to_owned(), text(name)?)));
        Self::without(written, pairs)
    }

    fn without(written: &Variables, pairs: impl Iterator<Item = (String, String)>) -> Self {
        Self { values: pairs.filter(|(name, value)| written.get(name) != Some(value)).collect() }
    }

    /// Returns the user's value of a managed variable.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }
}

/// Finds an executable by name in `PATH`.
pub(crate) fn executable(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// Returns `PATH` with a folder prepended; nothing if the result would be invalid.
pub(crate) fn path_with(first: &Path) -> Option<OsString> {
    let present = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(first.to_path_buf()).chain(std::env::split_paths(&present));
    std::env::join_paths(folders).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> Variables {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_value_written_by_an_earlier_setup_does_not_count_as_the_users() {
        let written = variables(&[("LIBCLANG_PATH", "/cache/a")]);
        let present =
            variables(&[("LIBCLANG_PATH", "/cache/a"), ("CONNLEDGER_PYTHON", "/usr/bin/python3")]);
        let personal = PersonalEnvironment::without(&written, present.into_iter());
        assert_eq!(personal.get("LIBCLANG_PATH"), None);
        assert_eq!(personal.get("CONNLEDGER_PYTHON"), Some("/usr/bin/python3"));
    }

    #[test]
    fn a_value_that_differs_from_the_written_one_is_the_users() {
        let written = variables(&[("LIBCLANG_PATH", "/cache/a")]);
        let present = variables(&[("LIBCLANG_PATH", "/opt/llvm/lib")]);
        let personal = PersonalEnvironment::without(&written, present.into_iter());
        assert_eq!(personal.get("LIBCLANG_PATH"), Some("/opt/llvm/lib"));
    }
}
