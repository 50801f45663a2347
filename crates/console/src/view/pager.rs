//! Links to other pages of a list.

use maud::{Markup, html};

/// Returns a query string with other values in place of some parameters; none removes one.
pub(crate) fn with(query: &[(String, String)], changes: &[(&str, Option<&str>)]) -> String {
    let mut text = form_urlencoded::Serializer::new(String::new());
    for (name, value) in query {
        if !value.is_empty() && !changes.iter().any(|(changed, _)| changed == name) {
            text.append_pair(name, value);
        }
    }
    for (name, value) in changes {
        if let Some(value) = value {
            text.append_pair(name, value);
        }
    }
    format!("?{}", text.finish())
}

/// Returns a query string without one of its values.
pub(crate) fn without(query: &[(String, String)], name: &str, value: &str) -> String {
    let mut text = form_urlencoded::Serializer::new(String::new());
    for (known, other) in query {
        let is_removed = known == name && other == value;
        if !is_removed && !other.is_empty() && known != "page" && known != "cursor" {
            text.append_pair(known, other);
        }
    }
    format!("?{}", text.finish())
}

/// Returns links through the pages of a list that goes by number.
pub(crate) fn by_number(query: &[(String, String)], page: u64, pages: u64) -> Markup {
    if pages <= 1 {
        return html! {};
    }
    let to = |number: u64| with(query, &[("page", Some(&number.to_string())), ("cursor", None)]);
    html! {
        nav.pager aria-label="Pages" {
            @if page > 1 { a.button rel="prev" href=(to(page - 1)) { "Previous" } }
            span { "Page " (page) " of " (pages) }
            @if page < pages { a.button rel="next" href=(to(page + 1)) { "Next" } }
        }
    }
}

/// Returns links through a list that goes by cursor.
pub(crate) fn by_cursor(query: &[(String, String)], next: Option<&str>) -> Markup {
    let begun = query.iter().any(|(name, value)| name == "cursor" && !value.is_empty());
    if !begun && next.is_none() {
        return html! {};
    }
    html! {
        nav.pager aria-label="Pages" {
            @if begun { a.button href=(with(query, &[("cursor", None)])) { "First page" } }
            @if let Some(next) = next {
                a.button rel="next" href=(with(query, &[("cursor", Some(next))])) { "Next page" }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_keeps_the_other_parameters() {
        let query = [("tag", "a"), ("tag", "b"), ("page", "3"), ("text", "")];
        let query = query.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(with(&query, &[("page", Some("4"))]), "?tag=a&tag=b&page=4");
        assert_eq!(with(&query, &[("tag", None)]), "?page=3");
        assert_eq!(without(&query, "tag", "a"), "?tag=b");
    }
}
