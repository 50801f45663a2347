//! What always holds is listed under `# Invariants` in the documentation of a crate, and every
//! entry there names the test that proves it.

use crate::repository::{Offense, TextFile, expect_none, members, offense, read, text_files_with};
use crate::rust_source::{Kind, RustSource};

const HEADING: &str = "# Invariants";

#[test]
fn every_crate_lists_its_invariants() {
    let crates = members().into_iter().filter(|member| member.folder.starts_with("crates/"));
    let silent = crates.filter_map(|member| {
        let candidates = ["src/lib.rs", "src/main.rs"].map(|file| (member.folder.clone(), file));
        let mut paths = candidates.into_iter().map(|(folder, file)| format!("{folder}/{file}"));
        let (path, text) = paths.find_map(|path| Some((path.clone(), read(&path)?)))?;
        invariants(&text).is_empty().then(|| offense(&path, 1, format!("nothing under {HEADING}")))
    });
    expect_none("A crate does not say what always holds in it:", &silent.collect::<Vec<_>>());
}

#[test]
fn every_invariant_names_a_test_that_exists() {
    let files = text_files_with("rs");
    let tests: Vec<_> = files.iter().flat_map(|file| tests_in(&file.text)).collect();
    let offenses: Vec<_> = files.iter().flat_map(|file| unproven(file, &tests)).collect();
    expect_none("Invariants without a test, form: - A sentence (test: `name`).", &offenses);
}

/// An entry below the heading, with its line and its whole text on one line.
#[derive(Debug, PartialEq, Eq)]
struct Invariant {
    line: usize,
    text: String,
}

/// Returns the entries of the list that follows the heading in the documentation of a module, up
/// to the next heading or the end of the documentation.
fn invariants(source: &str) -> Vec<Invariant> {
    let mut found: Vec<Invariant> = Vec::new();
    let mut below_heading = false;
    for (index, line) in source.lines().enumerate() {
        let Some(line) = line.strip_prefix("//!").map(str::trim) else { break };
        if line.starts_with("# ") {
            below_heading = line == HEADING;
        } else if let (true, Some(text)) = (below_heading, line.strip_prefix("- ")) {
            found.push(Invariant { line: index + 1, text: text.to_owned() });
        } else if let (true, Some(last)) = (below_heading && !line.is_empty(), found.last_mut()) {
            last.text = format!("{} {line}", last.text);
        }
    }
    found
}

fn unproven(file: &TextFile, tests: &[String]) -> Vec<Offense> {
    let check = |invariant: Invariant| {
        let named = named_tests(&invariant.text);
        if named.is_empty() {
            return vec![offense(&file.path, invariant.line, "names no test")];
        }
        let unknown = named.into_iter().filter(|name| !tests.iter().any(|test| test == name));
        let offenses = unknown
            .map(|name| offense(&file.path, invariant.line, format!("no test is named {name}")));
        offenses.collect()
    };
    invariants(&file.text).into_iter().flat_map(check).collect()
}

fn named_tests(text: &str) -> Vec<&str> {
    let after = text.split("(test: `").skip(1);
    after.filter_map(|rest| rest.split_once('`').map(|(name, _)| name)).collect()
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
    let source = "//! A crate.\n//!\n//! # Invariants\n//!\n//! - One\n//!   (test: `a`).\n//! - Two.\n//!\n//! # Examples\n//!\n//! - Three.\n\n//! - Four.\n";
    let expected = [
        Invariant { line: 5, text: "One (test: `a`).".to_owned() },
        Invariant { line: 7, text: "Two.".to_owned() },
    ];
    assert_eq!(invariants(source), expected);
}

#[test]
fn an_invariant_without_a_test_or_with_an_unknown_one_is_found() {
    let tests = ["known".to_owned()];
    let found = |entry: &str| {
        let text = format!("//! # Invariants\n//!\n//! - {entry}\n");
        let file = TextFile { path: "lib.rs".to_owned(), text };
        unproven(&file, &tests).into_iter().map(|offense| offense.what).collect::<Vec<_>>()
    };
    assert_eq!(found("One."), ["names no test"]);
    assert_eq!(found("One (test: `unknown`)."), ["no test is named unknown"]);
    assert!(found("One (test: `known`).").is_empty());
}

#[test]
fn only_functions_marked_as_tests_count() {
    let source =
        "#[test]\n#[should_panic]\nfn a() {}\nfn b() {}\n#[tokio::test]\nasync fn c() {}\n";
    assert_eq!(tests_in(source), ["a", "c"]);
}
