//! Tests of an operator's folder: added and replaced descriptions, and faults.

use std::fs;
use std::path::Path;

use ledger_providers::{Catalogue, CatalogueError, Facade, Origin, limits};
use serde_json::{Value, json};
use tempfile::TempDir;

fn folder(files: &[(&str, Value)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, value) in files {
        fs::write(folder.path().join(name), value.to_string()).expect("writable");
    }
    folder
}

fn acme(id: &str) -> Value {
    json!({ "id": id, "display_name": "Acme", "auth_methods": ["api_key"] })
}

fn refusal(folder: &Path) -> String {
    match Catalogue::with_folder(folder) {
        Ok(_) => panic!("it was accepted"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_file_adds_a_provider_or_replaces_the_built_in_one_of_its_id() {
    let folder = folder(&[
        ("acme.json", acme("acme")),
        ("own.json", acme("openai")),
        ("amazon.json", acme("amazon")),
        (".hidden.json", json!({})),
        ("README.md", json!("no description")),
    ]);
    let catalogue = Catalogue::with_folder(folder.path()).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(catalogue.len(), Catalogue::built_in().len() + 2);
    assert_eq!(catalogue.find("ACME").map(|provider| &*provider.id), Some("acme"));
    let openai = catalogue.find("openai").expect("there");
    assert_eq!(openai.display_name, "Acme");
    assert!(openai.is_secret("custom_headers"), "shared fields go to new providers too");
    assert_eq!(catalogue.origin("openai"), Some(&Origin::File(folder.path().join("own.json"))));
    assert_eq!(catalogue.origin("bedrock"), Some(&Origin::BuiltIn));
    // An id means its own provider. A product's name for another provider still means that one at
    // the product.
    assert_eq!(catalogue.find("amazon").map(|provider| &*provider.id), Some("amazon"));
    let at_umbraco = catalogue.find_at(Facade::Umbraco, "amazon");
    assert_eq!(at_umbraco.map(|provider| &*provider.id), Some("bedrock"));
}

#[test]
fn every_fault_of_every_file_is_reported_with_file_and_place() {
    let folder = folder(&[("a.json", acme("A")), ("b.json", json!({ "id": "b" }))]);
    let told = refusal(folder.path());
    assert!(told.contains("a.json: id: must be lower-case"), "{told}");
    assert!(told.contains("b.json: line 1 column"), "{told}");
    assert_eq!(told.lines().count(), 2, "{told}");
}

#[test]
fn a_name_that_two_descriptions_claim_is_refused() {
    let with_alias = |id: &str, alias: &str| {
        let mut provider = acme(id);
        provider["aliases"] = json!([alias]);
        provider
    };
    let cases = [
        (acme("acme"), acme("acme"), "b.json: id: `acme` is the id of `acme` in"),
        (acme("acme"), with_alias("other", "Acme"), "b.json: aliases[0]: `Acme` is the id of"),
        (with_alias("acme", "x"), with_alias("other", "X"), "aliases[0]: `X` is a name of"),
        (acme("acme"), with_alias("other", "stripe"), "built-in provider `stripe`"),
    ];
    for (a, b, words) in cases {
        let folder = folder(&[("a.json", a), ("b.json", b)]);
        let told = refusal(folder.path());
        assert!(told.contains(words), "{told}");
    }
}

#[test]
fn a_file_that_was_read_before_replaces_itself() {
    let folder = folder(&[("acme.json", acme("acme"))]);
    let catalogue = Catalogue::with_folder(folder.path()).unwrap_or_else(|e| panic!("{e}"));
    let again = catalogue.with_files(&[folder.path().join(".").join("acme.json")]);
    assert_eq!(again.map(|catalogue| catalogue.len()).ok(), Some(catalogue.len()));
}

#[test]
fn a_folder_or_file_that_is_not_there_or_too_large_is_refused() {
    let folder = folder(&[]);
    let missing = Catalogue::with_folder(&folder.path().join("missing"));
    assert!(matches!(missing, Err(CatalogueError::Folder { .. })));
    let size = usize::try_from(limits::FILE_BYTES).expect("small") + 1;
    fs::write(folder.path().join("a.json"), " ".repeat(size)).expect("writable");
    assert!(refusal(folder.path()).contains("a.json: file: is larger than 262144 bytes"));
    fs::write(folder.path().join("a.json"), b"\xff").expect("writable");
    assert!(refusal(folder.path()).contains("a.json: file: cannot be read"));
}

#[test]
fn a_folder_of_too_many_files_is_refused_unread() {
    let folder = folder(&[]);
    for number in 0..=limits::FILES {
        fs::write(folder.path().join(format!("{number}.json")), "").expect("writable");
    }
    let refused = Catalogue::with_folder(folder.path());
    assert!(matches!(refused, Err(CatalogueError::TooManyFiles { files, .. })
        if files == limits::FILES + 1));
}
