//! Who may ask: principals, their keys, and questions about rights.

use ledger_contract::errors::Code;

use super::parameters as p;
use super::refusals as r;
use super::{Answer, Keyed, Method, Route, Scope, Work};

const PRINCIPALS: &str = "/api/v1/principals";

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route {
            method: Method::Get,
            path: PRINCIPALS,
            id: "listPrincipals",
            tag: "principals",
            summary: "Lists everyone who may ask",
            about: "With their rights and their keys; of a key everything but what opens."
                .to_owned(),
            work: Work::Keyed(Keyed::Query("principals")),
            scope: Some(Scope::Administer),
            parameters: &[p::QUERY, p::COMMON],
            body: None,
            body_may_be_absent: false,
            answers: &[Answer {
                status: 200,
                about: "Every principal, by name.",
                content: &[("application/json", Some("PrincipalPage"))],
                headers: &[],
            }],
            refusals: vec![r::KEY, r::QUERY],
        },
        Route {
            method: Method::Get,
            path: "/api/v1/whoami",
            id: "whoami",
            tag: "principals",
            summary: "Tells whom the key stands for, and what it may do",
            about: "Any key may ask.".to_owned(),
            work: Work::Keyed(Keyed::Query("whoami")),
            scope: None,
            parameters: &[p::QUERY, p::COMMON],
            body: None,
            body_may_be_absent: false,
            answers: &[Answer {
                status: 200,
                about: "The actor that events name, and its grants.",
                content: &[("application/json", Some("CallerView"))],
                headers: &[],
            }],
            refusals: vec![r::KEY, r::QUERY],
        },
        Route {
            method: Method::Get,
            path: "/api/v1/access-check",
            id: "accessCheck",
            tag: "principals",
            summary: "Tells whether somebody may do something, and why",
            about:
                "Everyone may ask about themselves; about others it takes the scope `administer` \
                for the whole ledger."
                    .to_owned(),
            work: Work::Keyed(Keyed::Query("access-check")),
            scope: None,
            parameters: &[p::ACCESS_CHECK, p::QUERY, p::COMMON],
            body: None,
            body_may_be_absent: false,
            answers: &[Answer {
                status: 200,
                about: "Yes or no, and the reason.",
                content: &[("application/json", Some("AccessAnswer"))],
                headers: &[],
            }],
            refusals: vec![r::KEY, r::QUERY, &[Code::PrincipalUnknown, Code::ConnectionUnknown]],
        },
    ]
}
