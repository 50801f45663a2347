//! Dependencies among our crates point down only, and heavy libraries stay where they belong.

use toml::{Table, Value};

use crate::repository::{Member, Offense, expect_none, members, offense, root_manifest};

/// May depend on any of our crates.
const ANY: &[&str] = &["*"];

/// Each package with those of our packages it may depend on, directly, in any kind of dependency.
const EDGES: [(&str, &[&str]); 33] = [
    ("ledger-domain", &[]),
    ("ledger-vault", &["ledger-domain"]),
    ("ledger-proof", &[]),
    ("ledger-providers", &["ledger-domain"]),
    ("ledger-contract", &["ledger-domain", "ledger-vault"]),
    ("ledger-metrics", &["ledger-domain", "ledger-contract"]),
    ("ledger-spans", &[]),
    ("ledger-store", &["ledger-domain", "ledger-vault", "ledger-contract"]),
    (
        "ledger-engine",
        &[
            "ledger-domain",
            "ledger-vault",
            "ledger-proof",
            "ledger-providers",
            "ledger-oauth",
            "ledger-contract",
            "ledger-metrics",
            "ledger-spans",
            "ledger-store",
        ],
    ),
    ("ledger-backup", &["ledger-domain", "ledger-vault", "ledger-contract", "ledger-engine"]),
    ("ledger-oauth", &["ledger-domain", "ledger-providers"]),
    ("ledger-outgoing", &["ledger-domain"]),
    ("ledger-logins", &["ledger-domain", "ledger-providers", "ledger-outgoing"]),
    ("ledger-tokens", &["ledger-domain", "ledger-contract", "ledger-engine", "ledger-outgoing"]),
    (
        "ledger-alerts",
        &["ledger-domain", "ledger-vault", "ledger-contract", "ledger-engine", "ledger-outgoing"],
    ),
    ("ledger-forward", &["ledger-domain", "ledger-contract", "ledger-outgoing"]),
    ("ledger-manifests", &["ledger-domain", "ledger-vault", "ledger-providers", "ledger-contract"]),
    (
        "ledger-checkpoints",
        &["ledger-proof", "ledger-contract", "ledger-engine", "ledger-outgoing"],
    ),
    ("ledger-key-sources", &["ledger-domain", "ledger-vault", "ledger-outgoing"]),
    ("ledger-guard", &["ledger-contract"]),
    (
        "ledger-bus",
        &[
            "ledger-domain",
            "ledger-vault",
            "ledger-contract",
            "ledger-engine",
            "ledger-guard",
            "ledger-spans",
        ],
    ),
    (
        "ledger-cluster",
        &[
            "ledger-domain",
            "ledger-vault",
            "ledger-contract",
            "ledger-engine",
            "ledger-metrics",
            "ledger-bus",
            "ledger-http-server",
        ],
    ),
    ("ledger-http-server", &["ledger-vault", "ledger-contract", "ledger-guard"]),
    (
        "ledger-http",
        &[
            "ledger-domain",
            "ledger-vault",
            "ledger-proof",
            "ledger-contract",
            "ledger-engine",
            "ledger-metrics",
            "ledger-http-server",
        ],
    ),
    (
        "ledger-facades",
        &[
            "ledger-domain",
            "ledger-vault",
            "ledger-providers",
            "ledger-contract",
            "ledger-engine",
            "ledger-http",
        ],
    ),
    (
        "ledger-console",
        &[
            "ledger-domain",
            "ledger-providers",
            "ledger-contract",
            "ledger-engine",
            "ledger-tokens",
            "ledger-http-server",
            "ledger-http",
        ],
    ),
    ("ledger-client", &["ledger-domain", "ledger-vault", "ledger-contract"]),
    ("ledger-demo", &["ledger-domain", "ledger-contract", "ledger-client"]),
    (
        "connledger",
        &[
            "ledger-domain",
            "ledger-vault",
            "ledger-proof",
            "ledger-providers",
            "ledger-contract",
            "ledger-store",
            "ledger-engine",
            "ledger-backup",
            "ledger-outgoing",
            "ledger-logins",
            "ledger-tokens",
            "ledger-alerts",
            "ledger-forward",
            "ledger-manifests",
            "ledger-checkpoints",
            "ledger-key-sources",
            "ledger-metrics",
            "ledger-spans",
            "ledger-bus",
            "ledger-cluster",
            "ledger-http-server",
            "ledger-http",
            "ledger-facades",
            "ledger-console",
            "ledger-client",
            "ledger-demo",
        ],
    ),
    ("xtask", &[]),
    ("ledger-tests", ANY),
    ("ledger-tidy", &[]),
    ("ledger-benches", ANY),
];

/// Each library that only some packages may name, with those packages.
const OWNERS: [(&str, &[&str]); 15] = [
    ("prometheus", &["ledger-metrics"]),
    ("procfs", &["ledger-metrics"]),
    ("rocksdb", &["ledger-store", "ledger-benches"]),
    ("librocksdb-sys", &[]),
    ("object_store", &["ledger-backup", "ledger-key-sources"]),
    ("aws-config", &["ledger-key-sources"]),
    ("aws-sdk-kms", &["ledger-key-sources"]),
    ("aws-sigv4", &["ledger-oauth"]),
    ("aws-sdk-secretsmanager", &["ledger-key-sources"]),
    ("mysql_async", &["ledger-logins"]),
    ("redis", &["ledger-logins"]),
    ("tokio-postgres", &["ledger-logins"]),
    ("cap-std", &["ledger-key-sources"]),
    ("serde-saphyr", &["ledger-manifests"]),
    (
        "async-nats",
        &["ledger-bus", "ledger-client", "ledger-cluster", "ledger-tests", "ledger-benches"],
    ),
];

/// What the pure core must not know: wire formats, tasks, clocks, chance, storage.
const BANNED_IN_DOMAIN: [&str; 6] = ["serde", "serde_json", "tokio", "chrono", "rand", "futures"];

#[test]
fn dependencies_among_our_crates_point_down_only() {
    let members = members();
    let names: Vec<_> = members.iter().map(|member| member.name.as_str()).collect();
    let offenses: Vec<_> =
        members.iter().flat_map(|member| forbidden_edges(member, &names)).collect();
    expect_none("A crate depends on one it must not know (tests/tidy/layering.rs):", &offenses);
}

#[test]
fn heavy_libraries_are_named_only_by_their_owners() {
    let offenses: Vec<_> = members().iter().flat_map(foreign_libraries).collect();
    expect_none("A library is used outside the crates that own it:", &offenses);
}

#[test]
fn the_domain_names_no_wire_format_task_clock_or_chance() {
    let members = members();
    let domain = members.iter().find(|member| member.name == "ledger-domain");
    let domain = domain.expect("the workspace has ledger-domain");
    let offenses: Vec<_> = dependencies(domain)
        .into_iter()
        .filter(|name| BANNED_IN_DOMAIN.contains(&name.as_str()))
        .map(|name| offense(&manifest_path(domain), 0, format!("depends on {name}")))
        .collect();
    expect_none("The domain is pure:", &offenses);
}

#[test]
fn versions_live_in_the_root_manifest_only() {
    let offenses: Vec<_> = members().iter().flat_map(own_versions).collect();
    expect_none("A member names a version; use `name.workspace = true`:", &offenses);
}

fn forbidden_edges(member: &Member, ours: &[&str]) -> Vec<Offense> {
    let path = manifest_path(member);
    let Some((_, allowed)) = EDGES.iter().find(|(name, _)| *name == member.name) else {
        let what = format!("say in tests/tidy/layering.rs what {} may depend on", member.name);
        return vec![offense(&path, 0, what)];
    };
    let names = dependencies(member).into_iter();
    names
        .filter(|name| ours.contains(&name.as_str()) && *allowed != ANY)
        .filter(|name| !allowed.contains(&name.as_str()))
        .map(|name| offense(&path, 0, format!("{} must not depend on {name}", member.name)))
        .collect()
}

fn foreign_libraries(member: &Member) -> Vec<Offense> {
    let names = dependencies(member);
    let foreign = OWNERS.iter().filter(|(library, owners)| {
        names.iter().any(|name| name == library) && !owners.contains(&member.name.as_str())
    });
    let path = manifest_path(member);
    foreign.map(|(library, _)| offense(&path, 0, format!("depends on {library}"))).collect()
}

fn own_versions(member: &Member) -> Vec<Offense> {
    let tables = dependency_tables(&member.manifest);
    let entries = tables.into_iter().flatten();
    let own = entries.filter(|(_, entry)| entry.is_str() || entry.get("version").is_some());
    let path = manifest_path(member);
    own.map(|(name, _)| offense(&path, 0, format!("gives {name} a version"))).collect()
}

fn manifest_path(member: &Member) -> String {
    format!("{}/Cargo.toml", member.folder)
}

/// Returns the packages a member depends on, by their real names.
fn dependencies(member: &Member) -> Vec<String> {
    let shared = root_manifest();
    let shared = shared.get("workspace").and_then(|workspace| workspace.get("dependencies"));
    let entries = dependency_tables(&member.manifest).into_iter().flatten();
    entries
        .map(|(name, entry)| {
            let shared = shared.and_then(|table| table.get(name));
            let renamed = entry.get("package").or_else(|| shared?.get("package"));
            renamed.and_then(Value::as_str).unwrap_or(name).to_owned()
        })
        .collect()
}

/// Returns the normal, dev and build tables, those of single targets included.
fn dependency_tables(manifest: &Value) -> Vec<&Table> {
    let targets = manifest.get("target").and_then(Value::as_table);
    let targets = targets.into_iter().flat_map(|table| table.iter().map(|(_, target)| target));
    let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
    std::iter::once(manifest)
        .chain(targets)
        .flat_map(|place| kinds.iter().filter_map(|kind| place.get(kind)?.as_table()))
        .collect()
}

#[cfg(test)]
fn member(name: &str, manifest: &str) -> Member {
    let manifest = toml::from_str(manifest).expect("test text is TOML");
    Member { folder: format!("crates/{name}"), name: name.to_owned(), manifest }
}

#[test]
fn an_upward_edge_is_found_in_every_kind_of_dependency() {
    let ours = ["ledger-domain", "ledger-store"];
    for table in ["dependencies", "dev-dependencies", "target.'cfg(unix)'.dependencies"] {
        let domain =
            member("ledger-domain", &format!("[{table}]\nledger-store.workspace = true\n"));
        let found = forbidden_edges(&domain, &ours);
        let expected = offense(
            "crates/ledger-domain/Cargo.toml",
            0,
            "ledger-domain must not depend on ledger-store",
        );
        assert_eq!(found, [expected], "{table}");
    }
}

#[test]
fn a_renamed_dependency_is_seen_by_its_real_name() {
    let text = "[dependencies]\nlog = { package = \"rocksdb\", workspace = true }\n";
    let found = foreign_libraries(&member("ledger-engine", text));
    assert_eq!(found, [offense("crates/ledger-engine/Cargo.toml", 0, "depends on rocksdb")]);
}

#[test]
fn an_unlisted_package_must_be_given_its_edges() {
    assert_eq!(forbidden_edges(&member("ledger-new", ""), &[]).len(), 1);
}
