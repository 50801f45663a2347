//! Finds the addresses of names, and leaves out those that may not be reached. The connection is
//! made to what is left, so a name that leads elsewhere a moment later gains nothing.

use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::networks::Reach;

/// Every address of a name, or the one that was asked for, may not be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its address is in a network that may not be reached")]
pub(crate) struct NotPermitted;

/// A name has no address.
#[derive(Debug, thiserror::Error)]
#[error("its name has no address")]
pub(crate) struct NotResolved(#[source] std::io::Error);

/// Finds addresses by the means of this system.
#[derive(Clone, Debug)]
pub(crate) struct Resolver(pub(crate) Reach);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await.map_err(NotResolved)?;
            let permitted: Vec<SocketAddr> =
                found.filter(|address| reach.permits(address.ip())).collect();
            if permitted.is_empty() {
                return Err(NotPermitted.into());
            }
            let permitted: Addrs = Box::new(permitted.into_iter());
            Ok(permitted)
        })
    }
}
