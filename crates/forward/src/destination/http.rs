//! A receiver that takes pages by POST requests.

use std::time::Duration;

use ledger_outgoing::{Client, ClientOptions, Method, Url};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use serde::Deserialize;
use serde_json::Value;

use crate::destination::{DestinationOptions, ForwardError};
use crate::format::Format;

/// What is told of a collector's reasons, in characters.
const WHY_CHARS: usize = 200;
/// How long a receiver may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct Http {
    client: Client,
    url: Url,
    authorization: Option<HeaderValue>,
}

impl Http {
    pub(super) fn new(url: Url, options: DestinationOptions) -> Result<Self, ForwardError> {
        let client = Client::new(ClientOptions {
            answer_max: ANSWER_MAX,
            authorities: options.authorities,
            ..ClientOptions::default()
        })?;
        let authorization = options.authorization.map(|authorization| authorization.0);
        Ok(Self { client, url, authorization })
    }

    /// Sends a page; any status from 200 to 299 says that it was taken, unless the body says
    /// otherwise.
    pub(super) async fn post(
        &self,
        format: Format,
        media_type: &'static str,
        body: Vec<u8>,
    ) -> Result<(), ForwardError> {
        let mut request = self.client.request(Method::POST, self.url.clone());
        request = request.header(CONTENT_TYPE, media_type).body(body);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        let answer = self.client.send(request).await?;
        match answer.status {
            200..=299 if format == Format::Otlp => expect_all(&answer.body),
            200..=299 => Ok(()),
            status => Err(ForwardError::Status(status)),
        }
    }
}

/// Checks the answer of a collector, which may have taken a part only.
fn expect_all(body: &[u8]) -> Result<(), ForwardError> {
    #[derive(Default, Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct Answer {
        partial_success: Option<Partial>,
    }
    #[derive(Default, Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct Partial {
        rejected_log_records: Value,
        error_message: String,
    }
    // A collector need not answer with JSON.
    let answer: Answer = serde_json::from_slice(body).unwrap_or_default();
    let Some(Partial { rejected_log_records, error_message }) = answer.partial_success else {
        return Ok(());
    };
    // In JSON, 64-bit numbers are text, which not every collector knows.
    let text = rejected_log_records.as_str().map(str::to_owned);
    let text = text.unwrap_or_else(|| rejected_log_records.to_string());
    match text.parse() {
        Ok(0) | Err(_) => Ok(()),
        Ok(refused) => {
            let why = error_message.chars().take(WHY_CHARS).collect();
            Err(ForwardError::Partly { refused, why })
        }
    }
}
