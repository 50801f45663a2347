//! Batches that were sent, and their acknowledgments.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;

use async_nats::jetstream::context::PublishError;
use async_nats::jetstream::publish::PublishAck;
use ledger_contract::errors::Problem;
use ledger_domain::Position;

use crate::connect::unreachable;

type Acknowledgment = Pin<Box<dyn Future<Output = Result<PublishAck, PublishError>> + Send>>;

/// A batch that has been sent.
pub(super) struct Sent {
    pub(super) last: Position,
    pub(super) acknowledgment: Acknowledgment,
}

/// Waits for the acknowledgment of the oldest batch. Cancel-safe: dropping the future loses
/// nothing.
pub(super) async fn first(in_flight: &mut VecDeque<Sent>) -> Result<Position, Problem> {
    let Some(sent) = in_flight.front_mut() else {
        return std::future::pending().await;
    };
    let acknowledgment = sent.acknowledgment.as_mut().await;
    let last = sent.last;
    in_flight.pop_front();
    match acknowledgment {
        Ok(stored) if stored.sequence == last.get() => Ok(last),
        Ok(stored) => {
            let at = stored.sequence;
            Err(unreachable(format!("event {last} was stored as message {at}")))
        }
        Err(error) => Err(unreachable(format!("event {last} was not acknowledged: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    async fn acknowledged(acknowledgment: serde_json::Value) -> Result<Position, Problem> {
        let told: PublishAck = serde_json::from_value(acknowledgment).expect("an acknowledgment");
        let acknowledgment = Box::pin(std::future::ready(Ok(told)));
        let mut sent = VecDeque::from([Sent { last: Position::new(7), acknowledgment }]);
        let result = first(&mut sent).await;
        assert!(sent.is_empty());
        result
    }

    #[tokio::test]
    async fn an_acknowledgment_of_another_place_is_not_believed() {
        let at = |seq| json!({"stream": "S", "seq": seq});
        assert_eq!(acknowledged(at(7)).await.expect("stored"), Position::new(7));
        let problem = acknowledged(at(8)).await.expect_err("elsewhere");
        assert!(problem.message.contains("stored as message 8"), "{problem}");
    }
}
