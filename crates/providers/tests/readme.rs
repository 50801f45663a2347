//! Tests that the example in `schemas/providers/README.md` is valid.

use std::path::Path;

use ledger_providers::{Catalogue, Facade, Provider};

#[test]
fn the_example_in_the_readme_is_valid() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/providers/README.md");
    let readme = std::fs::read_to_string(path).expect("there is a README");
    let (_, after) = readme.split_once("```json\n").expect("it has an example");
    let (example, _) = after.split_once("```").expect("the example ends");
    let acme = Provider::read(example).unwrap_or_else(|faults| panic!("{faults:?}"));
    let main = acme.main_secret().expect("it has a main key");
    assert_eq!(main.name_at(Facade::Portkey), "key");

    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("acme.json"), example).expect("writable");
    let catalogue = Catalogue::with_folder(folder.path()).expect("a good folder");
    assert_eq!(catalogue.find("ACME").map(|provider| &*provider.id), Some("acme-search"));
}
