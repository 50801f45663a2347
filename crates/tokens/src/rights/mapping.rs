//! Maps values of a claim to grants.

use std::collections::{BTreeMap, BTreeSet};

use ledger_contract::commands::PermissionBody;
use ledger_domain::principal::{Grant, Scope, Workspaces, check_grants};
use serde_json::{Map, Value};

/// Maximum number of mapped values.
const VALUES_MAX: usize = 4_096;

/// Names with a meaning by default, so that the roles of other products' integrations keep theirs.
/// None gives `administer`: an issuer may use any such name for administrators of its own.
const BUILT_IN: [(&str, &[Scope]); 5] = [
    ("integrations:list", &[Scope::Read]),
    ("integrations:get", &[Scope::Read]),
    ("integrations:create", &[Scope::Write, Scope::Rotate]),
    ("integrations:update", &[Scope::Write, Scope::Rotate]),
    ("integrations:delete", &[Scope::Write]),
];

/// Maps values of a claim to grants. A value mapped to an empty list grants nothing, even if its
/// name has a default meaning.
#[derive(Clone, Debug, Default)]
pub struct Mapping(BTreeMap<String, Vec<Grant>>);

/// File format of a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MappingForm {
    /// TOML: one table for each value.
    Toml,
    /// JSON: an object with one member for each value.
    Json,
}

impl Mapping {
    /// Parses a mapping, which gives each value one permission or a list of them, in the form of
    /// principals.
    ///
    /// Errors: a sentence that names the invalid value.
    pub fn read(form: MappingForm, text: &str) -> Result<Self, String> {
        let values: Map<String, Value> = match form {
            MappingForm::Toml => toml::from_str(text).map_err(|error| error.to_string())?,
            MappingForm::Json => serde_json::from_str(text).map_err(|error| error.to_string())?,
        };
        if values.len() > VALUES_MAX {
            return Err(format!("it maps {} values, more than 4,096", values.len()));
        }
        let read = |(value, permissions): (String, Value)| {
            let grants = read_grants(permissions).map_err(|error| format!("{value:?}: {error}"))?;
            Ok((value, grants))
        };
        values.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// Returns the grants of a value.
    pub(super) fn grants(&self, value: &str) -> Vec<Grant> {
        if let Some(grants) = self.0.get(value) {
            return grants.clone();
        }
        let built_in = BUILT_IN.iter().find(|(name, _)| *name == value);
        built_in.map(|(_, scopes)| everywhere(scopes)).into_iter().collect()
    }
}

fn read_grants(permissions: Value) -> Result<Vec<Grant>, String> {
    let permissions = match permissions {
        Value::Array(list) => list,
        one => vec![one],
    };
    let read = |permission: Value| {
        let body: PermissionBody =
            serde_json::from_value(permission).map_err(|error| error.to_string())?;
        body.check().map_err(|invalid| invalid.to_string())
    };
    let grants: Vec<_> = permissions.into_iter().map(read).collect::<Result<_, _>>()?;
    check_grants(&grants).map_err(|invalid| invalid.to_string())?;
    Ok(grants)
}

fn everywhere(scopes: &[Scope]) -> Grant {
    Grant {
        scopes: scopes.iter().copied().collect(),
        workspaces: Workspaces::All,
        providers: BTreeSet::new(),
        labels: BTreeMap::new(),
    }
}
