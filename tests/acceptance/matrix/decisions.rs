//! Every decision of the matrix as a file, so that a change shows in a review. The doors are
//! compared with the same decisions in `nats.rs` and in `http/matrix.rs`.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use ledger_console::{self as console, PageRoute};
use ledger_http::routes::routes;

use super::cast::STRANGERS;
use super::traces::{Trace, records};
use super::{At, LET_IN, Line, Reach, Rights, destinations, nats};
use crate::console::matrix as pages;
use crate::facades::matrix::{self as facades, APIS};
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
| `d` | `destination_forbidden`: secrets would be sent elsewhere by somebody who may not reveal them |
| `?` | as if the connection or the principal did not exist |

The last column is what a `+` leaves behind: an *event* in the log, or an *entry* in the audit journal. Every `-` and
`d` leaves an entry, and so does a `?` of a reveal. At the APIs of products, only entries are told, and of the
console neither: what its forms and pages leave is that of the commands and queries which they send.

Whatever is asked, except what is open to all, these are turned away:

| Who | The answer | Recorded |
|---|---|---|
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
        "destination_forbidden" => "d",
        "connection_unknown" | "principal_unknown" => "?",
        other => panic!("{other} has no mark"),
    }
}

fn rows(
    text: &mut String,
    (door, table): (&str, &[Line]),
    at: At,
    trace: impl Fn(&str) -> Trace,
    is_asked: impl Fn(&str) -> bool,
) {
    for &(name, need, told) in table.iter().filter(|(name, ..)| is_asked(name)) {
        write!(text, "| {door} {name} |").expect("text");
        for rights in Rights::all() {
            write!(text, " {} |", mark(rights.decide(need, told, at), told)).expect("text");
        }
        // What ends in a refusal leaves nothing.
        let left = match trace(name) {
            _ if !told.is_empty() && told != LET_IN => "",
            Trace::Event => "event",
            Trace::Entries(_) => "entry",
            Trace::EntryOfAuditors => "entry, of those who audit",
            Trace::Nothing => "",
        };
        writeln!(text, " {left} |").expect("text");
    }
}

/// What the tests of `engine/at_once.rs`, `http/half_sent.rs` and `http/endings.rs` show.
const LOSSES: &str = "
Who loses a right after a request was let in, and before it was decided, is turned away, too, whatever the verb:
by `credential_revoked` when the key was revoked, the principal disabled or the subject blocked, by
`credential_expired` when its time ended, and by `forbidden` when the grant was taken. Feeds end.
";

fn rendered() -> String {
    let mut text = HEAD.to_owned();
    for (who, code) in STRANGERS {
        let recorded = if records(code, "") { "entry" } else { "" };
        writeln!(text, "| {who} | `{code}` | {recorded} |").expect("text");
    }
    text.push_str(LOSSES);
    let columns: Vec<String> = Rights::all().into_iter().map(column).collect();
    let titles = [
        (At::Home, "In the home workspace"),
        (At::Abroad, "In another workspace"),
        (At::Shared, "In another workspace, about a connection that is shared with it"),
    ];
    for (at, title) in titles {
        let titles = columns.join(" | ");
        let rule = "---|".repeat(columns.len() + 2);
        writeln!(text, "\n## {title}\n\n| Asked | {titles} | Recorded |\n|{rule}").expect("text");
        let about_one =
            |id: &str| routes().any(|route| route.id == id && route.path.contains("{connection}"));
        let trace =
            |id: &str| routes().find(|route| route.id == id).map_or(Trace::Nothing, http::trace);
        let asked = |id: &str| at != At::Shared || about_one(id);
        rows(&mut text, ("HTTP", http::TABLE), at, trace, asked);
        let about_one = nats::is_about_connection;
        let asked = |name: &str| at != At::Shared || about_one(name);
        rows(&mut text, ("NATS", nats::TABLE), at, nats::trace, asked);
        for (name, detaches) in destinations::ROWS {
            write!(text, "| all {name} |").expect("text");
            for rights in Rights::all() {
                write!(text, " {} |", mark(rights.decide_destination(detaches, at), ""))
                    .expect("text");
            }
            text.push_str(" event |\n");
        }
        let asked = |id: &str| {
            let about_one = |route: &PageRoute| route.path.contains("{connection}");
            at != At::Shared || console::routes().any(|route| route.id == id && about_one(route))
        };
        rows(&mut text, ("Console", pages::TABLE), at, |_| Trace::Nothing, asked);
        for api in APIS.iter().filter(|_| at != At::Shared) {
            rows(&mut text, (api.name, api.table), at, facades::reading, |_| true);
        }
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
