//! The way in to a managed NATS server.

use async_nats::{Client, ConnectOptions};
use serde::{Deserialize, Serialize};

use crate::failure::Outcome;

/// The way in as the ledger's own user, who may do anything.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Login {
    pub(crate) address: String,
    pub(crate) password: String,
}

impl Login {
    pub(crate) async fn connect(&self) -> Outcome<Client> {
        let password = self.password.clone();
        let options = ConnectOptions::with_user_and_password("ledger".to_owned(), password);
        Ok(options.connect(&self.address).await?)
    }
}
