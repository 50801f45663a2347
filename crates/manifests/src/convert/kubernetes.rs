//! Secrets of Kubernetes, as manifests or as `kubectl get secret -o json` prints them.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::draft::{Draft, field_name};
use super::grouped::{Variable, are_telling, connections};
use super::{FileContent, Options};
use crate::place::{Complaint, Place};
use crate::tree::{self, Data, Node};

/// Types of Secrets that are no credentials for services outside.
const OTHERS: [&str; 5] = [
    "kubernetes.io/service-account-token",
    "kubernetes.io/dockercfg",
    "kubernetes.io/dockerconfigjson",
    "bootstrap.kubernetes.io/token",
    "helm.sh/release.v1",
];

pub(super) fn read(file: &str, text: &str, options: Options<'_>) -> Result<FileContent, Complaint> {
    let shared: Arc<str> = file.into();
    let nodes = tree::read(&shared, text)?;
    if nodes.is_empty() {
        return Err(Complaint::new(Place::file(file), "is empty"));
    }
    let mut found = FileContent::default();
    let mut left_out = 0_usize;
    for node in nodes.iter().flat_map(objects) {
        match node.get("kind").and_then(Node::text) {
            Some("Secret") => secret(&shared, node, options, &mut found),
            Some(_) => left_out += 1,
            None => {
                let message = "is no object of Kubernetes: it has no `kind`";
                return Err(Complaint::new(node.place(&shared), message));
            }
        }
    }
    if left_out > 0 {
        found.notes.push(format!("{file}: objects that are no Secrets, and left out: {left_out}"));
    }
    Ok(found)
}

/// Returns the objects of a list, or the one that is none.
fn objects(node: &Node) -> Vec<&Node> {
    match node.get("items").map(|items| &items.data) {
        Some(Data::List(items)) => items.iter().collect(),
        _ => vec![node],
    }
}

fn secret(file: &Arc<str>, node: &Node, options: Options<'_>, found: &mut FileContent) {
    let name = node.get("metadata").and_then(|metadata| metadata.get("name")?.text());
    let name = name.unwrap_or_default().to_owned();
    let kind = node.get("type").and_then(Node::text).unwrap_or("Opaque");
    if OTHERS.contains(&kind) {
        let reason = format!("is of type {kind}, which is no credential for a service");
        return found.refused.push((name, reason));
    }
    let values = match values(node) {
        Ok(values) if values.is_empty() => {
            return found.refused.push((name, "has no data".to_owned()));
        }
        Ok(values) => values,
        Err(reason) => return found.refused.push((name, reason)),
    };
    let place = node.place(file);
    let labels = node.get("metadata").and_then(|metadata| metadata.get("labels"));
    let labels = labels.map(Node::to_json).and_then(|labels| labels.as_object().cloned());
    let labels = labels.unwrap_or_default();
    if options.provider.is_none() && are_telling(values.keys().map(String::as_str)) {
        return grouped(&place, &name, values, &labels, options, found);
    }
    let provider = provider(&name, options);
    let known = options.catalogue.find(&provider);
    let rules = options.catalogue.of(&provider);
    let mut draft = Draft::new(place, options.slug.unwrap_or(&name), &provider);
    for (key, value) in values {
        let field = field_name(known, &key);
        draft.field(rules, &field, Value::String(value));
    }
    put_labels(&mut draft, &labels);
    draft.complete(known);
    found.drafts.push(draft);
}

/// Makes connections of a Secret whose keys are names of variables.
fn grouped(
    place: &Place,
    name: &str,
    values: std::collections::BTreeMap<String, String>,
    labels: &Map<String, Value>,
    options: Options<'_>,
    found: &mut FileContent,
) {
    let variables =
        values.into_iter().map(|(name, value)| Variable { place: place.clone(), name, value });
    let (mut drafts, others) = connections(variables.collect(), options.catalogue);
    if drafts.is_empty() {
        return found.refused.push((name.to_owned(), "has no credentials".to_owned()));
    }
    if !others.is_empty() {
        let names = others.join(", ");
        found.notes.push(format!("{name}: no credentials, and left out: {names}"));
    }
    let is_only = drafts.len() == 1;
    for draft in &mut drafts {
        draft.slug = if is_only { name.to_owned() } else { format!("{name}-{}", draft.slug) };
        put_labels(draft, labels);
    }
    found.drafts.extend(drafts);
}

fn put_labels(draft: &mut Draft, labels: &Map<String, Value>) {
    for (key, value) in labels {
        draft.set_in("labels", key, value.clone());
    }
}

/// Returns the provider that the caller names, or that a word of the name does; else the name.
fn provider(name: &str, options: Options<'_>) -> String {
    if let Some(provider) = options.provider {
        return provider.to_owned();
    }
    let known = |word: &str| options.catalogue.find(word).map(|known| known.id.clone());
    let words: Vec<&str> = name.split(['-', '.', '_']).collect();
    // Two words name a provider more exactly than one.
    let pairs = words.windows(2).map(|pair| pair.join("-"));
    let mut candidates = pairs.chain(words.iter().map(|word| (*word).to_owned()));
    known(name).or_else(|| candidates.find_map(|word| known(&word))).unwrap_or_else(|| name.into())
}

/// Returns the values of a Secret: `stringData` goes before `data`, as in Kubernetes.
fn values(node: &Node) -> Result<std::collections::BTreeMap<String, String>, String> {
    let mut values = std::collections::BTreeMap::new();
    if let Some(Data::Map(members)) = node.get("data").map(|data| &data.data) {
        for (key, value) in members {
            let encoded: String = value.text().unwrap_or_default().split_whitespace().collect();
            let bytes = STANDARD.decode(encoded);
            let text = bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let text = text.ok_or_else(|| {
                let key = ledger_contract::errors::shown(&key.text);
                format!("data.{key} is no text in base64")
            })?;
            values.insert(key.text.clone(), without_line_end(text));
        }
    }
    if let Some(Data::Map(members)) = node.get("stringData").map(|data| &data.data) {
        for (key, value) in members {
            let text = value.text().unwrap_or_default().to_owned();
            values.insert(key.text.clone(), without_line_end(text));
        }
    }
    Ok(values)
}

/// Drops the line end that `echo` puts at the end of a value of one line.
fn without_line_end(mut text: String) -> String {
    if text.matches('\n').count() == 1 && text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    text
}
