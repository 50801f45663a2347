//! Tests of plans, requests, assertions and answers.

mod answers;
mod assertions;
mod authorizations;
mod requests;

use std::collections::BTreeMap;

use ledger_domain::connection::{AuthMethod, Details};
use ledger_domain::{CheckedText as _, FieldName, Json, Line};
use ledger_providers::Request;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::{Moment, Obtained, Plan, Step, Unusable};

/// When tokens are asked for.
const NOW: i64 = 1_794_000_000;

/// A connection with settings and secrets.
struct Connection {
    details: Details,
    secrets: BTreeMap<&'static str, &'static str>,
}

fn connection(
    method: AuthMethod,
    config: &Value,
    secrets: &[(&'static str, &'static str)],
) -> Connection {
    let members = config.as_object().expect("an object").iter();
    let config = members.map(|(name, value)| {
        (FieldName::stored(name.as_str().into()), Json::from_canonical(value.to_string()))
    });
    let details = Details {
        auth_method: method,
        config: config.collect(),
        ..Details::of(Line::stored("acme".into()))
    };
    Connection { details, secrets: secrets.iter().copied().collect() }
}

impl Connection {
    fn plan(&self) -> Result<Plan, Unusable> {
        Plan::of(&self.details, self.secrets.keys().copied())
    }

    fn step(&self) -> Result<Step, Unusable> {
        let plan = self.plan()?;
        for name in plan.secrets() {
            assert!(self.secrets.contains_key(name.as_str()), "{name} is not there");
        }
        let secret =
            |name: &str| self.secrets.get(name).map(|value| Zeroizing::new((*value).to_owned()));
        plan.step(&secret, Moment { now: NOW, unique: "unique-1" })
    }

    fn request(&self) -> Request {
        match self.step().expect("a plan") {
            Step::Send(request) => request,
            Step::Signed(_) => panic!("it is signed here"),
        }
    }

    fn signed(&self) -> Obtained {
        match self.step().expect("a plan") {
            Step::Signed(obtained) => obtained,
            Step::Send(_) => panic!("it is asked for"),
        }
    }
}

fn form(request: &Request) -> BTreeMap<String, String> {
    let body = request.body.as_ref().expect("a body");
    form_urlencoded::parse(body.as_bytes()).into_owned().collect()
}

fn pairs(expected: &[(&str, &str)]) -> BTreeMap<String, String> {
    expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The settings of an assertion.
fn asserting(more: &Value) -> Value {
    let mut all = json!({
        "issuer": "me", "audience": "https://as.example", "subject": "someone",
    });
    let members = more.as_object().expect("an object").clone();
    all.as_object_mut().expect("an object").extend(members);
    all
}
