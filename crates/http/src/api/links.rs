//! `Link` headers to the first, previous and next page (RFC 8288).

use axum::http::HeaderValue;
use form_urlencoded::Serializer;

/// A page, and the request for it.
#[derive(Debug)]
pub(super) struct Page<'a> {
    /// Path of the request.
    pub(super) path: &'a str,
    /// Its parameters.
    pub(super) pairs: &'a [(String, String)],
    /// The requested page number.
    pub(super) number: Option<u64>,
    /// Rows per page.
    pub(super) size: u64,
    /// Number of rows on all pages.
    pub(super) total: u64,
    /// The cursor of the next page.
    pub(super) next_cursor: Option<&'a str>,
    /// Whether the page ended early because of its size in bytes. No number leads on from there.
    pub(super) truncated: bool,
}

impl Page<'_> {
    /// Returns the header. A page fetched by cursor has no link to the previous page.
    pub(super) fn links(&self) -> Option<HeaderValue> {
        let mut links = Vec::new();
        if let Some(number) = self.number {
            let last = self.total.div_ceil(self.size.max(1)).max(1);
            links.push(self.link("first", "page", "1"));
            if number > 1 {
                let before = (number - 1).min(last);
                links.push(self.link("prev", "page", &before.to_string()));
            }
            if number < last && !self.truncated {
                links.push(self.link("next", "page", &(number + 1).to_string()));
            }
        } else {
            links.push(self.link("first", "", ""));
        }
        if let Some(cursor) = self.next_cursor.filter(|_| self.number.is_none() || self.truncated) {
            links.push(self.link("next", "cursor", cursor));
        }
        HeaderValue::from_str(&links.join(", ")).ok()
    }

    fn link(&self, relation: &str, name: &str, value: &str) -> String {
        let mut query = Serializer::new(String::new());
        let kept = self.pairs.iter().filter(|(name, _)| name != "page" && name != "cursor");
        query.extend_pairs(kept);
        if !name.is_empty() {
            query.append_pair(name, value);
        }
        let query = query.finish();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("<{}{mark}{query}>; rel=\"{relation}\"", self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn links(page: &Page<'_>) -> String {
        page.links().unwrap().to_str().unwrap().to_owned()
    }

    #[test]
    fn pages_by_number_link_both_ways_and_keep_the_filters() {
        let pairs = pairs(&[("tag", "a&b"), ("tag", "ü"), ("page", "2")]);
        let page = Page {
            path: "/c",
            pairs: &pairs,
            number: Some(2),
            size: 10,
            total: 25,
            next_cursor: Some("unused"),
            truncated: false,
        };
        assert_eq!(
            links(&page),
            "</c?tag=a%26b&tag=%C3%BC&page=1>; rel=\"first\", \
             </c?tag=a%26b&tag=%C3%BC&page=1>; rel=\"prev\", \
             </c?tag=a%26b&tag=%C3%BC&page=3>; rel=\"next\""
        );
        let last = links(&Page { number: Some(3), ..page });
        assert!(last.contains("prev") && !last.contains("next"), "{last}");
    }

    #[test]
    fn a_page_far_beyond_the_end_links_back_to_the_last() {
        let page = Page {
            path: "/c",
            pairs: &[],
            number: Some(99),
            size: 10,
            total: 25,
            next_cursor: None,
            truncated: false,
        };
        assert!(links(&page).contains("</c?page=3>; rel=\"prev\""));
    }

    #[test]
    fn pages_by_cursor_link_to_the_next() {
        let pairs = pairs(&[("cursor", "old"), ("page_size", "5")]);
        let page = Page {
            path: "/c",
            pairs: &pairs,
            number: None,
            size: 5,
            total: 25,
            next_cursor: Some("new"),
            truncated: false,
        };
        assert_eq!(
            links(&page),
            "</c?page_size=5>; rel=\"first\", </c?page_size=5&cursor=new>; rel=\"next\""
        );
    }

    #[test]
    fn a_page_that_was_cut_leads_on_by_cursor() {
        let pairs = pairs(&[("page", "2"), ("page_size", "5")]);
        let page = Page {
            path: "/c",
            pairs: &pairs,
            number: Some(2),
            size: 5,
            total: 10,
            next_cursor: Some("new"),
            truncated: true,
        };
        assert_eq!(
            links(&page),
            "</c?page_size=5&page=1>; rel=\"first\", </c?page_size=5&page=1>; rel=\"prev\", \
             </c?page_size=5&cursor=new>; rel=\"next\""
        );
    }
}
