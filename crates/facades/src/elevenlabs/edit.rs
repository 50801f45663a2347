//! Translates bodies of ElevenLabs into commands.

use std::collections::BTreeMap;

use ledger_contract::commands::SecretValue;
use ledger_domain::{CheckedText, Connection};
use ledger_providers::Provider;
use serde_json::{Map, Value};

use super::read::{self, Body, Complaint, Given};
use super::types::{AuthType, Is};
use super::{maps, show};
use crate::draft::{Changes, Draft};
use crate::request::FacadeRequest;
use crate::{defaults, settings};

/// Translates a body into a create command.
pub(super) fn creation(request: &FacadeRequest, mut body: Body) -> Result<Draft, Vec<Complaint>> {
    let kind = read::kind(&body, |kind| kind.creatable).map_err(|complaint| vec![complaint])?;
    let mut complaints = Vec::new();
    let mut needed = |name: &'static str, body: &mut Body| match read::text(body, name) {
        Ok(Some(text)) => text,
        Ok(None) => {
            complaints.push(Complaint::missing(name));
            String::new()
        }
        Err(complaint) => {
            complaints.push(complaint);
            String::new()
        }
    };
    let (name, provider) = (needed("name", &mut body), needed("provider", &mut body));
    let Given { config, secrets } =
        read::fields(&mut body, kind.fields.iter()).map_err(|complaint| vec![complaint])?;
    let given = |name: &str| config.contains_key(name) || secrets.contains_key(name);
    let missing = kind.fields.iter().filter(|field| field.is_required() && !given(field.name));
    complaints.extend(missing.map(|field| Complaint::missing(field.name)));
    if !complaints.is_empty() {
        return Err(complaints);
    }
    let known = request.provider(&provider);
    let mut secrets: BTreeMap<String, SecretValue> =
        secrets.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let config = config.into_iter().map(|(name, value)| {
        let mut value = without_nulls(value);
        if let Value::Object(entries) = &mut value {
            let sealed = maps::take_secrets(None, known, name, entries).into_iter();
            secrets.extend(sealed.filter_map(|(field, value)| Some((field, value?))));
        }
        (name.to_owned(), value)
    });
    let config: BTreeMap<String, Value> = config.collect();
    Ok(Draft {
        display_name: Some(name),
        auth_method: kind.method,
        config,
        secrets,
        ..defaults::of(request, provider)
    })
}

/// Translates a body into an update command. Omitted and null fields stay unchanged.
pub(super) fn revision(
    connection: &Connection,
    provider: Option<&Provider>,
    mut body: Body,
) -> Result<Changes, Complaint> {
    let (shown_as, _) = show::kind_of(connection, provider);
    if body.get("auth_type").is_none_or(Value::is_null) {
        body.insert("auth_type".to_owned(), shown_as.word.into());
    }
    let kind = read::kind(&body, |kind| kind.updatable)?;
    if kind.word != shown_as.word {
        let message = format!("Input should be {}, which the connection is", shown_as.word);
        return Err(Complaint::wrong("auth_type", message));
    }
    refuse_fixed(connection, provider, kind, &body)?;
    let changeable = kind.fields.iter().filter(|field| field.is != Is::Fixed);
    let Given { config, secrets } = read::fields(&mut body, changeable)?;
    let mut sealed = maps::SecretChanges::new();
    let config = config.into_iter().map(|(name, mut value)| {
        let stored = settings::config(connection, provider, name);
        if let Value::Object(entries) = &mut value {
            sealed.extend(maps::take_secrets(Some(connection), provider, name, entries));
        }
        let new = match (value, stored) {
            (Value::Object(changes), Some((_, old))) => merged(old.text(), changes),
            (value, _) => without_nulls(value),
        };
        let name = stored.map_or(name, |(stored, _)| stored.as_str());
        (name.to_owned(), Some(new))
    });
    let config: BTreeMap<String, Option<Value>> = config.collect();
    let secrets = secrets.into_iter().map(|(name, value)| {
        let main = || settings::main_secret(connection, provider).filter(|_| name == "token");
        let stored = settings::secret(connection, provider, name).or_else(main);
        let name = stored.map_or(name, |(stored, _)| stored.as_str());
        (name.to_owned(), Some(value))
    });
    Ok(Changes {
        display_name: read::text(&mut body, "name")?.map(Some),
        provider: read::text(&mut body, "provider")?,
        config,
        secrets: secrets.chain(sealed).collect(),
        ..Changes::default()
    })
}

/// Refuses another value of a field that is fixed once a connection is made.
fn refuse_fixed(
    connection: &Connection,
    provider: Option<&Provider>,
    kind: &AuthType,
    body: &Body,
) -> Result<(), Complaint> {
    let fixed = kind.fields.iter().filter(|field| field.is == Is::Fixed);
    for name in fixed.map(|field| field.name) {
        let Some(value) = body.get(name).filter(|value| !value.is_null()) else { continue };
        let stored = settings::config(connection, provider, name);
        if !stored.is_some_and(|(_, stored)| settings::is_value(stored, value)) {
            return Err(Complaint::wrong(name, "cannot be changed".to_owned()));
        }
    }
    Ok(())
}

/// Merges changes into a stored map; null removes a key.
fn merged(old: &str, changes: Map<String, Value>) -> Value {
    let mut map: Map<String, Value> = serde_json::from_str(old).unwrap_or_default();
    for (key, value) in changes {
        match value {
            Value::Null => map.remove(&key),
            value => map.insert(key, value),
        };
    }
    Value::Object(map)
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            map.into_iter().filter(|(_, value)| !value.is_null()).collect::<Map<_, _>>().into()
        }
        value => value,
    }
}
