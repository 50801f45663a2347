//! `crates/README.md` is the map: every crate is on it, and its journey leads past files and tests
//! that exist.

use crate::repository::{Offense, expect_none, members, offense, read, root};

const MAP: &str = "crates/README.md";
/// Where every step of the journey has a test.
const STEPS: &str = "tests/acceptance/rotate_secret.rs";
/// The table of the journey starts after this line and ends at the first line that is no row.
const JOURNEY: &str = "| Step | Where | What happens |";

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
fn every_step_of_the_journey_has_its_files_and_a_test() {
    let map = read(MAP).expect("there is a map");
    let steps = steps(&map);
    assert!(!steps.is_empty(), "{MAP} has no rows below: {JOURNEY}");
    let tests = read(STEPS).expect("the steps have tests");
    let exists = |path: &str| root().join("crates").join(path).exists();
    let offenses: Vec<_> = steps.iter().flat_map(|step| step.offenses(&tests, exists)).collect();
    expect_none("Steps of the journey that lead nowhere:", &offenses);
}

/// A row of the journey.
#[derive(Debug, PartialEq, Eq)]
struct Step<'a> {
    /// Number and word, as in `1. arrive`.
    name: &'a str,
    /// Paths below `crates`.
    paths: Vec<&'a str>,
}

fn steps(map: &str) -> Vec<Step<'_>> {
    let rows = map.lines().skip_while(|line| *line != JOURNEY).skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    rows.filter_map(|row| {
        let mut cells = row.trim_matches('|').split('|').map(str::trim);
        let name = cells.next()?;
        Some(Step { name, paths: cells.next()?.split('`').skip(1).step_by(2).collect() })
    })
    .collect()
}

impl Step<'_> {
    fn offenses(&self, tests: &str, exists: impl Fn(&str) -> bool) -> Vec<Offense> {
        let prefix = format!("fn step_{}_", self.name.replace(". ", "_"));
        let untested = (!tests.contains(&prefix)).then(|| format!("no test: {prefix}.."));
        let missing = self.paths.iter().filter(|path| !exists(path));
        let missing = missing.map(|path| format!("no such file: crates/{path}"));
        let what = missing.chain(untested).map(|what| format!("step {}: {what}", self.name));
        what.map(|what| offense(MAP, 0, what)).collect()
    }
}

/// Says whether the map names a folder, and not only one whose name starts the same.
fn names(map: &str, folder: &str) -> bool {
    map.match_indices(folder).any(|(start, _)| {
        let next = map.get(start + folder.len()..).and_then(|rest| rest.chars().next());
        !next.is_some_and(|letter| letter.is_alphanumeric() || "-_".contains(letter))
    })
}

#[test]
fn a_folder_is_not_named_by_a_longer_one() {
    assert!(names("see `crates/bus`.", "crates/bus"));
    assert!(!names("see `crates/business`.", "crates/bus"));
}

#[test]
fn a_step_without_its_file_or_test_is_found() {
    let map =
        format!("{JOURNEY}\n|---|---|---|\n| 2. open | `a/b.rs`, `c.rs` | It opens. |\n\ntext\n");
    let steps = steps(&map);
    assert_eq!(steps, [Step { name: "2. open", paths: vec!["a/b.rs", "c.rs"] }]);
    let found = |tests: &str| steps[0].offenses(tests, |path| path == "c.rs").len();
    assert_eq!(found("async fn step_2_open_the_door() {}"), 1);
    assert_eq!(found("fn step_1_open() {}"), 2);
}
