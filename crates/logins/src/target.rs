//! Where a login goes, and what the server has to prove before it gets the password.

use std::net::SocketAddr;
use std::sync::Arc;

use ledger_outgoing::{
    Authorities, DialError, Network, Proof, Reach, dial, resolve, tls_config, tls_failure,
};
use ledger_providers::{Login, Security};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::finding::Finding;
use crate::watched::Watched;

/// A server whose address was checked.
#[derive(Clone)]
pub(crate) struct Target {
    /// Its name, for which certificates are.
    pub(crate) name: String,
    /// The addresses that it may be reached at.
    pub(crate) addresses: Vec<SocketAddr>,
    /// How TLS is used.
    pub(crate) security: Security,
    /// Whom it trusts.
    pub(crate) authorities: Authorities,
}

impl Target {
    /// Returns the first server of a connection that takes a TCP connection.
    pub(crate) async fn of(
        login: &Login,
        networks: &[Network],
        of_system: &Authorities,
    ) -> Result<Self, Finding> {
        let authorities = match &login.authority {
            None => of_system.clone(),
            Some(pem) => Authorities::from_pem(pem.as_bytes()).map_err(|_| {
                Finding::unanswered("the connection's own authority has no certificate in it")
            })?,
        };
        let mut failed = Finding::unanswered("the connection names no server");
        for host in &login.hosts {
            let found = permitted(&host.name, host.port, networks, login.security).await;
            let (addresses, security) = match found {
                Ok(found) => found,
                Err(error) => {
                    failed = error.into();
                    continue;
                }
            };
            if login.hosts.len() > 1
                && let Err(error) = dial(&addresses).await
            {
                failed = error.into();
                continue;
            }
            return Ok(Self { name: host.name.clone(), addresses, security, authorities });
        }
        Err(failed)
    }

    /// Connects over TCP. What is read is limited.
    pub(crate) async fn dial(&self) -> Result<Watched<TcpStream>, Finding> {
        let stream = dial(&self.addresses).await?;
        stream.set_nodelay(true).ok();
        Ok(Watched::new(stream))
    }

    /// Returns what the server has to prove over TLS.
    pub(crate) const fn proof(&self) -> Proof {
        match self.security {
            Security::Off | Security::Preferred | Security::Unproven => Proof::Nothing,
            Security::Authority => Proof::Authority,
            Security::Full => Proof::Name,
        }
    }

    /// Returns what speaks TLS with it, and its name.
    pub(crate) fn tls(&self) -> Result<(TlsConnector, ServerName<'static>), Finding> {
        let config = tls_config(&self.authorities, self.proof());
        let config = config.map_err(|_| Finding::unanswered("TLS cannot be used here"))?;
        let name = ServerName::try_from(self.name.clone());
        let name = name.map_err(|_| Finding::unanswered("no certificate is for such a name"))?;
        Ok((TlsConnector::from(Arc::new(config)), name))
    }

    /// Speaks TLS over a connection.
    pub(crate) async fn encrypt(
        &self,
        stream: Watched<TcpStream>,
    ) -> Result<TlsStream<Watched<TcpStream>>, Finding> {
        let (connector, name) = self.tls()?;
        connector.connect(name, stream).await.map_err(|error| tls_finding(&error))
    }
}

/// Says why TLS failed.
pub(crate) fn tls_finding(error: &(dyn std::error::Error + 'static)) -> Finding {
    let why = tls_failure(error);
    Finding::unanswered(why.as_deref().unwrap_or("the connection broke"))
}

/// Returns the addresses that a login may go to, and how TLS is used there. In the permitted
/// networks that is for the connection to say. Elsewhere nobody but a server that proves its name
/// gets a password.
pub(crate) async fn permitted(
    host: &str,
    port: u16,
    networks: &[Network],
    security: Security,
) -> Result<(Vec<SocketAddr>, Security), DialError> {
    let all = resolve(host, port, &Reach::Public(networks.to_vec())).await?;
    let within = Reach::Only(networks.to_vec());
    let (within, public): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|address| within.permits(address.ip()));
    match security {
        _ if !within.is_empty() => Ok((within, security)),
        Security::Off => Err(DialError::Forbidden),
        _ => Ok((public, Security::Full)),
    }
}
