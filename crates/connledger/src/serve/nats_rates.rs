//! The flags for the rates of requests over NATS.

use clap::Args;
use ledger_bus::{RATES, Rates};

/// Limits on how often requests come in over NATS.
#[derive(Debug, Args)]
pub(crate) struct NatsRateArgs {
    /// Requests per second over NATS for each API key; 0 means no limit
    #[arg(
        long = "nats-rate-per-key",
        id = "nats_rate_per_key",
        env = "CONNLEDGER_NATS_RATE_PER_KEY",
        default_value_t = RATES.per_key,
        value_name = "NUMBER"
    )]
    per_key: u32,
    /// Requests per second over NATS from each client connection, not counting those with an
    /// accepted key; 0 means no limit
    #[arg(
        long = "nats-rate-per-sender",
        id = "nats_rate_per_sender",
        env = "CONNLEDGER_NATS_RATE_PER_SENDER",
        default_value_t = RATES.per_source,
        value_name = "NUMBER"
    )]
    per_sender: u32,
    /// Requests per second over NATS from all senders together of whom no key was accepted yet; 0
    /// means no limit. A request counts once more for each 64 KiB
    #[arg(
        long = "nats-rate-of-strangers",
        id = "nats_rate_of_strangers",
        env = "CONNLEDGER_NATS_RATE_OF_STRANGERS",
        default_value_t = RATES.strangers,
        value_name = "NUMBER"
    )]
    of_strangers: u32,
}

impl NatsRateArgs {
    pub(super) fn rates(&self) -> Rates {
        Rates { per_key: self.per_key, per_source: self.per_sender, strangers: self.of_strangers }
    }
}
