//! What is measured, and what a measured row looks like.

use std::fmt;

use clap::ValueEnum;
use serde::Serialize;

/// The rows of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RowName {
    /// Durable commands a second over NATS, 64 in flight
    NatsCommands,
    /// Durable commands a second over HTTP, 64 connections
    HttpCommands,
    /// The same without NATS or HTTP
    EngineCommands,
    /// One command at a time, over NATS
    SingleCommand,
    /// From the commit of a command until a gateway sees it
    CommitToGateway,
    /// From a rotated secret until a gateway uses the new one
    GatewayRotation,
    /// From the rotation of a leaked secret until a gateway has dropped it
    CompromisedRotation,
    /// Secrets a second under a lease, over NATS, 64 in flight
    RevealLeased,
    /// The same with an event for each
    Reveal,
    /// Publishing events that waited, of connections that changed often
    RelayCatchUp,
    /// The log from its start over HTTP, of connections that changed often
    FeedCatchUp,
    /// Connections shown by id over HTTP
    HttpGets,
    /// List pages with three filters and the total over HTTP
    HttpLists,
    /// Gets and lists at the doors of other products' clients, the slowest of them
    FacadeReads,
    /// Resident memory of a server
    Memory,
    /// Rebuilding the read models from the log
    Replay,
    /// A list page with three filters and the total
    ListFilters,
    /// Lists by name and text searches of a small workspace beside many connections
    SmallWorkspace,
    /// Commands beside readers of histories, searches and deep pages
    BesideReaders,
    /// Commands beside a backup of the whole ledger
    BesideBackup,
    /// Commands beside a rotation of the master key
    BesideRewrap,
    /// Commands beside tests of 5,000 connections each minute
    BesideChecks,
    /// Commands beside 10,000 refusals a second over HTTP from one source
    FloodHttp,
    /// The same over NATS
    FloodNats,
    /// Going back to an earlier version of a connection that changed often
    Revert,
    /// One connection, with many workspaces and principals
    TenantsGet,
    /// Opening a ledger with many workspaces and principals
    TenantsStart,
    /// Opening a ledger
    Start,
    /// Durable commands a second of a cluster of three nodes, 64 in flight
    ClusterCommands,
    /// The same with 512 in flight
    ClusterCommandsMany,
    /// Connections shown by the three nodes of a cluster over HTTP
    ClusterReads,
}

impl RowName {
    pub(crate) const ALL: [Self; 31] = [
        Self::NatsCommands,
        Self::HttpCommands,
        Self::EngineCommands,
        Self::SingleCommand,
        Self::CommitToGateway,
        Self::GatewayRotation,
        Self::CompromisedRotation,
        Self::RevealLeased,
        Self::Reveal,
        Self::RelayCatchUp,
        Self::FeedCatchUp,
        Self::HttpGets,
        Self::HttpLists,
        Self::FacadeReads,
        Self::Memory,
        Self::Replay,
        Self::ListFilters,
        Self::SmallWorkspace,
        Self::BesideReaders,
        Self::BesideBackup,
        Self::BesideRewrap,
        Self::BesideChecks,
        Self::FloodHttp,
        Self::FloodNats,
        Self::Revert,
        Self::TenantsGet,
        Self::TenantsStart,
        Self::Start,
        Self::ClusterCommands,
        Self::ClusterCommandsMany,
        Self::ClusterReads,
    ];
}

impl fmt::Display for RowName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value();
        f.write_str(value.as_ref().map_or("", |value| value.get_name()))
    }
}

/// One measured row.
#[derive(Debug, Serialize)]
pub(crate) struct Measured {
    pub(crate) row: RowName,
    /// The ledger's figure.
    pub(crate) ours: f64,
    /// The reference's figure, measured in the same run; absent when the mark is absolute.
    pub(crate) reference: Option<f64>,
    /// The first by the second.
    pub(crate) ratio: Option<f64>,
    /// What is to be reached, in words; `-` when nothing is.
    pub(crate) mark: &'static str,
    /// Whether it is; absent without a mark, and when the sizes are not those it is meant for.
    pub(crate) met: Option<bool>,
    pub(crate) unit: &'static str,
    /// What else is worth knowing about the figures.
    pub(crate) note: String,
}

/// What a row must reach.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mark {
    /// The ratio is at least this.
    AtLeast(f64),
    /// The ratio is at least the first, and our figure at least the second.
    AtLeastAnd(f64, f64),
    /// The ratio is at most this.
    AtMost(f64),
    /// Our figure is at most this.
    Limit(f64),
    /// Nothing; the figures are there to be compared with later ones.
    Nothing,
}

impl Measured {
    pub(crate) fn new(
        row: RowName,
        (ours, reference): (f64, Option<f64>),
        unit: &'static str,
        (mark, words): (Mark, &'static str),
        note: String,
    ) -> Self {
        let ratio = reference.map(|reference| ours / reference);
        let met = match (mark, ratio) {
            (Mark::AtLeast(least), Some(ratio)) => Some(ratio >= least),
            (Mark::AtLeastAnd(least, figure), Some(ratio)) => {
                Some(ratio >= least && ours >= figure)
            }
            (Mark::AtMost(most), Some(ratio)) => Some(ratio <= most),
            (Mark::Limit(most), _) => Some(ours <= most),
            (Mark::Nothing, _) | (_, None) => None,
        };
        Self { row, ours, reference, ratio, mark: words, met, unit, note }
    }

    /// Returns the row's cells in the order of the table.
    pub(crate) fn cells(&self) -> [String; 6] {
        let met = match self.met {
            Some(true) => "yes",
            Some(false) => "no",
            None => "-",
        };
        let figure = |value| format!("{} {}", shown(value), self.unit);
        [
            self.row.to_string(),
            figure(self.ours),
            self.reference.map_or_else(|| "-".to_owned(), figure),
            self.ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}")),
            self.mark.to_owned(),
            met.to_owned(),
        ]
    }
}

/// Shows a figure with as many digits as mean something.
fn shown(value: f64) -> String {
    if value < 100.0 {
        return format!("{value:.3}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(mark: Mark, ours: f64, reference: Option<f64>) -> Option<bool> {
        let pair = (ours, reference);
        Measured::new(RowName::Replay, pair, "events/s", (mark, ""), String::new()).met
    }

    #[test]
    fn marks_are_met_from_the_mark_on() {
        assert_eq!(met(Mark::AtLeast(0.5), 50.0, Some(100.0)), Some(true));
        assert_eq!(met(Mark::AtLeast(0.5), 49.0, Some(100.0)), Some(false));
        assert_eq!(met(Mark::AtLeastAnd(0.5, 60.0), 50.0, Some(100.0)), Some(false));
        assert_eq!(met(Mark::AtMost(3.0), 300.0, Some(100.0)), Some(true));
        assert_eq!(met(Mark::AtMost(3.0), 301.0, Some(100.0)), Some(false));
        assert_eq!(met(Mark::Limit(1.0), 1.0, None), Some(true));
        assert_eq!(met(Mark::AtMost(3.0), 1.0, None), None);
        assert_eq!(met(Mark::Nothing, 1.0, Some(1.0)), None);
    }

    #[test]
    fn figures_are_readable() {
        assert_eq!(shown(0.1234), "0.123");
        assert_eq!(shown(999.6), "1,000");
        assert_eq!(shown(1_234_567.0), "1,234,567");
    }

    #[test]
    fn names_are_those_of_the_command_line() {
        assert_eq!(RowName::CommitToGateway.to_string(), "commit-to-gateway");
        let json = serde_json::to_string(&RowName::NatsCommands).unwrap();
        assert_eq!(json, "\"nats-commands\"");
    }
}
