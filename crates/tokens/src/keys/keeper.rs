//! The task that keeps the keys up to date.

use std::sync::Arc;

use ledger_outgoing::with_causes;
use tracing::{info, warn};

use super::{Held, Source};
use crate::keys::fetch::FetchError;

/// Fetches keys now, periodically, and on request. Never returns.
pub(crate) async fn keep(source: Source, held: Arc<Held>) {
    let mut away = false;
    loop {
        held.begins();
        match source.fetch().await {
            Ok(set) => {
                let keys = set.len();
                let is_new = held.found(set);
                if keys == 0 && (is_new || away) {
                    warn!("the token issuer publishes no usable key; tokens are refused");
                } else if is_new || away {
                    info!(keys, "fetched the keys of the token issuer");
                }
                away = false;
            }
            Err(error) => {
                away = true;
                log(&error, held.failed());
            }
        }
        held.next().await;
    }
}

fn log(error: &FetchError, left: Option<std::time::Duration>) {
    let error = with_causes(error);
    match left {
        Some(left) if !left.is_zero() => warn!(
            error,
            minutes = left.as_secs() / 60,
            "cannot fetch the keys of the token issuer; the last ones are still valid"
        ),
        Some(_) => warn!(
            error,
            "cannot fetch the keys of the token issuer; the last ones are too old, \
             tokens are refused"
        ),
        None => {
            warn!(error, "cannot fetch the keys of the token issuer; tokens are refused");
        }
    }
}
