//! Every decision of the matrix as a file, so that a change shows in a review. The doors are
//! compared with the same decisions in `nats.rs` and in `http/matrix.rs`.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use ledger_http::routes::routes;

use super::cast::STRANGERS;
use super::{At, Line, Reach, Rights, nats};
use crate::http::matrix as http;

const HEAD: &str = "\
# Who may do what

Written by the test `the_decisions_are_as_they_are_written_down`. To change it, remove it, run the test
twice, and review the difference.

Each row is something that can be asked at a door, each column is who asks:
**V**iewer, **E**ditor, **R**otator, **G**ateway, a**U**ditor and **A**dmin, each with this role in the
home workspace (h), in another one (a) and everywhere (e); and **N**obody, a principal without grants.

| Mark | The answer |
|---|---|
| `+` | done, or refused for another reason than who asks |
| `-` | `forbidden` |
| `?` | as if the connection or the principal did not exist |

Whatever is asked, except what is open to all, these are turned away:

| Who | The answer |
|---|---|
";

/// Returns the name of a column.
fn column(rights: Rights) -> String {
    let Some(role) = rights.role else { return "N".to_owned() };
    let role = match role.as_str() {
        "auditor" => "U",
        name => &name[..1],
    };
    let reach = match rights.reach {
        Reach::Home => "h",
        Reach::Abroad => "a",
        Reach::Everywhere => "e",
    };
    format!("{}{reach}", role.to_uppercase())
}

/// Returns the mark of a decision. `told` is the code for those who are let in.
fn mark(code: &str, told: &str) -> &'static str {
    match code {
        code if code == told => "+",
        "forbidden" => "-",
        "connection_unknown" | "principal_unknown" => "?",
        other => panic!("{other} has no mark"),
    }
}

fn rows(text: &mut String, door: &str, table: &[Line], at: At, is_asked: impl Fn(&str) -> bool) {
    for &(name, need, told) in table.iter().filter(|(name, ..)| is_asked(name)) {
        write!(text, "| {door} {name} |").expect("text");
        for rights in Rights::all() {
            write!(text, " {} |", mark(rights.decide(need, told, at), told)).expect("text");
        }
        text.push('\n');
    }
}

fn rendered() -> String {
    let mut text = HEAD.to_owned();
    for (who, code) in STRANGERS {
        writeln!(text, "| {who} | `{code}` |").expect("text");
    }
    let columns: Vec<String> = Rights::all().into_iter().map(column).collect();
    let titles = [
        (At::Home, "In the home workspace"),
        (At::Abroad, "In another workspace"),
        (At::Shared, "In another workspace, about a connection that is shared with it"),
    ];
    for (at, title) in titles {
        let titles = columns.join(" | ");
        let rule = "---|".repeat(columns.len() + 1);
        writeln!(text, "\n## {title}\n\n| Asked | {titles} |\n|{rule}").expect("text");
        let about_one =
            |id: &str| routes().any(|route| route.id == id && route.path.contains("{connection}"));
        rows(&mut text, "HTTP", http::TABLE, at, |id| at != At::Shared || about_one(id));
        let about_one = nats::is_about_connection;
        rows(&mut text, "NATS", nats::TABLE, at, |name| at != At::Shared || about_one(name));
    }
    text
}

#[test]
fn the_decisions_are_as_they_are_written_down() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("acceptance/matrix/decisions.md");
    let now = rendered();
    let Ok(written) = fs::read_to_string(&path) else {
        fs::write(&path, now).expect("writable");
        panic!("wrote {}; review it, commit it and run again", path.display());
    };
    let lines = || written.lines().zip(now.lines());
    let changed = lines().find(|(written, now)| written != now);
    assert_eq!(changed, None, "a decision changed: if it is right, remove the file and run again");
    assert_eq!(written.len(), now.len(), "lines were added or removed");
}
