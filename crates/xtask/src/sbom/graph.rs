//! The crates that a program is built from, and which of them needs which.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::failure::Failure;

/// One package, as `cargo metadata` describes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: String,
    /// The license expression of the manifest.
    pub(super) license: Option<String>,
    pub(super) repository: Option<String>,
    /// Whether it comes from a registry and not from this checkout.
    pub(super) is_foreign: bool,
    id: String,
}

/// The packages by id, and the ids that each needs.
#[derive(Debug)]
pub(super) struct Graph {
    packages: BTreeMap<String, Package>,
    needs: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    /// Follows all dependencies of a program except those that only tests need.
    pub(super) fn from_program(metadata: &Value, program: &str) -> Result<Self, Failure> {
        let all: BTreeMap<_, _> = list(metadata, "packages")
            .filter_map(package)
            .map(|package| (package.id.clone(), package))
            .collect();
        let nodes: BTreeMap<_, _> = list(&metadata["resolve"], "nodes")
            .filter_map(|node| Some((node.get("id")?.as_str()?, node)))
            .collect();
        let root = all.values().find(|package| package.name == program && !package.is_foreign);
        let root = root.ok_or_else(|| Failure::new(format!("cargo knows no package {program}")))?;
        let (mut packages, mut needs) = (BTreeMap::new(), BTreeMap::new());
        let mut waiting = vec![root.id.clone()];
        while let Some(id) = waiting.pop() {
            if packages.contains_key(&id) {
                continue;
            }
            let (Some(package), Some(node)) = (all.get(&id), nodes.get(id.as_str())) else {
                return Err(Failure::new(format!("cargo metadata does not describe {id}")));
            };
            let needed: BTreeSet<_> = list(node, "deps").filter_map(needed).collect();
            waiting.extend(needed.iter().cloned());
            packages.insert(id.clone(), package.clone());
            needs.insert(id, needed);
        }
        Ok(Self { packages, needs })
    }

    /// Returns the packages in order of names and versions.
    pub(super) fn packages(&self) -> impl Iterator<Item = &Package> {
        self.packages.values().collect::<BTreeSet<_>>().into_iter()
    }

    /// Returns what a package needs directly, in the same order.
    pub(super) fn needs(&self, package: &Package) -> impl Iterator<Item = &Package> {
        let ids = self.needs.get(&package.id).into_iter().flatten();
        ids.filter_map(|id| self.packages.get(id)).collect::<BTreeSet<_>>().into_iter()
    }
}

fn package(value: &Value) -> Option<Package> {
    let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    Some(Package {
        name: text("name")?,
        version: text("version")?,
        license: text("license"),
        repository: text("repository"),
        is_foreign: text("source").is_some(),
        id: text("id")?,
    })
}

/// Returns the package behind a dependency, unless only tests need it.
fn needed(dependency: &Value) -> Option<String> {
    let built = list(dependency, "dep_kinds").any(|kind| kind["kind"] != "dev");
    let id = dependency.get("pkg")?.as_str()?.to_owned();
    built.then_some(id)
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}
