//! Every operation of the five APIs, asked by everyone.
//!
//! Their documents say what there is. Each operation needs a line here, and is asked in the home
//! workspace and in the other one. Whoever is let in to change a connection is told about a version
//! that nothing has, so that all find the same.

use std::collections::BTreeMap;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::Product;
use crate::http::door::{Answer, Door, read, with_body};
use crate::ledger::{ABROAD, HOME};
use crate::matrix::cast::{Actor, Cast};
use crate::matrix::traces::{Cell, Tally, Trace};
use crate::matrix::{AUDIT, At, Line, Need, READ, SHARE, WELL, WRITE, line};
use crate::scenarios;

/// An API: the folder of its scenarios, its name, and what its operations take.
pub(crate) struct Api {
    folder: &'static str,
    pub(crate) name: &'static str,
    pub(crate) table: &'static [Line],
}

pub(crate) const APIS: [Api; 5] = [
    Api { folder: "blaxel", name: "Blaxel", table: BLAXEL },
    Api { folder: "pica", name: "Pica", table: PICA },
    Api { folder: "umbraco", name: "Umbraco", table: UMBRACO },
    Api { folder: "portkey", name: "Portkey", table: PORTKEY },
    Api { folder: "elevenlabs", name: "ElevenLabs", table: ELEVENLABS },
];

const BLAXEL: &[Line] = &[
    ("ListIntegrationConnections", Need::Foothold, WELL),
    ("CreateIntegrationConnection", WRITE, WELL),
    ("GetIntegrationConnection", READ, WELL),
    ("UpdateIntegrationConnection", WRITE, WELL),
    ("DeleteIntegrationConnection", WRITE, WELL),
    ("ListIntegrationConnectionEndpointConfigurations", READ, WELL),
    ("ListIntegrationConnectionModels", READ, WELL),
    ("GetIntegrationConnectionModel", READ, WELL),
    ("GetIntegration", Need::Anyone, WELL),
];

const PICA: &[Line] = &[
    ("listConnections", Need::Foothold, WELL),
    ("createConnection", WRITE, WELL),
    ("getConnection", READ, WELL),
    ("updateConnection", WRITE, WELL),
    ("deleteConnection", WRITE, WELL),
    ("listOrganizationConnections", Need::Foothold, WELL),
    ("getOrganizationConnection", READ, WELL),
    ("listProjectConnections", Need::Foothold, WELL),
    ("getProjectConnection", READ, WELL),
];

const UMBRACO: &[Line] = &[
    ("GetConnections", Need::Foothold, WELL),
    ("CreateConnection", WRITE, WELL),
    ("GetConnection", READ, WELL),
    ("UpdateConnection", WRITE, WELL),
    ("DeleteConnection", WRITE, WELL),
    ("GetCapabilities", Need::Foothold, WELL),
    ("GetConnectionsByCapability", Need::Foothold, WELL),
    ("GetConnectionCapabilities", READ, WELL),
    ("ConnectionAliasExists", READ, WELL),
    ("GetConnectionModels", READ, WELL),
    ("TestConnection", WRITE, WELL),
    ("GetProviders", Need::Anyone, WELL),
    ("GetProvider", Need::Anyone, WELL),
    ("GetVersions", AUDIT, WELL),
    ("GetVersion", AUDIT, WELL),
    ("CompareVersions", AUDIT, WELL),
    ("RollbackVersion", WRITE, WELL),
];

const PORTKEY: &[Line] = &[
    ("listIntegrations", Need::Foothold, WELL),
    ("createIntegration", WRITE, WELL),
    ("getIntegration", READ, WELL),
    ("updateIntegration", WRITE, WELL),
    ("deleteIntegration", WRITE, WELL),
    ("getIntegrationModels", READ, WELL),
    ("updateIntegrationModels", WRITE, WELL),
    ("deleteIntegrationModels", WRITE, WELL),
    ("getIntegrationWorkspaces", READ, WELL),
    ("updateIntegrationWorkspaces", SHARE, WELL),
    ("listProviders", Need::Foothold, WELL),
    ("createProvider", WRITE, WELL),
    ("getProvider", READ, WELL),
    ("updateProvider", WRITE, WELL),
    ("deleteProvider", WRITE, WELL),
    ("listVirtualKeys", Need::Foothold, WELL),
    ("createVirtualKey", WRITE, WELL),
    ("getVirtualKey", READ, WELL),
    ("updateVirtualKey", WRITE, WELL),
    ("deleteVirtualKey", WRITE, WELL),
];

const ELEVENLABS: &[Line] = &[
    ("list_auth_connections", Need::Foothold, WELL),
    ("create_auth_connection", WRITE, WELL),
    ("update_auth_connection", WRITE, WELL),
    ("delete_auth_connection", WRITE, WELL),
];

/// Returns the entries about readings that an operation leaves behind when it is done.
pub(crate) fn reading(name: &str) -> Trace {
    match name {
        "GetVersions" => Trace::Entries(1),
        "GetVersion" | "CompareVersions" => Trace::Entries(2),
        _ => Trace::Nothing,
    }
}

fn changes(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["create", "update", "delete", "rollback", "test"].iter().any(|verb| name.starts_with(verb))
}

/// One operation of a document.
struct Operation {
    name: String,
    method: Method,
    path: String,
}

/// Reads the operations of an API's document.
fn operations(folder: &str) -> Vec<Operation> {
    let path = format!("{}/../schemas/facades/{folder}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect("a document");
    let document: Value = serde_json::from_str(&text).expect("JSON");
    let paths = document["paths"].as_object().expect("paths").iter();
    let of_path = |(path, item): (&String, &Value)| {
        let methods = item.as_object().expect("an item").iter();
        let operation = |(method, operation): (&String, &Value)| {
            let name = operation.get("operationId")?.as_str()?.to_owned();
            let method = method.to_ascii_uppercase().parse().ok()?;
            Some(Operation { name, method, path: path.clone() })
        };
        methods.filter_map(operation).collect::<Vec<_>>()
    };
    paths.flat_map(of_path).collect()
}

/// A ledger that everyone asks at one API.
struct Stage<'a> {
    product: Product<'a>,
    /// The handle of a connection in each workspace.
    handles: BTreeMap<&'static str, String>,
}

impl<'a> Stage<'a> {
    async fn of(door: &'a Door, folder: &'static str, list: &str) -> Self {
        let product = Product::of(door, folder);
        let mut handles = BTreeMap::new();
        for workspace in [HOME, ABROAD] {
            let asked = product.ask(Method::GET, list).header("ledger-workspace", workspace);
            let listed = read(asked).await.json();
            handles.insert(workspace, handle(folder, &listed));
        }
        Self { product, handles }
    }

    /// Prepares a request, without anyone's key.
    fn request(&self, operation: &Operation, at: At) -> RequestBuilder {
        let handle = &self.handles[at.workspace()];
        let mut path = operation.path.clone();
        for name in ["connectionName", "idOrAlias", "slug", "auth_connection_id"] {
            path = path.replace(&format!("{{{name}}}"), handle);
        }
        let id = if operation.name == "GetProvider" { "openai" } else { handle };
        for (name, value) in [
            ("id", id),
            ("integrationName", "openai"),
            ("modelId", "gpt-4o"),
            ("capability", "chat"),
            ("organization", "acme"),
            ("project", at.workspace()),
            ("version", "1"),
            ("to", "1"),
        ] {
            path = path.replace(&format!("{{{name}}}"), value);
        }
        if operation.name == "deleteIntegrationModels" {
            path.push_str("?slugs=gpt-4o");
        }
        let url = self.product.door.url(&path);
        let request = crate::http::door::client().request(operation.method.clone(), url);
        let request = request.header("ledger-workspace", at.workspace());
        let request = if changes(&operation.name) && !is_making(&operation.name) {
            request.header("if-match", "\"999\"")
        } else {
            request
        };
        match self.body(operation, at) {
            Some(body) => with_body(request, &body),
            None => request,
        }
    }

    /// Returns a body that fits, if the operation takes one.
    fn body(&self, operation: &Operation, at: At) -> Option<Value> {
        let handle = &self.handles[at.workspace()];
        let other = if at == At::Home { ABROAD } else { HOME };
        let name = operation.name.as_str();
        let body = match name {
            "createProvider" => json!({ "name": "Other", "integration_id": handle }),
            "createVirtualKey" => {
                json!({ "name": "Other", "provider": "openai", "key": "sk-another-value-1" })
            }
            "UpdateIntegrationConnection" => {
                json!({ "metadata": { "name": handle, "displayName": "Other" }, "spec": {} })
            }
            "updateConnection" => json!({ "tags": ["other"] }),
            "UpdateConnection" => json!({ "name": "Other" }),
            "updateIntegrationModels" => json!({ "models": [], "allow_all_models": false }),
            "updateIntegrationWorkspaces" => {
                json!({ "workspaces": [{ "id": other, "enabled": true }] })
            }
            "updateIntegration" | "updateProvider" | "updateVirtualKey" => {
                json!({ "name": "Other" })
            }
            "update_auth_connection" => json!({ "auth_type": "bearer_auth", "token": "sk-2-2-2" }),
            name if is_making(name) => scenarios::value(self.product.folder, "everything"),
            _ => return None,
        };
        Some(body)
    }
}

fn is_making(name: &str) -> bool {
    name.to_ascii_lowercase().starts_with("create")
}

/// Returns the handle of the only connection that is listed.
fn handle(folder: &str, listed: &Value) -> String {
    let rows = match folder {
        "blaxel" => listed,
        "pica" => &listed["rows"],
        "umbraco" => &listed["items"],
        "portkey" => &listed["data"],
        _ => &listed["auth_connections"],
    };
    let row = &rows[0];
    let name = match folder {
        "blaxel" => &row["metadata"]["name"],
        "portkey" => &row["slug"],
        _ => &row["id"],
    };
    name.as_str().unwrap_or_else(|| panic!("{folder}: {listed}")).to_owned()
}

/// Tells whether somebody was refused for another reason than who asks.
fn is_let_in(answer: &Answer) -> bool {
    matches!(answer.status, 409 | 412) || answer.text.contains("slug_taken")
}

#[track_caller]
fn expect(answer: &Answer, code: &str, who: &str) {
    let well = match code {
        "" => answer.status < 400 || is_let_in(answer),
        "forbidden" => answer.status == 403,
        "connection_unknown" => answer.status == 404,
        _ => answer.status == 401,
    };
    assert!(well, "{who}: expected {code:?}, got {answer:?}");
}

async fn ask(stage: &Stage<'_>, operation: &Operation, at: At, key: Option<&str>) -> Answer {
    let request = stage.request(operation, at);
    let Some(key) = key else { return read(request).await };
    let (header, key) = scenarios::key(stage.product.folder, key);
    read(request.header(header, key)).await
}

async fn everyone_asks(
    stage: &Stage<'_>,
    actors: &[Actor],
    (need, operation): (Need, &Operation),
    tally: &mut Tally,
) {
    let trace = reading(&operation.name);
    for at in [At::Home, At::Abroad] {
        let asked = Cell { operation: "", trace, at };
        for actor in actors {
            let answer = ask(stage, operation, at, Some(&actor.key)).await;
            let code = actor.rights.decide(need, WELL, at);
            let who = format!("{} asks {} of {at:?}", actor.name, operation.name);
            expect(&answer, code, &who);
            tally.answered(actor, asked, code);
        }
        for (key, code) in
            [(None, "credential_missing"), (Some("sk_test_k3x9a2bq71ce_x"), "credential_invalid")]
        {
            let answer = ask(stage, operation, at, key).await;
            expect(&answer, code, &format!("a stranger asks {} of {at:?}", operation.name));
            tally.turned_away(asked, code);
        }
    }
}

async fn everyone_asks_at(folder: &'static str) {
    let door = Door::open().await;
    let cast = Cast::of(&door.ledger.engine).await;
    door.create_main_everywhere().await;
    let operations = operations(folder);
    let list = operations.iter().find(|operation| {
        operation.method == Method::GET && operation.path.ends_with(list_ending(folder))
    });
    let stage = Stage::of(&door, folder, &list.expect("a list").path).await;
    let api = APIS.iter().find(|api| api.folder == folder).expect("an API");
    let mut tally = Tally::default();
    for operation in &operations {
        let (need, _) = line(api.table, &operation.name);
        everyone_asks(&stage, &cast.actors, (need, operation), &mut tally).await;
    }
    assert_eq!(operations.len(), api.table.len(), "every line is about an operation");
    tally.check_entries(&door.ledger);
}

fn list_ending(folder: &str) -> &'static str {
    match folder {
        "portkey" => "/v1/integrations",
        "elevenlabs" => "/auth-connections",
        _ => "/connections",
    }
}

macro_rules! everyone {
    ($($test:ident of $folder:literal,)+) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                everyone_asks_at($folder).await;
            }
        )+
    };
}

everyone! {
    everyone_may_do_at_blaxels_api_what_the_table_says of "blaxel",
    everyone_may_do_at_picas_api_what_the_table_says of "pica",
    everyone_may_do_at_umbracos_api_what_the_table_says of "umbraco",
    everyone_may_do_at_portkeys_api_what_the_table_says of "portkey",
    everyone_may_do_at_elevenlabs_api_what_the_table_says of "elevenlabs",
}
