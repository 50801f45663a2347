//! Blaxel's operations about providers. Only those about models ask one.

use std::collections::BTreeMap;

use ledger_contract::errors::{Code, Problem};
use ledger_domain::Connection;
use ledger_http::toolkit::{Json, Path, Refusal, Tagged, Unspecified};
use ledger_providers::{Facade, Method, Provider};
use serde_json::{Value, json};

use super::handlers::named;
use super::shapes::{ConnectionPath, EndpointOut, ModelPath, ProviderOut, ProviderPath};
use crate::request::FacadeRequest;

pub(super) async fn models(
    request: FacadeRequest,
    Path(path): Path<ConnectionPath>,
) -> Result<Tagged<Unspecified<Vec<Value>>>, Refusal> {
    let connection = named(&request, &path.connection_name).await?;
    let models = models_of(&request, &connection).await?.into_values().collect();
    Ok(request.tagged(&connection, Unspecified(models)))
}

pub(super) async fn model(
    request: FacadeRequest,
    Path(path): Path<ModelPath>,
) -> Result<Tagged<Unspecified<Value>>, Refusal> {
    let connection = named(&request, &path.connection_name).await?;
    let model = models_of(&request, &connection).await?.remove(&path.model_id);
    let model = model.ok_or_else(|| {
        let message = "the connection is not known to reach this model";
        Problem::because(Code::ConnectionUnknown, message)
    })?;
    Ok(request.tagged(&connection, Unspecified(model)))
}

pub(super) async fn endpoints(
    request: FacadeRequest,
    Path(path): Path<ConnectionPath>,
) -> Result<Unspecified<BTreeMap<&'static str, EndpointOut>>, Refusal> {
    let connection = named(&request, &path.connection_name).await?;
    let provider = request.provider(connection.details.provider.as_str());
    Ok(Unspecified(provider.map(endpoints_of).unwrap_or_default()))
}

pub(super) async fn provider(
    request: FacadeRequest,
    Path(path): Path<ProviderPath>,
) -> Result<Json<ProviderOut>, Refusal> {
    let Some(provider) = request.provider(&path.integration_name) else {
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
    Ok(Json(ProviderOut {
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
    }))
}

fn endpoints_of(provider: &Provider) -> BTreeMap<&'static str, EndpointOut> {
    let endpoint = |method: Method, url: &str| EndpointOut {
        method: method.as_str().to_owned(),
        url: url.to_owned(),
    };
    let probe = provider.probe.as_ref().map(|probe| endpoint(probe.method, &probe.url));
    let models = provider.models.list.as_ref().map(|list| endpoint(list.method, &list.url));
    let known = [("probe", probe), ("models", models)];
    known.into_iter().filter_map(|(name, found)| Some((name, found?))).collect()
}

/// Returns the models known to be available over a connection: those of its provider that its
/// policy allows, and those that the policy itself names.
async fn models_of(
    request: &FacadeRequest,
    connection: &Connection,
) -> Result<BTreeMap<String, Value>, Refusal> {
    let of_provider = request.models(connection).await?;
    let of_provider = of_provider.into_iter().filter(|model| model.allowed);
    let mut models: BTreeMap<String, Value> = of_provider
        .map(|model| {
            let shown = json!({ "id": model.id, "name": model.name });
            (model.id, shown)
        })
        .collect();
    for (id, _) in connection.models.models.iter().filter(|(_, rule)| rule.enabled) {
        let id = id.as_str();
        models.entry(id.to_owned()).or_insert_with(|| json!({ "id": id, "name": id }));
    }
    Ok(models)
}
