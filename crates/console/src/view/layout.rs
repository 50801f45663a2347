//! What is around every page: head, navigation, and the live region.

use std::sync::LazyLock;

use ledger_contract::ResumePoint;
use ledger_contract::schemas::event_types;
use maud::{DOCTYPE, Markup, html};

use crate::pages::files;
use crate::request::Frame;

/// The part of the console that a page belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    /// None.
    None,
    /// What needs attention.
    Overview,
    /// Connections.
    Connections,
    /// History and refusals.
    Audit,
    /// Principals and keys.
    Access,
    /// The ledger itself.
    Ledger,
}

const SECTIONS: [(Section, &str, &str); 5] = [
    (Section::Overview, "/", "Overview"),
    (Section::Connections, "/connections", "Connections"),
    (Section::Audit, "/history", "Audit"),
    (Section::Access, "/access", "Access"),
    (Section::Ledger, "/ledger", "Ledger"),
];

/// Returns a page with the navigation around it.
pub(crate) fn framed(frame: &Frame, title: &str, section: Section, body: &Markup) -> Markup {
    let offered = SECTIONS.iter().filter(|one| frame.sections.contains(&one.0));
    let header = html! {
        header.bar {
            div.inner {
                a.brand href="/" { (mark()) span { "Connection Ledger" } }
                nav aria-label="Main" {
                    ul {
                        @for (own, path, name) in offered {
                            li { a href=(path) aria-current=[current(*own == section)] { (name) } }
                        }
                    }
                }
                form.who method="post" action="/sign-out" {
                    (frame.token_only())
                    span.actor title="Signed in as" { bdi { (frame.actor) } }
                    button.quiet type="submit" { "Sign out" }
                }
            }
        }
    };
    let footer = html! {
        footer {
            div.inner {
                p {
                    a href="/api/v1/docs" { "API reference" }
                    span.soft { "Times are in UTC." }
                    span.soft id="live-status" role="status" {}
                }
            }
        }
    };
    document(title, &html! { (header) main #main tabindex="-1" { (body) } (footer) })
}

fn current(is_current: bool) -> Option<&'static str> {
    is_current.then_some("page")
}

/// Returns a page for whoever has not signed in.
pub(crate) fn alone(title: &str, body: &Markup) -> Markup {
    let body = html! {
        header.bar { div.inner { a.brand href="/" { (mark()) span { "Connection Ledger" } } } }
        main #main tabindex="-1" { (body) }
    };
    document(title, &body)
}

fn document(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " \u{b7} Connection Ledger" }
                link rel="icon" type="image/svg+xml" href=(files::icon());
                link rel="stylesheet" href=(files::style());
                script src=(files::script()) defer {}
            }
            body {
                a.skip href="#main" { "Skip to content" }
                (body)
            }
        }
    }
}

/// Returns the mark of the product.
fn mark() -> Markup {
    html! {
        svg.mark viewBox="0 0 24 24" width="22" height="22" aria-hidden="true" {
            rect x="3" y="3" width="18" height="4.5" rx="1.5" {}
            rect x="3" y="9.75" width="18" height="4.5" rx="1.5" class="second" {}
            rect x="3" y="16.5" width="11" height="4.5" rx="1.5" class="third" {}
        }
    }
}

/// What keeps an open page up to date.
#[derive(Clone, Debug)]
pub(crate) struct Live {
    /// The address of the feed; none for whoever may not follow it, whose page is fetched again
    /// now and then.
    pub(crate) feed: Option<String>,
    /// Whether nothing changes, because it is of the past.
    pub(crate) still: bool,
}

impl Live {
    /// A region that stays as it is.
    pub(crate) const fn still() -> Self {
        Self { feed: None, still: true }
    }

    /// Follows the events of a workspace, or of all, after a point.
    pub(crate) fn of(may: bool, workspace: Option<&str>, after: ResumePoint) -> Self {
        let feed = may.then(|| {
            let mut query = form_urlencoded::Serializer::new(String::new());
            if let Some(name) = workspace {
                query.append_pair("workspace", name);
            }
            query.append_pair("after", &after.to_string());
            format!("/events?{}", query.finish())
        });
        Self { feed, still: false }
    }
}

/// Returns a region that the script renews when something happens.
pub(crate) fn live(live: &Live, body: &Markup) -> Markup {
    html! {
        @let types = live.feed.as_ref().map(|_| types());
        div #live data-feed=[live.feed.as_deref()] data-types=[types] data-still[live.still] {
            (body)
        }
    }
}

/// Returns the names of events, which a browser has to know to listen to them.
fn types() -> &'static str {
    static TYPES: LazyLock<String> = LazyLock::new(|| event_types().collect::<Vec<_>>().join(" "));
    &TYPES
}
