//! Who may ask: principals, their keys, and questions about rights.

use ledger_contract::errors::Code;

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
    Route {
        method: Method::Get,
        path: PRINCIPALS,
        id: "listPrincipals",
        tag: "principals",
        summary: "Lists everyone who may ask",
        about: "With their rights and their keys; of a key everything but what opens.",
        work: Work::Keyed(Keyed::Query("principals")),
        scope: Some(Scope::Administer),
        parameters: &[p::QUERY, p::COMMON],
        body: None,
        answers: &[Answer {
            status: 200,
            about: "Every principal, by name.",
            content: &[("application/json", Some("PrincipalPage"))],
            headers: &[],
        }],
        refusals: &[r::KEY, r::QUERY],
    },
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
    Route {
        method: Method::Get,
        path: "/api/v1/whoami",
        id: "whoami",
        tag: "principals",
        summary: "Tells whom the key stands for, and what it may do",
        about: "Any key may ask.",
        work: Work::Keyed(Keyed::Query("whoami")),
        scope: None,
        parameters: &[p::QUERY, p::COMMON],
        body: None,
        answers: &[Answer {
            status: 200,
            about: "The actor that events name, and its grants.",
            content: &[("application/json", Some("CallerView"))],
            headers: &[],
        }],
        refusals: &[r::KEY, r::QUERY],
    },
    Route {
        method: Method::Get,
        path: "/api/v1/access-check",
        id: "accessCheck",
        tag: "principals",
        summary: "Tells whether somebody may do something, and why",
        about: "Everyone may ask about themselves; about others it takes the scope `administer` \
                for the whole ledger.",
        work: Work::Keyed(Keyed::Query("access-check")),
        scope: None,
        parameters: &[p::ACCESS_CHECK, p::QUERY, p::COMMON],
        body: None,
        answers: &[Answer {
            status: 200,
            about: "Yes or no, and the reason.",
            content: &[("application/json", Some("AccessAnswer"))],
            headers: &[],
        }],
        refusals: &[r::KEY, r::QUERY, &[Code::PrincipalUnknown, Code::ConnectionUnknown]],
    },
];
