//! The style sheet, the script and the icon. Their addresses change with their content, so browsers
//! keep them for long.

use std::sync::{Arc, LazyLock};

use axum::extract::Request;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use ledger_contract::errors::{Code, Problem};
use ledger_http::toolkit::Refusal;
use ledger_http_server::answer;

use crate::answers::protected;
use crate::console::Console;

const STYLE: &str = include_str!("../assets/console.css");
const SCRIPT: &str = include_str!("../assets/console.js");
const PROOF: &str = include_str!("../assets/proof.js");
const ICON: &str = include_str!("../assets/icon.svg");

/// Returns the address of the style sheet.
pub(crate) fn style() -> &'static str {
    static PATH: LazyLock<String> = LazyLock::new(|| path("console.css", STYLE));
    &PATH
}

/// Returns the address of the script.
pub(crate) fn script() -> &'static str {
    static PATH: LazyLock<String> = LazyLock::new(|| path("console.js", SCRIPT));
    &PATH
}

/// Returns the address of the script that checks proofs.
pub(crate) fn proof() -> &'static str {
    static PATH: LazyLock<String> = LazyLock::new(|| path("proof.js", PROOF));
    &PATH
}

/// Returns the address of the icon.
pub(crate) fn icon() -> &'static str {
    static PATH: LazyLock<String> = LazyLock::new(|| path("icon.svg", ICON));
    &PATH
}

fn path(name: &str, text: &str) -> String {
    let digest = blake3::hash(text.as_bytes()).to_hex();
    format!("/assets/{name}?v={}", digest.get(..16).unwrap_or_default())
}

/// Answers one of the files, to anyone.
pub(crate) async fn answer(_: Arc<Console>, request: Request) -> Result<Response, Refusal> {
    let (media_type, text) = match request.uri().path() {
        "/assets/console.css" => ("text/css; charset=utf-8", STYLE),
        "/assets/console.js" => ("text/javascript; charset=utf-8", SCRIPT),
        "/assets/proof.js" => ("text/javascript; charset=utf-8", PROOF),
        "/assets/icon.svg" => ("image/svg+xml", ICON),
        _ => return Err(Problem::new(Code::RouteUnknown).into()),
    };
    let response = answer::of_type(StatusCode::OK, HeaderValue::from_static(media_type), text);
    let kept = HeaderValue::from_static("public, max-age=31536000, immutable");
    Ok(protected(answer::with(response, CACHE_CONTROL, kept)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_refer_to_nothing_elsewhere() {
        for text in
            [STYLE, SCRIPT, PROOF, &ICON.replace("xmlns=\"http://www.w3.org/2000/svg\"", "")]
        {
            for elsewhere in ["http:", "https:", "//cdn", "@import", "url(", "eval(", "innerHTML"] {
                assert!(!text.contains(elsewhere), "{elsewhere}");
            }
        }
    }

    #[test]
    fn the_files_are_small() {
        assert!(STYLE.len() + SCRIPT.len() + PROOF.len() + ICON.len() < 70_000);
    }
}
