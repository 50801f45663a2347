//! The published JavaScript clients, as pinned in the lock file.

use std::path::{Path, PathBuf};

use crate::cargo::output_of;
use crate::environment::Variables;
use crate::failure::Failure;
use crate::setup::Site;
use crate::setup::cache::{Mark, make_folder};
use crate::setup::clients::node::Node;
use crate::setup::clients::{FOLDER, insert, read};
use crate::talk;

/// The variable that names the folder `node_modules`.
const VARIABLE: &str = "CONNLEDGER_CLIENTS_NODE_MODULES";
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

pub(super) fn ensure(
    site: &Site<'_>,
    node: &Node,
    variables: &mut Variables,
) -> Result<(), Failure> {
    let modules = match site.personal.get(VARIABLE).map(PathBuf::from) {
        Some(named) if named.is_dir() => named,
        Some(named) => {
            let problem = format!("{VARIABLE}: {} is no folder", named.display());
            return Err(Failure::new(problem).hint("unset it to install the packages"));
        }
        None => locked(site, node)?,
    };
    talk::ok("node clients", &format!("in {}", modules.display()));
    insert(variables, VARIABLE, &modules);
    Ok(())
}

fn locked(site: &Site<'_>, node: &Node) -> Result<PathBuf, Failure> {
    let from = site.workspace.root.join(FOLDER).join("node");
    let folder = site.cache.path("clients-node");
    let (mark, modules) = (Mark::of(&folder), folder.join("node_modules"));
    let texts = FILES.map(|name| read(&from.join(name)));
    // The packages suit every release of Node.js, but not every platform.
    let mut wanted = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
    for text in texts {
        wanted.push('\n');
        wanted.push_str(&text?);
    }
    if !(mark.names(&wanted) && modules.is_dir()) {
        make_folder(&folder)?;
        mark.clear()?;
        install(node, &from, &folder)?;
        mark.set(&wanted)?;
    }
    Ok(modules)
}

fn install(node: &Node, from: &Path, folder: &Path) -> Result<(), Failure> {
    for name in FILES {
        let file = from.join(name);
        std::fs::copy(&file, folder.join(name))
            .map_err(|error| Failure::io("copy", &file, &error))?;
    }
    talk::installing("node clients", &format!("npm ci, 250 MB into {}", folder.display()));
    let installed = output_of(node.npm()?.args(INSTALL).current_dir(folder));
    installed.map(drop).map_err(|failure| {
        Failure::new(format!("cannot install the JavaScript clients: {failure}")).hint(format!(
            "npm must reach a registry; or set {VARIABLE} to a node_modules that has them"
        ))
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_npm_package_is_locked_with_the_hash_of_its_file() {
        let lock = include_str!("../../../../../tests/clients/node/package-lock.json");
        let lock: serde_json::Value = serde_json::from_str(lock).expect("JSON");
        let packages = lock["packages"].as_object().expect("packages");
        let installed: Vec<_> = packages.iter().filter(|(path, _)| !path.is_empty()).collect();
        assert!(installed.len() > 7, "{}", installed.len());
        for (path, package) in installed {
            let integrity = package["integrity"].as_str().unwrap_or_default();
            assert!(integrity.starts_with("sha512-"), "{path}");
        }
    }
}
