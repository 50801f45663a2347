//! The audit journal: which refusals are recorded, and the form of an entry.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::commands::Verb;
use crate::errors::Code;

/// The kind of an entry about a reading.
pub const READING: &str = "reading";

/// The refusals that are recorded, whatever was refused. One that is missing here is recorded only
/// for a request whose answer has secrets.
pub const RECORDED: &[Code] = &[
    Code::CredentialExpired,
    Code::CredentialInvalid,
    Code::CredentialLockout,
    Code::CredentialMissing,
    Code::CredentialRevoked,
    Code::DestinationForbidden,
    Code::Forbidden,
    Code::RateLimited,
    Code::RevealUnsafe,
    Code::SealedRepeated,
    Code::SealedRequired,
    Code::SealedUnreadable,
    Code::TokenInvalid,
];

/// Returns whether a refusal of an operation is recorded.
pub fn is_recorded(code: Code, operation: &str) -> bool {
    let has_secrets = |verb: Verb| verb.spec().answer.has_secrets();
    RECORDED.contains(&code) || Verb::find(operation).is_some_and(has_secrets)
}

/// Returns the kinds of entries: every code, because a reveal may be refused with any of them, and
/// [`READING`].
pub fn kinds() -> Vec<&'static str> {
    let codes = Code::ALL.iter().map(|code| code.as_str());
    codes.chain([READING]).collect()
}

/// One entry, as it is stored and shown. What is not known of a request is absent. It never holds
/// a credential, a secret, or text of a body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JournalEntry {
    /// Its number, in the order of `first_at`.
    pub entry: u64,
    /// The error code of a refusal, or `reading`.
    pub kind: String,
    /// How often it happened.
    pub count: u64,
    /// When it happened first.
    pub first_at: String,
    /// When it happened last.
    pub last_at: String,
    /// The way in, as in events; absent if several are counted together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
    /// Who it was, if the credential is or was a good one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Id of the API key, or the name of the token. Without `actor`, somebody named this key and
    /// did not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// IP address of the client; over NATS there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub address: Option<IpAddr>,
    /// Name of the verb, query or operation, or of the route of a product's API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The workspace that the request named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<String>,
    /// The connection that the request named, by id or slug.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
    /// Whether what differs between those that were counted together was left out: `details` for
    /// requests of one source, `sources` for those of many. Absent if nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without: Option<Without>,
}

/// What an entry about many requests leaves out, because it differs between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Without {
    /// Operation, workspace and connection.
    Details,
    /// These, and who it was.
    Sources,
}

impl JournalEntry {
    /// Returns the stored form.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("an entry has a JSON form")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_reveal_is_recorded_whatever_the_reason() {
        let verbs = [Verb::RevealSecret, Verb::Unwrap, Verb::LeaseSecrets, Verb::ReadLeasedSecrets];
        for verb in verbs.map(Verb::as_str) {
            assert!(Code::ALL.iter().all(|code| is_recorded(*code, verb)));
        }
        assert!(is_recorded(Code::Forbidden, "list") && is_recorded(Code::CredentialMissing, ""));
        assert!(!is_recorded(Code::SlugTaken, "create") && !is_recorded(Code::Busy, "list"));
    }

    #[test]
    fn an_entry_has_the_form_that_is_stored() {
        let entry = JournalEntry {
            entry: 7,
            kind: "forbidden".to_owned(),
            count: 3,
            first_at: "2026-11-29T02:00:00Z".to_owned(),
            last_at: "2026-11-29T02:00:09Z".to_owned(),
            via: Some("http".to_owned()),
            actor: Some("user:ada".to_owned()),
            key: Some("k3x9a2bq71ce".to_owned()),
            address: Some([192, 0, 2, 1].into()),
            operation: Some("update".to_owned()),
            workspace: Some("default".to_owned()),
            connection: Some("main".to_owned()),
            without: None,
        };
        let full = r#"{"entry":7,"kind":"forbidden","count":3,"first_at":"2026-11-29T02:00:00Z","#
            .to_owned()
            + r#""last_at":"2026-11-29T02:00:09Z","via":"http","actor":"user:ada","#
            + r#""key":"k3x9a2bq71ce","address":"192.0.2.1","operation":"update","#
            + r#""workspace":"default","connection":"main"}"#;
        assert_eq!(String::from_utf8(entry.to_json()).unwrap(), full);
        let folded = r#"{"entry":8,"kind":"reading","count":1,"first_at":"a","last_at":"b","#
            .to_owned()
            + r#""without":"sources"}"#;
        let read: JournalEntry = serde_json::from_str(&folded).unwrap();
        assert_eq!(read.without, Some(Without::Sources));
        assert_eq!(String::from_utf8(read.to_json()).unwrap(), folded);
    }
}
