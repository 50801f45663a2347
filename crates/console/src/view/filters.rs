//! Filters of lists: a form with a field for each parameter that the API has, and what is set.

use ledger_contract::parameter::{Form, Parameter};
use maud::{Markup, html};

use super::parts::{TextField, select};
use super::status::words;
use super::{moment, pager};

/// Filters of a list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filters<'a> {
    /// The path of the list.
    pub(crate) action: &'a str,
    /// The parameters, as the contract has them.
    pub(crate) parameters: &'a [Parameter],
    /// Those that are always shown.
    pub(crate) first: &'a [&'a str],
    /// Those that the page has links for.
    pub(crate) left_out: &'a [&'a str],
    /// The query string.
    pub(crate) query: &'a [(String, String)],
    /// The workspaces to choose from with their names, if the page is about any.
    pub(crate) workspaces: &'a [(String, String)],
    /// The workspace that the page is about.
    pub(crate) workspace: &'a str,
}

impl Filters<'_> {
    /// Returns the form and what is set in it.
    pub(crate) fn render(self) -> Markup {
        let shown = |parameter: &&Parameter| !self.left_out.contains(&parameter.name);
        let is_first = |parameter: &&Parameter| self.first.contains(&parameter.name);
        let (first, more): (Vec<_>, Vec<_>) =
            self.parameters.iter().filter(shown).partition(is_first);
        let is_set = |parameter: &Parameter| self.texts(parameter.name).next().is_some();
        let open = more.iter().any(|parameter| is_set(parameter));
        html! {
            form.filters method="get" action=(self.action) role="search" data-sparse {
                div.row {
                    @if !self.workspaces.is_empty() { (self.workspace()) }
                    @for parameter in first { (self.field(parameter)) }
                    button.primary type="submit" { "Filter" }
                }
                @if !more.is_empty() {
                    details.more open[open] {
                        summary { "More filters" }
                        div.grid { @for parameter in more { (self.field(parameter)) } }
                    }
                }
                @for name in self.left_out.iter().filter(|name| !["page", "cursor"].contains(name)) {
                    @for text in self.texts(name) { input type="hidden" name=(name) value=(text); }
                }
            }
            (self.set())
        }
    }

    fn texts<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let set = self.query.iter().filter(move |(known, text)| known == name && !text.is_empty());
        set.map(|(_, text)| text.as_str())
    }

    fn workspace(&self) -> Markup {
        select("workspace", "Workspace", self.workspaces, self.workspace)
    }

    fn field(&self, parameter: &Parameter) -> Markup {
        let label = label(parameter.name);
        let present = self.texts(parameter.name).next().unwrap_or_default();
        match (parameter.form, parameter.many) {
            (Form::Word(all), true) if all().len() <= 8 => self.boxes(parameter, &all()),
            (Form::Word(all), true) => self.several(parameter, &all()),
            (Form::Word(all), false) => choice(parameter.name, &label, &all(), present),
            (Form::Switch, _) => choice(parameter.name, &label, &["true", "false"], present),
            _ => {
                let about = plain(parameter.about);
                let is_time = matches!(parameter.form, Form::Time);
                let value = if is_time { moment::local_of(present) } else { present.to_owned() };
                let field = TextField {
                    name: parameter.name,
                    label: &label,
                    value: &value,
                    time: is_time,
                    help: Some(&about)
                        .filter(|_| !self.first.contains(&parameter.name))
                        .map(String::as_str),
                    ..TextField::default()
                };
                // Of several values, those beside the first stay as they are.
                html! {
                    (field.render())
                    @for text in self.texts(parameter.name).skip(1) {
                        input type="hidden" name=(parameter.name) value=(text);
                    }
                }
            }
        }
    }

    fn boxes(&self, parameter: &Parameter, all: &[&str]) -> Markup {
        html! {
            fieldset.boxes {
                legend { (label(parameter.name)) }
                @for word in all {
                    label {
                        input type="checkbox" name=(parameter.name) value=(word)
                            checked[self.texts(parameter.name).any(|set| set == *word)];
                        (words(word))
                    }
                }
            }
        }
    }

    fn several(&self, parameter: &Parameter, all: &[&str]) -> Markup {
        html! {
            div.field {
                label for=(parameter.name) { (label(parameter.name)) }
                select id=(parameter.name) name=(parameter.name) multiple size="5" {
                    @for word in all {
                        option value=(word)
                            selected[self.texts(parameter.name).any(|set| set == *word)] {
                            (words(word))
                        }
                    }
                }
            }
        }
    }

    /// Returns what is set, with a link for each that removes it.
    fn set(&self) -> Markup {
        let left_out = |name: &str| self.left_out.contains(&name);
        let set = self.query.iter().filter(|(name, text)| {
            let known = self.parameters.iter().any(|parameter| parameter.name == name);
            let known = known || (name == "workspace" && text != "_all");
            known && !text.is_empty() && !left_out(name)
        });
        let set: Vec<_> = set.collect();
        html! {
            @if !set.is_empty() {
                ul.chips aria-label="Filters that are set" {
                    @for (name, text) in set {
                        li {
                            a href=(pager::without(self.query, name, text)) {
                                span { (label(name)) ": " bdi { (text) } }
                                span.remove aria-hidden="true" { "\u{d7}" }
                                span.hidden { ", remove" }
                            }
                        }
                    }
                    li { a.clear href=(self.action) { "Clear all" } }
                }
            }
        }
    }
}

fn choice(name: &str, label: &str, all: &[&str], present: &str) -> Markup {
    let any = (String::new(), "Any".to_owned());
    let own = all.iter().map(|word| {
        let shown = match *word {
            "true" => "Yes".to_owned(),
            "false" => "No".to_owned(),
            word => words(word),
        };
        ((*word).to_owned(), shown)
    });
    select(name, label, &std::iter::once(any).chain(own).collect::<Vec<_>>(), present)
}

fn label(name: &str) -> String {
    words(name)
}

/// Returns a description without the marks of code.
fn plain(about: &str) -> String {
    about.replace('`', "")
}

#[cfg(test)]
mod tests {
    use ledger_contract::queries::list;

    use super::*;

    fn query(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    fn rendered(query: &[(String, String)]) -> String {
        let filters = Filters {
            action: "/connections",
            parameters: list::PARAMETERS,
            first: &["text"],
            left_out: &["page", "sort"],
            query,
            workspaces: &[("default".to_owned(), "default".to_owned())],
            workspace: "default",
        };
        filters.render().into_string()
    }

    #[test]
    fn there_is_a_field_for_every_parameter_of_the_api() {
        let html = rendered(&[]);
        for parameter in list::PARAMETERS {
            let there = html.contains(&format!("name=\"{}\"", parameter.name));
            assert_eq!(there, !["page", "sort"].contains(&parameter.name), "{}", parameter.name);
        }
    }

    #[test]
    fn what_is_set_is_shown_and_can_be_removed() {
        let html = rendered(&query(&[("health", "failed"), ("tag", "<b>"), ("sort", "name")]));
        assert!(html.contains("value=\"failed\" checked"), "{html}");
        assert!(html.contains("&lt;b&gt;") && !html.contains("<b>"), "{html}");
        assert!(html.contains("href=\"?tag=%3Cb%3E&amp;sort=name\""), "{html}");
        assert!(html.contains("<details class=\"more\" open"), "{html}");
    }
}
