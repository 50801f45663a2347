//! The command ids of lines.

use std::collections::HashMap;

use serde_json::Value;

/// Derives the command id of each line from its content.
///
/// An id is stored and published with its event. It therefore leaves out the values of secrets,
/// which could be guessed from a hash of them. Lines that differ only in secrets are told apart by
/// their order.
#[derive(Debug, Default)]
pub(super) struct CommandIds {
    /// How many lines had the same content, by a hash of it.
    seen: HashMap<[u8; 16], u64>,
}

impl CommandIds {
    /// Returns the id of the next line, or `None` if that is not JSON and will be refused.
    pub(super) fn next(&mut self, workspace: &str, line: &str) -> Option<String> {
        let mut body: Value = serde_json::from_str(line).ok()?;
        let secrets = body.get_mut("secrets").and_then(Value::as_object_mut);
        secrets.into_iter().flatten().for_each(|(_, value)| *value = Value::Null);
        let mut hasher = blake3::Hasher::new();
        hasher.update(workspace.as_bytes());
        hasher.update(&[0]);
        hasher.update(body.to_string().as_bytes());
        let mut content = [0; 16];
        hasher.finalize_xof().fill(&mut content);
        let earlier = self.seen.entry(content).or_default();
        let id = format!("load-{:032x}", u128::from_be_bytes(content));
        let id = if *earlier == 0 { id } else { format!("{id}-{earlier}") };
        *earlier += 1;
        Some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(workspace: &str, line: &str) -> String {
        CommandIds::default().next(workspace, line).unwrap()
    }

    #[test]
    fn an_id_depends_on_workspace_and_content() {
        let id = first("default", r#"{"provider":"openai","enabled":true}"#);
        assert_eq!(id, first("default", r#"{ "enabled": true, "provider": "openai" }"#));
        assert_ne!(id, first("other", r#"{"provider":"openai","enabled":true}"#));
        assert_ne!(id, first("default", r#"{"provider":"anthropic","enabled":true}"#));
        assert_eq!(id.len(), "load-".len() + 32);
        assert_eq!(CommandIds::default().next("default", "{"), None);
    }

    #[test]
    fn an_id_tells_nothing_about_secrets() {
        let id = |secrets| first("w", &format!(r#"{{"provider":"x","secrets":{secrets}}}"#));
        assert_eq!(id(r#"{"key":"one"}"#), id(r#"{"key":"two"}"#));
        assert_eq!(id(r#"{"key":{"nested":"one"}}"#), id(r#"{"key":null}"#));
        assert_ne!(id(r#"{"key":"one"}"#), id(r#"{"password":"one"}"#));
    }

    #[test]
    fn lines_that_differ_only_in_secrets_have_ids_by_their_order() {
        let load = || {
            let mut ids = CommandIds::default();
            ["one", "two"].map(|key| {
                let line = format!(r#"{{"provider":"x","secrets":{{"key":"{key}"}}}}"#);
                ids.next("w", &line).unwrap()
            })
        };
        let [one, two] = load();
        assert_ne!(one, two);
        assert_eq!(load(), [one, two]);
    }
}
