//! `cargo xtask sbom`: what the program `connledger` is made of, as CycloneDX 1.5 in JSON.
//!
//! The list covers the crates of every system on which the ledger is built, without those that only
//! tests need. It is made from `Cargo.lock` and the manifests alone: no time, no random number, so
//! that the same checkout gives the same bytes.

mod component;
mod graph;

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::cargo::{Cargo, output_of};
use crate::environment::Variables;
use crate::failure::Failure;
use crate::sbom::component::{component, reference};
use crate::sbom::graph::Graph;
use crate::talk;
use crate::workspace::{Workspace, read_toml};

/// The package that is delivered.
const PROGRAM: &str = "connledger";
/// The systems on which it is built.
const TARGETS: [&str; 4] = [
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "x86_64-apple-darwin",
    "aarch64-apple-darwin",
];

/// Prints the list to standard output.
pub(crate) fn run(workspace: &Workspace) -> Result<ExitCode, Failure> {
    let variables = Variables::new();
    let mut command = Cargo::new(workspace, &variables).command();
    command.args(["metadata", "--format-version", "1", "--locked"]);
    for target in TARGETS {
        command.args(["--filter-platform", target]);
    }
    let metadata = serde_json::from_str(&output_of(&mut command)?)
        .map_err(|error| Failure::new(format!("cargo metadata is not JSON: {error}")))?;
    let lock = read_toml(&workspace.root.join("Cargo.lock"))?;
    talk::result(&format!("{:#}", bill_of_materials(&metadata, &lock)?))?;
    Ok(ExitCode::SUCCESS)
}

/// Makes the list from what `cargo metadata` says and the hashes in `Cargo.lock`.
fn bill_of_materials(metadata: &Value, lock: &toml::Value) -> Result<Value, Failure> {
    let graph = Graph::from_program(metadata, PROGRAM)?;
    let (mut components, mut dependencies) = (Vec::new(), Vec::new());
    let mut program = Value::Null;
    for package in graph.packages() {
        let needs: Vec<_> = graph.needs(package).map(reference).collect();
        dependencies.push(json!({"ref": reference(package), "dependsOn": needs}));
        if package.name == PROGRAM {
            program = component(package, "application", lock)?;
        } else {
            components.push(component(package, "library", lock)?);
        }
    }
    Ok(json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": program},
        "components": components,
        "dependencies": dependencies,
    }))
}

#[cfg(test)]
mod tests;
