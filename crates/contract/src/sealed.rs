//! Sealed messages: what any request over NATS, and its answer, is put into so that neither the
//! operator of the NATS server nor anyone who subscribes to everything can read or use it.
//!
//! ```text
//! ledger.cmd.<workspace>.<verb>, ledger.query..., ledger.admin..., ledger.reveal...
//!   Ledger-Xkey: the asker's public curve key; says that the message is sealed
//!   body: SealedRequest as JSON on one line, a line feed, the body as it would be in the clear;
//!         all of it sealed from the asker to the ledger (`ledger_vault::CurveKey`)
//! reply
//!   Ledger-Xkey: the ledger's public curve key
//!   body: SealedAnswer as JSON on one line, a line feed, the body as it would be in the clear;
//!         all of it sealed from the ledger to the asker. Errors, too.
//! ```
//!
//! The head holds all headers of a message in the clear, the credential among them; headers
//! outside are not looked at. It names the subject, so that the message is refused on any other;
//! its id is good once, and only near the moment it names, so that who sends it again gets a
//! refusal, which only the first asker can open.
//!
//! What cannot be opened cannot be answered sealed: [`told_in_the_clear`] lists these refusals.
//! `schemas/messages/sealed.md` is the description for implementers of clients.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::errors::{Code, Problem, read_json};

/// How far the moment a request was made may lie from now, before or after, in seconds: what
/// clocks may differ by and travelling may take.
pub const REQUEST_SECONDS_MAX: i64 = 30;

/// The head of a request.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SealedRequest {
    /// The subject it is sent on; on any other it is refused.
    pub subject: String,
    /// An id that is good once: 1 to 128 visible ASCII characters. Also the command id, when the
    /// headers name none.
    pub request_id: String,
    /// RFC 3339 time at which it was made; at most 30 seconds from now on the ledger's clock.
    pub made_at: String,
    /// The headers of a message in the clear, `Authorization` among them.
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
    /// Id of the request. A request has no such field, so it cannot be sent back as an answer.
    pub answer_to: String,
    /// The headers of an answer in the clear.
    pub headers: BTreeMap<String, String>,
}

/// Puts head and body together, ready to be sealed.
pub fn join(head: &impl Serialize, body: &[u8]) -> Zeroizing<Vec<u8>> {
    let head = Zeroizing::new(serde_json::to_vec(head).expect("a head has a JSON form"));
    let mut text = Zeroizing::new(Vec::with_capacity(head.len() + 1 + body.len()));
    text.extend_from_slice(&head);
    text.push(b'\n');
    text.extend_from_slice(body);
    text
}

/// Reads the head of what was opened, and returns where the body begins.
///
/// Errors: `sealed_unreadable`, without any of the text.
pub fn split<Head: for<'de> Deserialize<'de>>(text: &[u8]) -> Result<(Head, usize), Problem> {
    let line = text.iter().position(|byte| *byte == b'\n').ok_or_else(|| {
        Problem::because(Code::SealedUnreadable, "what was sealed has no line with its head")
    })?;
    let (head, _) = text.split_at(line);
    let head = read_json(head).map_err(|problem| {
        let message = format!("the head of what was sealed: {}", problem.message);
        Problem::because(Code::SealedUnreadable, message)
    })?;
    Ok((head, line + 1))
}

/// Tells whether a sealed request may be refused with this code in the clear: before it has been
/// opened. Nothing was executed then. Any other answer in the clear did not come from the ledger.
pub fn told_in_the_clear(code: &str) -> bool {
    let codes = [Code::Busy, Code::HeaderInvalid, Code::MessageTooLarge, Code::SealedUnreadable];
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
    fn what_is_put_together_comes_apart_whatever_the_body_is() {
        for body in [&b""[..], b"{}", b"{\n}", b"\n\n", b"\xff"] {
            let text = join(&request(), body);
            let (head, at) = split::<SealedRequest>(&text).unwrap();
            assert_eq!(head.headers["Authorization"], "Bearer hunter2");
            assert_eq!(&text[at..], body);
        }
    }

    #[test]
    fn a_request_is_no_answer_and_an_answer_is_no_request() {
        let text = join(&request(), b"{}");
        assert!(split::<SealedAnswer>(&text).is_err());
        let answer = SealedAnswer { answer_to: "r-1".to_owned(), headers: BTreeMap::new() };
        assert!(split::<SealedRequest>(&join(&answer, b"{}")).is_err());
    }

    #[test]
    fn complaints_about_a_head_repeat_nothing_of_it() {
        for text in ["", "{}", "hunter2\n", "{\"subject\":\"hunter2\"}\n", "[\"hunter2\"]\n{}"] {
            let problem = split::<SealedRequest>(text.as_bytes()).unwrap_err();
            assert_eq!(problem.code, Code::SealedUnreadable);
            assert!(!problem.message.contains("hunter2"), "{problem}");
        }
        assert!(!format!("{:?}", request()).contains("hunter2"));
    }
}
