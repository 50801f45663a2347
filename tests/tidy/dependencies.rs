//! The rules of `.cargo/deny.toml` that need no network: licenses, bans and sources of what is in
//! `Cargo.lock`. `cargo xtask deny` checks the same file with cargo-deny, and advisories as well.

use std::collections::BTreeSet;
use std::process::Command;

use toml::Value;

use crate::repository::{Offense, expect_none, offense, read, root};

const LOCK: &str = "Cargo.lock";

#[test]
fn every_dependency_has_an_accepted_license() {
    let accepted = texts(&rules(), &["licenses", "allow"]);
    let packages = packages();
    let offenses = packages.iter().filter_map(|package| {
        let name = package.get("name")?.as_str()?;
        let license = package.get("license").and_then(serde_json::Value::as_str);
        let found = license.unwrap_or("no license");
        let is_accepted = license.is_some_and(|license| permits(license, &accepted));
        (!is_accepted).then(|| offense(LOCK, 0, format!("{name}: {found}")))
    });
    expect_none("Licenses that .cargo/deny.toml does not accept:", &offenses.collect::<Vec<_>>());
}

#[test]
fn no_dependency_is_banned_or_from_elsewhere() {
    let lock: Value = toml::from_str(&read(LOCK).expect("there is a lock file")).expect("TOML");
    let offenses = bans_and_sources(&lock, &rules());
    expect_none("Dependencies that .cargo/deny.toml does not accept:", &offenses);
}

fn rules() -> Value {
    let text = read(".cargo/deny.toml").expect("there are rules");
    toml::from_str(&text).expect("the rules are TOML")
}

/// Returns the packages for this system, as described by the cargo that runs the tests.
fn packages() -> Vec<serde_json::Value> {
    let printed = |command: &mut Command| {
        let output = command.current_dir(root()).output().expect("it starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("it prints text")
    };
    let described = printed(Command::new(env!("CARGO")).args(["--version", "--verbose"]));
    let host = described.lines().find_map(|line| line.strip_prefix("host: ")).expect("a host");
    let arguments = ["metadata", "--format-version", "1", "--locked", "--filter-platform", host];
    let metadata = printed(Command::new(env!("CARGO")).args(arguments));
    let metadata: serde_json::Value = serde_json::from_str(&metadata).expect("JSON");
    let packages = metadata.get("packages").and_then(serde_json::Value::as_array).cloned();
    packages.expect("cargo lists packages")
}

/// Returns whether a license expression can be met with accepted licenses alone.
fn permits(expression: &str, accepted: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let mut words = spaced.split_whitespace().peekable();
    let permitted = choice(&mut words, accepted);
    permitted && words.next().is_none()
}

type Words<'a, 'b> = &'a mut std::iter::Peekable<std::str::SplitWhitespace<'b>>;

fn choice(words: Words<'_, '_>, accepted: &BTreeSet<String>) -> bool {
    let mut permitted = all(words, accepted);
    while words.next_if_eq(&"OR").is_some() {
        permitted |= all(words, accepted);
    }
    permitted
}

fn all(words: Words<'_, '_>, accepted: &BTreeSet<String>) -> bool {
    let mut permitted = one(words, accepted);
    while words.next_if_eq(&"AND").is_some() {
        permitted &= one(words, accepted);
    }
    permitted
}

fn one(words: Words<'_, '_>, accepted: &BTreeSet<String>) -> bool {
    if words.next_if_eq(&"(").is_some() {
        let permitted = choice(words, accepted);
        return words.next_if_eq(&")").is_some() && permitted;
    }
    let mut license = words.next().unwrap_or_default().to_owned();
    if words.next_if_eq(&"WITH").is_some() {
        license = format!("{license} WITH {}", words.next().unwrap_or_default());
    }
    accepted.contains(&license)
}

fn bans_and_sources(lock: &Value, rules: &Value) -> Vec<Offense> {
    let denied = rules.get("bans").and_then(|bans| bans.get("deny")).and_then(Value::as_array);
    let denied: Vec<_> =
        denied.into_iter().flatten().filter_map(|ban| ban.get("crate")?.as_str()).collect();
    let registries = texts(rules, &["sources", "allow-registry"]);
    let packages = lock.get("package").and_then(Value::as_array).into_iter().flatten();
    let text = |package: &Value, key: &str| package.get(key)?.as_str().map(str::to_owned);
    let mut offenses = Vec::new();
    for package in packages {
        let name = text(package, "name").unwrap_or_default();
        if denied.contains(&name.as_str()) {
            offenses.push(offense(LOCK, 0, format!("{name} is banned")));
        }
        let Some(source) = text(package, "source") else { continue };
        let registry = source.strip_prefix("registry+").unwrap_or(&source);
        if !registries.contains(registry) {
            offenses.push(offense(LOCK, 0, format!("{name} comes from {source}")));
        }
        if text(package, "checksum").is_none() {
            offenses.push(offense(LOCK, 0, format!("{name} has no checksum")));
        }
    }
    offenses
}

fn texts(rules: &Value, path: &[&str]) -> BTreeSet<String> {
    let list = path.iter().try_fold(rules, |value, key| value.get(key));
    let list = list.and_then(Value::as_array).expect("the rules have the list");
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[test]
fn an_expression_is_met_by_one_choice_and_all_of_its_parts() {
    let accepted = ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned);
    let accepted = BTreeSet::from(accepted);
    for good in [
        "MIT",
        "MIT AND ISC",
        "GPL-3.0 OR MIT",
        "GPL-3.0/MIT",
        "(MIT OR GPL-3.0) AND ISC",
        "Apache-2.0 WITH LLVM-exception OR GPL-3.0",
    ] {
        assert!(permits(good, &accepted), "{good}");
    }
    for bad in ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT", "MIT MIT", "Apache-2.0"] {
        assert!(!permits(bad, &accepted), "{bad}");
    }
}

#[test]
fn banned_foreign_and_unhashed_packages_are_found() {
    let rules = "bans.deny = [{ crate = \"rsa\" }]\nsources.allow-registry = [\"https://r\"]\n";
    let rules = toml::from_str(rules).expect("TOML");
    let found = |package: &str| {
        let lock = toml::from_str(&format!("[[package]]\n{package}")).expect("TOML");
        bans_and_sources(&lock, &rules).into_iter().map(|offense| offense.what).collect::<Vec<_>>()
    };
    assert!(found("name = \"ours\"").is_empty());
    let good = "source = \"registry+https://r\"\nchecksum = \"00\"";
    assert!(found(&format!("name = \"a\"\n{good}")).is_empty());
    assert_eq!(found(&format!("name = \"rsa\"\n{good}")), ["rsa is banned"]);
    assert_eq!(
        found("name = \"a\"\nsource = \"git+https://g\""),
        ["a comes from git+https://g", "a has no checksum"]
    );
}
