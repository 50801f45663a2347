//! Plans for connections.

use std::collections::BTreeMap;

use ledger_contract::view::masked;
use ledger_domain::FieldName;
use ledger_vault::Plaintext;
use serde_json::{Map, Value, json};

use super::fields::{Difference, apart, compare};
use super::others::empty;
use super::{Action, Archived, FieldChange, Options, Plan, Step, access};
use crate::applied::{APPLIED, Applied, Shown, hash, shown};
use crate::form;
use crate::live::{Live, LiveSecret};
use crate::manifest::{ConnectionItem, SecretSource};

/// Plans a connection. `live` is the one of its name that is there, and `archived` those of its
/// name that are archived.
pub fn connection(
    item: &ConnectionItem,
    live: Option<&Live>,
    archived: &[Live],
    options: Options<'_>,
) -> Plan {
    if let Some(live) = live {
        return update(item, live, options);
    }
    match (options.archived, archived) {
        (_, []) | (Archived::New, _) => create(item, options),
        (Archived::Restore, [one]) => restore(item, one, options),
        (_, _) => {
            let mut plan = empty("connection", &item.name());
            plan.action = Action::Refuse(match archived {
                [one] => format!(
                    "an archived connection had this name ({}); --archived restore brings it \
                     back, --archived new makes another one",
                    one.id
                ),
                several => format!(
                    "{} archived connections had this name; --archived new makes another one, and \
                     `connledger restore ID` brings one back",
                    several.len()
                ),
            });
            plan
        }
    }
}

/// Plans to archive a connection that nothing declares any more.
pub fn archive(live: &Live) -> Plan {
    let mut plan = of(live);
    plan.action = Action::Archive;
    let reason = "no manifest declares it any more";
    plan.steps.push(Step::new("archive", json!({ "reason": reason })));
    plan
}

/// Returns a plan for a connection that is there, in which nothing is to be done.
fn of(live: &Live) -> Plan {
    let mut plan = empty("connection", &format!("{}/{}", live.workspace, live.slug));
    plan.id = Some(live.id.clone());
    plan.version = Some(live.version);
    let who = format!("{} at {}", live.updated_by, live.updated_at);
    plan.drift = live.drift().map(|drift| (drift, who));
    plan
}

fn create(item: &ConnectionItem, options: Options<'_>) -> Plan {
    let mut plan = empty("connection", &item.name());
    let kept = |source: &SecretSource| matches!(source, SecretSource::Keep);
    if let Some((field, _)) = item.secrets.iter().find(|(_, source)| kept(source)) {
        plan.action = Action::Refuse(format!(
            "secrets.{field}: there is nothing to keep, because the connection is not there; give \
             it from_env, from_file or a reference"
        ));
        return plan;
    }
    plan.action = Action::Create;
    let denials: Vec<Step> = access::denials(&item.fields).collect();
    let given = item.secrets.iter().filter(|(_, source)| !matches!(source, SecretSource::Remove));
    let given: BTreeMap<&String, &SecretSource> = given.collect();
    let secrets: Shown =
        given.iter().map(|(field, source)| ((*field).clone(), after(field, source))).collect();
    let applied = Applied {
        set: options.set.to_owned(),
        hash: hash(&item.fields, &secrets),
        version: 1 + denials.len() as u64,
        generations: given.keys().map(|field| ((*field).clone(), 1)).collect(),
    };
    let mut body = form::body(&item.fields);
    body.insert("slug".to_owned(), json!(item.slug));
    put_applied(&mut body, &applied);
    let mut step = Step::new("create", Value::Object(body));
    step.secrets = given.keys().map(|field| (*field).clone()).collect();
    plan.steps.push(step);
    plan.steps.extend(denials);
    plan
}

fn restore(item: &ConnectionItem, archived: &Live, options: Options<'_>) -> Plan {
    // It has one version more once it is restored.
    let restored = Live { version: archived.version + 1, ..archived.clone() };
    let mut plan = update(item, &restored, Options { updates: true, ..options });
    if matches!(plan.action, Action::Refuse(_)) {
        return plan;
    }
    plan.action = Action::Restore;
    plan.drift = None;
    plan.version = Some(archived.version);
    plan.steps.insert(0, Step::new("restore", json!({ "slug": item.slug })));
    plan
}

/// What is to be sent of the secrets of a connection.
#[derive(Default)]
struct Secrets {
    changes: Vec<FieldChange>,
    /// Fields that differ.
    differing: Vec<String>,
    /// Fields whose value may differ, although they show the same.
    uncertain: Vec<String>,
    /// Fields to remove.
    removed: Vec<String>,
}

fn update(item: &ConnectionItem, live: &Live, options: Options<'_>) -> Plan {
    let mut plan = of(live);
    let refuse = |mut plan: Plan, message: String| {
        plan.action = Action::Refuse(message);
        plan
    };
    let secrets = match secrets(item, live) {
        Ok(secrets) => secrets,
        Err(message) => return refuse(plan, message),
    };
    let Difference { mut changes, mut body } = compare(&live.fields, &item.fields);
    let grants = match access::steps(&live.fields, &item.fields) {
        Ok(steps) => steps,
        Err(message) => return refuse(plan, message),
    };
    changes.extend(secrets.changes.iter().cloned());
    plan.notes.extend(undeclared(item, live));
    if live.slug != item.slug {
        // Only its case differs, or it would be another one.
        body.insert("slug".to_owned(), json!(item.slug));
        changes.push(FieldChange {
            field: "slug".to_owned(),
            before: Some(json!(live.slug)),
            after: Some(json!(item.slug)),
        });
    }
    let adopts = options.adopts && live.applied.is_none();
    if changes.is_empty() && !adopts {
        if options.updates {
            plan.steps = compared(item, live, &secrets, live.version, options);
        }
        return plan;
    }
    plan.changes = changes;
    if !options.updates {
        let fields: Vec<&str> = plan.changes.iter().map(|one| one.field.as_str()).collect();
        let message = format!(
            "is there already, and differs in {}; --update makes it what the file says",
            fields.join(", ")
        );
        return refuse(plan, message);
    }
    plan.action = Action::Update;
    plan.steps = steps(item, live, &secrets, body, grants, options);
    plan
}

/// Returns the commands of an update: first what is remembered of the run, so that a run that is
/// ended in the middle is told from a change by hand.
fn steps(
    item: &ConnectionItem,
    live: &Live,
    secrets: &Secrets,
    body: Map<String, Value>,
    grants: Vec<Step>,
    options: Options<'_>,
) -> Vec<Step> {
    let mut rest = apart(&live.fields, &item.fields);
    rest.extend(grants);
    let version = live.version + 1 + rest.len() as u64;
    let applied = applied(item, live, secrets, version, options);
    let mut body = body;
    put_applied(&mut body, &applied);
    put_removed(&mut body, secrets);
    let mut first = Step::new("update", Value::Object(body));
    first.secrets.clone_from(&secrets.differing);
    let mut steps = vec![first];
    steps.extend(rest);
    steps.extend(compared(item, live, secrets, version, options));
    steps
}

/// Returns the commands that have the ledger compare values which show the same, and remember the
/// run if one was another.
fn compared(
    item: &ConnectionItem,
    live: &Live,
    secrets: &Secrets,
    version: u64,
    options: Options<'_>,
) -> Vec<Step> {
    if secrets.uncertain.is_empty() {
        return Vec::new();
    }
    let mut first = Step::new("update", json!({}));
    first.secrets.clone_from(&secrets.uncertain);
    first.may_be_nothing = true;
    let mut applied = applied(item, live, secrets, version + 2, options);
    if let ([one], generations) = (secrets.uncertain.as_slice(), &mut applied.generations) {
        generations.entry(one.clone()).and_modify(|number| *number += 1);
    } else {
        // Which of several was another one is not known before.
        applied.generations.retain(|field, _| !secrets.uncertain.contains(field));
    }
    let mut body = Map::new();
    put_applied(&mut body, &applied);
    vec![first, Step::new("update", Value::Object(body))]
}

/// Returns what is remembered of a run.
fn applied(
    item: &ConnectionItem,
    live: &Live,
    secrets: &Secrets,
    version: u64,
    options: Options<'_>,
) -> Applied {
    let mut after: Shown =
        live.secrets.iter().map(|(field, secret)| (field.clone(), shown(secret))).collect();
    let mut generations: BTreeMap<String, u64> =
        live.secrets.iter().map(|(field, secret)| (field.clone(), secret.generation)).collect();
    for field in &secrets.removed {
        after.remove(field);
        generations.remove(field);
    }
    for field in &secrets.differing {
        let source = item.secrets.get(field);
        after.extend(source.map(|source| (field.clone(), self::after(field, source))));
        match live.secrets.get(field) {
            Some(secret) => generations.insert(field.clone(), secret.generation + 1),
            None => generations.remove(field),
        };
    }
    let hash = hash(&item.fields, &after);
    Applied { set: options.set.to_owned(), hash, version, generations }
}

fn put_applied(body: &mut Map<String, Value>, applied: &Applied) {
    let annotations = body.entry("annotations").or_insert_with(|| json!({}));
    if let Value::Object(entries) = annotations {
        entries.insert(APPLIED.to_owned(), applied.to_value());
    }
}

fn put_removed(body: &mut Map<String, Value>, secrets: &Secrets) {
    if !secrets.removed.is_empty() {
        let removed = secrets.removed.iter().map(|field| (field.clone(), Value::Null));
        body.insert("secrets".to_owned(), Value::Object(removed.collect()));
    }
}

/// Compares what secret fields are given with what they show.
fn secrets(item: &ConnectionItem, live: &Live) -> Result<Secrets, String> {
    let mut secrets = Secrets::default();
    for (field, source) in &item.secrets {
        let known = live.secrets.get(field);
        match (source, known) {
            (SecretSource::Remove, None) | (SecretSource::Keep, Some(_)) => continue,
            (SecretSource::Keep, None) => {
                return Err(format!("secrets.{field}: there is nothing to keep"));
            }
            (SecretSource::Remove, Some(_)) => secrets.removed.push(field.clone()),
            (_, Some(known)) if shown(known) == after(field, source) => {
                if source.value().is_none() {
                    continue;
                }
                let applied = live.applied.as_ref();
                let left = applied.and_then(|applied| applied.generations.get(field));
                if left.is_none_or(|left| *left == known.generation) {
                    secrets.uncertain.push(field.clone());
                    continue;
                }
                // It was rotated since, to a value that shows the same.
                secrets.differing.push(field.clone());
            }
            _ => secrets.differing.push(field.clone()),
        }
        let is_removed = matches!(source, SecretSource::Remove);
        secrets.changes.push(FieldChange {
            field: format!("secrets.{field}"),
            before: known.map(|known| before(known, &after(field, source))),
            after: (!is_removed).then(|| after(field, source)),
        });
    }
    Ok(secrets)
}

/// Returns what a secret field shows, and its generation if it will show the same.
fn before(known: &LiveSecret, after: &Value) -> Value {
    match shown(known) {
        Value::String(mask) if *after == mask => {
            format!("{mask} of generation {}", known.generation).into()
        }
        shown => shown,
    }
}

/// Returns what a secret field will show.
fn after(field: &str, source: &SecretSource) -> Value {
    match source {
        SecretSource::Reference(reference) => Value::Object(reference.clone()),
        _ => source.value().map(|value| mask(field, value)).unwrap_or_default().into(),
    }
}

/// Returns the mask under which the ledger will show a value.
fn mask(field: &str, value: &Plaintext) -> String {
    match FieldName::parse("secrets", field) {
        Ok(field) => masked(&value.hint(&field)),
        Err(_) => String::new(),
    }
}

/// Names the secret fields that are there and not declared.
fn undeclared(item: &ConnectionItem, live: &Live) -> Option<String> {
    let others = live.secrets.keys().filter(|field| !item.secrets.contains_key(*field));
    let others: Vec<&str> = others.map(String::as_str).collect();
    (!others.is_empty())
        .then(|| format!("not declared, and kept: secret {}; null removes it", others.join(", ")))
}
