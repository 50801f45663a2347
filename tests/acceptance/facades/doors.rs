//! One connection at every API: created at one, shown and edited at another, still complete at the
//! first.

use reqwest::Method;
use serde_json::{Value, json};

use super::Product;
use crate::http::door::{CONNECTIONS, Door};
use crate::scenarios;

/// One of the APIs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Native,
    Blaxel,
    Pica,
    Umbraco,
    Portkey,
    ElevenLabs,
}

const WAYS: [Way; 6] =
    [Way::Native, Way::Blaxel, Way::Pica, Way::Umbraco, Way::Portkey, Way::ElevenLabs];

/// Fields that every edit, or time alone, changes.
const MOVING: [&str; 20] = [
    "name",
    "displayName",
    "display_name",
    "description",
    "tags",
    "updatedAt",
    "updatedBy",
    "updated_at",
    "updated_by",
    "dateModified",
    "last_updated_at",
    "version",
    "position",
    "scopes",
    "generation",
    "set_at",
    "set_by",
    "masked",
    "masked_key",
    "apiKey",
];

impl Way {
    /// The folder of its scenarios.
    fn folder(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Blaxel => "blaxel",
            Self::Pica => "pica",
            Self::Umbraco => "umbraco",
            Self::Portkey => "portkey",
            Self::ElevenLabs => "elevenlabs",
        }
    }

    fn product(self, door: &Door) -> Product<'_> {
        Product::of(door, self.folder())
    }

    /// The path of its connections.
    fn list(self) -> &'static str {
        match self {
            Self::Native => CONNECTIONS,
            Self::Blaxel => "/v0/integrations/connections",
            Self::Pica => "/v1/vault/connections",
            Self::Umbraco => "/umbraco/ai/management/api/v1/connections",
            Self::Portkey => "/v1/integrations",
            Self::ElevenLabs => "/v1/workspace/auth-connections",
        }
    }

    /// Creates a connection with every field that the product supports.
    async fn create(self, door: &Door) {
        let body = scenarios::value(self.folder(), "everything");
        let made = self.product(door).send(Method::POST, self.list(), &body).await;
        assert!(matches!(made.status, 200 | 201), "{self:?}: {made:?}");
    }

    /// Finds the only connection in the list, and returns its path and content.
    async fn show(self, door: &Door) -> (String, Value) {
        let list = self.list();
        let listed = self.product(door).get(list).await.json();
        let rows = match self {
            Self::Native => &listed["connections"],
            Self::Blaxel => &listed,
            Self::Pica => &listed["rows"],
            Self::Umbraco => &listed["items"],
            Self::Portkey => &listed["data"],
            Self::ElevenLabs => &listed["auth_connections"],
        };
        assert_eq!(rows.as_array().map(Vec::len), Some(1), "{self:?}: {listed}");
        let row = &rows[0];
        let handle = match self {
            Self::Blaxel => &row["metadata"]["name"],
            Self::Portkey => &row["slug"],
            _ => &row["id"],
        };
        let path = format!("{list}/{}", handle.as_str().expect("a handle"));
        if self == Self::ElevenLabs {
            return (path, row.clone());
        }
        let shown = self.product(door).get(&path).await;
        assert_eq!(shown.status, 200, "{self:?}: {shown:?}");
        (path, shown.json())
    }

    /// Edits the only connection, as a client does that sends back what it has read.
    async fn edit(self, door: &Door) {
        let (path, mut shown) = self.show(door).await;
        let (method, body) = match self {
            Self::Native => (Method::PATCH, json!({ "description": "Edited" })),
            Self::Blaxel => {
                shown["metadata"]["displayName"] = "Edited".into();
                (Method::PUT, shown)
            }
            Self::Pica => (Method::PATCH, json!({ "tags": ["edited"] })),
            Self::Umbraco => {
                shown["name"] = "Edited".into();
                (Method::PUT, shown)
            }
            Self::Portkey => {
                let configurations = shown["configurations"].clone();
                let body = json!({ "name": "Edited", "configurations": configurations });
                (Method::PUT, body)
            }
            Self::ElevenLabs => {
                let change = match shown["auth_type"].as_str() {
                    Some("bearer_auth") => json!({ "token": "canary-new" }),
                    _ => json!({ "scopes": ["edited"] }),
                };
                let mut body = json!({ "auth_type": shown["auth_type"] });
                for (name, value) in change.as_object().expect("an object") {
                    body[name] = value.clone();
                }
                (Method::PATCH, body)
            }
        };
        let edited = self.product(door).send(method, &path, &body).await;
        assert_eq!(edited.status, 200, "{self:?}: {edited:?}");
        assert!(!edited.text.contains("canary"), "{edited:?}");
    }
}

/// Removes the fields that change by themselves.
fn still(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, _)| !MOVING.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), still(value)))
            .collect(),
        Value::Array(items) => items.iter().map(still).collect(),
        other => other.clone(),
    }
}

/// Returns the generation of each secret.
async fn generations(door: &Door) -> Vec<(String, u64)> {
    let (_, shown) = Way::Native.show(door).await;
    let secrets = shown["secrets"].as_object().expect("secrets").iter();
    let number = |secret: &Value| secret["generation"].as_u64().expect("a number");
    secrets.map(|(name, secret)| (name.clone(), number(secret))).collect()
}

#[tokio::test]
async fn what_is_made_at_one_door_is_whole_after_an_edit_at_any_other() {
    for home in WAYS {
        for other in WAYS {
            let door = Door::open().await;
            home.create(&door).await;
            let (_, before) = home.show(&door).await;
            let (secrets, (_, native)) = (generations(&door).await, Way::Native.show(&door).await);
            other.edit(&door).await;
            let (_, after) = home.show(&door).await;
            assert_eq!(still(&after), still(&before), "made at {home:?}, edited at {other:?}");
            let (_, native_after) = Way::Native.show(&door).await;
            assert_eq!(still(&native_after), still(&native), "{home:?}, {other:?}");
            let rotated: u64 = generations(&door)
                .await
                .iter()
                .zip(&secrets)
                .map(|((name, new), (known, old))| {
                    assert_eq!(name, known, "{home:?}, {other:?}");
                    new - old
                })
                .sum();
            // An edit with a new token replaces one secret; others replace none.
            let expected = u64::from(other == Way::ElevenLabs && home != Way::ElevenLabs);
            assert_eq!(rotated, expected, "{home:?}, {other:?}");
        }
    }
}

#[tokio::test]
async fn events_say_through_which_door_they_came() {
    for (way, via) in
        WAYS.into_iter().zip(["http", "blaxel", "pica", "umbraco", "portkey", "elevenlabs"])
    {
        let door = Door::open().await;
        way.create(&door).await;
        let history =
            door.get("/api/v1/workspaces/default/history?type=connection_created").await.json();
        assert_eq!(history["events"][0]["via"], via, "{history}");
        assert_eq!(history["events"][0]["actor"], "user:admin");
    }
}

async fn refusals(door: &Door) -> u64 {
    let status = door.get("/api/v1/status").await.json();
    status["refused"].as_object().expect("counters").values().filter_map(Value::as_u64).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_of_every_api_is_counted_once() {
    let door = Door::open().await;
    let taken = json!({ "slug": "taken", "provider": "openai", "secrets": { "api_key": "sk-1" } });
    door.create(&taken).await;
    let nobodys = json!({ "alias": "x", "name": "x", "providerId": "nobody" });
    let mut requests = vec![
        (Way::Native, Method::POST, CONNECTIONS.to_owned(), taken),
        (Way::Umbraco, Method::POST, Way::Umbraco.list().to_owned(), nobodys),
    ];
    for way in WAYS {
        requests.push((way, Method::POST, way.list().to_owned(), json!({})));
        requests.push((way, Method::DELETE, format!("{}/nobody", way.list()), json!({})));
    }
    for (way, method, path, body) in requests {
        let before = refusals(&door).await;
        let answer = way.product(&door).send(method.clone(), &path, &body).await;
        assert!(answer.status >= 400, "{method} {path}: {answer:?}");
        assert_eq!(refusals(&door).await, before + 1, "{method} {path}: {answer:?}");
    }
}
