//! Readers of a stream that ask for nothing but what their filter lets through.

use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::consumer::pull::{Ordered, OrderedConfig};

use crate::connect::Client;
use crate::moment::new_consumer_name;

/// A reader of a stream, and how many messages are waiting for it.
pub(super) struct Reader {
    pub(super) messages: Ordered,
    pub(super) outstanding: u64,
}

/// Opens a reader.
///
/// It has a name because only then is the filter part of the subject that is asked, where the
/// NATS server's permissions can see it: `$JS.API.CONSUMER.CREATE.<stream>.<name>.<filter>`.
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
