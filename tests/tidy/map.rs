//! `crates/README.md` is the map: every crate is on it, and every promise names its test.

use crate::repository::{Offense, expect_none, members, offense, read, text_files_with};
use crate::rust_source::{Kind, RustSource};

const MAP: &str = "crates/README.md";

#[test]
fn every_crate_is_on_the_map() {
    let map = read(MAP).expect("there is a map");
    let members = members().into_iter().filter(|member| member.folder.starts_with("crates/"));
    let missing = members
        .filter(|member| !names(&map, &member.folder))
        .map(|member| offense(MAP, 0, format!("no entry for `{}`", member.folder)));
    expect_none("The map leaves crates out:", &missing.collect::<Vec<_>>());
}

#[test]
fn every_invariant_on_the_map_names_a_test_that_exists() {
    let map = read(MAP).expect("there is a map");
    let tests = test_names();
    let offenses: Vec<_> =
        invariants(&map).into_iter().flat_map(|one| unproven(&one, &tests)).collect();
    expect_none("Invariants without a test, form: Invariant: .. (test: `name`)", &offenses);
}

/// A promise on the map, with its line and its whole text on one line.
#[derive(Debug, PartialEq, Eq)]
struct Invariant {
    line: usize,
    text: String,
}

/// Returns every invariant, up to the next one or the next empty line; long ones are wrapped.
fn invariants(map: &str) -> Vec<Invariant> {
    let mut found: Vec<Invariant> = Vec::new();
    let mut open = false;
    for (index, line) in map.lines().enumerate() {
        if line.contains("Invariant:") {
            found.push(Invariant { line: index + 1, text: line.trim().to_owned() });
            open = true;
        } else if line.trim().is_empty() {
            open = false;
        } else if let (true, Some(last)) = (open, found.last_mut()) {
            last.text = format!("{} {}", last.text, line.trim());
        }
    }
    found
}

fn unproven(invariant: &Invariant, tests: &[String]) -> Vec<Offense> {
    let named: Vec<_> = named_tests(&invariant.text);
    if named.is_empty() {
        return vec![offense(MAP, invariant.line, "names no test")];
    }
    let unknown = named.into_iter().filter(|name| !tests.iter().any(|test| test == name));
    unknown.map(|name| offense(MAP, invariant.line, format!("no test is named {name}"))).collect()
}

fn named_tests(text: &str) -> Vec<&str> {
    let after = text.split("(test: `").skip(1);
    after.filter_map(|rest| rest.split_once('`').map(|(name, _)| name)).collect()
}

/// Says whether the map names a folder, and not only one whose name starts the same.
fn names(map: &str, folder: &str) -> bool {
    map.match_indices(folder).any(|(start, _)| {
        let next = map.get(start + folder.len()..).and_then(|rest| rest.chars().next());
        !next.is_some_and(|letter| letter.is_alphanumeric() || "-_".contains(letter))
    })
}

fn test_names() -> Vec<String> {
    text_files_with("rs").iter().flat_map(|file| tests_in(&file.text)).collect()
}

/// Returns the functions that follow a test attribute, with other attributes in between.
fn tests_in(source: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut marked = false;
    for line in RustSource::parse(source).lines(&[Kind::Code]) {
        let line = line.trim();
        if line.starts_with("#[") {
            marked |= line.contains("test]") || line.contains("::test(");
        } else if let Some(name) = function_name(line) {
            if marked {
                names.push(name.to_owned());
            }
            marked = false;
        }
    }
    names
}

fn function_name(line: &str) -> Option<&str> {
    let start = line.strip_prefix("async fn ").or_else(|| line.strip_prefix("fn "))?;
    start.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next()
}

#[test]
fn a_wrapped_invariant_is_read_whole() {
    let map = "## bus\n\n**Invariant:** one\nand a half (test: `a`).\n\n- Invariant: two\n";
    let expected = [
        Invariant { line: 3, text: "**Invariant:** one and a half (test: `a`).".to_owned() },
        Invariant { line: 6, text: "- Invariant: two".to_owned() },
    ];
    assert_eq!(invariants(map), expected);
}

#[test]
fn an_invariant_without_a_test_or_with_an_unknown_one_is_found() {
    let tests = ["known".to_owned()];
    let found = |text: &str| {
        let invariant = Invariant { line: 1, text: text.to_owned() };
        unproven(&invariant, &tests).into_iter().map(|offense| offense.what).collect::<Vec<_>>()
    };
    assert_eq!(found("Invariant: a"), ["names no test"]);
    assert_eq!(found("Invariant: a (test: `unknown`)"), ["no test is named unknown"]);
    assert!(found("Invariant: a (test: `known`)").is_empty());
}

#[test]
fn only_functions_marked_as_tests_count() {
    let source =
        "#[test]\n#[should_panic]\nfn a() {}\nfn b() {}\n#[tokio::test]\nasync fn c() {}\n";
    assert_eq!(tests_in(source), ["a", "c"]);
}

#[test]
fn a_folder_is_not_named_by_a_longer_one() {
    assert!(names("see `crates/bus`.", "crates/bus"));
    assert!(!names("see `crates/business`.", "crates/bus"));
}
