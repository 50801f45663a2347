//! Which members each part of a manifest has, and of which kind they are. What values are valid is
//! the contract's to say.

use std::sync::Arc;

use crate::limits::NEAR_CHARS_MIN;
use crate::place::Complaint;
use crate::tree::{Data, Node};

use Shape::{Any, Fields, List, Map, Number, Switch, Text};

/// The kind of a node.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// Any value but nothing.
    Any,
    /// A text.
    Text,
    /// `true` or `false`.
    Switch,
    /// A number.
    Number,
    /// Nodes of one kind.
    List(&'static Shape),
    /// Nodes of one kind by names that people choose.
    Map(&'static Shape),
    /// Members with known names.
    Fields(&'static [(&'static str, Shape)]),
    /// A text or a map with known members: what a secret field is given.
    Secret,
    /// The number of a form.
    Form,
}

/// A whole document.
pub(crate) static DOCUMENT: Shape = Fields(&[
    ("connledger", Shape::Form),
    ("workspaces", List(&WORKSPACE)),
    ("principals", List(&PRINCIPAL)),
    ("connections", List(&CONNECTION)),
]);

static WORKSPACE: Shape = Fields(&[("name", Text), ("display_name", Text)]);

static PRINCIPAL: Shape = Fields(&[
    ("name", Text),
    ("kind", Text),
    ("display_name", Text),
    ("enabled", Switch),
    ("grants", List(&GRANT)),
]);

static GRANT: Shape = Fields(&[
    ("role", Text),
    ("scopes", List(&Text)),
    ("workspaces", List(&Text)),
    ("providers", List(&Text)),
    ("labels", Map(&Text)),
]);

static CONNECTION: Shape = Fields(&[
    ("workspace", Text),
    ("slug", Text),
    ("provider", Text),
    ("provider_version", Text),
    ("display_name", Text),
    ("description", Text),
    ("kind", Text),
    ("environment", Text),
    ("auth_method", Text),
    ("config", Map(&Any)),
    ("secrets", Map(&Shape::Secret)),
    ("secret_references", List(&SECRET_REFERENCE)),
    ("labels", Map(&Text)),
    ("tags", List(&Text)),
    ("annotations", Map(&Any)),
    ("identity", Fields(&[("type", Text), ("value", Text)])),
    ("enabled", Switch),
    ("access", ACCESS),
    ("models", MODELS),
    ("pricing", PRICING),
]);

/// What a secret field is given, if it is no text.
pub(crate) static SECRET: Shape = Fields(&[
    ("reference", REFERENCE),
    ("from_env", Text),
    ("from_file", Text),
    ("value", Text),
    ("keep", Switch),
]);

const REFERENCE: Shape = Fields(&[("kind", Text), ("name", Text), ("key", Text), ("format", Text)]);

static SECRET_REFERENCE: Shape =
    Fields(&[("target", Text), ("reference", Text), ("key", Text), ("format", Text)]);

const ACCESS: Shape =
    Fields(&[("everyone", LIMITS), ("workspaces", Map(&LIMITS)), ("denied", List(&Text))]);

const LIMITS: Shape = Fields(&[
    (
        "usage",
        Fields(&[
            ("type", Text),
            ("credit_limit", Number),
            ("alert_threshold", Number),
            ("reset", Text),
            ("next_reset_at", Text),
        ]),
    ),
    ("rate", Fields(&[("type", Text), ("unit", Text), ("value", Number)])),
]);

const MODELS: Shape = Fields(&[
    ("allow_all", Switch),
    ("models", Map(&Fields(&[("enabled", Switch), ("settings", Map(&Any))]))),
]);

const PRICING: Shape = Fields(&[
    ("multipliers", Map(&Any)),
    ("image_default", Number),
    ("additional_units", Map(&Number)),
]);

impl Shape {
    /// Complains about each node that does not fit.
    pub(crate) fn check(&self, file: &Arc<str>, node: &Node, found: &mut Vec<Complaint>) {
        let mut wrong = |expected: &str| {
            let (expected, remedy) = expected.split_once("; ").unwrap_or((expected, ""));
            let remedy = if remedy.is_empty() { String::new() } else { format!("; {remedy}") };
            let message = format!("must be {expected}, and is {}{remedy}", node.data.kind());
            found.push(Complaint::new(node.place(file), message));
        };
        match (self, &node.data) {
            (Fields(known), Data::Map(_)) => fields(known, file, node, found),
            (Map(shape), Data::Map(members)) => {
                for (_, node) in members {
                    shape.check(file, node, found);
                }
            }
            (List(shape), Data::List(items)) => {
                for item in items {
                    shape.check(file, item, found);
                }
            }
            (Self::Secret, Data::Map(_)) => SECRET.check(file, node, found),
            (Any, Data::Null) => wrong("a value; leave it out to have none"),
            // Null removes a secret.
            (Self::Secret, Data::Text(_) | Data::Null)
            | (Text, Data::Text(_))
            | (Switch, Data::Switch(_))
            | (Number | Self::Form, Data::Number(_))
            | (Any, _) => {}
            (Text, Data::Number(_) | Data::Switch(_)) => wrong("text; put it in quotes"),
            (Text, _) => wrong("text"),
            (Switch, _) => wrong("true or false"),
            (Number | Self::Form, _) => wrong("a number"),
            (List(_), _) => wrong("a list"),
            (Map(_) | Fields(_), _) => wrong("a map"),
            (Self::Secret, _) => wrong("text in quotes, or a map such as {from_env: NAME}"),
        }
    }
}

fn fields(known: &[(&str, Shape)], file: &Arc<str>, node: &Node, found: &mut Vec<Complaint>) {
    let Data::Map(members) = &node.data else { return };
    for (name, node) in members {
        match known.iter().find(|(known, _)| *known == name.text) {
            // A member without a value is as good as absent.
            Some(_) if matches!(node.data, Data::Null) => {}
            Some((_, shape)) => shape.check(file, node, found),
            None => {
                let names = known.iter().map(|(name, _)| *name);
                found.push(Complaint::new(name.place(file), unknown(&name.text, names)));
            }
        }
    }
}

/// Says that a name is unknown, and which one may be meant. The name itself may be a secret that
/// stands in the wrong place, so it is told only if it is near a known one or harmless.
pub(crate) fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    let shown = match ledger_contract::errors::shown(name) {
        "?" => "a member that is not known".to_owned(),
        name => format!("`{name}` is not known"),
    };
    match near(name, known.clone()) {
        Some(near) => format!("{shown}; did you mean `{near}`?"),
        None => format!("{shown}; known are {}", known.collect::<Vec<_>>().join(", ")),
    }
}

/// Returns the known name that is most like a name, if one is.
pub(crate) fn near<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const LIKE_MIN: f64 = 0.7;
    let name = name.to_lowercase().replace(['-', ' '], "_");
    let plain = |text: &str| text.replace('_', "");
    let rated = known.map(|known| {
        let like = if plain(&name) == plain(known) {
            1.0
        } else {
            strsim::normalized_damerau_levenshtein(&name, known)
        };
        (like, known)
    });
    let best = rated.max_by(|(one, _), (other, _)| one.total_cmp(other))?;
    (name.len() >= NEAR_CHARS_MIN && best.0 >= LIKE_MIN).then_some(best.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree;

    fn found(text: &str) -> Vec<String> {
        let file: Arc<str> = "f".into();
        let nodes = tree::read(&file, text).unwrap();
        let mut found = Vec::new();
        for node in &nodes {
            DOCUMENT.check(&file, node, &mut found);
        }
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_unknown_member_is_told_with_its_place_and_a_near_name() {
        let text = "connledger: 1\nconections:\n  - slug: a\n";
        assert_eq!(found(text), ["f:2:1: `conections` is not known; did you mean `connections`?"]);
        let text = "connections:\n  - slug: a\n    displayName: b\n    zone: c\n";
        let said = found(text);
        assert_eq!(said[0], "f:3:5: `displayName` is not known; did you mean `display_name`?");
        assert!(said[1].starts_with("f:4:5: `zone` is not known; known are workspace, slug"));
        let text = "connections:\n  - secrets:\n      k: {form_env: A}\n";
        assert_eq!(found(text), ["f:3:11: `form_env` is not known; did you mean `from_env`?"]);
        let canary = found("connections:\n  - sk-canary-0123456789: x\n");
        assert!(canary[0].starts_with("f:2:5: a member that is not known"), "{canary:?}");
    }

    #[test]
    fn a_value_of_another_kind_is_told_and_not_quoted() {
        for (line, expected) in [
            ("labels: {team: 7}", "text, and is a number; put it in quotes"),
            ("labels: [canary]", "a map, and is a list"),
            ("tags: canary", "a list, and is text"),
            ("enabled: canary", "true or false, and is text"),
            ("enabled: yes", "true or false, and is text"),
            ("config: {a: null}", "a value, and is nothing; leave it out"),
            ("secrets: {k: 7}", "text in quotes, or a map"),
            ("models: {models: {m: canary}}", "a map, and is text"),
            ("slug: [canary]", "text, and is a list"),
        ] {
            let said = found(&format!("connections:\n  - {line}\n"));
            assert!(said.len() == 1 && said[0].contains(expected), "{line}: {said:?}");
            assert!(!said[0].contains("canary"), "{said:?}");
        }
        assert_eq!(found("connections: canary\n"), ["f:1:14: must be a list, and is text"]);
        assert_eq!(found("connections:\n  - labels:\n    tags:\n"), [] as [&str; 0]);
    }
}
