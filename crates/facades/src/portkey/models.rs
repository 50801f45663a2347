//! The models of an integration: those with an entry in the ledger's model policy, and the others
//! that the provider lists.

use ledger_contract::commands::{json, nullable};
use ledger_contract::errors::{Code, Problem};
use ledger_domain::connection::{ModelPolicy, ModelRule};
use ledger_domain::limits::MODEL_CHARS;
use ledger_domain::{CheckedText, Command, Connection, Expected, InvalidField, Line};
use ledger_http::toolkit::{Body, Json, Path, Query, Refusal, Tagged};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::handlers::named;
use super::shapes::{DoneOut, IntegrationPath};
use crate::models::Model;
use crate::request::FacadeRequest;

/// How often a change is retried after a concurrent change of the policy. Clients change several
/// models concurrently.
const TRIES: usize = 32;

/// Changes to models.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "UpdateIntegrationModels")]
pub(super) struct ModelsIn {
    /// The models; the last entry for a model counts.
    models: Vec<ModelIn>,
    /// Whether models without an entry are allowed.
    allow_all_models: Option<bool>,
}

/// Changes to a model. Omitted fields stay unchanged.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "IntegrationModelInput")]
#[expect(clippy::option_option, reason = "absent, null and a value are three things in JSON")]
struct ModelIn {
    /// Its name.
    slug: String,
    /// Whether it may be used.
    enabled: bool,
    /// Whether it is missing from the provider's own list.
    #[serde(default, deserialize_with = "nullable")]
    #[schemars(with = "Option<bool>")]
    is_custom: Option<Option<bool>>,
    /// Whether it is a fine-tuned model.
    #[serde(default, deserialize_with = "nullable")]
    #[schemars(with = "Option<bool>")]
    is_finetune: Option<Option<bool>>,
    /// The base model.
    #[serde(default, deserialize_with = "nullable")]
    #[schemars(with = "Option<String>")]
    base_model_slug: Option<Option<String>>,
    /// The model's own settings, which are shown in the clear and must not hold secrets.
    #[serde(default, deserialize_with = "nullable")]
    #[schemars(with = "Option<Map<String, Value>>")]
    configurations: Option<Option<Map<String, Value>>>,
    /// The prices.
    #[serde(default, deserialize_with = "nullable")]
    #[schemars(with = "Option<Map<String, Value>>")]
    pricing_config: Option<Option<Map<String, Value>>>,
}

/// The models of an integration.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IntegrationModels")]
pub(super) struct ModelsOut {
    /// `list`.
    object: &'static str,
    /// Number of entries.
    total: usize,
    /// Whether models without an entry are allowed.
    allow_all_models: bool,
    /// The models with an entry, and after them those without one that the provider lists.
    models: Vec<ModelOut>,
}

/// A model.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IntegrationModel")]
struct ModelOut {
    /// Its name.
    slug: String,
    /// Whether it may be used.
    enabled: bool,
    /// Whether it is missing from the provider's own list.
    is_custom: bool,
    /// Whether it is a fine-tuned model.
    is_finetune: bool,
    /// The base model.
    base_model_slug: Option<String>,
    /// The model's own settings.
    configurations: Option<Map<String, Value>>,
    /// The prices.
    pricing_config: Option<Map<String, Value>>,
}

/// The models whose entries are to be removed.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Slugs {
    /// Their names, separated by commas.
    slugs: Option<String>,
}

pub(super) async fn list(
    request: FacadeRequest,
    Path(path): Path<IntegrationPath>,
) -> Result<Tagged<Json<ModelsOut>>, Refusal> {
    let connection = named(&request, &path).await?;
    let policy = &connection.models;
    let listed = request.further_models(&connection).await?;
    let further = listed.iter().filter(|model| !policy.models.contains_key(model.id.as_str()));
    let models: Vec<ModelOut> = policy
        .models
        .iter()
        .map(|(slug, rule)| ModelOut::of(slug.as_str(), rule))
        .chain(further.map(ModelOut::listed))
        .collect();
    let allow_all_models = policy.allow_all;
    let shown = ModelsOut { object: "list", total: models.len(), allow_all_models, models };
    Ok(request.tagged(&connection, Json(shown)))
}

pub(super) async fn update(
    request: FacadeRequest,
    Body(body): Body<ModelsIn>,
    Path(path): Path<IntegrationPath>,
) -> Result<Tagged<Json<DoneOut>>, Refusal> {
    change(&request, &path, |connection| {
        let mut policy = connection.models.clone();
        policy.allow_all = body.allow_all_models.unwrap_or(policy.allow_all);
        for model in &body.models {
            let slug = Line::parse("models", &model.slug, MODEL_CHARS)?;
            let rule = policy.models.remove(&slug);
            policy.models.insert(slug, model.over(rule.as_ref().and_then(settings)));
        }
        Ok(policy)
    })
    .await
}

pub(super) async fn delete(
    request: FacadeRequest,
    Path(path): Path<IntegrationPath>,
    Query(Slugs { slugs }): Query<Slugs>,
) -> Result<Tagged<Json<DoneOut>>, Refusal> {
    let slugs = slugs.unwrap_or_default();
    let slugs: Vec<&str> =
        slugs.split(',').map(str::trim).filter(|slug| !slug.is_empty()).collect();
    change(&request, &path, |connection| {
        if slugs.is_empty() {
            return Err(InvalidField::new("slugs", "must name models, separated by commas").into());
        }
        let mut policy = connection.models.clone();
        policy.models.retain(|slug, _| !slugs.contains(&slug.as_str()));
        Ok(policy)
    })
    .await
}

/// Changes the present policy, and retries after a concurrent change.
async fn change(
    request: &FacadeRequest,
    path: &IntegrationPath,
    change: impl Fn(&Connection) -> Result<ModelPolicy, Problem>,
) -> Result<Tagged<Json<DoneOut>>, Refusal> {
    let mut tries = TRIES;
    loop {
        let connection = named(request, path).await?;
        let command = Command::SetModelPolicy(change(&connection)?);
        tries -= 1;
        match request.change_as_seen(&connection, command).await {
            Err(refusal)
                if refusal.code() == Code::VersionConflict
                    && request.headers.expected == Expected::Any
                    && tries > 0 => {}
            changed => {
                changed?;
                return Ok(request.tagged(&connection, Json(DoneOut {})));
            }
        }
    }
}

fn settings(rule: &ModelRule) -> Option<Map<String, Value>> {
    serde_json::from_str(rule.settings.as_ref()?.text()).ok()
}

/// Returns the JSON of a field; absent and null stay apart.
#[expect(clippy::option_option, reason = "absent, null and a value are three things in JSON")]
fn given<T: Clone + Into<Value>>(field: Option<&Option<T>>) -> Option<Option<Value>> {
    field.map(|value| value.clone().map(Into::into))
}

impl ModelIn {
    /// Applies the changes to the present settings and returns the new rule.
    fn over(&self, settings: Option<Map<String, Value>>) -> ModelRule {
        let mut settings = settings.unwrap_or_default();
        let given = [
            ("is_custom", given(self.is_custom.as_ref())),
            ("is_finetune", given(self.is_finetune.as_ref())),
            ("base_model_slug", given(self.base_model_slug.as_ref())),
            ("configurations", given(self.configurations.as_ref())),
            ("pricing_config", given(self.pricing_config.as_ref())),
        ];
        for (name, value) in given {
            match value {
                None => {}
                Some(None) => drop(settings.remove(name)),
                Some(Some(value)) => drop(settings.insert(name.to_owned(), value)),
            }
        }
        let settings = (!settings.is_empty()).then_some(Value::Object(settings));
        ModelRule { enabled: self.enabled, settings: settings.as_ref().map(json) }
    }
}

impl ModelOut {
    /// Shows a model that the provider lists.
    fn listed(model: &Model) -> Self {
        Self {
            slug: model.id.clone(),
            enabled: model.allowed,
            is_custom: false,
            is_finetune: false,
            base_model_slug: None,
            configurations: None,
            pricing_config: None,
        }
    }

    fn of(slug: &str, rule: &ModelRule) -> Self {
        let settings = settings(rule).unwrap_or_default();
        let object = |name: &str| settings.get(name).and_then(Value::as_object).cloned();
        let switch = |name: &str| settings.get(name).and_then(Value::as_bool).unwrap_or(false);
        let base = settings.get("base_model_slug").and_then(Value::as_str);
        Self {
            slug: slug.to_owned(),
            enabled: rule.enabled,
            is_custom: switch("is_custom"),
            is_finetune: switch("is_finetune"),
            base_model_slug: base.map(str::to_owned),
            configurations: object("configurations"),
            pricing_config: object("pricing_config"),
        }
    }
}
