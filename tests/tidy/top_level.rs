//! The visible top level is what a visitor sees first, so it is fixed.

use std::collections::BTreeSet;

use crate::repository::{Ignored, expect_none, listing, offense, root};

const VISIBLE: [&str; 9] = [
    "Cargo.toml",
    "Cargo.lock",
    "LICENSE",
    "README.md",
    "benches",
    "crates",
    "deploy",
    "schemas",
    "tests",
];

#[test]
fn the_visible_top_level_is_exactly_the_agreed_one() {
    let ignored = Ignored::read();
    let names = listing(&root()).into_iter().map(|(name, _)| name);
    let present: BTreeSet<_> =
        names.filter(|name| !name.starts_with('.') && !ignored.matches(name)).collect();
    let agreed: BTreeSet<_> = VISIBLE.iter().map(ToString::to_string).collect();
    let extra = present.difference(&agreed).map(|name| offense(name, 0, "does not belong here"));
    let missing = agreed.difference(&present).map(|name| offense(name, 0, "is missing"));
    expect_none("The top level differs:", &extra.chain(missing).collect::<Vec<_>>());
}
