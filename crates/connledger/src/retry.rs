//! Commands that are sent until they are answered, many at a time.

use std::time::Duration;

use ledger_client::{Accepted, Client, ClientError, CommandHeaders};
use ledger_contract::errors::ErrorBody;

/// Most commands that are sent but not yet answered.
pub(crate) const IN_FLIGHT: usize = 64;
/// How often a command is sent while the ledger is busy or unreachable.
const ATTEMPTS: u32 = 12;
/// The pauses between attempts: the first one, and the longest.
const RETRY: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(2));
/// The longest pause that an answer can ask for. Whoever sends it may be no ledger.
const ASKED_MAX: Duration = Duration::from_secs(30);

/// Sends a command until it is accepted or refused. The command id makes repeating safe.
pub(crate) async fn send(
    client: &Client,
    workspace: &str,
    verb: &str,
    body: Vec<u8>,
    headers: CommandHeaders,
) -> Result<Accepted, ClientError> {
    let mut pause = RETRY.0;
    for _ in 1..ATTEMPTS {
        match client.command(workspace, verb, body.clone(), headers.clone()).await {
            Err(error) if error.retry() => {
                tokio::time::sleep(asked_or(pause, &error)).await;
                pause = (pause * 2).min(RETRY.1);
            }
            answer => return answer,
        }
    }
    client.command(workspace, verb, body, headers).await
}

/// Returns whether a problem is that of one command, and not of all that follow.
pub(crate) fn is_about_one(problem: &ErrorBody) -> bool {
    !problem.retry && problem.class != "internal" && problem.class != "unauthenticated"
}

/// Returns how long to wait after an error.
fn asked_or(pause: Duration, error: &ClientError) -> Duration {
    error.retry_after().map_or(pause, |asked| asked.min(ASKED_MAX))
}

#[cfg(test)]
mod tests {
    use ledger_contract::errors::{Code, Problem};

    use super::*;

    #[test]
    fn no_answer_asks_for_an_endless_pause() {
        let usual = Duration::from_secs(1);
        for (asked, expected) in [(None, 1), (Some(3), 3), (Some(300), 30), (Some(u64::MAX), 30)] {
            let problem = Problem::new(Code::CredentialLockout);
            let body = Problem { retry_after_seconds: asked, ..problem }.body().error;
            let error = ClientError::Problem(Box::new(body));
            assert_eq!(asked_or(usual, &error), Duration::from_secs(expected), "{asked:?}");
        }
    }
}
