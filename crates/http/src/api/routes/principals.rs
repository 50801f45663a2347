//! Who may ask: principals, their keys, and questions about rights.

use ledger_contract::errors::Code;
use ledger_contract::queries::{QueryName, access_check, principals, whoami};

use super::parameters as p;
use super::refusals as r;
use super::{Answer, Keyed, Method, Parameter, Route, Scope, Work};

const PRINCIPALS: &str = "/api/v1/principals";

/// Answer to a command that changed a principal.
const DONE: &[Answer] = super::verbs::DONE;

/// Makes the route of one command about principals, which are the whole ledger's.
macro_rules! command {
    ($method:ident $path:expr, $verb:literal, $id:literal, $body:literal, $summary:literal,
     $about:literal, $parameters:expr, $answers:expr, $codes:expr) => {
        Route {
            method: Method::$method,
            path: $path,
            id: $id,
            tag: "principals",
            summary: $summary,
            about: $about,
            work: Work::Keyed(Keyed::Command($verb)),
            scope: Some(Scope::Administer),
            parameters: $parameters,
            body: Some($body),
            answers: $answers,
            refusals: &[r::KEY, r::BODY, r::LEDGER_COMMAND, $codes],
        }
    };
}

const ON: &[&[Parameter]] = &[p::ON_PRINCIPAL, p::COMMAND, p::CHANGING, p::COMMON];

pub(super) const ROUTES: &[Route] = &[
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
    command!(
        Post PRINCIPALS,
        "create-principal",
        "createPrincipal",
        "CreatePrincipalBody",
        "Makes a principal",
        "It may do what its grants name and nothing else, and opens nothing before it has a key. \
         Grants may go beyond those of who makes it: `administer` over the whole ledger is every \
         right.",
        &[p::COMMAND, p::MAKING, p::COMMON],
        &[Answer {
            status: 201,
            about: "It is made and durable, or was by the same command before.",
            content: &[("application/json", Some("Receipt"))],
            headers: &["Location", "ETag", "Ledger-Repeated"],
        }],
        &[Code::PrincipalExists]
    ),
    command!(
        Patch "/api/v1/principals/{principal}",
        "update-principal",
        "updatePrincipal",
        "UpdatePrincipalBody",
        "Changes a principal's name for people and its grants",
        "Absent fields stay. Grants are replaced as a whole, and hold at once for all its keys.",
        ON,
        DONE,
        &[Code::PrincipalUnknown, Code::NothingToChange]
    ),
    command!(
        Post "/api/v1/principals/{principal}/enable",
        "enable-principal",
        "enablePrincipal",
        "PrincipalBody",
        "Lets a principal's keys open again",
        "",
        ON,
        DONE,
        &[Code::PrincipalUnknown, Code::AlreadyEnabled]
    ),
    command!(
        Post "/api/v1/principals/{principal}/disable",
        "disable-principal",
        "disablePrincipal",
        "PrincipalBody",
        "Keeps all of a principal's keys from opening anything",
        "",
        ON,
        DONE,
        &[Code::PrincipalUnknown, Code::AlreadyDisabled]
    ),
    command!(
        Post "/api/v1/principals/{principal}/keys",
        "issue-key",
        "issueKey",
        "IssueKeyBody",
        "Issues a key to a principal",
        "The answer holds the key, once: it is stored nowhere, and a repeat of the command is \
         answered without it.",
        ON,
        &[Answer {
            status: 201,
            about: "The key is good from now on.",
            content: &[("application/json", Some("KeyReceipt"))],
            headers: &["ETag", "Ledger-Repeated", "Cache-Control"],
        }],
        &[Code::PrincipalUnknown]
    ),
    command!(
        Post "/api/v1/principals/{principal}/keys/{key}/revoke",
        "revoke-key",
        "revokeKey",
        "KeyReasonBody",
        "Keeps a key from opening anything, for ever",
        "",
        &[p::ON_PRINCIPAL, p::ON_KEY, p::COMMAND, p::CHANGING, p::COMMON],
        DONE,
        &[Code::PrincipalUnknown, Code::ApiKeyUnknown]
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
        &[p::ACCESS_CHECK, p::QUERY, p::COMMON],
        &[Answer {
            status: 200,
            about: "Yes or no, and the reason.",
            content: &[("application/json", Some("AccessAnswer"))],
            headers: &[],
        }]
    ),
];
