//! What several verbs about alerts have in their bodies.

use std::collections::{BTreeMap, BTreeSet};

use ledger_domain::{AlertName, AlertReceiver, InvalidField, Line, MailAddress, Prose, limits};
use serde_json::{Value, json};

use super::{LabelValue, Labels};
use crate::alerts::event_words;
use crate::commands::input::{Checked as _, Input, Rule, list};

/// The name of an alert.
#[derive(Debug)]
pub(crate) enum AlertNameRule {}

impl Rule for AlertNameRule {
    type Raw = String;
    type Value = AlertName;
    fn check(field: &str, raw: String) -> Result<AlertName, InvalidField> {
        AlertName::parse(field, &raw)
    }
    fn schema() -> Value {
        json!({
            "type": "string",
            "pattern": "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$",
            "minLength": 1,
            "maxLength": limits::ALERT_NAME_CHARS,
        })
    }
}

/// A word for events: a stored type name, or one that stands for several.
#[derive(Debug)]
pub(crate) enum EventWordRule {}

impl Rule for EventWordRule {
    type Raw = String;
    type Value = Line;
    fn check(field: &str, raw: String) -> Result<Line, InvalidField> {
        if event_words().any(|word| word == raw) {
            return Line::parse(field, &raw, limits::ALERT_TARGET_CHARS);
        }
        let problem = "must be a type of event such as secret_rotated, or health_changed or \
                       secret_compromised";
        Err(InvalidField::new(field, problem))
    }
    fn schema() -> Value {
        json!({ "type": "string", "enum": event_words().collect::<Vec<_>>() })
    }
}

/// A URL to which requests are sent.
#[derive(Debug)]
pub(crate) enum UrlRule {}

impl Rule for UrlRule {
    type Raw = String;
    type Value = Line;
    fn check(field: &str, raw: String) -> Result<Line, InvalidField> {
        let wrong = |problem: &str| InvalidField::new(field, problem);
        let url = Line::parse(field, &raw, limits::ALERT_TARGET_CHARS)?;
        let rest = raw.strip_prefix("https://").or_else(|| raw.strip_prefix("http://"));
        let rest = rest.ok_or_else(|| {
            wrong("must begin with https:// or http://; an address of mail is given as `email`")
        })?;
        if !raw.bytes().all(|byte| byte.is_ascii_graphic()) || raw.contains('\\') {
            return Err(wrong("must be visible ASCII without spaces and backslashes"));
        }
        if raw.contains('#') {
            return Err(wrong("must not have a fragment"));
        }
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        match rest.get(..end) {
            None | Some("") => Err(wrong("must name a host")),
            Some(host) if host.contains('@') => {
                Err(wrong("must not contain a user name or password"))
            }
            Some(_) => Ok(url),
        }
    }
    fn schema() -> Value {
        json!({
            "type": "string",
            "pattern": r"^https?://[!$-.0->A-\[\]-~]+([/?][!$-\[\]-~]*)?$",
            "maxLength": limits::ALERT_TARGET_CHARS,
        })
    }
}

/// An address to which mail is sent.
#[derive(Debug)]
pub(crate) enum MailAddressRule {}

impl Rule for MailAddressRule {
    type Raw = String;
    type Value = MailAddress;
    fn check(field: &str, raw: String) -> Result<MailAddress, InvalidField> {
        MailAddress::parse(field, &raw)
    }
    fn schema() -> Value {
        const FIRST: &str = "[A-Za-z0-9#$&'*+/=?^_`{|}~]";
        const WORD: &str = "[A-Za-z0-9#$&'*+/=?^_`{|}~-]";
        const LABEL: &str = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
        json!({
            "type": "string",
            "pattern": format!(r"^{FIRST}{WORD}*(\.{WORD}+)*@{LABEL}(\.{LABEL})*$"),
            "allOf": [{ "pattern": format!("^[^@]{{1,{}}}@", limits::MAIL_LOCAL_CHARS) }],
            "maxLength": limits::MAIL_ADDRESS_CHARS,
        })
    }
}

/// Returns the receiver that a body names by a URL or by an address of mail, if by one of them.
pub(crate) fn receiver(
    url: Option<Input<UrlRule>>,
    email: Option<Input<MailAddressRule>>,
) -> Result<Option<AlertReceiver>, InvalidField> {
    match (url.check("url")?, email.check("email")?) {
        (Some(_), Some(_)) => Err(InvalidField::new("email", "must not be given beside `url`")),
        (Some(url), None) => Ok(Some(AlertReceiver::Url(url))),
        (None, Some(address)) => Ok(Some(AlertReceiver::Mail(address))),
        (None, None) => Ok(None),
    }
}

/// The words for events in a body.
pub(crate) type EventWords = Vec<Input<EventWordRule>>;
/// The labels in a body.
pub(crate) type AlertLabels = Labels<LabelValue, { limits::ALERT_LABELS }>;

/// Checks words for events.
pub(crate) fn event_set(words: EventWords) -> Result<BTreeSet<Line>, InvalidField> {
    let on: BTreeSet<Line> = list("on", words)?.into_iter().collect();
    if on.is_empty() || on.len() > limits::ALERT_EVENT_TYPES {
        let problem = format!("must have 1 to {} words", limits::ALERT_EVENT_TYPES);
        return Err(InvalidField::new("on", problem));
    }
    Ok(on)
}

/// Checks labels.
pub(crate) fn alert_labels(labels: AlertLabels) -> Result<BTreeMap<Line, Prose>, InvalidField> {
    let labels = labels.check("labels", |key, value| value.check(&format!("labels.{key}")))?;
    if labels.len() > limits::ALERT_LABELS {
        let problem = format!("must be at most {}", limits::ALERT_LABELS);
        return Err(InvalidField::new("labels", problem));
    }
    Ok(labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_host_and_no_password() {
        for good in ["https://a.example/x?y=1", "http://[::1]:8080", "https://10.0.0.1"] {
            assert!(UrlRule::check("url", good.to_owned()).is_ok(), "{good}");
        }
        for bad in [
            "",
            "a.example",
            "ftp://a.example",
            "https://",
            "https:///x",
            "https://me:word@a.example",
            "https://a.example/#x",
            "https://a.example/a b",
            "https://a.example\\@b.example",
        ] {
            let error = UrlRule::check("url", bad.to_owned()).unwrap_err();
            assert!(!error.problem.contains("word@"), "{bad}");
        }
    }
}
