//! The path and query parameters of a request, checked against the route's own list.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use ledger_contract::errors::Problem;
use ledger_contract::queries::ALL_WORKSPACES;
use ledger_domain::InvalidField;
use serde_json::{Map, Value};

use super::routes::{CONNECTION, KEY, PRINCIPAL, Parameter, Route, WORKSPACE};
use crate::toolkit::pairs;

/// Path and query of a request.
#[derive(Debug)]
pub(super) struct RequestParams {
    /// The path as sent.
    pub(super) path: String,
    /// The workspace from the path or the query, or `_all`.
    pub(super) workspace: String,
    /// The connection from the path.
    pub(super) connection: Option<String>,
    /// The principal from the path.
    pub(super) principal: Option<String>,
    /// The key from the path.
    pub(super) key: Option<String>,
    /// The query parameters as sent.
    pub(super) pairs: Vec<(String, String)>,
    /// The body of the query: the checked parameters, and the connection from the path.
    pub(super) query: Map<String, Value>,
}

impl RequestParams {
    /// Parses path and query.
    ///
    /// Errors: `field_invalid` with the parameter's name.
    pub(super) async fn read(route: &Route, parts: &mut Parts) -> Result<Self, Problem> {
        let read = RawPathParams::from_request_parts(parts, &()).await;
        let read = read.map_err(|_| InvalidField::new("path", "must be UTF-8 when decoded"))?;
        let in_path = |wanted: &str| {
            let found = read.iter().find(|(name, _)| *name == wanted);
            found.map(|(_, text)| text.to_owned())
        };
        let pairs = pairs(parts.uri.query().unwrap_or_default())?;
        let mut query = query(route, &pairs)?;
        let workspace = query.remove(WORKSPACE).and_then(|name| name.as_str().map(str::to_owned));
        let connection = in_path(CONNECTION);
        if let Some(connection) = &connection {
            query.insert(CONNECTION.to_owned(), connection.as_str().into());
        }
        Ok(Self {
            path: parts.uri.path().to_owned(),
            workspace: in_path(WORKSPACE)
                .or(workspace)
                .unwrap_or_else(|| ALL_WORKSPACES.to_owned()),
            connection,
            principal: in_path(PRINCIPAL),
            key: in_path(KEY),
            query,
            pairs,
        })
    }

    /// Returns a numeric query parameter.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.query.get(name).and_then(Value::as_u64)
    }
}

fn query(route: &Route, pairs: &[(String, String)]) -> Result<Map<String, Value>, Problem> {
    let mut query = Map::new();
    for (name, text) in pairs {
        let Some(parameter) = route.query_parameters().find(|known| known.name == name) else {
            return Err(unknown(route));
        };
        let invalid = |problem: String| InvalidField::new(parameter.name, problem);
        let value = parameter.form.read(text).map_err(invalid)?;
        if !parameter.many {
            if query.insert(parameter.name.to_owned(), value).is_some() {
                return Err(invalid("must be given once".to_owned()).into());
            }
            continue;
        }
        let list = query.entry(parameter.name).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(list) = list {
            list.push(value);
        }
    }
    let missing =
        |parameter: &&Parameter| parameter.required && !query.contains_key(parameter.name);
    match route.query_parameters().find(missing) {
        None => Ok(query),
        Some(parameter) => Err(InvalidField::new(parameter.name, "must be given").into()),
    }
}

/// The name is not repeated, because it may be a misplaced secret.
fn unknown(route: &Route) -> Problem {
    let known: Vec<_> = route.query_parameters().map(|parameter| parameter.name).collect();
    let problem = if known.is_empty() {
        "this path takes no parameters".to_owned()
    } else {
        format!("has an unknown parameter; known are {}", known.join(", "))
    };
    InvalidField::new("query", problem).into()
}

#[cfg(test)]
mod tests {
    use ledger_contract::errors::Code;
    use ledger_contract::queries::QueryName;
    use serde_json::json;

    use super::*;
    use crate::api::routes::routes;

    fn read(text: &str) -> Result<Value, Problem> {
        let list = routes().find(|route| route.id == "listConnections").unwrap();
        query(list, &pairs(text)?).map(Value::Object)
    }

    #[test]
    fn parameters_become_the_body_of_the_query() {
        let text = "provider=openai&provider=a%2Bb&enabled=false&page=2&label=team%3Dx&tag=a+b";
        let expected = json!({
            "provider": ["openai", "a+b"],
            "enabled": false,
            "page": 2,
            "label": ["team=x"],
            "tag": ["a b"],
        });
        assert_eq!(read(text), Ok(expected));
        assert_eq!(read(""), Ok(json!({})));
    }

    #[test]
    fn every_filter_of_the_query_is_a_parameter() {
        let list = routes().find(|route| route.id == "listConnections").unwrap();
        let names = |schema: &Value| -> Vec<String> {
            schema["properties"].as_object().unwrap().keys().cloned().collect()
        };
        let schema = |query: QueryName| query.schemas().parameters.unwrap();
        for name in names(&schema(QueryName::List)) {
            assert!(list.query_parameters().any(|known| known.name == name), "{name}");
        }
        let history = routes().find(|route| route.id == "workspaceHistory").unwrap();
        for name in names(&schema(QueryName::History)) {
            assert!(history.query_parameters().any(|known| known.name == name), "{name}");
        }
    }

    #[test]
    fn errors_name_the_parameter_without_its_value() {
        for (text, field) in [
            ("provder=sk-canary", "query"),
            ("enabled=sk-canary", "enabled"),
            ("enabled=true&enabled=true", "enabled"),
            ("page=0", "page"),
            ("page=4294967296", "page"),
            ("page_size=501", "page_size"),
            ("health=purple", "health"),
            ("tag=", "tag"),
            ("text=%FF", "query"),
        ] {
            let problem = read(text).unwrap_err();
            assert_eq!(problem.code, Code::FieldInvalid, "{text}");
            assert_eq!(problem.field.as_deref(), Some(field), "{text}");
            assert!(!problem.message.contains("canary"), "{problem}");
        }
    }
}
