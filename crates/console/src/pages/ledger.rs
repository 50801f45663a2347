//! The ledger itself: positions, NATS, keys, backups, alerts, workspaces and providers.

use axum::response::Response;
use ledger_contract::master_keys::MasterKeyState;
use ledger_contract::queries::{
    AlertsAnswer, DeadLettersAnswer, DeadLettersQuery, MasterKeysAnswer, PageQuery, QueryWorkspace,
    QuotaView, SecretPoliciesAnswer, StatusView, WorkspacePage, WorkspaceView,
};
use ledger_domain::Micros;
use ledger_domain::principal::Scope;
use ledger_engine::{Effort, QueryError};
use ledger_http::toolkit::Refusal;
use maud::{Markup, html};

use crate::request::PageRequest;
use crate::view::layout::{Live, Section, live};
use crate::view::parts::{counted, fact, id, name, nothing, thousands};
use crate::view::status::{badge, words};
use crate::view::table::{Head, cards, cell, number, row};
use crate::view::times::{ago, span_of_seconds, stamped};

/// What is found.
struct LedgerData {
    status: Box<StatusView>,
    workspaces: WorkspacePage,
    policies: Option<SecretPoliciesAnswer>,
    alerts: Option<AlertsAnswer>,
    letters: Vec<(String, DeadLettersAnswer)>,
    keys: Option<MasterKeysAnswer>,
}

/// Shows the page.
pub(crate) async fn show(request: PageRequest) -> Result<Response, Refusal> {
    let after = request.engine().end();
    let reads = request.may(Scope::Read, &QueryWorkspace::All);
    let administers = request.may(Scope::Administer, &QueryWorkspace::All);
    let read = request.read(Effort::Scan, QueryWorkspace::All, move |reader| {
        let page = PageQuery { page_size: Some(100), cursor: None };
        let alerts = if administers { Some(reader.alerts()?) } else { None };
        let mut letters = Vec::new();
        for alert in alerts.iter().flat_map(|all| &all.alerts) {
            if alert.delivery.dead_letters > 0 {
                let query = DeadLettersQuery { alert: alert.alert.clone() };
                letters.push((alert.alert.clone(), reader.dead_letters(&query)?));
            }
        }
        let found: Result<_, QueryError> = Ok(LedgerData {
            status: Box::new(reader.status()?),
            workspaces: reader.workspaces(&page)?,
            policies: if reads { Some(reader.secret_policies()?) } else { None },
            keys: if administers { Some(reader.master_keys()?) } else { None },
            alerts,
            letters,
        });
        found
    });
    let (found, now) = (read.await?, request.now());
    let body = html! {
        div.head { h1 { "Ledger" } }
        (live(&Live::of(reads, None, after), &html! {
            (warnings(&found.status))
            div.columns {
                div {
                    (about(&found.status, now))
                    (nats(&found.status))
                    @if let Some(alerts) = &found.alerts {
                        (alerts_of(alerts, &found.letters, now))
                    }
                    (workspaces(&found.workspaces, now))
                    @if let Some(policies) = &found.policies { (policies_of(policies, now)) }
                }
                aside aria-label="Operation" {
                    @if let Some(keys) = &found.keys { (master_keys(keys)) }
                    (backups(&found.status, now))
                    (traffic(&found.status))
                    (providers(&request))
                }
            }
        }))
    };
    Ok(request.page("Ledger", Section::Ledger, &body))
}

fn warnings(status: &StatusView) -> Markup {
    html! {
        @if status.poisoned {
            p.notice.bad { "A write has failed: no command is accepted until the server is started again." }
        }
        @if let Some(disk) = &status.disk_full {
            p.notice.bad { "The disk was full. " (thousands(disk.needed_bytes)) " bytes must be free." }
        }
        @if status.master_keys.sealed {
            p.notice.warn { "The ledger is sealed: it has no key to open or store secrets with." }
        }
        @if let Some(rebuild) = &status.rebuilding {
            p.notice.warn {
                "Rebuilding " (rebuild.projections.join(", ")) ": " (thousands(rebuild.done))
                " of " (thousands(rebuild.total)) " events."
            }
        }
        @if let Some(clock) = &status.clock {
            p.notice.warn { "The clock is " (clock.behind_seconds) " s behind the latest event." }
        }
    }
}

fn about(status: &StatusView, now: Micros) -> Markup {
    html! {
        section.card #about {
            h2 { "About" }
            dl.facts {
                (fact("Program", &html! { (status.program_version) }))
                (fact("Position", &html! { (thousands(status.position)) }))
                (fact("Published", &html! {
                    (thousands(status.published))
                    @if status.published < status.position && status.nats.is_some() {
                        " " (badge("warn", "Behind"))
                    }
                }))
                (fact("Connections", &html! { (thousands(status.connections)) " ever created" }))
                (fact("Ledger", &id(&status.ledger_id)))
                (fact("History", &html! {
                    (id(&status.incarnation))
                    @if let Some(from) = &status.restored_from {
                        div.soft { "restored from " (from.incarnation) " at " (thousands(from.position)) }
                    }
                }))
                (fact("Opened", &html! { (counted(status.epoch, "time", "times")) }))
                (fact("Curve key", &html! {
                    (id(&status.xkey))
                    @if let Some(former) = &status.former_xkey {
                        div.soft { "the former is accepted until " (stamped(&former.accepted_until, now)) }
                    }
                }))
                @if let Some(tests) = &status.scheduled_tests {
                    (fact("Tests by schedule", &html! {
                        (counted(tests.connections, "connection", "connections"))
                        @for (outcome, count) in &tests.made {
                            div.soft { (words(outcome)) ": " (thousands(*count)) }
                        }
                    }))
                }
            }
        }
    }
}

fn nats(status: &StatusView) -> Markup {
    html! {
        section.card #nats {
            h2 { "NATS" }
            @match &status.nats {
                None => (nothing("The ledger is not served over NATS.")),
                Some(nats) => {
                    p {
                        @if nats.owner { (badge("good", "This instance writes")) }
                        @else { (badge("warn", "This instance does not write")) }
                    }
                    @if let Some(refusal) = &nats.refusal { p.notice.warn { (refusal) } }
                    dl.facts {
                        (fact("Name", &html! { code { (nats.prefix) } }))
                        (fact("Instance", &html! { code { (nats.instance) } }))
                        @if let Some(holder) = &nats.holder {
                            (fact("Lease held by", &html! { code { (holder.instance) } }))
                        }
                        @if let Some(window) = &nats.window {
                            (fact("Events in the stream", &html! {
                                (thousands(window.first_position)) " to "
                                (thousands(window.last_position))
                            }))
                        }
                        (fact("Refused", &html! {
                            (thousands(nats.requests_rate_limited)) " by rate, "
                            (thousands(nats.requests_locked_out)) " by lockout"
                        }))
                    }
                    @for drift in &nats.drift { p.notice.warn { (drift) } }
                },
            }
        }
    }
}

fn alerts_of(all: &AlertsAnswer, letters: &[(String, DeadLettersAnswer)], now: Micros) -> Markup {
    html! {
        section.card #alerts {
            h2 { "Alerts" }
            @if all.alerts.is_empty() { (nothing("There is no alert of the whole ledger.")) }
            ul.rows {
                @for alert in &all.alerts {
                    li id={ "a-" (alert.alert) } {
                        strong { (name(&alert.alert)) }
                        span.soft { (name(&alert.url)) }
                        @if !alert.enabled { (badge("off", "Disabled")) }
                        @else if alert.delivery.down_since.is_some() { (badge("bad", "Receiver down")) }
                        @else { (badge("good", "Sending")) }
                        span.soft {
                            (alert.on.join(", ")) ": " (thousands(alert.delivery.delivered)) " delivered, "
                            (thousands(alert.delivery.waiting)) " waiting, "
                            (thousands(alert.delivery.dead_letters)) " dead letters"
                        }
                        @if let Some(failure) = &alert.delivery.last_failure {
                            span.soft { (name(failure)) }
                        }
                    }
                }
            }
            @for (alert, answer) in letters {
                details {
                    summary { "Dead letters of " (name(alert)) }
                    ul.rows {
                        @for letter in answer.dead_letters.iter().take(100) {
                            li {
                                span {
                                    (words(&letter.event_type)) " "
                                    span.soft { "at " (thousands(letter.position)) }
                                }
                                span.soft { (letter.attempts) " attempts, the last " (ago(&letter.last_attempt_at, now)) }
                                span { (name(&letter.reason)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn workspaces(page: &WorkspacePage, now: Micros) -> Markup {
    let heads = [
        Head::Text("Workspace"),
        Head::Number("Connections"),
        Head::Number("Keys"),
        Head::Number("Changes today"),
        Head::Number("Reveals today"),
        Head::Text("Created"),
    ];
    html! {
        section.card #workspaces {
            h2 { "Workspaces" }
            (cards(&heads, &html! {
                @for one in &page.workspaces {
                    (row(Some(&format!("o-{}", one.name)), &workspace(one, now)))
                }
            }))
        }
    }
}

fn workspace(one: &WorkspaceView, now: Micros) -> Markup {
    let usage = one.usage.as_ref();
    html! {
        (cell("Workspace", &html! {
            a href={ "/connections?workspace=" (one.name) } {
                (name(one.display_name.as_deref().unwrap_or(&one.name)))
            }
        }))
        (quota("Connections", usage.map(|usage| usage.connections)))
        (quota("Keys", usage.map(|usage| usage.keys)))
        (quota("Changes today", usage.map(|usage| usage.changes_today)))
        (quota("Reveals today", usage.map(|usage| usage.reveals_today)))
        (cell("Created", &ago(&one.created_at, now)))
    }
}

fn quota(label: &str, quota: Option<QuotaView>) -> Markup {
    number(
        label,
        &html! {
            @match quota {
                Some(quota) => span {
                    (thousands(quota.used))
                    @if let Some(limit) = quota.limit { span.soft { " of " (thousands(limit)) } }
                },
                None => span.soft { "\u{2013}" },
            }
        },
    )
}

fn policies_of(answer: &SecretPoliciesAnswer, now: Micros) -> Markup {
    html! {
        section.card #policies {
            h2 { "Policies of secrets" }
            @if answer.policies.is_empty() { (nothing("There is no policy of the whole ledger.")) }
            ul.rows {
                @for policy in &answer.policies {
                    li {
                        strong {
                            @match (&policy.about.provider, &policy.about.connection) {
                                (Some(provider), _) => (name(provider)),
                                (None, Some(connection)) => (name(connection)),
                                (None, None) => { "All connections" },
                            }
                            @if let Some(field) = &policy.about.field { " " code { (name(field)) } }
                        }
                        @if let Some(days) = policy.max_age_days { span { "at most " (days) " days old" } }
                        @if let Some(chars) = policy.min_length { span { "at least " (chars) " characters" } }
                        @if policy.reference_required == Some(true) { span { "references only" } }
                        span.soft { "set " (ago(&policy.set_at, now)) " by " (name(&policy.set_by)) }
                    }
                }
            }
        }
    }
}

fn master_keys(answer: &MasterKeysAnswer) -> Markup {
    html! {
        section.card #master-keys {
            h2 { "Master keys" }
            ul.rows {
                @for key in &answer.keys {
                    li {
                        code { (key.id) }
                        @let is_active = key.state == MasterKeyState::Active;
                        (badge(if is_active { "good" } else { "off" }, &words(key.state.as_str())))
                        span.soft { (counted(key.data_keys, "data key", "data keys")) }
                    }
                }
            }
            @if answer.rewrapping { p.soft { "Data keys are being wrapped anew." } }
        }
    }
}

fn backups(status: &StatusView, now: Micros) -> Markup {
    html! {
        section.card #backups {
            h2 { "Backups" }
            @match &status.backup {
                None => (nothing("The server makes no backups.")),
                Some(backup) => dl.facts {
                    (fact("Where", &name(&backup.target)))
                    @if let Some(every) = backup.every_seconds {
                        @let seconds = f64::from(u32::try_from(every).unwrap_or(u32::MAX));
                        (fact("Every", &html! { (span_of_seconds(seconds)) }))
                    }
                    @match &backup.last_good {
                        Some(good) => (fact("Last good", &html! {
                            (ago(&good.created_at, now)) ", up to " (thousands(good.position))
                        })),
                        None => (fact("Last good", &badge("bad", "None"))),
                    }
                    @if let Some(failure) = &backup.last_failure {
                        (fact("Last failure", &html! { (badge("bad", &words(&failure.code))) " " (failure.message) }))
                    }
                    @if let Some(next) = &backup.next_at { (fact("Next", &ago(next, now))) }
                },
            }
        }
    }
}

fn traffic(status: &StatusView) -> Markup {
    html! {
        section.card #traffic {
            h2 { "Traffic since the start" }
            dl.facts {
                (fact("Waiting commands", &html! { (thousands(status.queued)) }))
                @if let Some(http) = &status.http {
                    (fact("Open connections", &html! { (thousands(http.connections_open)) }))
                    (fact("Refused", &html! {
                        (thousands(http.requests_rate_limited)) " by rate, "
                        (thousands(http.requests_locked_out)) " by lockout, "
                        (thousands(http.connections_refused)) " connections"
                    }))
                }
            }
            @if !status.refused.is_empty() {
                details {
                    summary { "Refused commands" }
                    dl.facts {
                        @for (code, count) in &status.refused {
                            div { dt { code { (code) } } dd { (thousands(*count)) } }
                        }
                    }
                }
            }
        }
    }
}

fn providers(request: &PageRequest) -> Markup {
    let mut all: Vec<_> = request.catalogue().iter().collect();
    all.sort_by_key(|provider| provider.display_name.to_lowercase());
    html! {
        section.card #providers {
            h2 { "Providers" }
            p.soft { (counted(u64::try_from(all.len()).unwrap_or(u64::MAX), "provider is described", "providers are described")) }
            details {
                summary { "All of them" }
                ul.chips {
                    @for provider in all {
                        li {
                            a href={ "/connections?provider=" (provider.id) } {
                                (provider.display_name)
                            }
                        }
                    }
                }
            }
        }
    }
}
