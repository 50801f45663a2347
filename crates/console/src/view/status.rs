//! States, as words with a colour and a shape: nobody has to tell colours apart.

use ledger_contract::view::HealthView;
use ledger_domain::Micros;
use maud::{Markup, html};

use super::times::ago;

/// Returns a word as a badge of a class.
pub(crate) fn badge(class: &str, word: &str) -> Markup {
    html! { span class={ "badge " (class) } { span.shape aria-hidden="true" {} (word) } }
}

/// Returns a state of health as a badge.
pub(crate) fn health(state: &str) -> Markup {
    match state {
        "operational" => badge("good", "Operational"),
        "degraded" => badge("warn", "Degraded"),
        "failed" => badge("bad", "Failed"),
        _ => badge("none", "Unknown"),
    }
}

/// Returns a health with its time and reason.
pub(crate) fn health_since(view: &HealthView<'_>, now: Micros) -> Markup {
    html! {
        (health(&view.state))
        " " span.soft.nowrap { "for " (since(&view.since, now)) }
        @if let Some(reason) = &view.reason {
            div.reason { bdi { (reason) } }
        }
    }
}

/// Returns a time as the span since then.
fn since(text: &str, now: Micros) -> Markup {
    let Ok(at) = ledger_contract::time::parse("time", text) else { return html! { (text) } };
    let span = super::times::span(now.get().saturating_sub(at.get()).max(0));
    html! { time datetime=(text) title=(super::times::exact(text)) data-since { (span) } }
}

/// Returns whether a connection is in use, as a badge; nothing if it simply is.
pub(crate) fn in_use(lifecycle: &str, enabled: bool) -> Markup {
    match (lifecycle, enabled) {
        ("archived", _) => badge("off", "Archived"),
        ("erased", _) => badge("off", "Erased"),
        (_, false) => badge("off", "Disabled"),
        _ => html! {},
    }
}

/// Returns the age of a secret by its policy, as a badge.
pub(crate) fn secret_age(state: &str, rotate_by: Option<&str>, now: Micros) -> Markup {
    let (class, word) = match state {
        "overdue" => ("bad", "Overdue"),
        "due" => ("warn", "Due"),
        _ => ("good", "Fresh"),
    };
    html! {
        (badge(class, word))
        @if let Some(by) = rotate_by { " " span.soft.nowrap { (ago(by, now)) } }
    }
}

/// Returns what a test found out, as a badge.
pub(crate) fn outcome(word: &str) -> Markup {
    let class = match word {
        "works" => "good",
        "credentials_refused" => "bad",
        "rate_limited" | "unreachable" | "not_permitted" => "warn",
        _ => "none",
    };
    badge(class, &words(word))
}

/// Returns a stable word with spaces and a capital, as in `Credentials refused`.
pub(crate) fn words(word: &str) -> String {
    let parts = word.split(['_', '-']).enumerate().map(|(index, part)| match part {
        "api" | "aws" | "id" | "jwt" | "sql" | "url" => part.to_ascii_uppercase(),
        part if index > 0 => part.to_owned(),
        part => {
            let mut chars = part.chars();
            let first = chars.next().map(char::to_uppercase);
            first.into_iter().flatten().chain(chars).collect()
        }
    });
    parts.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stable_word_is_read_as_words() {
        assert_eq!(words("credentials_refused"), "Credentials refused");
        assert_eq!(words("api_key"), "API key");
        assert_eq!(words(""), "");
    }

    #[test]
    fn every_state_of_health_is_said_in_a_word() {
        for (state, word) in [("operational", "Operational"), ("?", "Unknown")] {
            assert!(health(state).into_string().ends_with(&format!("{word}</span>")));
        }
    }
}
