//! The query parameters of a request, checked against the route's own list.

use ledger_contract::errors::Problem;
use ledger_domain::InvalidField;

use super::routes::{Parameter, Route};

/// Checks that a route has every parameter that was sent, in its form and as often as it may be
/// given, and that none is missing.
///
/// Errors: `field_invalid` with the parameter's name.
pub(super) fn check(route: &Route, sent: &[(String, String)]) -> Result<(), Problem> {
    for (number, (name, text)) in sent.iter().enumerate() {
        let Some(parameter) = route.query_parameters().find(|known| known.name == name) else {
            return Err(unknown(route));
        };
        let invalid = |problem: String| InvalidField::new(parameter.name, problem);
        parameter.form.check(text).map_err(invalid)?;
        let is_repeated = || sent.iter().take(number).any(|(earlier, _)| earlier == name);
        if !parameter.many && is_repeated() {
            return Err(invalid("must be given once".to_owned()).into());
        }
    }
    let missing = |parameter: &&Parameter| {
        parameter.required && !sent.iter().any(|(name, _)| name == parameter.name)
    };
    match route.query_parameters().find(missing) {
        None => Ok(()),
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
    use ledger_contract::queries::{QueryName, QueryRequest};
    use serde_json::{Value, json};

    use super::*;
    use crate::api::routes::routes;
    use crate::toolkit::Inputs;

    fn read(text: &str) -> Result<Value, Problem> {
        let list = routes().find(|route| route.id == "listConnections").unwrap();
        let inputs = Inputs::of_query(text)?;
        check(list, &inputs.query)?;
        match inputs.parse(|sent| QueryRequest::deserialize(QueryName::List, sent))? {
            QueryRequest::List(query) => Ok(serde_json::to_value(&query).unwrap()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn parameters_become_the_query() {
        let text = "provider=openai&provider=a%2Bb&enabled=false&page=2&label=team%3Dx&tag=a+b";
        let expected = json!({
            "provider": ["openai", "a+b"],
            "enabled": false,
            "descending": false,
            "page": 2,
            "label": ["team=x"],
            "tag": ["a b"],
        });
        assert_eq!(read(text), Ok(expected));
        assert_eq!(read(""), Ok(json!({ "descending": false })));
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
