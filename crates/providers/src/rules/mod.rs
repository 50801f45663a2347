//! The rules for descriptions beyond their JSON form: unambiguous names and limits. All faults are
//! found, each with its place.

mod auth;
mod field;
mod listing;
mod login;
mod text;

use std::collections::BTreeMap;
use std::fmt;

use ledger_domain::limits::{MODEL_CHARS, MODELS, PROVIDER_CHARS, SECRET_FIELDS};

use crate::draft::{self, Draft};
use crate::endpoint::{Basic, Probe};
use crate::field::{Field, MAIN_KEY_NAMES};
use crate::limits;
use crate::provider::Provider;
use crate::template::placeholders;

/// A fault in a description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The place: `fields[2].aliases[0]`, or `line 3 column 14` if the text is not a description.
    pub place: String,
    /// What is wrong, and how to correct it.
    pub problem: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.problem)
    }
}

/// Collects faults.
#[derive(Debug, Default)]
struct Faults(Vec<Fault>);

impl Faults {
    fn add(&mut self, place: impl Into<String>, problem: impl Into<String>) {
        self.0.push(Fault { place: place.into(), problem: problem.into() });
    }

    fn add_if(&mut self, place: &str, problem: Option<String>) {
        if let Some(problem) = problem {
            self.add(place, problem);
        }
    }

    fn at_most(&mut self, place: &str, count: usize, most: usize) {
        if count > most {
            self.add(place, format!("has {count} entries, at most {most} are allowed"));
        }
    }
}

impl Provider {
    /// Parses a description and checks it against the rules.
    ///
    /// # Errors
    /// All faults in the description. If the text does not have the form of a description, only the
    /// first fault.
    pub fn read(text: &str) -> Result<Self, Vec<Fault>> {
        let mut provider: Self = serde_json::from_str(text).map_err(|error| {
            let place = format!("line {} column {}", error.line(), error.column());
            let words = error.to_string();
            let problem = words.rsplit_once(" at line ").map_or(words.as_str(), |(it, _)| it);
            vec![Fault { place, problem: problem.to_owned() }]
        })?;
        let faults = provider.faults();
        if !faults.is_empty() {
            return Err(faults);
        }
        provider.name_main_key();
        Ok(provider)
    }

    /// Adds the names of the main key at products with a fixed place for it.
    fn name_main_key(&mut self) {
        let Some(main) = self.fields.iter().position(|field| field.main) else { return };
        for (facade, name) in MAIN_KEY_NAMES {
            let another =
                |(position, field): (usize, &Field)| position != main && field.is_called(name);
            if self.fields.iter().enumerate().any(another) {
                continue;
            }
            if let Some(field) = self.fields.get_mut(main) {
                field.names.entry(facade).or_insert_with(|| name.to_owned());
            }
        }
    }

    /// Returns all faults.
    fn faults(&self) -> Vec<Fault> {
        let mut faults = Faults::default();
        self.names_faults(&mut faults);
        self.texts_faults(&mut faults);
        faults.at_most("fields", self.fields.len(), limits::FIELDS);
        let secrets = self.fields.iter().filter(|field| field.secret).count();
        if secrets > SECRET_FIELDS {
            let problem = format!(
                "{secrets} fields are secret, a connection can have at most {SECRET_FIELDS} secrets"
            );
            faults.add("fields", problem);
        }
        if self.fields.iter().filter(|field| field.main).count() > 1 {
            faults.add("fields", "more than one field is `main`, at most one is allowed");
        }
        field::check_beside("fields", &self.fields, &mut faults);
        self.models_faults(&mut faults);
        self.address_faults(&mut faults);
        faults.0
    }

    fn names_faults(&self, faults: &mut Faults) {
        faults.add_if("id", text::id(&self.id));
        faults.at_most("aliases", self.aliases.len(), limits::ALIASES);
        let mut taken = BTreeMap::from([(self.id.to_ascii_lowercase(), "id".to_owned())]);
        for (index, alias) in self.aliases.iter().enumerate() {
            let place = format!("aliases[{index}]");
            faults.add_if(&place, text::line(alias, PROVIDER_CHARS));
            if let Some(other) = taken.insert(alias.to_ascii_lowercase(), place.clone()) {
                faults.add(place, format!("is the same as {other}; leave one out"));
            }
        }
        for (facade, name) in &self.names {
            faults.add_if(&format!("names.{facade}"), text::line(name, PROVIDER_CHARS));
        }
    }

    fn texts_faults(&self, faults: &mut Faults) {
        use ledger_domain::limits::DISPLAY_NAME_CHARS;
        faults.add_if("display_name", text::line(&self.display_name, DISPLAY_NAME_CHARS));
        if let Some(text) = &self.description {
            faults.add_if("description", text::prose(text));
        }
        faults.at_most("categories", self.categories.len(), limits::CATEGORIES);
        for (index, category) in self.categories.iter().enumerate() {
            let place = format!("categories[{index}]");
            faults.add_if(&place, text::line(category, limits::CATEGORY_CHARS));
        }
        if self.auth_methods.is_empty() {
            faults.add("auth_methods", "is empty; give at least one, `unknown` if necessary");
        }
        text::no_repeats("auth_methods", &self.auth_methods, faults);
        text::no_repeats("capabilities", &self.capabilities, faults);
        for (facade, capabilities) in &self.capabilities_at {
            let place = format!("capabilities_at.{facade}");
            text::no_repeats(&place, capabilities, faults);
            let foreign = capabilities.iter().filter(|one| !self.capabilities.contains(one));
            for capability in foreign {
                faults.add(&place, format!("`{capability}` is not in `capabilities`"));
            }
        }
        if let Some(address) = &self.documentation {
            faults.add_if("documentation", text::address(address));
        }
    }

    fn models_faults(&self, faults: &mut Faults) {
        faults.at_most("models.known", self.models.known.len(), MODELS);
        let mut taken = BTreeMap::new();
        for (index, model) in self.models.known.iter().enumerate() {
            let place = format!("models.known[{index}]");
            faults.add_if(&format!("{place}.id"), text::line(&model.id, MODEL_CHARS));
            faults.add_if(&format!("{place}.name"), text::line(&model.name, MODEL_CHARS));
            text::no_repeats(&format!("{place}.capabilities"), &model.capabilities, faults);
            if let Some(other) = taken.insert(&model.id, place.clone()) {
                faults.add(place, format!("has the id of {other}; leave one out"));
            }
        }
        if let Some(list) = &self.models.list {
            self.listing_faults("models.list", list, faults);
        }
    }

    fn address_faults(&self, faults: &mut Faults) {
        if let Some(probe) = &self.probe {
            self.probe_faults(probe, faults);
        }
        if let Some(login) = &self.login {
            self.login_faults(login, faults);
        }
        for (place, url) in [("token_url", &self.token_url), ("base_url", &self.base_url)] {
            if let Some(url) = url {
                self.template_faults(place, url, text::address(url), faults);
            }
        }
    }

    fn probe_faults(&self, probe: &Probe, faults: &mut Faults) {
        let Probe { method: _, url, headers, basic, auth, outcomes } = probe;
        self.request_faults("probe", url, headers, basic.as_ref(), faults);
        if let Some(auth) = auth {
            self.auth_faults(auth, faults);
        } else if !Draft::of_probe(self, probe).texts().any(|text| self.has_secret(text)) {
            let problem = "uses no secret field, so that its answer would prove nothing";
            faults.add("probe", problem);
        }
        faults.at_most("probe.outcomes", outcomes.len(), limits::OUTCOME_RULES);
        for (index, rule) in outcomes.iter().enumerate() {
            let place = format!("probe.outcomes[{index}]");
            if !(100..600).contains(&rule.status) {
                faults.add(format!("{place}.status"), "must be from 100 to 599");
            }
            if let Some(contains) = &rule.contains {
                let wrong = text::line(contains, limits::CONTAINS_CHARS);
                faults.add_if(&format!("{place}.contains"), wrong);
            }
        }
    }

    fn has_secret(&self, text: &str) -> bool {
        let names = placeholders(text).unwrap_or_default();
        names.into_iter().any(|name| self.field(name).is_some_and(|field| field.secret))
    }

    fn request_faults(
        &self,
        place: &str,
        url: &str,
        headers: &BTreeMap<String, String>,
        basic: Option<&Basic>,
        faults: &mut Faults,
    ) {
        self.template_faults(&format!("{place}.url"), url, text::address(url), faults);
        faults.at_most(&format!("{place}.headers"), headers.len(), limits::HEADERS);
        for (name, value) in headers {
            let place = format!("{place}.headers.{name}");
            faults.add_if(&place, text::header_name(name));
            self.template_faults(&place, value, text::line(value, limits::HEADER_CHARS), faults);
        }
        for (name, value) in basic.map(Basic::parts).into_iter().flatten() {
            let place = format!("{place}.basic.{name}");
            let own = (!value.is_empty()).then(|| text::line(value, limits::HEADER_CHARS));
            self.template_faults(&place, value, own.flatten(), faults);
        }
        for name in draft::in_host(url) {
            if self.field(name).is_some_and(|field| field.destination == Some(false)) {
                let problem = format!("`${{{name}}}` is no destination, and cannot be in the host");
                faults.add(format!("{place}.url"), problem);
            }
        }
    }

    fn template_faults(&self, place: &str, text: &str, own: Option<String>, faults: &mut Faults) {
        faults.add_if(place, own);
        match placeholders(text) {
            Err(problem) => faults.add(place, problem),
            Ok(names) => {
                let own_base = |name: &str| {
                    name == "base_url" && place != "base_url" && self.base_url.is_some()
                };
                let unknown =
                    names.into_iter().filter(|name| self.field(name).is_none() && !own_base(name));
                for name in unknown {
                    let problem = format!("`${{{name}}}` is not a field of this provider");
                    faults.add(place, problem);
                }
            }
        }
    }
}
