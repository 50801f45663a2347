//! Logins to databases, by which connections are tested: through the drivers that their users have,
//! over connections that are made here.
//!
//! Start with [`Logins`]. What a login consists of is for `ledger-providers` to say.
//!
//! `target.rs` decides where a login goes and what the server has to prove, `watched.rs` limits
//! what is read, and there is one file for each protocol. No word of a server gets into a
//! [`Finding`].
//!
//! # Invariants
//!
//! - A driver reaches only addresses that were checked
//!   (test: `a_network_that_is_not_permitted_sees_no_login`).
//! - Outside of the permitted networks, a password goes only to a server that has proven its name
//!   (test: `outside_of_permitted_networks_a_server_has_to_prove_its_name`).
//! - A login ends within its time, whatever the server does
//!   (test: `a_server_that_is_none_costs_neither_time_nor_memory`).

mod finding;
mod mysql;
mod postgresql;
mod redis;
mod target;
mod watched;

#[cfg(test)]
mod tests;

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use ledger_outgoing::{Authorities, Network, install_tls_provider};
use ledger_providers::{Login, Protocol};

pub use finding::Finding;
use target::Target;

/// Limits of logins.
#[derive(Clone, Debug)]
pub struct LoginOptions {
    /// Time limit for a whole login.
    pub time_max: Duration,
    /// Networks that are reached although they are not public, and where TLS is used only as a
    /// connection says.
    pub networks: Vec<Network>,
    /// Authorities that are trusted in place of the system's.
    pub authorities: Option<Authorities>,
}

/// Logs in to databases.
#[derive(Debug)]
pub struct Logins {
    options: LoginOptions,
    authorities: Authorities,
}

impl Logins {
    /// Reads the authorities that this machine trusts, unless others are given.
    pub fn new(mut options: LoginOptions) -> Self {
        install_tls_provider();
        let authorities = options.authorities.take().unwrap_or_else(Authorities::of_system);
        Self { options, authorities }
    }

    /// Logs in, and out again. Returns what that says about the credentials.
    pub async fn try_login(&self, login: Login) -> Finding {
        let protocol = login.protocol;
        let trying = AssertUnwindSafe(self.tried(login));
        let ended =
            tokio::time::timeout(self.options.time_max, futures::FutureExt::catch_unwind(trying));
        match ended.await {
            Ok(Ok(Ok(finding) | Err(finding))) => finding,
            // Some drivers take it for granted that a server keeps to the protocol.
            Ok(Err(_)) => Finding::no_protocol(protocol),
            Err(_) => Finding::unanswered("it did not answer in time"),
        }
    }

    async fn tried(&self, login: Login) -> Result<Finding, Finding> {
        let target = Target::of(&login, &self.options.networks, &self.authorities).await?;
        match login.protocol {
            Protocol::PostgreSql => postgresql::log_in(&login, &target).await,
            Protocol::MySql => mysql::log_in(&login, &target).await,
            Protocol::Redis => redis::log_in(&login, &target).await,
        }
    }
}
