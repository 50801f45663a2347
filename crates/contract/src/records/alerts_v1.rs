//! Version 1 of the data of events about alerts.

use std::collections::{BTreeMap, BTreeSet};

use ledger_domain::{
    AlertEvent, AlertHappened, AlertName, AlertReceiver, AlertSelection, AlertSettings, Line,
    Micros, Position, Prose, SignatureScheme, Signing,
};
use schemars::{JsonSchema, Schema, schema_for};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::parts_v1::mirrors;
use crate::shape::{self, Read, Shape, Written};

mirrors!(SigningV1 => Signing);

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Signing")]
struct SigningV1 {
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    scheme: SignatureScheme,
    /// What the secret follows from, besides a key of the ledger.
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    salt: Line,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    public_key: Option<Line>,
}

/// What is set of an alert.
#[derive(Serialize, Deserialize, JsonSchema)]
struct SettingsV1 {
    /// Where its messages go: a URL, of the scheme `mailto` for mail.
    #[serde(rename = "url", with = "shape")]
    #[schemars(with = "String")]
    receiver: AlertReceiver,
    #[serde(with = "shape")]
    #[schemars(with = "Vec<String>")]
    on: BTreeSet<Line>,
    #[serde(default, with = "shape", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    provider: Option<Line>,
    #[serde(default, with = "shape", skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, String>")]
    labels: BTreeMap<Line, Prose>,
    enabled: bool,
}

impl Shape for AlertSettings {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let AlertSettings { receiver, selection, enabled } = self.clone();
        let AlertSelection { on, provider, labels } = selection;
        SettingsV1 { receiver, on, provider, labels, enabled }.serialize(serializer)
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let SettingsV1 { receiver, on, provider, labels, enabled } =
            SettingsV1::deserialize(deserializer)?;
        Ok(Self { receiver, selection: AlertSelection { on, provider, labels }, enabled })
    }
}

#[derive(Serialize)]
struct Data<'a> {
    alert: Written<'a, AlertName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settings: Option<Written<'a, AlertSettings>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signing: Option<Written<'a, Signing>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    former_until: Option<Written<'a, Micros>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    because: Option<&'a str>,
}

/// The data of an event about an alert, to serialize.
pub(super) struct AlertOut<'a>(pub(super) &'a AlertEvent);

impl Serialize for AlertOut<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let AlertEvent { name, happened } = self.0;
        let mut data = Data {
            alert: Written(name),
            settings: None,
            signing: None,
            former_until: None,
            position: None,
            because: None,
        };
        match happened {
            AlertHappened::Created { settings, signing } => {
                data.settings = Some(Written(settings));
                data.signing = Some(Written(signing));
            }
            AlertHappened::Updated { settings } => data.settings = Some(Written(settings)),
            AlertHappened::SecretRotated { signing, former_until } => {
                data.signing = Some(Written(signing));
                data.former_until = former_until.as_ref().map(Written);
            }
            AlertHappened::Replayed { position } => data.position = position.map(Position::get),
            AlertHappened::Disabled { because } => data.because = Some(because.as_str()),
            AlertHappened::Tested | AlertHappened::Removed => {}
        }
        data.serialize(s)
    }
}

#[derive(Deserialize, JsonSchema)]
struct CreatedIn {
    #[schemars(with = "String")]
    alert: Read<AlertName>,
    #[schemars(with = "SettingsV1")]
    settings: Read<AlertSettings>,
    #[schemars(with = "SigningV1")]
    signing: Read<Signing>,
}

#[derive(Deserialize, JsonSchema)]
struct UpdatedIn {
    #[schemars(with = "String")]
    alert: Read<AlertName>,
    #[schemars(with = "SettingsV1")]
    settings: Read<AlertSettings>,
}

#[derive(Deserialize, JsonSchema)]
struct RotatedIn {
    #[schemars(with = "String")]
    alert: Read<AlertName>,
    #[schemars(with = "SigningV1")]
    signing: Read<Signing>,
    /// Until when the former secret signs as well; not at all if absent.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    former_until: Option<Read<Micros>>,
}

#[derive(Deserialize, JsonSchema)]
struct ReplayedIn {
    #[schemars(with = "String")]
    alert: Read<AlertName>,
    /// The position of the event of one dead letter; all if absent.
    #[serde(default)]
    position: Option<u64>,
}

#[derive(Deserialize, JsonSchema)]
struct DisabledIn {
    #[schemars(with = "String")]
    alert: Read<AlertName>,
    #[schemars(with = "String")]
    because: Read<Line>,
}

#[derive(Deserialize, JsonSchema)]
struct NamedIn {
    #[schemars(with = "String")]
    alert: Read<AlertName>,
}

/// Returns whether [`read`] reads the data of an event type in a version.
pub(super) fn is_known(type_name: &str, schema: u32) -> bool {
    AlertEvent::TYPE_NAMES.contains(&type_name) && schema == 1
}

/// Reads the data of an event about an alert.
pub(super) fn read<'de, D>(type_name: &str, d: D) -> Result<AlertEvent, D::Error>
where
    D: Deserializer<'de>,
{
    let (name, happened) = match type_name {
        "alert_created" => {
            let CreatedIn { alert, settings, signing } = CreatedIn::deserialize(d)?;
            (alert, AlertHappened::Created { settings: settings.0, signing: signing.0 })
        }
        "alert_updated" => {
            let UpdatedIn { alert, settings } = UpdatedIn::deserialize(d)?;
            (alert, AlertHappened::Updated { settings: settings.0 })
        }
        "alert_secret_rotated" => {
            let RotatedIn { alert, signing, former_until } = RotatedIn::deserialize(d)?;
            let former_until = former_until.map(|read| read.0);
            (alert, AlertHappened::SecretRotated { signing: signing.0, former_until })
        }
        "alert_replayed" => {
            let ReplayedIn { alert, position } = ReplayedIn::deserialize(d)?;
            (alert, AlertHappened::Replayed { position: position.map(Position::new) })
        }
        "alert_disabled" => {
            let DisabledIn { alert, because } = DisabledIn::deserialize(d)?;
            (alert, AlertHappened::Disabled { because: because.0 })
        }
        "alert_tested" => (NamedIn::deserialize(d)?.alert, AlertHappened::Tested),
        _ => (NamedIn::deserialize(d)?.alert, AlertHappened::Removed),
    };
    Ok(AlertEvent { name: name.0, happened })
}

/// Returns the schema of the data of such an event.
pub(super) fn schema(type_name: &str) -> Option<Schema> {
    Some(match type_name {
        "alert_created" => schema_for!(CreatedIn),
        "alert_updated" => schema_for!(UpdatedIn),
        "alert_secret_rotated" => schema_for!(RotatedIn),
        "alert_replayed" => schema_for!(ReplayedIn),
        "alert_disabled" => schema_for!(DisabledIn),
        "alert_tested" | "alert_removed" => schema_for!(NamedIn),
        _ => return None,
    })
}
