//! A request, whether it arrived sealed or in the clear.

use std::sync::Arc;

use async_nats::{HeaderMap, Message};
use bytes::Bytes;
use ledger_contract::errors::{Code, Problem};
use ledger_contract::headers::{Headers, invalid, read as read_headers, twice};
use ledger_contract::sealed::{SealedRequest, split};
use ledger_contract::subjects::{AUTHORIZATION, XKEY};
use ledger_domain::MessageId;
use ledger_engine::{Attempt, MESSAGE_BYTES_MAX, OpenedRequest, Place, Shares};
use parking_lot::Mutex;

use super::senders::Admitted;
use super::{ServiceState, headers};

/// A request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Incoming<'a> {
    pub(super) message: &'a Message,
    /// The opened content of a sealed request.
    pub(super) opened: Option<&'a Opened>,
    /// What is known of it, for the audit journal.
    pub(super) attempt: &'a Mutex<Attempt>,
    /// Where its caller takes a place, which is kept until the answer.
    pub(super) shares: &'a Arc<Shares>,
    pub(super) place: &'a Mutex<Option<Place>>,
    /// By what its sender was admitted.
    pub(super) admitted: &'a Admitted,
}

/// The content of a sealed request.
#[derive(Debug)]
pub(super) struct Opened {
    /// The sender's public curve key.
    pub(super) sender: String,
    /// The public curve key of the ledger's to which it was sealed.
    pub(super) ledger_xkey: String,
    /// The request's id, which is valid once.
    pub(super) id: MessageId,
    pub(super) head: SealedRequest,
    /// Wiped when the last owner drops it.
    body: Bytes,
}

impl Incoming<'_> {
    /// Returns the `Authorization` header.
    pub(super) fn authorization(&self) -> Result<Option<&str>, Problem> {
        match self.opened {
            None => headers::authorization(self.message.headers.as_ref()),
            Some(opened) => Ok(opened.head.headers.get(AUTHORIZATION).map(String::as_str)),
        }
    }

    /// Reads all other headers. A sealed command without a command id uses the id of its request.
    pub(super) fn headers(&self) -> Result<Headers, Problem> {
        let Some(opened) = self.opened else {
            return headers::read(self.message.headers.as_ref());
        };
        let pairs = opened.head.headers.iter();
        let mut read = read_headers(pairs.map(|(name, value)| (name.as_str(), value.as_str())))?;
        if read.command_id.is_none() {
            read.command_id = Some(opened.id.clone());
        }
        Ok(read)
    }

    /// Returns the body.
    pub(super) fn body(&self) -> &Bytes {
        self.opened.map_or(&self.message.payload, |opened| &opened.body)
    }
}

impl ServiceState {
    /// Opens a sealed message. Returns `None` if the message is in the clear.
    ///
    /// Errors: those of [`ledger_contract::sealed::told_in_the_clear`].
    pub(super) fn open(&self, message: &Message) -> Result<Option<Opened>, Problem> {
        let Some(sender) = sender_of(message.headers.as_ref())? else {
            return Ok(None);
        };
        if message.payload.len() > MESSAGE_BYTES_MAX {
            return Err(Problem::new(Code::MessageTooLarge));
        }
        let opened = self.engine.open_sealed(&message.payload, sender)?;
        let OpenedRequest { text, ledger_xkey } = opened;
        let (head, body_at) = split::<SealedRequest>(&text)?;
        let body = Bytes::from_owner(text).slice(body_at..);
        let id = MessageId::parse("request_id", &head.request_id);
        let id = id.map_err(|error| Problem::because(Code::SealedUnreadable, error.to_string()))?;
        Ok(Some(Opened { sender: sender.to_owned(), ledger_xkey, id, head, body }))
    }
}

/// Returns the sender's public curve key, if the message is sealed.
fn sender_of(headers: Option<&HeaderMap>) -> Result<Option<&str>, Problem> {
    let Some(headers) = headers else { return Ok(None) };
    let mut values = headers.get_all(XKEY);
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(_), Some(_)) => Err(twice(XKEY)),
        (Some(_), None) if headers.get(AUTHORIZATION).is_some() => {
            Err(invalid(AUTHORIZATION, "must be inside the sealed request, not beside it"))
        }
        (Some(sender), None) => Ok(Some(sender.as_str())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_key_is_given_once_and_no_api_key_beside_it() {
        let map = |names: &[&str]| {
            let mut map = HeaderMap::new();
            for name in names {
                map.append(*name, "x");
            }
            map
        };
        assert_eq!(sender_of(None).unwrap(), None);
        assert_eq!(sender_of(Some(&map(&[AUTHORIZATION]))).unwrap(), None);
        assert_eq!(sender_of(Some(&map(&[XKEY]))).unwrap(), Some("x"));
        for bad in [[XKEY, XKEY], [XKEY, AUTHORIZATION]] {
            let problem = sender_of(Some(&map(&bad))).unwrap_err();
            assert_eq!(problem.code, Code::HeaderInvalid);
        }
    }
}
