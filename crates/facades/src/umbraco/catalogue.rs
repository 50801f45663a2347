//! Umbraco.AI's operations about providers. All but the test and the models use only the catalogue.

use std::borrow::Cow;
use std::collections::BTreeSet;

use ledger_contract::commands::{ConnectionRef, ParsedCommand};
use ledger_contract::errors::Code;
use ledger_contract::queries::ListQuery;
use ledger_domain::connection::TestOutcome;
use ledger_domain::{CheckedText, Connection};
use ledger_engine::ListOptions;
use ledger_http::toolkit::{Json, Path, Query, Refusal, Tagged, Written};
use ledger_providers::{Capability, Facade, Field, Given, Provider};
use serde_json::Map;

use super::find::{named, of};
use super::shapes::{
    CapabilityPath, ConnectionPath, FieldOut, ItemOut, ModelFilter, ModelOut, ModelRefOut,
    ProviderItemOut, ProviderOut, ProviderPath, SchemaOut, TestOut,
};
use super::{refused, show};
use crate::models::Model;
use crate::request::FacadeRequest;
use crate::settings::{config, same, secret};

pub(super) async fn test(
    request: FacadeRequest,
    Path(path): Path<ConnectionPath>,
) -> Result<Json<TestOut>, Refusal> {
    let connection = named(&request, &path.id_or_alias).await?;
    let complaints: Vec<String> = match of(&request, &connection) {
        Some(provider) => {
            let given = |field: &Field| given(&connection, provider, field);
            let complaints = provider.check(Some(Facade::Umbraco), &given);
            complaints.iter().map(ToString::to_string).collect()
        }
        None => vec!["The provider is not known, so nothing could be checked".to_owned()],
    };
    if !complaints.is_empty() {
        let said = format!("{}. The provider was not called.", complaints.join("; "));
        return Ok(Json(TestOut { success: false, error_message: Some(said) }));
    }
    let target = ConnectionRef::Id(connection.id);
    let command = ParsedCommand::Test { target, fields: BTreeSet::new() };
    let said = match request.execute(command).await {
        Ok(tested) => tested
            .test
            .filter(|test| test.outcome != TestOutcome::Works.as_str())
            .map(|test| format!("{}: {}", test.outcome, test.reason)),
        // A test that cannot be made is one that failed.
        Err(Refusal::Problem(problem) | Refusal::Counted(problem))
            if matches!(problem.code, Code::TestImpossible | Code::TestRunning) =>
        {
            Some(format!("{}. The provider was not called.", problem.message))
        }
        Err(refusal) => return Err(refusal),
    };
    Ok(Json(TestOut { success: said.is_none(), error_message: said }))
}

/// Returns the value of a connection's field.
fn given(connection: &Connection, provider: &Provider, field: &Field) -> Option<Given<'static>> {
    let provider = Some(provider);
    if secret(connection, provider, &field.name).is_some() {
        return Some(Given::Hidden);
    }
    let references = &connection.details.secret_references;
    let targets = |target: &str| {
        let bare = target.strip_prefix("configurations.").unwrap_or(target);
        same(provider, bare, &field.name) || (field.main && bare == "key")
    };
    if references.iter().any(|reference| targets(reference.target.as_str())) {
        return Some(Given::Hidden);
    }
    let (_, value) = config(connection, provider, &field.name)?;
    Some(Given::Json(Cow::Owned(serde_json::from_str(value.text()).ok()?)))
}

pub(super) async fn all_capabilities(
    request: FacadeRequest,
) -> Result<Json<Vec<&'static str>>, Refusal> {
    let mut found: BTreeSet<&'static str> = BTreeSet::new();
    for provider in request.catalogue().iter() {
        let words = words(provider);
        if words.iter().all(|word| found.contains(word)) {
            continue;
        }
        let query = ListQuery { provider: names(provider), ..ListQuery::default() };
        if request.count(ListOptions { query, ..ListOptions::default() }).await? > 0 {
            found.extend(words);
        }
    }
    Ok(Json(found.into_iter().collect()))
}

pub(super) async fn with_capability(
    request: FacadeRequest,
    Path(path): Path<CapabilityPath>,
) -> Result<Written<Vec<ItemOut>>, Refusal> {
    let mut options = ListOptions::all();
    options.query.sort = Some("name".to_owned());
    narrow(&request, &mut options, &path.capability);
    Ok(request.list(options, show::item, |found| found.rows).await?)
}

/// Limits a list to connections whose provider has a capability. An unknown capability matches
/// nothing.
pub(super) fn narrow(request: &FacadeRequest, options: &mut ListOptions, word: &str) {
    let capability = Capability::find(word);
    let can = |provider: &&Provider| {
        capability.is_some_and(|one| provider.capabilities_at(Facade::Umbraco).contains(&one))
    };
    let able: BTreeSet<String> = request.catalogue().iter().filter(can).flat_map(names).collect();
    let folded = |names: &[String]| -> BTreeSet<String> {
        names.iter().map(|name| name.to_lowercase()).collect()
    };
    let wanted = folded(&options.query.provider);
    let mut able = folded(&able.into_iter().collect::<Vec<_>>());
    able.retain(|name| wanted.is_empty() || wanted.contains(name));
    if able.is_empty() {
        options.ids = Some(Vec::new());
    }
    options.query.provider = able.into_iter().collect();
}

pub(super) async fn models(
    request: FacadeRequest,
    Path(path): Path<ConnectionPath>,
    Query(filter): Query<ModelFilter>,
) -> Result<Tagged<Json<Vec<ModelOut>>>, Refusal> {
    let connection = named(&request, &path.id_or_alias).await?;
    let wanted = filter.capability.as_deref().filter(|word| !word.is_empty());
    let provider = of(&request, &connection);
    let models = request.models(&connection).await?.into_iter();
    let fits = |model: &Model| {
        let found = wanted.map(Capability::find);
        found.is_none_or(|one| one.is_some_and(|one| model.capabilities.contains(&one)))
    };
    let stored = connection.details.provider.as_str();
    let name = provider.map_or(stored, |provider| provider.name_at(Facade::Umbraco));
    let shown = models.filter(|model| model.allowed).filter(fits).map(|model| ModelOut {
        model: ModelRefOut { provider_id: name.to_owned(), model_id: model.id.clone() },
        capabilities: in_words(&model.capabilities),
        id: model.id,
        name: model.name,
        metadata: Map::new(),
    });
    let shown = shown.collect();
    Ok(request.tagged(&connection, Json(shown)))
}

pub(super) async fn capabilities(
    request: FacadeRequest,
    Path(path): Path<ConnectionPath>,
) -> Result<Json<Vec<&'static str>>, Refusal> {
    let connection = named(&request, &path.id_or_alias).await?;
    Ok(Json(of(&request, &connection).map(words).unwrap_or_default()))
}

pub(super) async fn providers(
    request: FacadeRequest,
) -> Result<Json<Vec<ProviderItemOut>>, Refusal> {
    Ok(Json(request.catalogue().iter().map(item).collect()))
}

pub(super) async fn provider(
    request: FacadeRequest,
    Path(path): Path<ProviderPath>,
) -> Result<Json<ProviderOut>, Refusal> {
    let Some(provider) = request.provider(&path.id) else {
        let detail = "The specified provider could not be found.";
        return Err(refused(404, "Provider not found", detail));
    };
    // Checking a connection without fields finds the required ones.
    let missed = provider.check(Some(Facade::Umbraco), &|_| None);
    let fields = provider.fields_at(Facade::Umbraco).map(|field| FieldOut {
        key: field.name_at(Facade::Umbraco).to_owned(),
        label: field.title().to_owned(),
        description: field.help.clone(),
        r#type: field.r#type.as_str(),
        default_value: field.default.clone(),
        options: field.values.clone(),
        is_required: field.required
            || missed.iter().any(|complaint| complaint.field == field.name_at(Facade::Umbraco)),
        is_sensitive: field.secret,
    });
    let settings_schema = SchemaOut { fields: fields.collect() };
    Ok(Json(ProviderOut { item: item(provider), settings_schema }))
}

fn item(provider: &Provider) -> ProviderItemOut {
    ProviderItemOut {
        id: provider.name_at(Facade::Umbraco).to_owned(),
        name: provider.display_name.clone(),
        capabilities: words(provider),
    }
}

fn names(provider: &Provider) -> Vec<String> {
    provider.all_names().map(str::to_owned).collect()
}

fn words(provider: &Provider) -> Vec<&'static str> {
    in_words(provider.capabilities_at(Facade::Umbraco))
}

fn in_words(capabilities: &[Capability]) -> Vec<&'static str> {
    capabilities.iter().map(|capability| capability.name_at(Facade::Umbraco)).collect()
}
