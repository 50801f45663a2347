//! Waiting for a condition, with a limit. Nothing else in these tests waits.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Between two looks.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// How long most conditions may take; a loaded machine is slow, so it is generous.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// Looks again and again until there is something, and fails with `what` when there is not in time.
pub(crate) async fn eventually<T, Look>(what: &str, look: impl FnMut() -> Look) -> T
where
    Look: Future<Output = Option<T>>,
{
    eventually_or(what, look, String::new).await
}

/// The same, with what helps to find out why there is nothing.
pub(crate) async fn eventually_or<T, Look>(
    what: &str,
    look: impl FnMut() -> Look,
    report: impl FnOnce() -> String,
) -> T
where
    Look: Future<Output = Option<T>>,
{
    within(PATIENCE, what, look, report).await
}

/// The same for what may take longer.
pub(crate) async fn eventually_in<T, Look>(
    patience: Duration,
    what: &str,
    look: impl FnMut() -> Look,
) -> T
where
    Look: Future<Output = Option<T>>,
{
    within(patience, what, look, String::new).await
}

async fn within<T, Look>(
    patience: Duration,
    what: &str,
    mut look: impl FnMut() -> Look,
    report: impl FnOnce() -> String,
) -> T
where
    Look: Future<Output = Option<T>>,
{
    let deadline = Instant::now() + patience;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {patience:?}: {what}\n{}", report());
        sleep(LOOK_INTERVAL).await;
    }
}

/// The same for code that cannot await: what it waits for is a moment away.
pub(crate) fn soon<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = std::time::Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(std::time::Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        std::thread::yield_now();
    }
}
