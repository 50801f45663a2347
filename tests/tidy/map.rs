//! `crates/README.md` is the map: every crate is on it.

use crate::repository::{expect_none, members, offense, read};

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
