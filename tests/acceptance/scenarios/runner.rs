//! Runs one scenario against a server of its own.

use std::fmt::Write;

use reqwest::{Method, RequestBuilder};
use serde_json::{Map, Value};

use super::file::{self, Product, Scenario, Step};
use super::names::{Named, Names, Piece, pieces};
use super::pattern::Comparison;
use crate::http::door::{self, Door, client};

/// No answer has this word, which is in every secret of the scenarios.
const CANARY: &str = "canary";

/// Runs `tests/scenarios/<folder>/<name>.json`.
pub(super) async fn run(folder: &str, name: &str) {
    let path = format!("{folder}/{name}");
    let scenario: Scenario = file::read(&path);
    assert!(!scenario.steps.is_empty(), "{path}.json has no steps");
    let product: Product = file::read(&format!("{folder}/product"));
    let native: Product = file::read("native/product");
    let mut names = Names::default();
    names.declare(&product.values);
    names.declare(&scenario.values);
    let mut run = Run { door: Door::open().await, product, native, names };
    for (number, step) in (1..).zip(&scenario.steps) {
        println!("step {number}: {}", step.request);
        let faults = run.step(step).await;
        assert!(
            faults.is_empty(),
            "tests/scenarios/{path}.json, step {number}, {}\n{}\n{faults}",
            step.request,
            step.about,
        );
    }
}

/// A scenario under way.
#[derive(Debug)]
struct Run {
    door: Door,
    product: Product,
    native: Product,
    names: Names,
}

impl Run {
    /// Runs a step with each of its cases and tells what did not fit.
    async fn step(&mut self, step: &Step) -> String {
        let mut faults = String::new();
        for case in cases(step) {
            self.names.set_case(case.clone());
            let (lines, answer) = self.once(step).await;
            if !lines.is_empty() {
                let case = Value::from(case);
                let lines = lines.join("\n  ");
                write!(faults, "with {case}:\n  {lines}\nanswered: {answer:#?}\n")
                    .expect("a text takes more");
            }
        }
        self.names.set_case(Map::new());
        faults
    }

    async fn once(&mut self, step: &Step) -> (Vec<String>, door::Answer) {
        let request = self.names.fill_text(&step.request);
        let (method, path) = request.split_once(' ').expect("a method and a path");
        let answer = door::read(self.request(method, path, step)).await;
        let expected = self.expected(step);
        let body: Option<Value> = serde_json::from_str(&answer.text).ok();
        let refusal = self.refusal(path, &answer, body.as_ref());
        let mut comparison = Comparison::new(&mut self.names);
        comparison.compare("status", &expected.status.into(), Some(&answer.status.into()));
        if let Some(pattern) = &expected.body {
            comparison.compare("body", pattern, body.as_ref());
        }
        if let Some(pattern) = &expected.text {
            let text = Value::from(answer.text.as_str());
            comparison.compare("text", &pattern.as_str().into(), Some(&text));
        }
        for (name, pattern) in &expected.headers {
            let found = answer.header(name).map(Value::from);
            comparison.compare(&format!("header {name}"), pattern, found.as_ref());
        }
        let mut faults = comparison.faults();
        faults.extend(refusal);
        for word in expected.lacks.iter().map(String::as_str).chain([CANARY]) {
            if answer.text.contains(word) {
                faults.push(format!("body: it repeats {word}"));
            }
        }
        for (name, pointer) in &step.keep {
            match body.as_ref().and_then(|body| body.pointer(pointer)) {
                Some(part) => self.names.keep(name, part.clone()),
                None => faults.push(format!("body{pointer}: nothing to keep as <{name}>")),
            }
        }
        (faults, answer)
    }

    fn request(&self, method: &str, path: &str, step: &Step) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let mut request = client().request(method, self.door.url(path));
        let key = &self.product_of(path).key;
        let sent = step.key.as_ref().unwrap_or(&self.door.key);
        if !sent.is_empty() {
            request = request.header(&key.header, format!("{}{sent}", key.prefix));
        }
        for (name, value) in &step.headers {
            request = request.header(name, self.names.fill_text(value));
        }
        match (&step.body, &step.text) {
            (Some(body), None) => {
                let mut body = self.names.fill(body);
                // What a case sets goes over what all cases set.
                let (fixed, varied): (Vec<_>, Vec<_>) =
                    step.set.iter().partition(|(pointer, _)| !pointer.contains('<'));
                for (pointer, value) in fixed.into_iter().chain(varied) {
                    set(&mut body, &self.names.fill_text(pointer), self.value_to_set(value));
                }
                door::with_body(request, &body)
            }
            (None, Some(text)) if step.headers.contains_key("content-type") => {
                request.body(text.clone())
            }
            (None, Some(text)) => {
                request.header("content-type", "application/json").body(text.clone())
            }
            (None, None) => {
                assert!(step.set.is_empty(), "{path}: what is set has no body");
                request
            }
            (Some(_), Some(_)) => panic!("a body and a text"),
        }
    }

    /// Returns nothing for what is to be taken away.
    fn value_to_set(&self, value: &Value) -> Option<Value> {
        let absent = Value::from("<absent>");
        let resolved = self.resolve(value);
        (*resolved != absent).then(|| self.names.fill(resolved))
    }

    /// Follows names of declared values to what is written there.
    fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        let Some(text) = value.as_str() else { return value };
        match pieces(text).as_slice() {
            [Piece::Placeholder(name)] => match self.names.find(name) {
                Some(Named::Declared(value)) => self.resolve(value),
                _ => value,
            },
            _ => value,
        }
    }

    fn expected(&self, step: &Step) -> file::Answer {
        let answer = self.resolve(&step.answer).clone();
        serde_json::from_value(answer)
            .unwrap_or_else(|error| panic!("{}, the answer: {error}", step.request))
    }

    fn product_of(&self, path: &str) -> &Product {
        if path.starts_with("/api/") { &self.native } else { &self.product }
    }

    /// Tells what is not as in all refusals.
    fn refusal(&self, path: &str, answer: &door::Answer, body: Option<&Value>) -> Vec<String> {
        if answer.status < 400 {
            return Vec::new();
        }
        let form = &self.product_of(path).refusal;
        let mut names = Names::default();
        names.keep("status", answer.status.into());
        for (name, value) in &answer.headers {
            names.keep(&format!("header:{name}"), value.as_str().into());
        }
        let mut comparison = Comparison::new(&mut names);
        for (name, pattern) in &form.headers {
            let found = answer.header(name).map(Value::from);
            comparison.compare(&format!("every refusal's header {name}"), pattern, found.as_ref());
        }
        comparison.compare("every refusal's body", &form.body, body);
        comparison.faults()
    }
}

/// Returns the named values of each run of a step.
fn cases(step: &Step) -> Vec<Map<String, Value>> {
    match step.times {
        Some(times) => {
            assert!(step.cases.is_empty(), "cases and times");
            let width = times.saturating_sub(1).to_string().len();
            let number = |number| Value::from(format!("{number:0width$}"));
            (0..times).map(|at| Map::from_iter([("number".to_owned(), number(at))])).collect()
        }
        None if step.cases.is_empty() => vec![Map::new()],
        None => step.cases.clone(),
    }
}

/// Sets a field, or takes it away.
fn set(body: &mut Value, pointer: &str, value: Option<Value>) {
    let (parent, field) = pointer.rsplit_once('/').expect("a JSON pointer");
    let parent = body.pointer_mut(parent).unwrap_or_else(|| panic!("{pointer} leads nowhere"));
    match (parent, value) {
        (Value::Object(fields), Some(value)) => {
            fields.insert(field.to_owned(), value);
        }
        (Value::Object(fields), None) => {
            assert!(fields.remove(field).is_some(), "{pointer} is not there to be taken away");
        }
        (Value::Array(items), Some(value)) => {
            let index: usize = field.parse().expect("an index");
            items[index] = value;
        }
        (other, _) => panic!("{pointer} leads into {other}"),
    }
}
