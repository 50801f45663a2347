//! A log that is read over HTTP.

use std::fmt;

use ledger_outgoing::{Client, ClientOptions, Method, Plain, Url, read_address};
use ledger_proof::{TileName, TileSource};
use tokio::runtime::Handle;
use zeroize::Zeroizing;

use crate::failure::Failure;

/// A log over HTTP.
#[derive(Clone)]
pub(super) struct Remote {
    client: Client,
    /// The address before `checkpoint`, with a slash at its end.
    base: Url,
    key: Option<Zeroizing<String>>,
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Remote({})", self.base)
    }
}

impl Remote {
    /// Prepares to read the log of a server at an address, with an API key if there is one.
    pub(super) fn new(address: &str, key: Option<Zeroizing<String>>) -> Result<Self, Failure> {
        let base = format!("{}/log/", address.trim_end_matches('/'));
        let base = read_address("server", &base, Plain::Here)
            .map_err(|invalid| Failure::usage(format!("the address {}", invalid.problem)))?;
        let client = Client::new(ClientOptions::default());
        let client = client.map_err(|error| Failure::internal(error.to_string()))?;
        Ok(Self { client, base, key })
    }

    /// Returns what is at a path, or `None` if there is nothing.
    pub(super) async fn get(&self, path: &str) -> Result<Option<Vec<u8>>, Failure> {
        let url = self.base.join(path).map_err(|error| Failure::usage(error.to_string()))?;
        let mut request = self.client.request(Method::GET, url);
        if let Some(key) = &self.key {
            request = request.bearer_auth(key.as_str());
        }
        let answer = self.client.send(request).await;
        let answer = answer.map_err(|error| {
            let why = ledger_outgoing::with_causes(&error);
            Failure::unavailable(format!("the server cannot be asked: {why}"))
        })?;
        match answer.status {
            200 => Ok(Some(answer.body.to_vec())),
            204 | 404 => Ok(None),
            401 | 403 => Err(Failure::refused("the server does not show its log without a key")
                .hint("pass --key-file FILE with a key that may read the ledger")),
            status => {
                let text = String::from_utf8_lossy(&answer.body);
                Err(Failure::refused(format!("the server answered {path} with {status}: {text}")))
            }
        }
    }

    /// Returns what must be at a path.
    pub(super) async fn expect(&self, path: &str) -> Result<Vec<u8>, Failure> {
        let found = self.get(path).await?;
        found.ok_or_else(|| Failure::refused(format!("the server has no {path} of a log")))
    }
}

/// Reads tiles from a thread that may block.
pub(super) struct RemoteTiles {
    pub(super) remote: Remote,
    pub(super) runtime: Handle,
}

impl TileSource for RemoteTiles {
    type Error = Failure;

    fn tile(&self, level: u8, index: u64, width: u32) -> Result<Vec<u8>, Failure> {
        let name = TileName { level: Some(level), index, width };
        self.runtime.block_on(self.remote.expect(&format!("tile/{name}")))
    }
}
