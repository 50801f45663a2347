//! What people do in a browser: the scripts in `tests/clients/browser`.

use crate::clients::expect_checks;
use crate::clients::script::Language::Browser;

const CHECKS: [&str; 34] = [
    "signing in leads to the overview",
    "a connection is created from a form",
    "what a form did is told once",
    "it appears in another tab without a reload",
    "what happened during a cut is shown after it",
    "who still uses the former secret is named",
    "a consumer is seen to change over",
    "a conflict shows what stood there, what stands there, and what was typed",
    "what only others changed is taken over",
    "both changes are there once they are merged",
    "a reason is asked for",
    "a value is not shown before somebody asks",
    "a value is copied",
    "a value goes after a minute",
    "the reason is in the history",
    "a connection is archived and restored",
    "filters are in the address, without those that are empty",
    "a filter leaves what fits",
    "the overview names what is broken, and why",
    "the history is searched",
    "a refusal is found",
    "what somebody may not do is not offered, and why is told",
    "a revoked key ends its session, and a form after that does nothing",
    "the first stop skips to the content",
    "the focus is seen wherever it is",
    "an action is reached with the keyboard",
    "a form is sent with the keyboard",
    "pages are light",
    "no page has a fault that axe finds",
    "nothing is wider than the window",
    "pages are read without the script",
    "forms work without the script",
    "nothing is asked of anybody else",
    "no page tells an error",
];

#[tokio::test(flavor = "multi_thread")]
async fn people_do_in_a_browser_what_the_console_is_for() {
    expect_checks(Browser, "use_console", &CHECKS).await;
}

const BACK_CHECKS: [&str; 33] = [
    "the slider tells where it is",
    "the slider fills in the field",
    "the slider is moved with the keyboard",
    "a list is of a moment",
    "and leads to connections of that moment",
    "what has changed since is told",
    "the slider of a connection stops at its versions",
    "and is moved from one to the next",
    "versions stand side by side",
    "with what they have in common",
    "changes between moments are listed",
    "a plan says what is done and comes back, what stays, and whom it affects",
    "a change since the plan is refused",
    "the others are brought back",
    "a plan that is sent again does nothing twice",
    "what an undo did is one conversation",
    "a browser checks entry, tree and signature",
    "an altered entry does not hold",
    "another position does not hold",
    "an altered checkpoint does not hold",
    "another key does not hold",
    "a proof is kept as a file",
    "a principal gets a key in the console",
    "a key is shown once",
    "a key is revoked for a reason",
    "pages are light",
    "no page has a fault that axe finds",
    "nothing is wider than the window",
    "the past is read without the script",
    "an undo takes no script",
    "without the script a page says how a proof is checked",
    "nothing is asked of anybody else",
    "no page tells an error",
];

#[tokio::test(flavor = "multi_thread")]
async fn people_go_back_in_time_and_check_proofs_in_a_browser() {
    expect_checks(Browser, "go_back", &BACK_CHECKS).await;
}
