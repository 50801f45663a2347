//! Who may ask: principals, their keys, and questions about rights.

use ledger_contract::queries::{QueryName, access_check, principals, whoami};

use super::parameters as p;
use super::refusals as r;
use super::{Answer, Keyed, Route, Work};

pub(super) fn routes() -> Vec<Route> {
    vec![
        query!(
            Principals at principals::PRINCIPALS,
            "principals",
            &[p::QUERY, p::COMMON],
            &[Answer {
                status: 200,
                about: "Every principal, by name.",
                content: &[("application/json", Some("PrincipalPage"))],
                headers: &[],
            }]
        ),
        query!(
            Whoami at whoami::WHOAMI,
            "principals",
            &[p::QUERY, p::COMMON],
            &[Answer {
                status: 200,
                about: "The actor that events name, and its grants.",
                content: &[("application/json", Some("CallerView"))],
                headers: &[],
            }]
        ),
        query!(
            AccessCheck at access_check::ACCESS_CHECK,
            "principals",
            &[access_check::PARAMETERS, p::QUERY, p::COMMON],
            &[Answer {
                status: 200,
                about: "Yes or no, and the reason.",
                content: &[("application/json", Some("AccessAnswer"))],
                headers: &[],
            }]
        ),
    ]
}
