//! Small parts: names, links, ids, fields of forms.

use ledger_contract::errors::Problem;
use ledger_contract::view::ConnectionView;
use ledger_domain::{CheckedText as _, Connection};
use maud::{Markup, html};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::answers::{sentence, what_to_do};

/// What a path may hold as it is.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Returns the path of a connection.
pub(crate) fn path_of(workspace: &str, connection: &str) -> String {
    let part = |text| utf8_percent_encode(text, PATH);
    format!("/workspaces/{}/connections/{}", part(workspace), part(connection))
}

/// Returns the path of a connection by its view.
pub(crate) fn path_of_view(view: &ConnectionView<'_>) -> String {
    path_of(&view.workspace, &view.id)
}

/// Returns a path with parameters.
pub(crate) fn with_query(path: &str, pairs: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs);
    format!("{path}?{}", query.finish())
}

/// Returns what people call a connection.
pub(crate) fn title_of(view: &ConnectionView<'_>) -> String {
    view.display_name.as_deref().unwrap_or(&view.slug).to_owned()
}

/// Returns what people call a connection of the domain.
pub(crate) fn name_of(connection: &Connection) -> String {
    let shown = connection.details.display_name.as_ref();
    shown.map_or_else(|| connection.slug.text(), |name| name.text()).to_owned()
}

/// Returns text that somebody wrote, apart from the direction of what is around it.
pub(crate) fn name(text: &str) -> Markup {
    html! { bdi { (text) } }
}

/// Returns an actor as events name it.
pub(crate) fn actor(text: &str) -> Markup {
    html! { span.actor { bdi { (text) } } }
}

/// Returns an id that can be copied.
pub(crate) fn id(text: &str) -> Markup {
    html! { code.id data-copy { (text) } }
}

/// Returns a number with its word, as in `1 connection` or `2 connections`.
pub(crate) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", thousands(number), if number == 1 { one } else { many })
}

/// Returns a number with thin spaces between thousands.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// Returns a fact of a list of facts.
pub(crate) fn fact(term: &str, value: &Markup) -> Markup {
    html! { div { dt { (term) } dd { (value) } } }
}

/// A field of a form with one line.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent attribute of the field")]
pub(crate) struct TextField<'a> {
    pub(crate) name: &'a str,
    pub(crate) label: &'a str,
    pub(crate) help: Option<&'a str>,
    pub(crate) value: &'a str,
    pub(crate) required: bool,
    pub(crate) max: Option<usize>,
    /// What is wrong with it.
    pub(crate) wrong: Option<&'a str>,
    /// Whether it has several lines.
    pub(crate) lines: bool,
    /// Whether it is a secret, which is neither shown nor remembered.
    pub(crate) secret: bool,
    /// Values to choose from, beside others.
    pub(crate) list: Option<&'a str>,
    pub(crate) autofocus: bool,
    /// Whether it is a date and a time, in UTC.
    pub(crate) time: bool,
}

impl TextField<'_> {
    /// Returns the field with its label, help and complaint, which belong together for whoever
    /// cannot see them.
    pub(crate) fn render(self) -> Markup {
        let (help_id, wrong_id) = (format!("{}-help", self.name), format!("{}-wrong", self.name));
        let by = [self.help.map(|_| help_id.as_str()), self.wrong.map(|_| wrong_id.as_str())];
        let by = by.into_iter().flatten().collect::<Vec<_>>().join(" ");
        let by = Some(by).filter(|by| !by.is_empty());
        html! {
            div.field class=[self.wrong.map(|_| "wrong")] {
                label for=(self.name) {
                    (self.label)
                    @if self.required { " " span.required { "required" } }
                }
                @if self.lines {
                    textarea id=(self.name) name=(self.name) rows="3" spellcheck="false"
                        class=[self.secret.then_some("masked")]
                        autocomplete="off" required[self.required] maxlength=[self.max]
                        aria-describedby=[by.as_deref()] aria-invalid=[self.wrong.map(|_| "true")]
                        autofocus[self.autofocus] { (self.value) }
                } @else {
                    input id=(self.name) name=(self.name) value=[self.value()]
                        type=(self.kind()) step=[self.time.then_some("1")]
                        autocomplete=(if self.secret { "new-password" } else { "off" })
                        spellcheck="false" list=[self.list]
                        required[self.required] maxlength=[self.max]
                        aria-describedby=[by.as_deref()] aria-invalid=[self.wrong.map(|_| "true")]
                        autofocus[self.autofocus];
                }
                @if let Some(help) = self.help { p.help id=(help_id) { (help) } }
                @if let Some(wrong) = self.wrong { p.complaint id=(wrong_id) { (wrong) } }
            }
        }
    }

    fn kind(&self) -> &'static str {
        match (self.secret, self.time) {
            (true, _) => "password",
            (false, true) => "datetime-local",
            (false, false) => "text",
        }
    }

    /// A secret is never sent back.
    fn value(&self) -> Option<&str> {
        (!self.secret).then_some(self.value)
    }
}

/// Returns a choice of words.
pub(crate) fn select(
    name: &str,
    label: &str,
    choices: &[(String, String)],
    chosen: &str,
) -> Markup {
    html! {
        div.field {
            label for=(name) { (label) }
            select id=(name) name=(name) {
                @for (value, text) in choices {
                    option value=(value) selected[value == chosen] { (text) }
                }
            }
        }
    }
}

/// Returns a box to tick.
pub(crate) fn tick(name: &str, label: &str, ticked: bool, help: Option<&str>) -> Markup {
    let help_id = format!("{name}-help");
    html! {
        div.field.tick {
            input id=(name) type="checkbox" name=(name) value="true" checked[ticked]
                aria-describedby=[help.map(|_| help_id.as_str())];
            label for=(name) { (label) }
            @if let Some(help) = help { p.help id=(help_id) { (help) } }
        }
    }
}

/// Says why nothing was done, and what to do about it.
pub(crate) fn alert(problem: &Problem) -> Markup {
    html! {
        div.notice.bad role="alert" {
            p { strong { (sentence(&problem.message)) } }
            p { (what_to_do(problem.code)) " " code { (problem.code) } }
        }
    }
}

/// Returns what stands where there is nothing.
pub(crate) fn nothing(text: &str) -> Markup {
    html! { p.empty { (text) } }
}

/// Returns the path that leads to a page, from the outermost on.
pub(crate) fn crumbs(above: &[(&str, &str)]) -> Markup {
    html! {
        nav.crumbs aria-label="Breadcrumb" {
            ol { @for (path, text) in above { li { a href=(path) { bdi { (text) } } } } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_thousands() {
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(counted(1, "connection", "connections"), "1 connection");
    }

    #[test]
    fn a_path_holds_any_name() {
        assert_eq!(path_of("default", "a b/\"c"), "/workspaces/default/connections/a%20b%2F%22c");
    }

    #[test]
    fn a_secret_is_not_sent_back_with_a_form() {
        let field = TextField {
            name: "k",
            label: "Key",
            value: "sk-1",
            secret: true,
            ..TextField::default()
        };
        let html = field.render().into_string();
        assert!(!html.contains("sk-1") && html.contains("type=\"password\""), "{html}");
    }
}
