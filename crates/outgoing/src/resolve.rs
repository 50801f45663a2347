//! Finds the addresses of names for HTTP, and leaves out those that may not be reached. The
//! connection is made to what is left, so a name that leads elsewhere a moment later gains nothing.

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::dial::resolve;
use crate::networks::Reach;

/// Finds addresses by the means of this system.
#[derive(Clone, Debug)]
pub(crate) struct Resolver(pub(crate) Reach);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0.clone();
        Box::pin(async move {
            // The port is that of the URL.
            let permitted = resolve(name.as_str(), 0, &reach).await?;
            let permitted: Addrs = Box::new(permitted.into_iter());
            Ok(permitted)
        })
    }
}
