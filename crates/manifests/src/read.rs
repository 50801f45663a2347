//! Reads manifests. What is valid is what the contract takes; this only finds the place of what is
//! not.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ledger_contract::commands::{GivenSecret, ParsedCommand, SecretInput, SecretValue, parse};
use ledger_contract::errors::{Code, Problem};
use ledger_contract::queries::PermissionView;
use ledger_contract::{Declared, declared_by};
use ledger_domain::{FieldName, InvalidField, PrincipalCommand, Slug, WorkspaceName};
use ledger_vault::Plaintext;
use serde_json::{Map, Value, json};

use crate::applied::APPLIED;
use crate::form;
use crate::limits;
use crate::manifest::{ConnectionItem, Manifest, PrincipalItem, SecretSource, WorkspaceItem};
use crate::place::{Complaint, Place};
use crate::shapes::DOCUMENT;
use crate::tree::{self, Data, Node};

/// The version of the form of manifests.
pub const FORM: u64 = 1;

/// Reads files, one after the other, and remembers what is wrong in them.
#[derive(Debug)]
pub struct Reader {
    /// The workspace of connections that name none.
    workspace: String,
    manifest: Manifest,
    complaints: Vec<Complaint>,
    /// Where each thing was declared, by its kind and name.
    seen: HashMap<(&'static str, String), Place>,
}

impl Reader {
    /// Creates a reader. Connections that name no workspace are in `workspace`.
    pub fn new(workspace: &str) -> Self {
        Self {
            workspace: workspace.to_owned(),
            manifest: Manifest::default(),
            complaints: Vec::new(),
            seen: HashMap::new(),
        }
    }

    /// Reads one file. Files that it names are looked for in `folder`.
    pub fn read(&mut self, file: &str, folder: &Path, text: &str) {
        let file: Arc<str> = file.into();
        let nodes = match tree::read(&file, text) {
            Ok(nodes) => nodes,
            Err(complaint) => return self.complain(complaint),
        };
        if nodes.is_empty() {
            let message = "is empty; a manifest begins with `connledger: 1`";
            return self.complain(Complaint::new(Place::file(&file), message));
        }
        for node in &nodes {
            if !self.has_form(&file, node) {
                continue;
            }
            let mut found = Vec::new();
            DOCUMENT.check(&file, node, &mut found);
            let is_sound = found.is_empty();
            for complaint in found {
                self.complain(complaint);
            }
            if is_sound {
                self.document(&Source { file: &file, folder }, node);
            }
        }
    }

    /// Returns what all files declare.
    ///
    /// # Errors
    /// What is wrong in them, if anything is.
    pub fn finish(self) -> Result<Manifest, Vec<Complaint>> {
        if self.complaints.is_empty() { Ok(self.manifest) } else { Err(self.complaints) }
    }

    fn complain(&mut self, complaint: Complaint) {
        if self.complaints.len() < limits::COMPLAINTS {
            self.complaints.push(complaint);
        }
    }

    /// Says whether a document has a form that this program reads.
    fn has_form(&mut self, file: &Arc<str>, node: &Node) -> bool {
        let form = node.get("connledger");
        let message = match form.map(|form| (form, form.to_json().as_u64())) {
            Some((_, Some(FORM))) => return true,
            Some(_) => format!("is a form that this program does not know; it reads {FORM}"),
            None => format!("is no manifest; it begins with `connledger: {FORM}`"),
        };
        self.complain(Complaint::new(form.unwrap_or(node).place(file), message));
        false
    }

    fn document(&mut self, source: &Source<'_>, node: &Node) {
        for item in items(node, "workspaces") {
            match workspace(source, item) {
                Ok(read) if self.is_new("workspace", &read.name, &read.place) => {
                    self.manifest.workspaces.push(read);
                }
                Ok(_) => {}
                Err(complaint) => self.complain(complaint),
            }
        }
        for item in items(node, "principals") {
            match principal(source, item) {
                Ok(read) if self.is_new("principal", &read.name, &read.place) => {
                    self.manifest.principals.push(read);
                }
                Ok(_) => {}
                Err(complaint) => self.complain(complaint),
            }
        }
        for item in items(node, "connections") {
            match connection(source, &self.workspace, item) {
                Ok(read) => self.take_connection(read),
                Err(complaint) => self.complain(complaint),
            }
        }
    }

    fn take_connection(&mut self, read: ConnectionItem) {
        // Slugs are unique without regard to case.
        let folded = format!("{}/{}", read.workspace, read.slug.to_ascii_lowercase());
        if self.is_new("connection", &folded, &read.place) {
            self.manifest.connections.push(read);
        }
    }

    /// Notes a declared name. A second one is a mistake, whichever of both is meant.
    fn is_new(&mut self, kind: &'static str, name: &str, place: &Place) -> bool {
        let key = (kind, name.to_owned());
        let Some(first) = self.seen.get(&key) else {
            self.seen.insert(key, place.clone());
            return true;
        };
        let message = format!("{kind} {name} is declared twice, first at {first}");
        self.complain(Complaint::new(place.clone(), message));
        false
    }
}

/// The file that is read.
struct Source<'a> {
    file: &'a Arc<str>,
    folder: &'a Path,
}

impl Source<'_> {
    /// Complains about a node.
    fn wrong(&self, node: &Node, message: impl Into<String>) -> Complaint {
        Complaint::new(node.place(self.file), message)
    }

    /// Complains in the words of the contract, at the field that they are about.
    fn refused(&self, node: &Node, problem: &Problem) -> Complaint {
        let at = problem.field.as_deref().map_or(node, |field| locate(node, field));
        self.wrong(at, problem.message.clone())
    }

    fn invalid(&self, node: &Node, invalid: &InvalidField) -> Complaint {
        self.wrong(locate(node, &invalid.field), invalid.to_string())
    }
}

/// Finds the node that the name of a field leads to, as far as it does.
fn locate<'a>(node: &'a Node, field: &str) -> &'a Node {
    let Data::Map(members) = &node.data else { return node };
    let leads = |name: &str| {
        let rest = field.strip_prefix(name)?;
        if rest.is_empty() { Some(rest) } else { rest.strip_prefix('.') }
    };
    let next = members.iter().find_map(|(name, child)| Some((child, leads(&name.text)?)));
    next.map_or(node, |(child, rest)| locate(child, rest))
}

fn items<'a>(node: &'a Node, name: &str) -> &'a [Node] {
    match node.get(name).map(|node| &node.data) {
        Some(Data::List(items)) => items,
        _ => &[],
    }
}

/// Returns the members of a map that have a value, but for some.
fn members(node: &Node, without: &[&str]) -> Map<String, Value> {
    let Data::Map(members) = &node.data else { return Map::new() };
    let members = members.iter().filter(|(name, node)| {
        !without.contains(&name.text.as_str()) && !matches!(node.data, Data::Null)
    });
    members.map(|(name, node)| (name.text.clone(), node.to_json())).collect()
}

fn text(node: &Node, name: &str) -> Option<String> {
    node.get(name)?.text().map(str::to_owned)
}

fn required(source: &Source<'_>, node: &Node, name: &str) -> Result<String, Complaint> {
    text(node, name).ok_or_else(|| source.wrong(node, format!("lacks `{name}`")))
}

fn workspace(source: &Source<'_>, node: &Node) -> Result<WorkspaceItem, Complaint> {
    let name = required(source, node, "name")?;
    let checked = WorkspaceName::parse("name", &name);
    let checked = checked.map_err(|invalid| source.invalid(node, &invalid))?;
    let body = json!({ "display_name": text(node, "display_name") });
    let parsed = parse("create-workspace", &checked, None, body.to_string().as_bytes());
    parsed.map_err(|problem| source.refused(node, &problem))?;
    let display_name = text(node, "display_name");
    Ok(WorkspaceItem { place: node.place(source.file), name, display_name })
}

fn principal(source: &Source<'_>, node: &Node) -> Result<PrincipalItem, Complaint> {
    let name = required(source, node, "name")?;
    let mut body = members(node, &["name", "enabled"]);
    body.insert("principal".to_owned(), json!(name));
    let body = Value::Object(body).to_string();
    let somewhere = WorkspaceName::parse("workspace", ledger_contract::subjects::DEFAULT_WORKSPACE);
    let somewhere = somewhere.map_err(|invalid| source.invalid(node, &invalid))?;
    let parsed = parse("create-principal", &somewhere, None, body.as_bytes());
    let parsed = parsed.map_err(|problem| source.refused(node, &problem))?;
    let ParsedCommand::Principal { command, .. } = parsed else {
        return Err(source.wrong(node, "is no principal"));
    };
    let PrincipalCommand::Create(draft) = *command else {
        return Err(source.wrong(node, "is no principal"));
    };
    let grants = draft.grants.iter().map(|grant| json!(PermissionView::of(grant)));
    Ok(PrincipalItem {
        place: node.place(source.file),
        name,
        kind: draft.kind.as_str().to_owned(),
        display_name: draft.display_name.map(|name| name.as_str().to_owned()),
        enabled: !matches!(node.get("enabled").map(|node| &node.data), Some(Data::Switch(false))),
        grants: grants.collect(),
    })
}

fn connection(
    source: &Source<'_>,
    workspace: &str,
    node: &Node,
) -> Result<ConnectionItem, Complaint> {
    let workspace = text(node, "workspace").unwrap_or_else(|| workspace.to_owned());
    let slug = required(source, node, "slug")?;
    required(source, node, "provider")?;
    let invalid = |invalid: InvalidField| source.invalid(node, &invalid);
    let home = WorkspaceName::parse("workspace", &workspace).map_err(invalid)?;
    Slug::parse("slug", &slug).map_err(invalid)?;
    if node.get("annotations").is_some_and(|annotations| annotations.get(APPLIED).is_some()) {
        let message = format!("annotation {APPLIED} is the ledger's own; leave it out");
        return Err(source.wrong(locate(node, "annotations"), message));
    }
    let mut secrets = BTreeMap::new();
    if let Some(Data::Map(members)) = node.get("secrets").map(|node| &node.data) {
        for (field, given) in members {
            secrets.insert(field.text.clone(), secret(source, &field.text, given)?);
        }
    }
    let fields = fields(source, &home, node, &secrets)?;
    Ok(ConnectionItem { place: node.place(source.file), workspace, slug, fields, secrets })
}

/// Returns the form of what is declared, once the contract has taken it.
fn fields(
    source: &Source<'_>,
    home: &WorkspaceName,
    node: &Node,
    secrets: &BTreeMap<String, SecretSource>,
) -> Result<Declared, Complaint> {
    let mut body = members(node, &["workspace", "secrets"]);
    let denied = denied(source, node)?;
    if let Some(Value::Object(access)) = body.get_mut("access") {
        access.remove("denied");
    }
    for field in secrets.keys() {
        if node.get("config").is_some_and(|config| config.get(field).is_some()) {
            let message = format!("is in both config and secrets: {}", told(field));
            return Err(source.wrong(locate(node, &format!("secrets.{field}")), message));
        }
    }
    let mut form =
        checked(home, body, secrets).map_err(|problem| source.refused(node, &problem))?;
    if !denied.is_empty()
        && let Some(Value::Object(access)) = form.get_mut("access")
    {
        access.insert("denied".to_owned(), json!(denied));
    }
    Ok(form)
}

/// Returns the form of a body of `create`, once the contract has taken it.
///
/// Errors: those of the contract.
pub(crate) fn checked(
    home: &WorkspaceName,
    mut body: Map<String, Value>,
    secrets: &BTreeMap<String, SecretSource>,
) -> Result<Declared, Problem> {
    let references = secrets.iter().filter_map(|(field, given)| match given {
        SecretSource::Reference(reference) => {
            Some((field.clone(), json!({ "reference": reference })))
        }
        _ => None,
    });
    body.insert("secrets".to_owned(), Value::Object(references.collect()));
    match parse("create", home, None, Value::Object(body).to_string().as_bytes())? {
        ParsedCommand::Create(new) => Ok(form::of(declared_by(&new))),
        _ => Err(Problem::because(Code::BodyMalformed, "is no connection")),
    }
}

/// Returns the workspaces to which access is denied, in order.
fn denied(source: &Source<'_>, node: &Node) -> Result<Vec<String>, Complaint> {
    let Some(access) = node.get("access") else { return Ok(Vec::new()) };
    let mut names: Vec<String> = Vec::new();
    for item in items(access, "denied") {
        let name = item.text().unwrap_or_default();
        WorkspaceName::parse("denied", name)
            .map_err(|invalid| source.wrong(item, invalid.to_string()))?;
        if access.get("workspaces").is_some_and(|granted| granted.get(name).is_some()) {
            return Err(source.wrong(item, format!("{name} is both granted and denied access")));
        }
        names.push(name.to_owned());
    }
    let is_for_all = access.get("everyone").is_some_and(|all| !matches!(all.data, Data::Null));
    if !names.is_empty() && !is_for_all {
        let message = "takes `everyone`; without it, only workspaces with a grant have access";
        return Err(source.wrong(locate(access, "denied"), message));
    }
    names.sort();
    names.dedup();
    Ok(names)
}

/// Reads what a secret field is given.
fn secret(source: &Source<'_>, field: &str, node: &Node) -> Result<SecretSource, Complaint> {
    FieldName::parse("secrets", field)
        .map_err(|invalid| source.wrong(node, invalid.to_string()))?;
    let clear = |text: &str, node: &Node| {
        let value = check_value(field, Plaintext::new(text));
        value.map(SecretSource::Clear).map_err(|message| source.wrong(node, message))
    };
    let members = match &node.data {
        Data::Null => return Ok(SecretSource::Remove),
        Data::Text(text) => return clear(text, node),
        Data::Map(members) => members,
        _ => return Err(source.wrong(node, "must be text or a map")),
    };
    let [(name, given)] = members.as_slice() else {
        let message = "takes one of reference, from_env, from_file, value and keep";
        return Err(source.wrong(node, message));
    };
    match (name.text.as_str(), &given.data) {
        ("reference", Data::Map(_)) => Ok(SecretSource::Reference(self::members(given, &[]))),
        ("from_env", Data::Text(name)) => Ok(SecretSource::Environment(name.clone())),
        ("from_file", Data::Text(path)) => Ok(SecretSource::File(file(source, path))),
        ("value", Data::Text(text)) => clear(text, given),
        ("keep", Data::Switch(true)) => Ok(SecretSource::Keep),
        _ => Err(source.wrong(given, format!("is no {}", name.text))),
    }
}

/// Returns the path of a file that a manifest names: beside it, unless it begins with `/`.
fn file(source: &Source<'_>, path: &str) -> PathBuf {
    source.folder.join(path)
}

/// Checks the value of a secret field, as the ledger will.
///
/// # Errors
/// What is wrong with it, without repeating it.
pub fn check_value(field: &str, value: Plaintext) -> Result<Plaintext, String> {
    match SecretInput::from(SecretValue(value)).check(field) {
        Ok(GivenSecret::Value(value)) => Ok(value),
        Ok(GivenSecret::Reference(_)) => Err("is no value".to_owned()),
        Err(invalid) => Err(invalid.to_string()),
    }
}

/// Returns the name of a field, if it may be told.
fn told(field: &str) -> &str {
    ledger_contract::errors::shown(field)
}
