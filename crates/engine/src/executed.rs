//! What became of an accepted command.

use ledger_contract::access::IssuedKey;
use ledger_contract::alerts::IssuedSigning;
use ledger_contract::handover::IssuedHandover;
use ledger_contract::reply::{
    CommandAnswer, ConnectBegun, KeyReceipt, ModelList, Receipt, ReportTaken, TestReport,
};
use ledger_contract::time;
use ledger_domain::Connection;

use crate::engine::Engine;

/// The result of an accepted command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Executed {
    /// The receipt, the same on every repeat.
    pub receipt: Receipt,
    /// Whether the command had been executed before.
    pub repeated: bool,
    /// The key that `issue-key` created. A repeat has none, because keys are not stored.
    pub api_key: Option<IssuedKey>,
    /// The handover in place of the key, if one was asked for. A repeat has none, either.
    pub handover: Option<IssuedHandover>,
    /// The result of a test.
    pub test: Option<TestReport>,
    /// What follows from a report of a failure.
    pub report: Option<ReportTaken>,
    /// The models of a connection.
    pub models: Option<ModelList>,
    /// Where a person permits the ledger to get tokens.
    pub connect: Option<ConnectBegun>,
    /// What messages of an alert are signed with. A repeat has none, because secrets are not
    /// stored.
    pub signing: Option<IssuedSigning>,
}

impl Executed {
    /// Returns the result of a command whose answer is its receipt.
    pub fn of(receipt: Receipt, repeated: bool) -> Self {
        Self {
            receipt,
            repeated,
            api_key: None,
            handover: None,
            test: None,
            report: None,
            models: None,
            connect: None,
            signing: None,
        }
    }

    /// Returns the answer for the caller.
    pub fn answer(&self) -> CommandAnswer {
        let receipt = KeyReceipt {
            receipt: self.receipt.clone(),
            api_key: self.api_key.clone(),
            handover: self.handover.clone(),
        };
        let (test, report) = (self.test.clone(), self.report.clone());
        let (models, connect) = (self.models.clone(), self.connect.clone());
        let signing = self.signing.clone();
        CommandAnswer { receipt, test, report, models, connect, signing }
    }
}

impl Engine {
    /// Returns the result of a command that records nothing of its own: the receipt is that of the
    /// connection's last change.
    pub(crate) fn unchanged(&self, connection: &Connection) -> Executed {
        let receipt = Receipt {
            connection: Some(connection.id.to_string()),
            version: connection.version.get(),
            position: connection.position.get(),
            incarnation: self.identity().incarnation.to_string(),
            recorded_at: time::format(connection.updated_at),
        };
        Executed::of(receipt, false)
    }
}
