//! `config.yaml` of LiteLLM. Models that reach one provider with the same credentials are one
//! connection, which permits these models.

use std::collections::BTreeMap;
use std::sync::Arc;

use ledger_providers::Provider;
use serde_json::{Map, Value, json};

use super::draft::{Draft, field_name};
use super::{FileContent, Options};
use crate::manifest::SecretSource;
use crate::place::{Complaint, Place};
use crate::tree::{self, Data, Node};

/// How a value refers to a variable.
const VARIABLE: &str = "os.environ/";

/// Parameters that say how a provider is reached, and the fields that they are.
const PARAMETERS: [(&str, &str); 20] = [
    ("api_key", "api_key"),
    ("api_base", "base_url"),
    ("base_url", "base_url"),
    ("api_version", "api_version"),
    ("organization", "organization"),
    ("aws_access_key_id", "access_key_id"),
    ("aws_secret_access_key", "secret_access_key"),
    ("aws_session_token", "session_token"),
    ("aws_region_name", "region"),
    ("aws_role_name", "role_arn"),
    ("aws_bedrock_runtime_endpoint", "endpoint"),
    ("vertex_project", "project_id"),
    ("vertex_location", "region"),
    ("vertex_credentials", "service_account_json"),
    ("tenant_id", "tenant_id"),
    ("client_id", "client_id"),
    ("client_secret", "client_secret"),
    ("azure_ad_token", "azure_ad_token"),
    ("extra_headers", "custom_headers"),
    ("token", "token"),
];

/// Providers whose names are others than the ledger's.
const PROVIDERS: [(&str, &str); 5] = [
    ("azure", "azure-openai"),
    ("azure_ai", "azure-ai"),
    ("vertex_ai", "vertex-ai"),
    ("gemini", "google"),
    ("text-completion-openai", "openai"),
];

/// Members of a file that are about models.
const KNOWN: [&str; 2] = ["model_list", "credential_list"];

/// A model and how it is reached.
struct Deployment {
    place: Place,
    model: String,
    provider: String,
    parameters: BTreeMap<&'static str, Value>,
}

pub(super) fn read(file: &str, text: &str, options: Options<'_>) -> Result<FileContent, Complaint> {
    let shared: Arc<str> = file.into();
    let mut found = FileContent::default();
    let nodes = tree::read(&shared, text)?;
    let Some(node) = nodes.first() else {
        return Err(Complaint::new(Place::file(file), "is empty"));
    };
    let Some(Data::List(models)) = node.get("model_list").map(|list| &list.data) else {
        return Err(Complaint::new(node.place(&shared), "has no list `model_list`"));
    };
    let credentials = credentials(node);
    let mut groups: Vec<(Vec<Deployment>, String)> = Vec::new();
    for model in models {
        match deployment(&shared, model, &credentials, options) {
            Ok(one) => {
                let key = json!([one.provider, one.parameters]).to_string();
                match groups.iter_mut().find(|(_, known)| *known == key) {
                    Some((group, _)) => group.push(one),
                    None => groups.push((vec![one], key)),
                }
            }
            Err(refused) => found.refused.push(refused),
        }
    }
    for (group, _) in groups {
        let Some(first) = group.first() else { continue };
        match connection(&group, first, options) {
            Ok(draft) => found.drafts.push(draft),
            Err(refused) => found.refused.push(refused),
        }
    }
    if let Data::Map(members) = &node.data {
        let others = members.iter().map(|(name, _)| name.text.as_str());
        let others: Vec<&str> = others.filter(|name| !KNOWN.contains(name)).collect();
        if !others.is_empty() {
            found.notes.push(format!("{file}: left out {}", others.join(", ")));
        }
    }
    Ok(found)
}

/// Returns the values of `credential_list` by name.
fn credentials(node: &Node) -> BTreeMap<String, Map<String, Value>> {
    let Some(Data::List(items)) = node.get("credential_list").map(|list| &list.data) else {
        return BTreeMap::new();
    };
    let named = items.iter().filter_map(|item| {
        let name = item.get("credential_name")?.text()?;
        let values = item.get("credential_values")?.to_json();
        Some((name.to_owned(), values.as_object()?.clone()))
    });
    named.collect()
}

/// Reads an entry of `model_list`.
fn deployment(
    file: &Arc<str>,
    node: &Node,
    credentials: &BTreeMap<String, Map<String, Value>>,
    options: Options<'_>,
) -> Result<Deployment, (String, String)> {
    let alias = node.get("model_name").and_then(Node::text).unwrap_or("?").to_owned();
    let Some(parameters) = node.get("litellm_params").map(Node::to_json) else {
        return Err((alias, "has no litellm_params".to_owned()));
    };
    let mut given = Map::new();
    if let Some(name) = parameters.get("litellm_credential_name").and_then(Value::as_str) {
        match credentials.get(name) {
            Some(values) => given.extend(values.clone()),
            None => return Err((alias, "names a credential that credential_list lacks".into())),
        }
    }
    given.extend(parameters.as_object().cloned().unwrap_or_default());
    let text = |name: &str| given.get(name).and_then(Value::as_str);
    let Some(model) = text("model") else {
        return Err((alias, "has no litellm_params.model".to_owned()));
    };
    let (provider, model) = match (text("custom_llm_provider"), model.split_once('/')) {
        (Some(provider), _) => (provider, model),
        (None, Some((provider, model))) => (provider, model),
        (None, None) => ("openai", model),
    };
    let named = PROVIDERS.into_iter().find(|(theirs, _)| *theirs == provider);
    let ours = named.map_or_else(|| provider.replace('_', "-"), |(_, ours)| ours.to_owned());
    let provider = options.catalogue.find(&ours).map_or(ours, |known| known.id.clone());
    let model = model.to_owned();
    let known = PARAMETERS.into_iter().filter_map(|(theirs, field)| {
        given.get(theirs).filter(|value| !value.is_null()).map(|value| (field, value.clone()))
    });
    let parameters = known.collect();
    Ok(Deployment { place: node.place(file), model, provider, parameters })
}

/// Makes a connection of models that are reached in the same way, as the first of them is.
fn connection(
    group: &[Deployment],
    first: &Deployment,
    options: Options<'_>,
) -> Result<Draft, (String, String)> {
    let known = options.catalogue.find(&first.provider);
    let rules = options.catalogue.of(&first.provider);
    let mut draft = Draft::new(first.place.clone(), &first.provider, &first.provider);
    for (field, value) in &first.parameters {
        let name = field_name(known, field);
        put(&mut draft, rules, &name, value, options)
            .map_err(|reason| (first.provider.clone(), reason))?;
    }
    let models = group.iter().filter(|one| !one.model.contains('*')).map(|one| one.model.clone());
    let models: Map<String, Value> =
        models.map(|model| (model, json!({ "enabled": true }))).collect();
    // A model with `*` stands for all of a provider.
    if !group.iter().any(|one| one.model.contains('*')) {
        draft.set("models", json!({ "allow_all": false, "models": models }));
    }
    draft.complete(known);
    Ok(draft)
}

/// Adds a parameter: a secret as what it refers to, and a setting with its value.
fn put(
    draft: &mut Draft,
    rules: &Provider,
    name: &str,
    value: &Value,
    options: Options<'_>,
) -> Result<(), String> {
    let Some(variable) = value.as_str().and_then(|text| text.strip_prefix(VARIABLE)) else {
        draft.field(rules, name, value.clone());
        return Ok(());
    };
    if !rules.is_secret(name) {
        let value = (options.variables)(variable);
        let value = value.ok_or_else(|| {
            let variable = ledger_contract::errors::shown(variable);
            format!("its setting {name} comes from the variable {variable}, which is not set")
        })?;
        draft.field(rules, name, Value::String(value));
        return Ok(());
    }
    let source = if options.refers_to_env {
        let reference = json!({ "kind": "env", "name": variable });
        SecretSource::Reference(reference.as_object().cloned().unwrap_or_default())
    } else {
        SecretSource::Environment(variable.to_owned())
    };
    draft.secrets.insert(name.to_owned(), source);
    Ok(())
}
