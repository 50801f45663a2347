//! The task that fetches keys again and again.

use std::sync::Arc;

use tracing::{info, warn};

use super::{Held, Source};
use crate::keys::fetch::FetchError;

/// Fetches keys now, at intervals, and when they are wanted; never ends by itself.
pub(crate) async fn keep(source: Source, held: Arc<Held>) {
    let mut away = false;
    loop {
        held.begins();
        match source.fetch().await {
            Ok(set) => {
                let keys = set.len();
                let is_new = held.found(set);
                if keys == 0 && (is_new || away) {
                    warn!("the token issuer publishes no key for signatures, tokens are refused");
                } else if is_new || away {
                    info!(keys, "the keys of the token issuer were fetched");
                }
                away = false;
            }
            Err(error) => {
                away = true;
                tell(&error, held.failed());
            }
        }
        held.next().await;
    }
}

fn tell(error: &FetchError, left: Option<std::time::Duration>) {
    let error = error.with_causes();
    match left {
        Some(left) if !left.is_zero() => warn!(
            error,
            minutes = left.as_secs() / 60,
            "cannot fetch the keys of the token issuer, the last ones hold for a while"
        ),
        Some(_) => warn!(
            error,
            "cannot fetch the keys of the token issuer, the last ones are too old, \
             tokens are refused"
        ),
        None => {
            warn!(error, "cannot fetch the keys of the token issuer, tokens are refused");
        }
    }
}
