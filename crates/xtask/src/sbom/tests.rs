//! The list of a small made-up program.

use super::*;

fn metadata() -> Value {
    let registry = "registry+https://github.com/rust-lang/crates.io-index";
    json!({
        "packages": [
            {"id": "p", "name": "connledger", "version": "0.1.0", "license": "Apache-2.0"},
            {"id": "b", "name": "build-tool", "version": "2.0.0", "license": "MIT/Apache-2.0",
             "source": registry, "repository": "https://example.com/build-tool"},
            {"id": "r", "name": "librocksdb-sys", "version": "0.19.0+11.8.1", "license": "MIT",
             "source": registry},
            {"id": "t", "name": "test-only", "version": "1.0.0", "license": "MIT",
             "source": registry},
        ],
        "resolve": {"nodes": [
            {"id": "p", "deps": [
                {"pkg": "r", "dep_kinds": [{"kind": null}]},
                {"pkg": "t", "dep_kinds": [{"kind": "dev"}]},
            ]},
            {"id": "r", "deps": [{"pkg": "b", "dep_kinds": [{"kind": "dev"}, {"kind": "build"}]}]},
            {"id": "b", "deps": []},
            {"id": "t", "deps": []},
        ]},
    })
}

fn lock() -> toml::Value {
    let entry = |name: &str, version: &str, hash: char| {
        let hash = String::from(hash).repeat(64);
        format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\nchecksum = \"{hash}\"\n")
    };
    let text = entry("build-tool", "2.0.0", 'b') + &entry("librocksdb-sys", "0.19.0+11.8.1", 'a');
    toml::from_str(&text).expect("test text is TOML")
}

fn made() -> Value {
    bill_of_materials(&metadata(), &lock()).expect("made")
}

#[test]
fn the_program_is_the_subject_and_what_only_tests_need_is_left_out() {
    let list = made();
    let program = &list["metadata"]["component"];
    assert_eq!((&program["name"], &program["type"]), (&json!("connledger"), &json!("application")));
    let names: Vec<_> = list["components"].as_array().expect("a list").iter().collect();
    let names: Vec<_> = names.iter().map(|component| component["name"].clone()).collect();
    assert_eq!(names, ["build-tool", "librocksdb-sys"]);
}

#[test]
fn an_entry_has_package_url_license_hash_and_the_library_within() {
    let list = made();
    let tool = &list["components"][0];
    assert_eq!(tool["licenses"][0]["expression"], "MIT OR Apache-2.0");
    assert_eq!(tool["hashes"][0]["content"], "b".repeat(64));
    assert_eq!(tool["externalReferences"][0]["url"], "https://example.com/build-tool");
    let sys = &list["components"][1];
    assert_eq!(sys["purl"], "pkg:cargo/librocksdb-sys@0.19.0%2B11.8.1");
    assert_eq!(sys["components"][0]["purl"], "pkg:github/facebook/rocksdb@v11.8.1");
}

#[test]
fn every_dependency_names_an_entry_and_the_list_is_the_same_again() {
    let list = made();
    let all = list["dependencies"].as_array().expect("a list");
    let names: Vec<_> = all.iter().map(|entry| &entry["ref"]).collect();
    for entry in all {
        let needs = entry["dependsOn"].as_array().expect("a list");
        assert!(needs.iter().all(|needed| names.contains(&needed)), "{entry}");
    }
    assert_eq!(names.len(), 3);
    let mut turned = metadata();
    for path in ["/packages", "/resolve/nodes"] {
        turned.pointer_mut(path).and_then(Value::as_array_mut).expect("a list").reverse();
    }
    assert_eq!(bill_of_materials(&turned, &lock()).expect("made").to_string(), list.to_string());
}

#[test]
fn a_crate_without_a_hash_is_refused() {
    let empty = toml::from_str("package = []").expect("TOML");
    let refusal = bill_of_materials(&metadata(), &empty).expect_err("no hash");
    assert!(refusal.to_string().contains("has no hash of build-tool 2.0.0"), "{refusal}");
}
