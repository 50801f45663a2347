//! Stream consumers that request only what their filter permits.

use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::consumer::pull::{Ordered, OrderedConfig};

use crate::connect::Client;
use crate::moment::new_consumer_name;

/// A consumer of a stream and its number of pending messages.
pub(super) struct Reader {
    pub(super) messages: Ordered,
    pub(super) outstanding: u64,
}

/// Opens a consumer.
///
/// It is named, because only then is the filter part of the subject of the request, which the NATS
/// server's permissions can check: `$JS.API.CONSUMER.CREATE.<stream>.<name>.<filter>`.
pub(super) async fn open(
    client: &Client,
    stream: &str,
    filter_subject: String,
    deliver_policy: DeliverPolicy,
) -> Result<Reader, String> {
    let failed = |error: &dyn std::fmt::Display| format!("cannot read {stream}: {error}");
    let config = OrderedConfig {
        name: Some(new_consumer_name()),
        deliver_policy,
        filter_subject,
        ..OrderedConfig::default()
    };
    let created = client.jetstream().create_consumer_on_stream(config, stream).await;
    let consumer = created.map_err(|error| failed(&error))?;
    let outstanding = consumer.cached_info().num_pending;
    let messages = consumer.messages().await.map_err(|error| failed(&error))?;
    Ok(Reader { messages, outstanding })
}
