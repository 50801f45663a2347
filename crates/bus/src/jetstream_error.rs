//! What an error that JetStream returned means: the server is not ready yet, or it refuses.

use async_nats::jetstream::{Error, ErrorCode};
use ledger_contract::errors::Problem;

use crate::connect::{refused, unreachable};

/// Errors that pass without an operator: a cluster elects a leader or moves a stream, or a server
/// starts or is short of something.
const TRANSIENT: [ErrorCode; 12] = [
    ErrorCode::CLUSTER_INCOMPLETE,
    ErrorCode::CLUSTER_NOT_ACTIVE,
    ErrorCode::CLUSTER_NOT_ASSIGNED,
    ErrorCode::CLUSTER_NOT_AVAILABLE,
    ErrorCode::CLUSTER_NOT_LEADER,
    ErrorCode::INSUFFICIENT_RESOURCES,
    ErrorCode::MEMORY_RESOURCES_EXCEEDED,
    ErrorCode::RAFT_GENERAL,
    ErrorCode::STORAGE_RESOURCES_EXCEEDED,
    ErrorCode::STREAM_MOVE_IN_PROGRESS,
    ErrorCode::STREAM_OFFLINE,
    ErrorCode::STREAM_STORE_FAILED,
];

/// Returns the problem, which `about` begins to say.
///
/// Errors: `nats_unreachable` for an error that passes by itself, otherwise `nats_refused`.
pub(crate) fn problem(about: &str, error: &Error) -> Problem {
    let message = format!("{about}: {error}");
    if TRANSIENT.contains(&error.error_code()) { unreachable(message) } else { refused(message) }
}

#[cfg(test)]
mod tests {
    use ledger_contract::errors::Code;
    use serde_json::json;

    use super::*;

    #[test]
    fn errors_that_pass_by_themselves_are_no_refusals() {
        let code = |number: u64| {
            let error = json!({"code": 503, "err_code": number, "description": "reason"});
            let problem = problem("about", &serde_json::from_value(error).expect("an error"));
            assert!(problem.message.starts_with("about: reason"), "{}", problem.message);
            problem.code
        };
        for transient in [10_008, 10_009, 10_023, 10_118] {
            assert_eq!(code(transient), Code::NatsUnreachable, "{transient}");
        }
        for refusal in [10_039, 10_052, 10_058, 10_065, 10_074, 10_076] {
            assert_eq!(code(refusal), Code::NatsRefused, "{refusal}");
        }
    }
}
