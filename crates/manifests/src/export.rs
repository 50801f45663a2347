//! Writes manifests of what is there.

use std::collections::{BTreeMap, HashSet};

use ledger_contract::queries::{PrincipalView, WorkspaceView};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::{Value, json};

use crate::live::Live;
use crate::manifest::{ConnectionItem, SecretSource};
use crate::read::FORM;

/// Members in the order in which people read them. Others follow.
const ORDER: [&str; 10] = [
    "name",
    "workspace",
    "slug",
    "provider",
    "provider_version",
    "display_name",
    "description",
    "kind",
    "environment",
    "auth_method",
];

/// What is written in the place of a value, which no export has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExportedSecrets {
    /// `keep: true`: whatever the ledger has.
    #[default]
    Keep,
    /// `from_env` with a name that is made of the connection's and the field's.
    Environment,
}

/// Collects what a manifest is to declare, and writes it.
#[derive(Debug, Default, Serialize)]
pub struct Exporter {
    connledger: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    workspaces: Vec<Entry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    principals: Vec<Entry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    connections: Vec<Entry>,
    #[serde(skip)]
    secrets: ExportedSecrets,
    /// The names of variables that are taken.
    #[serde(skip)]
    variables: HashSet<String>,
}

/// Members, written in [`ORDER`].
#[derive(Debug)]
struct Entry(BTreeMap<String, Value>);

impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for name in ORDER {
            if let Some(value) = self.0.get(name) {
                map.serialize_entry(name, value)?;
            }
        }
        for (name, value) in self.0.iter().filter(|(name, _)| !ORDER.contains(&name.as_str())) {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl Exporter {
    /// Creates an empty manifest.
    pub fn new(secrets: ExportedSecrets) -> Self {
        Self { connledger: FORM, secrets, ..Self::default() }
    }

    /// Adds a workspace.
    pub fn workspace(&mut self, view: &WorkspaceView) {
        let members = [
            ("name", Some(json!(view.name))),
            ("display_name", view.display_name.as_ref().map(|name| json!(name))),
        ];
        self.workspaces.push(entry(members));
    }

    /// Adds a principal, without its keys.
    pub fn principal(&mut self, view: &PrincipalView) {
        let grants = Some(json!(view.grants)).filter(|_| !view.grants.is_empty());
        let members = [
            ("name", Some(json!(view.principal))),
            ("kind", Some(json!(view.kind))),
            ("display_name", view.display_name.as_ref().map(|name| json!(name))),
            ("enabled", (!view.enabled).then_some(Value::Bool(false))),
            ("grants", grants),
        ];
        self.principals.push(entry(members));
    }

    /// Adds a connection that is there.
    pub fn connection(&mut self, live: &Live) {
        let mut secrets = BTreeMap::new();
        for (field, secret) in &live.secrets {
            let given = match &secret.reference {
                Some(reference) => json!({ "reference": reference }),
                None => self.value(&live.workspace, &live.slug, field),
            };
            secrets.insert(field, given);
        }
        let members = live.fields.iter().map(|(name, value)| (name.as_str(), Some(value.clone())));
        let own = [
            ("workspace", Some(json!(live.workspace))),
            ("slug", Some(json!(live.slug))),
            ("secrets", (!secrets.is_empty()).then(|| json!(secrets))),
        ];
        self.connections.push(entry(members.chain(own)));
    }

    /// Adds a connection that a file of another product describes. No value is written: what the
    /// file has in the clear is to come from a variable.
    pub fn item(&mut self, item: &ConnectionItem) {
        let mut secrets = BTreeMap::new();
        for (field, source) in &item.secrets {
            let given = match source {
                SecretSource::Reference(reference) => json!({ "reference": reference }),
                SecretSource::Environment(name) => json!({ "from_env": name }),
                SecretSource::File(path) => json!({ "from_file": path }),
                SecretSource::Keep => json!({ "keep": true }),
                SecretSource::Remove => Value::Null,
                SecretSource::Clear(_) | SecretSource::Read(_) => {
                    json!({ "from_env": self.variable(&item.workspace, &item.slug, field) })
                }
            };
            secrets.insert(field, given);
        }
        let members = item.fields.iter().map(|(name, value)| (name.as_str(), Some(value.clone())));
        let own = [
            ("workspace", Some(json!(item.workspace))),
            ("slug", Some(json!(item.slug))),
            ("secrets", (!secrets.is_empty()).then(|| json!(secrets))),
        ];
        self.connections.push(entry(members.chain(own)));
    }

    /// Returns how many connections were added.
    pub fn len(&self) -> usize {
        self.connections.len()
    }

    /// Returns whether no connection was added.
    pub fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }

    fn value(&mut self, workspace: &str, slug: &str, field: &str) -> Value {
        match self.secrets {
            ExportedSecrets::Keep => json!({ "keep": true }),
            ExportedSecrets::Environment => {
                json!({ "from_env": self.variable(workspace, slug, field) })
            }
        }
    }

    /// Returns a name of a variable that no other field has.
    fn variable(&mut self, workspace: &str, slug: &str, field: &str) -> String {
        let upper = |text: &str| -> String {
            let letter =
                |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
            text.chars().map(letter).collect()
        };
        let plain = format!("{}_{}", upper(slug), upper(field));
        let plain = if plain.starts_with(|c: char| c.is_ascii_digit()) {
            format!("_{plain}")
        } else {
            plain
        };
        let whole = format!("{}_{plain}", upper(workspace));
        let numbered = (2..).map(|number: u64| format!("{whole}_{number}"));
        let mut names = [plain, whole.clone()].into_iter().chain(numbered);
        names.find(|name| self.variables.insert(name.clone())).unwrap_or(whole)
    }

    /// Writes it in YAML.
    ///
    /// # Errors
    /// What the library says of a value that YAML cannot hold, of which there is none.
    pub fn to_yaml(&self) -> Result<String, String> {
        serde_saphyr::to_string(self).map_err(|error| error.to_string())
    }
}

fn entry<'a>(members: impl IntoIterator<Item = (&'a str, Option<Value>)>) -> Entry {
    let members = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Entry(members.collect())
}
