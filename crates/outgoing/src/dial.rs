//! Connections over TCP to services that speak no HTTP, by the same rule: a name is resolved once,
//! each address is checked, and the connection is made to one that was.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};

use tokio::net::TcpStream;

use crate::networks::Reach;

/// Why there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DialError {
    /// The name has no address.
    #[error("its name cannot be resolved")]
    NotResolved,
    /// No address of it may be reached.
    #[error("its address is in a network that may not be reached")]
    Forbidden,
    /// Nobody listens there.
    #[error("it refuses connections")]
    Refused,
    /// Anything else.
    #[error("no connection can be made")]
    Failed,
}

/// Returns the addresses of a host that may be reached, of which there is one at least. The host is
/// a name, or an address without brackets.
pub async fn resolve(host: &str, port: u16, reach: &Reach) -> Result<Vec<SocketAddr>, DialError> {
    let found: Vec<SocketAddr> = if let Ok(address) = host.parse::<IpAddr>() {
        vec![SocketAddr::new(address, port)]
    } else {
        let found = tokio::net::lookup_host((host, port)).await;
        found.map_err(|_| DialError::NotResolved)?.collect()
    };
    if found.is_empty() {
        return Err(DialError::NotResolved);
    }
    let is_permitted = |address: &SocketAddr| reach.permits(address.ip());
    let permitted: Vec<SocketAddr> = found.into_iter().filter(is_permitted).collect();
    if permitted.is_empty() { Err(DialError::Forbidden) } else { Ok(permitted) }
}

/// Connects to the first of some addresses, which were checked, that takes the connection.
pub async fn dial(addresses: &[SocketAddr]) -> Result<TcpStream, DialError> {
    match TcpStream::connect(addresses).await {
        Ok(stream) => Ok(stream),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Err(DialError::Refused),
        Err(_) => Err(DialError::Failed),
    }
}
