//! Requests and answers, sealed if the client knows the ledger's curve key and otherwise in the
//! clear; see `ledger_contract::sealed`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::{HeaderMap, HeaderValue, Message};
use ledger_contract::errors::ProblemBody;
use ledger_contract::sealed::{SealedAnswer, SealedRequest, join, split, told_in_the_clear};
use ledger_contract::subjects;
use ledger_vault::{CurveError, CurveKey};
use parking_lot::Mutex;
use zeroize::Zeroizing;

use crate::error::ClientError;
use crate::moment::{deadline, new_command_id};
use crate::options::Key;

/// How long a pair is used. To agree on a key with the ledger costs more than all else that sealing
/// takes.
const PAIR_LIFETIME: Duration = Duration::from_mins(5);

/// NATS service header with the message of an error that has no body.
const SERVICE_ERROR: &str = "Nats-Service-Error";

/// The curve key pair of a client. It is replaced from time to time, so that nothing the client
/// still has opens earlier answers.
#[derive(Debug, Default)]
pub(crate) struct OwnPair(Mutex<Option<(Arc<CurveKey>, Instant)>>);

impl OwnPair {
    fn get(&self) -> Arc<CurveKey> {
        let mut held = self.0.lock();
        if let Some((pair, made_at)) = &*held
            && made_at.elapsed() < PAIR_LIFETIME
        {
            return Arc::clone(pair);
        }
        let new = Arc::new(CurveKey::generate());
        *held = Some((Arc::clone(&new), Instant::now()));
        new
    }
}

/// A request to send, and the reader of its answers.
pub(crate) struct Prepared {
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Vec<u8>,
    pub(crate) reader: Reader,
}

/// Reads the answers to one request.
pub(crate) struct Reader(Option<Seal>);

/// Opens the answers to a sealed request.
struct Seal {
    own: Arc<CurveKey>,
    ledger: String,
    request_id: String,
}

/// A successful answer.
pub(crate) enum Answer {
    Clear(Message),
    Opened { head: SealedAnswer, text: Zeroizing<Vec<u8>>, body_at: usize },
}

impl Answer {
    /// Returns the first value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        match self {
            Self::Clear(message) => message.headers.as_ref()?.get(name).map(HeaderValue::as_str),
            Self::Opened { head, .. } => head.headers.get(name).map(String::as_str),
        }
    }

    /// Returns the body.
    pub(crate) fn body(&self) -> &[u8] {
        match self {
            Self::Clear(message) => &message.payload,
            Self::Opened { text, body_at, .. } => text.get(*body_at..).unwrap_or_default(),
        }
    }
}

impl Prepared {
    /// Assembles a request, sealed if the ledger's curve key is known. `about` are the headers
    /// besides the API key.
    pub(crate) fn new(
        key: &Key,
        (ledger_xkey, own): (Option<&str>, &OwnPair),
        subject: &str,
        about: &[(&'static str, String)],
        body: &[u8],
    ) -> Result<Self, ClientError> {
        let authorization = (subjects::AUTHORIZATION, key.authorization());
        let all = std::iter::once(authorization).chain(about.iter().cloned());
        let Some(ledger) = ledger_xkey else {
            let mut headers = HeaderMap::new();
            for (name, value) in all {
                headers.insert(name, header_value(name, &value)?);
            }
            return Ok(Self { headers, payload: body.to_vec(), reader: Reader(None) });
        };
        let head = SealedRequest {
            subject: subject.to_owned(),
            request_id: new_command_id(),
            made_at: deadline(Duration::ZERO),
            headers: all.map(|(name, value)| (name.to_owned(), value)).collect::<BTreeMap<_, _>>(),
        };
        let own = own.get();
        let payload = own.seal(&join(&head, body), ledger).map_err(wrong)?;
        let mut headers = HeaderMap::new();
        headers.insert(subjects::XKEY, own.public());
        let (ledger, request_id) = (ledger.to_owned(), head.request_id.clone());
        let reader = Reader(Some(Seal { own, ledger, request_id }));
        Ok(Self { headers, payload, reader })
    }
}

impl Reader {
    /// Opens an answer and returns it or its error.
    pub(crate) fn read(&self, message: Message) -> Result<Answer, ClientError> {
        match &self.0 {
            None => good(Answer::Clear(message)),
            Some(seal) => seal.read(message),
        }
    }
}

impl Seal {
    fn read(&self, message: Message) -> Result<Answer, ClientError> {
        let headers = message.headers.as_ref();
        if headers.and_then(|headers| headers.get(subjects::XKEY)).is_none() {
            // Anybody on the NATS server can answer in the clear, so little of such an answer is
            // trusted.
            return match good(Answer::Clear(message)) {
                Err(ClientError::Problem(problem)) if told_in_the_clear(&problem.code) => {
                    Err(ClientError::Problem(problem))
                }
                _ => Err(ClientError::Internal(
                    "a sealed request was answered in the clear, which the ledger never does"
                        .to_owned(),
                )),
            };
        }
        let text = self.own.open(&message.payload, &self.ledger).map_err(wrong)?;
        let (head, body_at) = split::<SealedAnswer>(&text)
            .map_err(|_| ClientError::Internal("the answer cannot be understood".to_owned()))?;
        if head.answer_to != self.request_id {
            return Err(ClientError::Internal("the answer is to another request".to_owned()));
        }
        good(Answer::Opened { head, text, body_at })
    }
}

/// Converts an answer that carries an error to that error.
fn good(answer: Answer) -> Result<Answer, ClientError> {
    let Some(text) = answer.header(SERVICE_ERROR).or(answer.header(subjects::ERROR_CODE)) else {
        return Ok(answer);
    };
    if let Ok(problem) = serde_json::from_slice::<ProblemBody>(answer.body()) {
        return Err(ClientError::Problem(Box::new(problem.error)));
    }
    Err(ClientError::Internal(format!("the service answered with an error: {text}")))
}

/// Rejects values that would break the header block.
fn header_value(name: &str, value: &str) -> Result<HeaderValue, ClientError> {
    value.parse().map_err(|_| ClientError::Internal(format!("the header {name} is not one line")))
}

fn wrong(error: CurveError) -> ClientError {
    ClientError::Internal(format!("the curve key of the ledger does not fit: {error}"))
}
