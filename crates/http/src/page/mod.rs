//! The page that shows the OpenAPI document. It consists of the three files of this directory, and
//! its content security policy permits nothing else.

use axum::http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use ledger_http_server::answer;

const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// Returns a file of the page by name; the page itself if there is no such file.
pub(crate) fn file(name: &str) -> Response {
    let (media_type, text) = match name {
        "page.js" => ("text/javascript; charset=utf-8", include_str!("page.js")),
        "page.css" => ("text/css; charset=utf-8", include_str!("page.css")),
        _ => ("text/html; charset=utf-8", include_str!("page.html")),
    };
    let response = answer::of_type(StatusCode::OK, HeaderValue::from_static(media_type), text);
    let response = answer::with(response, CONTENT_SECURITY_POLICY, POLICY);
    answer::with(response, REFERRER_POLICY, HeaderValue::from_static("no-referrer"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_page_refers_to_nothing_external() {
        for text in [include_str!("page.html"), include_str!("page.js"), include_str!("page.css")] {
            for outside in ["http:", "https:", "//cdn", "@import", "url("] {
                assert!(!text.contains(outside), "{outside}");
            }
        }
    }

    #[test]
    fn the_page_has_no_inline_scripts_or_styles() {
        let page = include_str!("page.html");
        assert!(!page.contains("<style") && !page.contains("style="));
        assert!(!page.contains("<script>") && !page.contains("onclick"));
        let script = include_str!("page.js");
        assert!(!script.contains("innerHTML") && !script.contains("eval("));
    }
}
