//! One entry of the list.

use serde_json::{Value, json};

use crate::failure::Failure;
use crate::sbom::graph::Package;

/// Crates that compile a C or C++ library, which has advisories of its own: the crate, the text in
/// its version before the library's version, and the library's package URL.
const BUNDLED: [(&str, &str, &str, &str); 3] = [
    ("librocksdb-sys", "+", "rocksdb", "pkg:github/facebook/rocksdb@v"),
    ("lz4-sys", "+lz4-", "lz4", "pkg:github/lz4/lz4@v"),
    ("zstd-sys", "+zstd.", "zstd", "pkg:github/facebook/zstd@v"),
];

/// Describes one package; `kind` is `library` or `application`.
pub(super) fn component(
    package: &Package,
    kind: &str,
    lock: &toml::Value,
) -> Result<Value, Failure> {
    let reference = reference(package);
    let mut members = vec![
        ("type", json!(kind)),
        ("bom-ref", json!(reference)),
        ("purl", json!(reference)),
        ("name", json!(package.name)),
        ("version", json!(package.version)),
    ];
    if let Some(license) = &package.license {
        members.push(("licenses", json!([{"expression": expression(license)}])));
    }
    if let Some(repository) = &package.repository {
        members.push(("externalReferences", json!([{"type": "vcs", "url": repository}])));
    }
    if package.is_foreign {
        let hash = checksum(lock, package).ok_or_else(|| {
            Failure::new(format!("Cargo.lock has no hash of {} {}", package.name, package.version))
        })?;
        members.push(("hashes", json!([{"alg": "SHA-256", "content": hash}])));
    }
    if let Some(library) = bundled(package) {
        members.push(("components", json!([library])));
    }
    Ok(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// Returns the package URL, which also is the entry's name within the list.
pub(super) fn reference(package: &Package) -> String {
    // Of what a version may contain, only the plus sign is escaped in a package URL.
    format!("pkg:cargo/{}@{}", package.name, package.version.replace('+', "%2B"))
}

/// Older manifests write `MIT/Apache-2.0` for a choice.
fn expression(license: &str) -> String {
    license.split('/').map(str::trim).collect::<Vec<_>>().join(" OR ")
}

fn checksum(lock: &toml::Value, package: &Package) -> Option<String> {
    let entries = lock.get("package")?.as_array()?;
    let is_it = |entry: &&toml::Value| {
        let text = |key: &str| entry.get(key).and_then(toml::Value::as_str);
        text("name") == Some(&package.name) && text("version") == Some(&package.version)
    };
    let entry = entries.iter().filter(is_it).find_map(|entry| entry.get("checksum"))?;
    entry.as_str().map(str::to_owned)
}

fn bundled(package: &Package) -> Option<Value> {
    let (_, before, name, url) = BUNDLED.iter().find(|(name, ..)| *name == package.name)?;
    let (_, version) = package.version.split_once(before)?;
    let url = format!("{url}{version}");
    Some(json!({
        "type": "library", "bom-ref": url, "purl": url, "name": name, "version": version,
    }))
}
