//! A receiver that takes pages by POST requests.

use std::time::Duration;

use ledger_outgoing::{Client, ClientOptions, Method, Url};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};

use crate::destination::{DestinationOptions, ForwardError};

/// How long a receiver may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct Http {
    client: Client,
    url: Url,
    authorization: Option<String>,
}

impl Http {
    pub(super) fn new(url: Url, options: DestinationOptions) -> Result<Self, ForwardError> {
        let client = Client::new(ClientOptions {
            answer_max: ANSWER_MAX,
            authorities: options.authorities,
            ..ClientOptions::default()
        })?;
        Ok(Self { client, url, authorization: options.authorization })
    }

    /// Sends a page; any status from 200 to 299 says that it was taken.
    pub(super) async fn post(
        &self,
        media_type: &'static str,
        body: Vec<u8>,
    ) -> Result<(), ForwardError> {
        let mut request = self.client.request(Method::POST, self.url.clone());
        request = request.header(CONTENT_TYPE, media_type).body(body);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let answer = self.client.send(request).await?;
        match answer.status {
            200..=299 => Ok(()),
            status => Err(ForwardError::Status(status)),
        }
    }
}
