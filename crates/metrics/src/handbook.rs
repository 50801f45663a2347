//! The page of the handbook that lists all metrics.

use std::fmt::Write as _;

use crate::table::{ALL, Metric};

/// Where the page is, from the root of the repository.
pub const PATH: &str = "deploy/metrics.md";

const HEAD: &str = "\
# Metrics

Generated from `crates/metrics/src/table.rs` by
`cargo run -p ledger-metrics --example write-metrics`. How they are read is in
[the handbook](README.md#metrics). Each label has its values from a fixed list, so that the page
stays the same size whatever is stored.

| Metric | Kind | Labels | Meaning |
|---|---|---|---|
";

/// Returns the page.
pub fn text() -> String {
    let mut text = HEAD.to_owned();
    for Metric { name, kind, labels, help, when } in ALL {
        let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
        let when = if when.is_empty() { String::new() } else { format!(" Only {when}.") };
        let (kind, labels) = (kind.as_str(), labels.join(", "));
        writeln!(text, "| `{name}` | {kind} | {labels} | {help}{when} |").expect("text grows");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_the_handbook_is_that_of_the_table() {
        assert_eq!(include_str!("../../../deploy/metrics.md"), text());
    }
}
