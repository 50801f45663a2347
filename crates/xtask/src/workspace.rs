//! The checkout, and reading its manifest and lock file.

use std::path::{Path, PathBuf};

use toml::Value;

use crate::environment;
use crate::failure::Failure;

/// The checkout in which `cargo xtask` was called.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
}

impl Workspace {
    /// Finds the checkout: by the manifest's folder that cargo names, else in the nearest parent.
    pub(crate) fn find() -> Result<Self, Failure> {
        let start = environment::path("CARGO_MANIFEST_DIR")
            .or_else(|| std::env::current_dir().ok())
            .ok_or_else(|| Failure::new("cannot determine the current folder"))?;
        let root = start.ancestors().find(|folder| folder.join("crates/xtask/Cargo.toml").exists());
        match root {
            Some(root) => Ok(Self { root: root.to_path_buf() }),
            None => Err(Failure::new("this folder is not in a Connection Ledger checkout")
                .hint("run `cargo xtask` inside the checkout")),
        }
    }

    /// Returns the exact version of a package in `Cargo.lock`.
    pub(crate) fn locked_version(&self, package: &str) -> Result<String, Failure> {
        let lock = read_toml(&self.root.join("Cargo.lock"))?;
        version_in_lock(&lock, package).ok_or_else(|| {
            Failure::new(format!("Cargo.lock names no {package}"))
                .hint("run `cargo generate-lockfile`")
        })
    }

    /// Returns the features that the workspace enables for a dependency, in alphabetical order.
    pub(crate) fn dependency_features(&self, dependency: &str) -> Result<Vec<String>, Failure> {
        let manifest = read_toml(&self.root.join("Cargo.toml"))?;
        Ok(features_in_manifest(&manifest, dependency))
    }

    /// Returns the compiler flags that `.cargo/config.toml` sets for a target.
    pub(crate) fn target_rustflags(&self, triple: &str) -> Result<Vec<String>, Failure> {
        let path = self.root.join(".cargo/config.toml");
        if !path.exists() {
            return Ok(Vec::new());
        }
        Ok(rustflags_in_config(&read_toml(&path)?, triple))
    }
}

/// Reads a TOML file; a failure names the file.
pub(crate) fn read_toml(path: &Path) -> Result<Value, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::io("read", path, &error))?;
    toml::from_str(&text)
        .map_err(|error| Failure::new(format!("{} is not TOML: {error}", path.display())))
}

fn version_in_lock(lock: &Value, package: &str) -> Option<String> {
    let entries = lock.get("package")?.as_array()?;
    let entry = entries.iter().find(|entry| text_at(entry, "name") == Some(package))?;
    text_at(entry, "version").map(str::to_owned)
}

fn features_in_manifest(manifest: &Value, dependency: &str) -> Vec<String> {
    let entry = ["workspace", "dependencies", dependency]
        .iter()
        .try_fold(manifest, |value, key| value.get(key));
    let mut features = entry.and_then(|entry| entry.get("features")).map_or(vec![], texts);
    features.sort();
    features
}

fn rustflags_in_config(config: &Value, triple: &str) -> Vec<String> {
    let flags = config
        .get("target")
        .and_then(|targets| targets.get(triple))
        .and_then(|target| target.get("rustflags"));
    match flags {
        Some(Value::String(line)) => line.split_whitespace().map(str::to_owned).collect(),
        Some(list) => texts(list),
        None => Vec::new(),
    }
}

fn text_at<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

fn texts(value: &Value) -> Vec<String> {
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toml(text: &str) -> Value {
        toml::from_str(text).expect("test text is TOML")
    }

    #[test]
    fn a_locked_version_keeps_its_build_metadata() {
        let lock = toml("[[package]]\nname = \"librocksdb-sys\"\nversion = \"0.19.0+11.8.1\"\n");
        assert_eq!(version_in_lock(&lock, "librocksdb-sys").as_deref(), Some("0.19.0+11.8.1"));
        assert_eq!(version_in_lock(&lock, "absent"), None);
    }

    #[test]
    fn features_are_in_alphabetical_order() {
        let manifest =
            toml("[workspace.dependencies]\nrocksdb = { features = [\"zstd\", \"lz4\"] }\n");
        assert_eq!(features_in_manifest(&manifest, "rocksdb"), ["lz4", "zstd"]);
        assert!(features_in_manifest(&manifest, "absent").is_empty());
    }

    #[test]
    fn rustflags_may_be_a_list_or_a_string() {
        let list = toml("[target.t]\nrustflags = [\"-Ca\", \"-Cb\"]\n");
        let line = toml("[target.t]\nrustflags = \"-Ca -Cb\"\n");
        assert_eq!(rustflags_in_config(&list, "t"), ["-Ca", "-Cb"]);
        assert_eq!(rustflags_in_config(&line, "t"), ["-Ca", "-Cb"]);
        assert!(rustflags_in_config(&line, "other").is_empty());
    }
}
