//! Azure's settings, which virtual keys have in fields of their own.

use ledger_domain::InvalidField;
use ledger_providers::Provider;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::portkey::shapes::Configurations;

const RESOURCE: &str = "azure_resource_name";
const API_VERSION: &str = "azure_api_version";
const DEPLOYMENT: &str = "azure_deployment_name";
const DEPLOYMENTS: &str = "azure_deployment_config";
const MODEL: &str = "azure_model_slug";
const AUTH_MODE: &str = "azure_auth_mode";

/// Azure's settings in a virtual key.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[schemars(rename = "AzureSettings")]
#[serde(rename_all = "camelCase")]
pub(super) struct AzureSettings {
    /// Name of the resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_name: Option<String>,
    /// Version of the API.
    #[serde(skip_serializing_if = "Option::is_none")]
    api_version: Option<String>,
    /// Name of the deployment.
    #[serde(skip_serializing_if = "Option::is_none")]
    deployment_name: Option<String>,
}

impl AzureSettings {
    /// Returns whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        let all = [&self.resource_name, &self.api_version, &self.deployment_name];
        all.into_iter().all(|text| text.as_ref().is_none_or(String::is_empty))
    }

    /// Adds the settings to configurations, under the names that integrations have for them.
    ///
    /// Errors: `field_invalid` for a setting that the provider does not have.
    pub(super) fn add_to(
        self,
        provider: &Provider,
        configurations: &mut Configurations,
    ) -> Result<(), InvalidField> {
        if self.is_empty() {
            return Ok(());
        }
        let mut deployment = Configurations::new();
        for (own, name, value) in [
            ("resourceName", RESOURCE, self.resource_name),
            ("apiVersion", API_VERSION, self.api_version),
            ("deploymentName", DEPLOYMENT, self.deployment_name),
        ] {
            let Some(value) = value.filter(|text| !text.is_empty()) else { continue };
            if provider.field(name).is_some() {
                configurations.insert(name.to_owned(), value.into());
            } else if provider.field(DEPLOYMENTS).is_some() {
                deployment.insert(name.to_owned(), value.into());
            } else {
                return Err(InvalidField::new(own, "is no setting of this provider"));
            }
        }
        if let Some(name) = deployment.get(DEPLOYMENT).cloned() {
            // Virtual keys do not say which model is deployed.
            deployment.entry(MODEL).or_insert(name);
        }
        if !deployment.is_empty() {
            configurations.insert(DEPLOYMENTS.to_owned(), json!([deployment]));
        }
        if provider.field(AUTH_MODE).is_some() {
            configurations.entry(AUTH_MODE).or_insert_with(|| "default".into());
        }
        Ok(())
    }

    /// Returns the settings that configurations have.
    pub(super) fn of(configurations: &Configurations) -> Self {
        let first = configurations.get(DEPLOYMENTS).and_then(|list| list.get(0));
        let text = |name: &str| {
            let value = configurations.get(name).or_else(|| first?.get(name));
            value.and_then(|value| value.as_str()).map(str::to_owned)
        };
        Self {
            resource_name: text(RESOURCE),
            api_version: text(API_VERSION),
            deployment_name: text(DEPLOYMENT),
        }
    }
}

#[cfg(test)]
mod tests {
    use ledger_providers::Catalogue;

    use super::*;

    fn settings() -> AzureSettings {
        AzureSettings {
            resource_name: Some("r".to_owned()),
            api_version: Some("2024-10-21".to_owned()),
            deployment_name: Some("gpt".to_owned()),
        }
    }

    #[test]
    fn what_was_given_is_shown_and_other_providers_refuse_it() {
        let mut given = Configurations::new();
        let azure = Catalogue::built_in().find("azure-openai").unwrap();
        settings().add_to(azure, &mut given).unwrap();
        let shown = AzureSettings::of(&given);
        assert_eq!(shown.resource_name.as_deref(), Some("r"));
        assert_eq!(shown.api_version.as_deref(), Some("2024-10-21"));
        assert_eq!(shown.deployment_name.as_deref(), Some("gpt"));
        let openai = Catalogue::built_in().find("openai").unwrap();
        let refused = settings().add_to(openai, &mut Configurations::new()).unwrap_err();
        assert_eq!(refused.field, "resourceName");
        AzureSettings::default().add_to(openai, &mut Configurations::new()).unwrap();
    }
}
