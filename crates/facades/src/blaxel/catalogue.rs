//! What Blaxel tells of providers: all of it comes from the catalogue, nothing is asked of them.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use axum::response::Response;
use ledger_contract::errors::{Code, Problem};
use ledger_domain::Connection;
use ledger_http::handler::json;
use ledger_providers::{Endpoint, Facade, Provider};
use serde_json::{Value, json};

use super::handlers::named;
use super::shapes::{EndpointOut, ProviderOut};
use crate::api::Refusal;
use crate::asked::Asked;

pub(super) async fn models(asked: Asked) -> Result<Response, Refusal> {
    let connection = named(&asked).await?;
    let models = known_models(&asked, &connection);
    Ok(json(StatusCode::OK, Value::Array(models.into_values().collect()).to_string()))
}

pub(super) async fn model(asked: Asked) -> Result<Response, Refusal> {
    let connection = named(&asked).await?;
    let mut models = known_models(&asked, &connection);
    if let Some(model) = models.remove(asked.path("modelId")) {
        Ok(json(StatusCode::OK, model.to_string()))
    } else {
        let message = "the connection is not known to reach this model";
        Err(Problem::because(Code::ConnectionUnknown, message).into())
    }
}

pub(super) async fn endpoints(asked: Asked) -> Result<Response, Refusal> {
    let connection = named(&asked).await?;
    let provider = asked.provider(connection.details.provider.as_str());
    let endpoints = provider.map(endpoints_of).unwrap_or_default();
    let body = serde_json::to_vec(&endpoints).expect("answers have a JSON form");
    Ok(json(StatusCode::OK, body))
}

pub(super) fn provider(asked: &Asked) -> Result<Response, Refusal> {
    let Some(provider) = asked.provider(asked.path("integrationName")) else {
        let message = "the catalogue has no such provider; connections to it can be made anyway";
        return Err(Problem::because(Code::RouteUnknown, message).into());
    };
    let fields = provider.fields.iter();
    let params = fields.map(|field| {
        let name = field.name_at(Facade::Blaxel).to_owned();
        (name, field.title().to_owned())
    });
    let infos = [
        ("displayName", Some(provider.display_name.clone())),
        ("description", provider.description.clone()),
        ("documentation", provider.documentation.clone()),
    ];
    let shown = ProviderOut {
        name: provider.name_at(Facade::Blaxel).to_owned(),
        endpoints: endpoints_of(provider),
        headers: BTreeMap::new(),
        params: params.collect(),
        organizations: Vec::new(),
        repositories: Vec::new(),
        additional_infos: infos
            .into_iter()
            .filter_map(|(name, text)| text.map(|text| (name, text)))
            .collect(),
    };
    let body = serde_json::to_vec(&shown).expect("answers have a JSON form");
    Ok(json(StatusCode::OK, body))
}

fn endpoints_of(provider: &Provider) -> BTreeMap<&'static str, EndpointOut> {
    let endpoint = |endpoint: &Endpoint| EndpointOut {
        method: endpoint.method.as_str().to_owned(),
        url: endpoint.url.clone(),
    };
    let known = [("probe", provider.probe.as_ref()), ("models", provider.models.list.as_ref())];
    known.into_iter().filter_map(|(name, found)| Some((name, endpoint(found?)))).collect()
}

/// Returns the models that a connection is known to reach: those of its provider that its policy
/// lets through, and those that the policy names itself.
fn known_models(asked: &Asked, connection: &Connection) -> BTreeMap<String, Value> {
    let policy = &connection.models;
    let provider = asked.provider(connection.details.provider.as_str());
    let known = provider.map(|provider| provider.models.known.as_slice()).unwrap_or_default();
    let of_provider = known.iter().filter(|model| {
        policy.models.get(model.id.as_str()).map_or(policy.allow_all, |rule| rule.enabled)
    });
    let mut models: BTreeMap<String, Value> = of_provider
        .map(|model| (model.id.clone(), json!({ "id": model.id, "name": model.name })))
        .collect();
    for (id, _) in policy.models.iter().filter(|(_, rule)| rule.enabled) {
        let id = id.as_str();
        models.entry(id.to_owned()).or_insert_with(|| json!({ "id": id, "name": id }));
    }
    models
}
