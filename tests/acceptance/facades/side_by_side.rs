//! Requests that change the same connection at the same time.

use futures::future::join_all;
use reqwest::Method;
use serde_json::json;

use super::Product;
use crate::http::door::Door;

#[tokio::test]
async fn changes_to_single_models_side_by_side_are_all_kept() {
    let door = Door::open().await;
    let portkey = Product::of(&door, "portkey");
    let integration = json!({
        "name": "OpenAI", "ai_provider_id": "openai", "slug": "m", "key": "sk-canary-0123456789",
    });
    let made = portkey.send(Method::POST, "/v1/integrations", &integration).await;
    assert_eq!(made.status, 200, "{made:?}");
    let models = "/v1/integrations/m/models";
    let each = (0..12).map(async |number| {
        let slug = format!("model-{number}");
        let body = json!({ "models": [{ "slug": slug, "enabled": true }] });
        let changed = portkey.send(Method::PUT, models, &body).await;
        assert_eq!((changed.status, changed.json()), (200, json!({})), "{changed:?}");
    });
    join_all(each).await;
    let listed = portkey.get(models).await.json();
    let slugs = listed["models"].as_array().expect("a list").iter();
    let slugs = slugs.filter_map(|model| model["slug"].as_str());
    assert_eq!(slugs.filter(|slug| slug.starts_with("model-")).count(), 12, "{listed}");
}
