//! Every public error code has a page, and every page a code.

use std::collections::BTreeSet;

use crate::repository::{expect_none, listing, offense, read, root};

const TABLE: &str = "crates/contract/src/errors/codes.rs";
const PAGES: &str = "schemas/errors";

#[test]
fn every_error_code_has_a_page_and_every_page_a_code() {
    let has_errors = ["errors", "errors.rs"]
        .iter()
        .any(|name| root().join("crates/contract/src").join(name).exists());
    if !has_errors {
        // Before the first error code there is nothing to pair; pages alone would be a mistake.
        assert!(pages().is_empty(), "{PAGES} has pages, but {TABLE} does not exist");
        return;
    }
    let table = read(TABLE).unwrap_or_else(|| panic!("{TABLE} is missing: it lists all codes"));
    let codes = codes_in(&table);
    assert!(!codes.is_empty(), "{TABLE} has no lines of the form `(\"code\", ..`");
    let written: BTreeSet<_> = codes.iter().map(|(_, code)| code.clone()).collect();
    let pages = pages();
    let mut offenses = Vec::new();
    for (line, code) in &codes {
        if !pages.contains(code) {
            offenses.push(offense(TABLE, *line, format!("no page {PAGES}/{code}.md")));
        }
    }
    for page in pages.difference(&written) {
        offenses.push(offense(&format!("{PAGES}/{page}.md"), 0, "no such code"));
    }
    expect_none("Error codes and their pages differ:", &offenses);
}

#[test]
fn no_error_code_is_listed_twice() {
    let codes = codes_in(&read(TABLE).unwrap_or_default());
    let mut seen = BTreeSet::new();
    let again = codes.iter().filter(|(_, code)| !seen.insert(code.clone()));
    let offenses: Vec<_> = again.map(|(line, code)| offense(TABLE, *line, code.clone())).collect();
    expect_none("Codes are listed once and never reused:", &offenses);
}

/// Returns the codes with their lines: the first word in quotes after an opening parenthesis that
/// starts a line, on the same line or, as the formatter breaks long entries, on the next.
fn codes_in(table: &str) -> Vec<(usize, String)> {
    let lines: Vec<_> = table.lines().map(str::trim).collect();
    let mut codes = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let next = lines.get(index + 1).copied().unwrap_or_default();
        let entry = if *line == "(" { Some(next) } else { line.strip_prefix('(') };
        let word = entry.and_then(|entry| entry.strip_prefix('"')?.split_once('"'));
        if let Some((code, _)) = word {
            codes.push((index + 1, code.to_owned()));
        }
    }
    codes
}

/// Returns the names of the pages; `README.md` explains the folder and is none of them.
fn pages() -> BTreeSet<String> {
    let folder = root().join(PAGES);
    if !folder.exists() {
        return BTreeSet::new();
    }
    let names = listing(&folder).into_iter().map(|(name, _)| name);
    names
        .filter(|name| name != "README.md")
        .filter_map(|name| name.strip_suffix(".md").map(str::to_owned))
        .collect()
}

#[test]
fn codes_are_read_from_short_and_from_broken_entries() {
    let table =
        "const CODES: [..] = [\n    (\"slug_taken\", Conflict),\n    (\n        \"too_long\",\n";
    let codes: Vec<_> = codes_in(table);
    assert_eq!(codes, [(2, "slug_taken".to_owned()), (3, "too_long".to_owned())]);
}
