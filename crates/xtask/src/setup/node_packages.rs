//! Packages for Node.js, as pinned in a lock file.

use std::path::{Path, PathBuf};

use crate::cargo::output_of;
use crate::environment::Variables;
use crate::failure::Failure;
use crate::setup::Site;
use crate::setup::cache::{Mark, make_folder};
use crate::setup::node::Node;
use crate::talk;

const FILES: [&str; 2] = ["package.json", "package-lock.json"];
/// Options of npm: run no scripts of packages, and send no audit or funding requests.
const INSTALL: [&str; 6] = [
    "ci",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--no-update-notifier",
    "--loglevel=error",
];

/// Packages that are installed together.
#[derive(Debug, Clone, Copy)]
pub(super) struct NodePackages {
    /// What they are, in messages.
    pub(super) what: &'static str,
    /// The folder with the lock file, relative to the checkout's root.
    pub(super) from: &'static str,
    /// The folder in the cache.
    pub(super) into: &'static str,
    /// How much they take.
    pub(super) size: &'static str,
    /// The variable that names the folder `node_modules`.
    pub(super) variable: &'static str,
}

/// The published JavaScript clients.
pub(super) const CLIENTS: NodePackages = NodePackages {
    what: "node clients",
    from: "tests/clients/node",
    into: "clients-node",
    size: "250 MB",
    variable: "CONNLEDGER_CLIENTS_NODE_MODULES",
};
/// The server that speaks the protocol of Azure Blob Storage, to which the tests back ledgers up.
pub(super) const SERVERS: NodePackages = NodePackages {
    what: "Azure server",
    from: "tests/servers",
    into: "servers-node",
    size: "190 MB",
    variable: "CONNLEDGER_SERVERS_NODE_MODULES",
};

/// What drives a browser and looks for faults in its pages, and an identity provider.
pub(super) const BROWSER: NodePackages = NodePackages {
    what: "browser driver",
    from: "tests/clients/browser",
    into: "browser-node",
    size: "21 MB",
    variable: "CONNLEDGER_BROWSER_NODE_MODULES",
};

impl NodePackages {
    /// Ensures that they are installed, and sets the variable that names them.
    pub(super) fn ensure(
        self,
        site: &Site<'_>,
        node: &Node,
        variables: &mut Variables,
    ) -> Result<(), Failure> {
        let Self { what, variable, .. } = self;
        let modules = match site.personal.get(variable).map(PathBuf::from) {
            Some(named) if named.is_dir() => named,
            Some(named) => {
                let problem = format!("{variable}: {} is no folder", named.display());
                return Err(Failure::new(problem).hint("unset it to install the packages"));
            }
            None => self.locked(site, node)?,
        };
        talk::ok(what, &format!("in {}", modules.display()));
        variables.insert(variable.to_owned(), modules.to_string_lossy().into_owned());
        Ok(())
    }

    fn locked(self, site: &Site<'_>, node: &Node) -> Result<PathBuf, Failure> {
        let from = site.workspace.root.join(self.from);
        let folder = site.cache.path(self.into);
        let (mark, modules) = (Mark::of(&folder), folder.join("node_modules"));
        // The packages suit every release of Node.js, but not every platform.
        let mut wanted = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
        for name in FILES {
            let file = from.join(name);
            let text = std::fs::read_to_string(&file)
                .map_err(|error| Failure::io("read", &file, &error))?;
            wanted.push('\n');
            wanted.push_str(&text);
        }
        if !(mark.names(&wanted) && modules.is_dir()) {
            make_folder(&folder)?;
            mark.clear()?;
            self.install(node, &from, &folder)?;
            mark.set(&wanted)?;
        }
        Ok(modules)
    }

    fn install(self, node: &Node, from: &Path, folder: &Path) -> Result<(), Failure> {
        let Self { what, size, variable, .. } = self;
        for name in FILES {
            let file = from.join(name);
            std::fs::copy(&file, folder.join(name))
                .map_err(|error| Failure::io("copy", &file, &error))?;
        }
        talk::installing(what, &format!("npm ci, {size} into {}", folder.display()));
        let installed = output_of(node.npm()?.args(INSTALL).current_dir(folder));
        installed.map(drop).map_err(|failure| {
            Failure::new(format!("cannot install the {what}: {failure}")).hint(format!(
                "npm must reach a registry; or set {variable} to a node_modules that has them"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_npm_package_is_locked_with_the_hash_of_its_file() {
        for lock in [
            include_str!("../../../../tests/clients/browser/package-lock.json"),
            include_str!("../../../../tests/clients/node/package-lock.json"),
            include_str!("../../../../tests/servers/package-lock.json"),
        ] {
            let lock: serde_json::Value = serde_json::from_str(lock).expect("JSON");
            let packages = lock["packages"].as_object().expect("packages");
            let installed: Vec<_> = packages.iter().filter(|(path, _)| !path.is_empty()).collect();
            assert!(installed.len() > 1, "{}", installed.len());
            for (path, package) in installed {
                let integrity = package["integrity"].as_str().unwrap_or_default();
                assert!(integrity.starts_with("sha512-"), "{path}");
            }
        }
    }
}
