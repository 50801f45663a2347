//! What a connection is: its settings as its provider has them, and everything else.

use std::borrow::Cow;

use ledger_contract::commands::Verb;
use ledger_contract::queries::LeasesPage;
use ledger_contract::view::{ConnectionView, GrantView, LimitsView};
use ledger_domain::Micros;
use ledger_providers::{Catalogue, Field};
use maud::{Markup, html};
use serde_json::Value;
use serde_json::value::RawValue;

use super::ConnectionData;
use super::actions::may;
use crate::request::PageRequest;
use crate::view::parts::{actor, fact, name, nothing, with_query};
use crate::view::status::{badge, words};
use crate::view::times::{ago, stamped};

/// Returns the settings, in the order of the provider's form.
pub(super) fn settings(view: &ConnectionView<'_>, catalogue: &Catalogue) -> Markup {
    let known = catalogue.find(&view.provider).map(|known| known.fields.as_slice());
    let place = |name: &str| {
        let fields = known.unwrap_or_default().iter();
        fields.clone().position(|field| field.is_called(name)).unwrap_or(usize::MAX)
    };
    let mut all: Vec<_> = view.config.iter().collect();
    all.sort_by_key(|(name, _)| place(name));
    let field = |name: &str| known.unwrap_or_default().iter().find(|field| field.is_called(name));
    html! {
        section.card #settings aria-labelledby="settings-title" {
            h2 #settings-title { "Settings" }
            @if all.is_empty() { (nothing("It has no settings but those of its provider.")) }
            dl.facts.wide {
                @for (key, value) in all { (setting(key, value, field(key))) }
            }
            @if !view.annotations.is_empty() {
                details {
                    summary { "Annotations of products (" (view.annotations.len()) ")" }
                    dl.facts.wide {
                        @for (key, value) in &view.annotations { (setting(key, value, None)) }
                    }
                }
            }
        }
    }
}

fn setting(key: &str, value: &RawValue, field: Option<&Field>) -> Markup {
    html! {
        div {
            dt {
                @match field {
                    Some(field) => { (field.title()) " " code.soft { (name(key)) } },
                    None => code { (name(key)) },
                }
            }
            dd { (shown(value)) }
        }
    }
}

/// Returns a JSON value as people read it.
pub(crate) fn shown(value: &RawValue) -> Markup {
    match serde_json::from_str(value.get()) {
        Ok(Value::String(text)) => name(&text),
        Ok(Value::Bool(true)) => html! { "yes" },
        Ok(Value::Bool(false)) => html! { "no" },
        Ok(value @ (Value::Array(_) | Value::Object(_))) => {
            html! { pre tabindex="0" { (serde_json::to_string_pretty(&value).unwrap_or_default()) } }
        }
        _ => html! { (value.get()) },
    }
}

/// Returns everything else.
pub(super) fn facts(
    request: &PageRequest,
    found: &ConnectionData,
    view: &ConnectionView<'_>,
    path: &str,
    now: Micros,
) -> Markup {
    // The path of a form, if the caller may send it.
    let offered = |verb: Verb| {
        may(request, verb, &found.connection).then(|| format!("{path}/do/{}", verb.as_str()))
    };
    html! {
        (own(view, now))
        (access(view, offered(Verb::RevokeWorkspace).as_deref()))
        (dependents(view, offered(Verb::UnlinkDependent).as_deref()))
        @if let Some(page) = &found.leases {
            (leases(page, offered(Verb::RevokeLeases).as_deref(), now))
        }
        (models(view))
        @if request.frame.administers && found.leases.is_none() {
            p.soft { "Leases and history are shown to those who may audit." }
        }
    }
}

/// Returns what is known about the connection itself.
pub(super) fn own(view: &ConnectionView<'_>, now: Micros) -> Markup {
    html! {
        section.card #facts {
            h2 { "Facts" }
            dl.facts {
                (fact("Kind", &html! { (words(&view.kind)) }))
                (fact("Authentication", &html! { (words(&view.auth_method)) }))
                @if let Some(version) = &view.provider_version {
                    (fact("Connector", &name(version)))
                }
                @if let Some(party) = &view.identity {
                    (fact("For", &html! { (party.r#type) " " (name(&party.value)) }))
                }
                (fact("Created", &html! {
                    (stamped(&view.created_at, now)) " by " (actor(&view.created_by))
                }))
                (fact("Changed", &html! {
                    (stamped(&view.updated_at, now)) " by " (actor(&view.updated_by))
                }))
                @if let Some(at) = &view.archived_at { (fact("Archived", &stamped(at, now))) }
                @if let Some(at) = &view.erased_at { (fact("Erased", &stamped(at, now))) }
            }
            @if !view.labels.is_empty() || !view.tags.is_empty() {
                ul.chips.still aria-label="Labels and tags" {
                    @for (key, value) in &view.labels { li { (name(key)) "=" (name(value)) } }
                    @for tag in &view.tags { li { (name(tag)) } }
                }
            }
        }
    }
}

/// Returns a link to a form that is filled in, if it is offered.
fn link(form: Option<&str>, filled: &[(&str, &str)], text: &str) -> Markup {
    html! { @if let Some(form) = form { a href=(with_query(form, filled)) { (text) } } }
}

fn access(view: &ConnectionView<'_>, form: Option<&str>) -> Markup {
    let revoke = |to: &str| link(form, &[("grant_to", to)], "Revoke");
    html! {
        section.card #access {
            h2 { "Who may use it" }
            ul.rows {
                li { strong { (view.workspace) } span.soft { "its own workspace" } }
                @if let Some(limits) = &view.access.everyone {
                    li {
                        strong { "All workspaces" } (limited(limits)) (revoke("*"))
                    }
                }
                @for (workspace, grant) in &view.access.workspaces {
                    li { (granted(workspace, grant)) (revoke(workspace)) }
                }
            }
        }
    }
}

fn granted(workspace: &str, grant: &GrantView<'_>) -> Markup {
    html! {
        strong { (name(workspace)) }
        @if grant.allowed { (limited(&grant.limits)) } @else { (badge("off", "Denied")) }
    }
}

fn limited(limits: &LimitsView<'_>) -> Markup {
    html! {
        @if let Some(usage) = &limits.usage {
            span.soft {
                (usage.credit_limit) " " (usage.r#type)
                @if let Some(reset) = &usage.reset { ", " (reset) }
            }
        }
        @if let Some(rate) = &limits.rate { span.soft { (rate.value) " " (rate.r#type) " " (rate.unit) } }
    }
}

fn dependents(view: &ConnectionView<'_>, form: Option<&str>) -> Markup {
    html! {
        section.card #dependents {
            h2 { "Used by" }
            @if view.dependents.is_empty() { (nothing("Nothing is known to depend on it.")) }
            ul.rows {
                @for one in &view.dependents {
                    @let unlink = [("kind", &*one.kind), ("id", &*one.id)];
                    li {
                        strong { (name(one.name.as_deref().unwrap_or(&one.id))) }
                        span.soft { (words(&one.kind)) " " code { (name(&one.id)) } }
                        (link(form, &unlink, "Unlink"))
                    }
                }
            }
        }
    }
}

fn leases(page: &LeasesPage, form: Option<&str>, now: Micros) -> Markup {
    html! {
        section.card #leases {
            h2 { "Leases" }
            @if page.leases.is_empty() { (nothing("Nobody holds its secrets under a lease.")) }
            @else {
                ul.rows {
                    @for lease in &page.leases {
                        li {
                            (actor(&lease.holder))
                            span.soft { "until " (ago(&lease.until, now)) ", " (name(&lease.reason)) }
                        }
                    }
                }
                @if let Some(form) = form {
                    p.buttons { a.button href=(form) { "Revoke leases" } }
                }
            }
        }
    }
}

fn models(view: &ConnectionView<'_>) -> Markup {
    let off = view.models.models.iter().filter(|(_, rule)| rule.enabled != view.models.allow_all);
    let off: Vec<&Cow<'_, str>> = off.map(|(model, _)| model).collect();
    html! {
        @if !off.is_empty() || !view.models.allow_all {
            section.card #models {
                h2 { "Models" }
                p { @if view.models.allow_all { "All but these:" } @else { "Only these:" } }
                ul.chips.still { @for model in off { li { (name(model)) } } }
            }
        }
    }
}
