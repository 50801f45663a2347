//! Sends messages over HTTP, and says what an answer means.

use std::time::Duration;

use ledger_outgoing::{
    Client, ClientError, ClientOptions, Method, Network, Reach, SendError, Url, is_encrypted,
};
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};

use crate::message::{ID, Message, SIGNATURE, TIMESTAMP};

/// Longest time for which a receiver is waited for because it says so.
const RETRY_AFTER_MAX: Duration = Duration::from_hours(1);

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The receiver took it.
    Taken,
    /// It did not take this one.
    Refused(String),
    /// It wants no more messages.
    Gone,
    /// It takes nothing now.
    Away {
        /// Why.
        because: String,
        /// When it wants to be tried again, if it said so.
        retry_after: Option<Duration>,
    },
}

/// Sends messages over HTTP.
#[derive(Clone, Debug)]
pub(crate) struct Receivers {
    /// For what is sent with TLS.
    encrypted: Client,
    /// For what is sent without.
    plain: Client,
}

impl Receivers {
    /// Messages are sent to public addresses and those in `networks`, and without TLS only there.
    pub(crate) fn new(networks: Vec<Network>, answer_max: Duration) -> Result<Self, ClientError> {
        let client = |reach| {
            // Nothing of an answer matters but its head.
            Client::new(ClientOptions {
                answer_max,
                bytes_max: 0,
                reach,
                ..ClientOptions::default()
            })
        };
        Ok(Self {
            encrypted: client(Reach::Public(networks.clone()))?,
            plain: client(Reach::Only(networks))?,
        })
    }

    /// Sends a message with its time and signatures.
    pub(crate) async fn send(
        &self,
        url: &str,
        message: Message,
        (timestamp, signatures): (String, String),
    ) -> Outcome {
        let Ok(url) = url.parse::<Url>() else {
            return away("its address is no URL".to_owned());
        };
        let client = if is_encrypted(&url) { &self.encrypted } else { &self.plain };
        let request = client
            .request(Method::POST, url)
            .header(CONTENT_TYPE, "application/json")
            .header(ID, message.id)
            .header(TIMESTAMP, timestamp)
            .header(SIGNATURE, signatures)
            .body(message.body);
        match client.send_for_beginning(request).await {
            Ok(answer) => {
                let said = answer.headers.get(RETRY_AFTER).and_then(|text| text.to_str().ok());
                of_status(answer.status, said)
            }
            // It may be this one message that takes so long.
            Err(error @ SendError::TooSlow) => Outcome::Refused(error.in_short()),
            Err(error) => away(error.in_short()),
        }
    }
}

fn away(because: String) -> Outcome {
    Outcome::Away { because, retry_after: None }
}

/// Returns what an answer means. A redirect is none of those that help: only the address of the
/// alert was permitted.
fn of_status(status: u16, retry_after: Option<&str>) -> Outcome {
    let because = || format!("it answers with status {status}");
    match status {
        200..=299 => Outcome::Taken,
        300..=399 => Outcome::Refused(format!("it redirects, with status {status}")),
        410 => Outcome::Gone,
        429 | 502..=504 => {
            let seconds = retry_after.and_then(|text| text.trim().parse().ok());
            let retry_after =
                seconds.map(|seconds| Duration::from_secs(seconds).min(RETRY_AFTER_MAX));
            Outcome::Away { because: because(), retry_after }
        }
        _ => Outcome::Refused(because()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_tells_a_message_from_a_receiver() {
        assert_eq!((of_status(200, None), of_status(204, None)), (Outcome::Taken, Outcome::Taken));
        assert_eq!(of_status(410, None), Outcome::Gone);
        for status in [301, 302, 307, 400, 404, 500] {
            assert!(matches!(of_status(status, None), Outcome::Refused(_)), "{status}");
        }
        for (said, seconds) in
            [(None, None), (Some("7"), Some(7)), (Some("90000"), Some(3_600)), (Some("soon"), None)]
        {
            for status in [429, 502, 503, 504] {
                let Outcome::Away { retry_after, .. } = of_status(status, said) else {
                    panic!("{status}");
                };
                assert_eq!(retry_after, seconds.map(Duration::from_secs), "{said:?}");
            }
        }
    }
}
