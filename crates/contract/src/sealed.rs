//! Sealed messages. Any request over NATS, and its answer, can be sealed, so that neither the
//! operator of the NATS server nor a subscriber can read or use it.
//!
//! ```text
//! ledger.cmd.<workspace>.<verb>, ledger.query..., ledger.admin..., ledger.reveal...
//!   Ledger-Xkey: the sender's public curve key; marks the message as sealed
//!   body: SealedRequest as JSON on one line, a line feed, the body as it would be in the clear;
//!         all of it sealed from the sender to the ledger (`ledger_vault::CurveKey`)
//! reply
//!   Ledger-Xkey: the ledger's public curve key
//!   body: SealedAnswer as JSON on one line, a line feed, the body as it would be in the clear;
//!         all of it sealed from the ledger to the sender. Errors are sealed, too.
//! ```
//!
//! The head contains the headers that the message would have in the clear, including the
//! credential; headers outside are ignored. The head names the subject, so the message is refused
//! on any other. Its id is valid once, and only near the time in the head. A replayed message
//! therefore gets a refusal, which only the original sender can open.
//!
//! A message that cannot be opened cannot get a sealed answer: [`told_in_the_clear`] lists these
//! refusals. `schemas/messages/sealed.md` describes the format for client authors.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::errors::{Code, Problem, read_json};

/// Largest difference between the time in a request and now, in either direction, in seconds. It
/// allows for clock differences and transit time.
pub const REQUEST_SECONDS_MAX: i64 = 30;

/// The head of a request.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SealedRequest {
    /// The subject that the request is sent on; on any other it is refused.
    pub subject: String,
    /// An id that is valid once: 1 to 128 visible ASCII characters. It is also the command id if
    /// the headers have none.
    pub request_id: String,
    /// RFC 3339 time at which the request was made, within 30 seconds of the ledger's clock.
    pub made_at: String,
    /// The headers that the request would have in the clear, including `Authorization`.
    pub headers: BTreeMap<String, String>,
}

impl fmt::Debug for SealedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedRequest")
            .field("subject", &self.subject)
            .field("request_id", &self.request_id)
            .finish_non_exhaustive()
    }
}

impl Drop for SealedRequest {
    fn drop(&mut self) {
        self.headers.values_mut().for_each(Zeroize::zeroize);
    }
}

/// The head of an answer.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SealedAnswer {
    /// Id of the request. Requests have no such field, so a request cannot be replayed as an
    /// answer.
    pub answer_to: String,
    /// The headers that the answer would have in the clear.
    pub headers: BTreeMap<String, String>,
}

/// Joins head and body into the text to seal.
pub fn join(head: &impl Serialize, body: &[u8]) -> Zeroizing<Vec<u8>> {
    let head = Zeroizing::new(serde_json::to_vec(head).expect("a head has a JSON form"));
    let mut text = Zeroizing::new(Vec::with_capacity(head.len() + 1 + body.len()));
    text.extend_from_slice(&head);
    text.push(b'\n');
    text.extend_from_slice(body);
    text
}

/// Parses the head of an opened text, and returns it with the offset of the body.
///
/// Errors: `sealed_unreadable`, without any of the text.
pub fn split<Head: for<'de> Deserialize<'de>>(text: &[u8]) -> Result<(Head, usize), Problem> {
    let line = text.iter().position(|byte| *byte == b'\n').ok_or_else(|| {
        Problem::because(Code::SealedUnreadable, "the sealed text has no line with its head")
    })?;
    let (head, _) = text.split_at(line);
    let head = read_json(head).map_err(|problem| {
        let message = format!("the head of the sealed text: {}", problem.message);
        Problem::because(Code::SealedUnreadable, message)
    })?;
    Ok((head, line + 1))
}

/// Returns whether the ledger refuses sealed requests with this code in the clear, before opening
/// them and without executing anything. Any other answer in the clear did not come from the ledger.
pub fn told_in_the_clear(code: &str) -> bool {
    let codes = [
        Code::Busy,
        Code::CredentialLockout,
        Code::HeaderInvalid,
        Code::MessageTooLarge,
        Code::RateLimited,
        Code::SealedUnreadable,
    ];
    codes.iter().any(|known| known.as_str() == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> SealedRequest {
        SealedRequest {
            subject: "ledger.cmd.default.create".to_owned(),
            request_id: "r-1".to_owned(),
            made_at: "2030-01-01T00:00:00Z".to_owned(),
            headers: BTreeMap::from([("Authorization".to_owned(), "Bearer hunter2".to_owned())]),
        }
    }

    #[test]
    fn split_undoes_join_for_any_body() {
        for body in [&b""[..], b"{}", b"{\n}", b"\n\n", b"\xff"] {
            let text = join(&request(), body);
            let (head, at) = split::<SealedRequest>(&text).unwrap();
            assert_eq!(head.headers["Authorization"], "Bearer hunter2");
            assert_eq!(&text[at..], body);
        }
    }

    #[test]
    fn a_request_does_not_parse_as_an_answer_nor_an_answer_as_a_request() {
        let text = join(&request(), b"{}");
        assert!(split::<SealedAnswer>(&text).is_err());
        let answer = SealedAnswer { answer_to: "r-1".to_owned(), headers: BTreeMap::new() };
        assert!(split::<SealedRequest>(&join(&answer, b"{}")).is_err());
    }

    #[test]
    fn an_error_about_a_head_never_repeats_it() {
        for text in ["", "{}", "hunter2\n", "{\"subject\":\"hunter2\"}\n", "[\"hunter2\"]\n{}"] {
            let problem = split::<SealedRequest>(text.as_bytes()).unwrap_err();
            assert_eq!(problem.code, Code::SealedUnreadable);
            assert!(!problem.message.contains("hunter2"), "{problem}");
        }
        assert!(!format!("{:?}", request()).contains("hunter2"));
    }
}
