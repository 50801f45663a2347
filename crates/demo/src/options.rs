//! The options of the demo.

use std::path::PathBuf;

/// Fewest connections with which the demo works.
pub const CONNECTIONS_MIN: usize = 44;

/// The options of the demo.
#[derive(Clone, Debug)]
pub struct DemoOptions {
    /// The `connledger` program.
    pub program: PathBuf,
    /// Connections to load, at least [`CONNECTIONS_MIN`].
    pub connections: usize,
    /// Whether the ledger's folder is kept at the end.
    pub keep: bool,
}
