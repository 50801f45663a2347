//! Tables whose rows become cards in a narrow window. Roles are written out, because browsers drop
//! those of a table that is laid out in another way.

use maud::{Markup, html};

/// The head of a column.
#[derive(Clone, Debug)]
pub(crate) enum Head<'a> {
    /// A column of anything.
    Text(&'a str),
    /// A column of numbers.
    Number(&'a str),
    /// A head of its own, such as one by which the table is sorted.
    Own(Markup),
}

/// Returns a table.
pub(crate) fn cards(heads: &[Head<'_>], rows: &Markup) -> Markup {
    with_class("cards", heads, rows)
}

/// Returns a table with what differs on both sides.
pub(crate) fn comparison(heads: &[&str], rows: &Markup) -> Markup {
    let heads: Vec<_> = heads.iter().map(|text| Head::Text(text)).collect();
    with_class("cards compare", &heads, rows)
}

fn with_class(class: &str, heads: &[Head<'_>], rows: &Markup) -> Markup {
    html! {
        table class=(class) role="table" {
            thead role="rowgroup" { tr role="row" { @for one in heads { (head(one)) } } }
            tbody role="rowgroup" { (rows) }
        }
    }
}

fn head(head: &Head<'_>) -> Markup {
    match head {
        Head::Text(text) => html! { th role="columnheader" scope="col" { (text) } },
        Head::Number(text) => html! { th.number role="columnheader" scope="col" { (text) } },
        Head::Own(own) => own.clone(),
    }
}

/// Returns a row; its id tells it from others when the table is renewed.
pub(crate) fn row(id: Option<&str>, cells: &Markup) -> Markup {
    html! { tr role="row" id=[id] { (cells) } }
}

/// Returns a cell. The label is shown where there are no columns.
pub(crate) fn cell(label: &str, content: &Markup) -> Markup {
    html! { td role="cell" data-label=(label) { (content) } }
}

/// Returns a cell with a number.
pub(crate) fn number(label: &str, content: &Markup) -> Markup {
    html! { td.number role="cell" data-label=(label) { (content) } }
}

/// Returns the head of a row.
pub(crate) fn row_head(content: &Markup) -> Markup {
    html! { th role="rowheader" scope="row" { (content) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_says_its_roles_and_labels_its_cells() {
        let rows = row(
            Some("r-1"),
            &html! { (cell("Who", &html! { "Ada" })) (number("Times", &html! { (3) })) },
        );
        let html = cards(&[Head::Text("Who"), Head::Number("Times")], &rows).into_string();
        for part in [
            "<table class=\"cards\" role=\"table\">",
            "<th role=\"columnheader\" scope=\"col\">Who</th>",
            "<tr role=\"row\" id=\"r-1\"><td role=\"cell\" data-label=\"Who\">Ada</td>",
            "<td class=\"number\" role=\"cell\" data-label=\"Times\">3</td>",
        ] {
            assert!(html.contains(part), "{html}");
        }
    }
}
