//! A provider as gateways see one: it takes the keys it was told of, and knows when each came.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::failure::{Failure, Outcome};

/// First uses that nobody has asked for yet.
const FIRST_USES: usize = 1_024;

/// A running provider.
#[derive(Debug)]
pub(crate) struct Provider {
    pub(crate) address: SocketAddr,
    door: Arc<Door>,
    first_uses: mpsc::Receiver<(String, Instant)>,
    task: JoinHandle<std::io::Result<()>>,
}

/// Who is let in.
#[derive(Debug)]
struct Door {
    issued: Mutex<IssuedTokens>,
    told: mpsc::Sender<(String, Instant)>,
}

#[derive(Debug, Default)]
struct IssuedTokens {
    /// Keys that are good, with whether they were used.
    keys: HashMap<String, bool>,
    refused: u64,
}

impl Door {
    fn issued(&self) -> MutexGuard<'_, IssuedTokens> {
        self.issued.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Provider {
    pub(crate) async fn start() -> Outcome<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (told, first_uses) = mpsc::channel(FIRST_USES);
        let door = Arc::new(Door { issued: Mutex::default(), told });
        let routes = Router::new().fallback(answer).with_state(Arc::clone(&door));
        let task = tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(Self { address, door, first_uses, task })
    }

    /// Takes a key from now on.
    pub(crate) fn allow(&self, key: String) {
        self.door.issued().keys.insert(key, false);
    }

    /// Returns how many requests came with a key it never was told of.
    pub(crate) fn refused(&self) -> u64 {
        self.door.issued().refused
    }

    /// Waits until a key was used, and returns when that was.
    pub(crate) async fn first_use(&mut self, key: &str, patience: Duration) -> Outcome<Instant> {
        loop {
            match tokio::time::timeout(patience, self.first_uses.recv()).await? {
                Some((used, when)) if used == key => return Ok(when),
                Some(_) => {}
                None => return Err(Failure::new("the provider ended")),
            }
        }
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(State(door): State<Arc<Door>>, headers: HeaderMap) -> StatusCode {
    let key = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let key = key.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    let mut issued = door.issued();
    let Some(used) = issued.keys.get_mut(key) else {
        issued.refused += 1;
        return StatusCode::UNAUTHORIZED;
    };
    // A full queue drops a first use that the bench will then miss, and say so.
    if !std::mem::replace(used, true)
        && door.told.try_send((key.to_owned(), Instant::now())).is_err()
    {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    StatusCode::OK
}
