//! What people do in a browser: `tests/clients/browser/use_console.mjs`.

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
