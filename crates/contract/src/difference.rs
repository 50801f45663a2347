//! How two states of a connection differ, field by field.
//!
//! States are compared as their views are written, so that no digit of a number is lost and no
//! secret can appear. A map is compared key by key.

use std::collections::BTreeMap;

use ledger_domain::Connection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::view::ConnectionView;

/// The fields of a view that are maps.
const MAPS: [&str; 4] = ["annotations", "config", "labels", "secrets"];
/// The map whose values are told as generations only.
const SECRETS: &str = "secrets";
/// What tells one version from another, and is no change of its own.
const OF_VERSIONS: [&str; 4] = ["position", "updated_at", "updated_by", "version"];

/// The fields of a view, by name.
type Fields = BTreeMap<String, Box<RawValue>>;

/// A field in which two states differ.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct FieldChange {
    /// Its name; that of a map's member follows the map's: `config.base_url`.
    pub field: String,
    /// What it was; absent if it was not there. Of a secret, only its generation, the one that is
    /// still revealed beside it, and whether it is a reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Box<RawValue>>,
    /// What it is afterwards; absent if it is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Box<RawValue>>,
}

/// One operation of a JSON Patch (RFC 6902).
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct PatchOperation {
    /// `add`, `remove` or `replace`.
    pub op: String,
    /// Where, as a JSON Pointer (RFC 6901) into the view of the connection.
    pub path: String,
    /// The new value; absent for `remove`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Box<RawValue>>,
}

/// The difference between two states of a connection, of which the first or both may not exist.
#[derive(Debug, Default)]
pub struct Difference {
    changed: Vec<Changed>,
}

#[derive(Debug)]
struct Changed {
    /// The name of the field and, if it is a map, of the member.
    path: Vec<String>,
    before: Option<Box<RawValue>>,
    after: Option<Box<RawValue>>,
}

/// What a secret is told as.
#[derive(Deserialize)]
struct SecretPart {
    generation: u64,
    #[serde(default)]
    reference: Option<Box<RawValue>>,
    #[serde(default)]
    former: Option<FormerPart>,
    #[serde(default)]
    compromised: Option<u64>,
}

#[derive(Deserialize)]
struct FormerPart {
    generation: u64,
}

impl SecretPart {
    fn told(&self) -> String {
        let reference = if self.reference.is_some() { ", a reference" } else { "" };
        let former = self.former.as_ref().map(|former| format!(", beside {}", former.generation));
        let compromised = self.compromised.map(|last| format!(", compromised up to {last}"));
        let (former, compromised) = (former.unwrap_or_default(), compromised.unwrap_or_default());
        format!("generation {}{reference}{former}{compromised}", self.generation)
    }
}

impl Difference {
    /// Compares two states.
    ///
    /// Errors: none that a connection can cause; views have a JSON form.
    pub fn between(
        before: Option<&Connection>,
        after: Option<&Connection>,
    ) -> serde_json::Result<Self> {
        let (before, after) = (fields(before)?, fields(after)?);
        let mut changed = Vec::new();
        for (name, old, new) in pairs(before, after) {
            let is_map = MAPS.contains(&name.as_str());
            match (old, new) {
                (Some(old), Some(new)) if is_map => {
                    let members = pairs(members(&old)?, members(&new)?);
                    let members = members
                        .filter(|(_, old, new)| text(old.as_deref()) != text(new.as_deref()));
                    changed.extend(members.map(|(member, before, after)| Changed {
                        path: vec![name.clone(), member],
                        before,
                        after,
                    }));
                }
                (before, after) if text(before.as_deref()) != text(after.as_deref()) => {
                    changed.push(Changed { path: vec![name], before, after });
                }
                _ => {}
            }
        }
        Ok(Self { changed })
    }

    /// Returns the names of the fields that differ.
    pub fn names(&self) -> Vec<String> {
        self.told().map(|changed| changed.path.join(".")).collect()
    }

    /// Returns the fields that differ, for people.
    pub fn changes(&self) -> serde_json::Result<Vec<FieldChange>> {
        let change = |changed: &Changed| {
            Ok(FieldChange {
                field: changed.path.join("."),
                before: changed.told(changed.before.as_deref())?,
                after: changed.told(changed.after.as_deref())?,
            })
        };
        self.told().map(change).collect()
    }

    /// Returns what makes the second view of the first one.
    pub fn patch(&self) -> Vec<PatchOperation> {
        self.changed.iter().map(Changed::operation).collect()
    }

    fn told(&self) -> impl Iterator<Item = &Changed> {
        let is_of_version = |name: &String| OF_VERSIONS.contains(&name.as_str());
        self.changed.iter().filter(move |changed| !changed.path.first().is_some_and(is_of_version))
    }
}

impl Changed {
    /// Returns a value as people are told of it.
    fn told(&self, value: Option<&RawValue>) -> serde_json::Result<Option<Box<RawValue>>> {
        match (value, self.path.as_slice()) {
            (Some(secret), [map, _]) if map == SECRETS => {
                let secret: SecretPart = serde_json::from_str(secret.get())?;
                to_raw_value(&secret.told()).map(Some)
            }
            (value, _) => Ok(value.map(ToOwned::to_owned)),
        }
    }

    fn operation(&self) -> PatchOperation {
        let op = match (&self.before, &self.after) {
            (None, _) => "add",
            (_, None) => "remove",
            (Some(_), Some(_)) => "replace",
        };
        let escaped = self.path.iter().map(|name| name.replace('~', "~0").replace('/', "~1"));
        let path = escaped.fold(String::new(), |path, name| path + "/" + &name);
        PatchOperation { op: op.to_owned(), path, value: self.after.clone() }
    }
}

fn text(value: Option<&RawValue>) -> Option<&str> {
    value.map(RawValue::get)
}

/// Returns the fields of a state; none if it does not exist.
fn fields(state: Option<&Connection>) -> serde_json::Result<Fields> {
    match state {
        Some(state) => serde_json::from_str(&serde_json::to_string(&ConnectionView::of(state))?),
        None => Ok(Fields::new()),
    }
}

fn members(map: &RawValue) -> serde_json::Result<Fields> {
    serde_json::from_str(map.get())
}

/// Returns every name in either, with its values in both, by name.
fn pairs(
    before: Fields,
    mut after: Fields,
) -> impl Iterator<Item = (String, Option<Box<RawValue>>, Option<Box<RawValue>>)> {
    let mut all = Vec::with_capacity(before.len());
    for (name, old) in before {
        let new = after.remove(&name);
        all.push((name, Some(old), new));
    }
    all.extend(after.into_iter().map(|(name, new)| (name, None, Some(new))));
    all.sort_by(|(one, ..), (other, ..)| one.cmp(other));
    all.into_iter()
}
