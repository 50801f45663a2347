//! The proof that an event is in the log, which the browser checks by itself.

use axum::http::header::CONTENT_DISPOSITION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use ledger_contract::errors::Problem;
use ledger_contract::queries::{ProofQuery, ProofView, QueryWorkspace};
use ledger_domain::InvalidField;
use ledger_domain::principal::{Scope, Subject};
use ledger_engine::Effort;
use ledger_http::toolkit::Refusal;
use ledger_http_server::answer;
use maud::{Markup, html};

use super::files;
use crate::answers::protected;
use crate::request::PageRequest;
use crate::view::layout::Section;
use crate::view::parts::{TextField, crumbs, fact, nothing, thousands, with_query};

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A proof, and the key that has signed its checkpoint.
struct Proved {
    view: ProofView,
    key: String,
}

impl Proved {
    /// Returns the proof, and the checkpoint below it.
    fn parts(&self) -> (&str, &str) {
        self.view.proof.split_once("\n\n").unwrap_or((self.view.proof.as_str(), ""))
    }

    /// Returns the lines of the checkpoint: origin, size, and root.
    fn checkpoint(&self) -> [&str; 3] {
        let mut lines = self.parts().1.lines();
        [(); 3].map(|()| lines.next().unwrap_or_default())
    }
}

/// Shows the proof, or asks for the event.
pub(crate) async fn show(request: PageRequest) -> Result<Response, Refusal> {
    request.caller.require(Scope::Read, Subject::Ledger)?;
    let found = match request.parameter("position") {
        None => None,
        Some(_) => Some(find(&request).await?),
    };
    let body = html! {
        (crumbs(&[("/history", "Audit")]))
        div.head { h1 { "Proof of an event" } }
        (form(&request))
        @match &found {
            None => (nothing("Name the position of an event: its details in the history have it.")),
            Some(proved) => (proof(proved)),
        }
        script src=(files::proof()) defer {}
    };
    Ok(request.page("Proof of an event", Section::Audit, &body))
}

/// Answers the proof as a file, which `connledger verify bundle` reads.
pub(crate) async fn file(request: PageRequest) -> Result<Response, Refusal> {
    let Proved { view, .. } = find(&request).await?;
    let text = serde_json::to_string_pretty(&view).unwrap_or_default();
    let response = answer::of_type(StatusCode::OK, JSON, format!("{text}\n"));
    let name = format!("attachment; filename=\"event-{}.proof\"", view.position);
    Ok(protected(match HeaderValue::from_str(&name) {
        Ok(name) => answer::with(response, CONTENT_DISPOSITION, name),
        Err(_) => response,
    }))
}

async fn find(request: &PageRequest) -> Result<Proved, Problem> {
    let text = request.parameter("position").unwrap_or_default();
    let position = text.parse().ok().filter(|position| *position > 0);
    let position = position.ok_or_else(|| InvalidField::new("position", "must be a position"))?;
    let query = ProofQuery { position: Some(position), event: None };
    let read = request.read(Effort::Scan, QueryWorkspace::All, move |reader| reader.proof(&query));
    Ok(Proved { view: read.await?, key: request.engine().log_key().to_string() })
}

fn form(request: &PageRequest) -> Markup {
    html! {
        form.filters method="get" action="/proof" {
            div.row {
                (TextField {
                    name: "position", label: "Position", required: true,
                    value: request.parameter("position").unwrap_or_default(),
                    ..TextField::default()
                }.render())
                button.primary type="submit" { "Show the proof" }
            }
        }
    }
}

fn proof(proved: &Proved) -> Markup {
    let position = proved.view.position.to_string();
    let [origin, size, root] = proved.checkpoint();
    let before = proved.view.position.saturating_sub(1).to_string();
    let history = with_query("/history", &[("after", &before), ("oldest_first", "true")]);
    html! {
        div.columns {
            div {
                (checks())
                section.card {
                    h2 { "Check it elsewhere" }
                    p { "This page comes from the server that you check. Who trusts nobody keeps the proof and checks it with the program:" }
                    pre tabindex="0" { "connledger verify bundle event-" (position) ".proof --log-key log.key" }
                    p.buttons {
                        a.button href=(with_query("/proof/file", &[("position", &position)])) download { "Download the proof" }
                    }
                    p.soft {
                        "log.key has the public key of the log, got by a way that you trust: "
                        code { "connledger log key > log.key" }
                        ". That the event itself is what was recorded is checked with the record of an export: "
                        code { "--record" } "."
                    }
                }
            }
            aside aria-label="Parts of the proof" {
                section.card {
                    h2 { "Event" }
                    dl.facts {
                        (fact("Position", &html! { a href=(history) { (thousands(proved.view.position)) } }))
                        (fact("Entry", &html! { code #proof-entry { (proved.view.entry.trim_end()) } }))
                    }
                }
                section.card {
                    h2 { "Checkpoint" }
                    dl.facts {
                        (fact("Log", &html! { code { (origin) } }))
                        (fact("Events", &html! { (size) }))
                        (fact("Root", &html! { code { (root) } }))
                    }
                    details {
                        summary { "Proof and signatures" }
                        pre #proof-text tabindex="0" { (proved.view.proof) }
                    }
                }
                (key(proved))
            }
        }
    }
}

/// Returns where the script tells what it has checked.
fn checks() -> Markup {
    html! {
        section.card #checks aria-labelledby="checks-title" {
            h2 #checks-title { "Checked by this browser" }
            p.soft #checks-none {
                "Nothing was checked: that takes the script of this page. Download the proof and \
                 check it with the program."
            }
            ol.checks #checks-list aria-live="polite" {}
            p.large #checks-verdict role="status" {}
        }
    }
}

fn key(proved: &Proved) -> Markup {
    html! {
        section.card {
            h2 { "Key of the log" }
            (TextField {
                name: "log-key", label: "Public key", value: &proved.key, lines: true,
                help: Some("As this server says it. Put in the one that you have kept, and it is checked with that."),
                ..TextField::default()
            }.render())
        }
    }
}
