//! What the page of metrics says of a node.

use ledger_contract::cluster::NodeRole;
use ledger_metrics::{Measure, Page, table};

use crate::{Common, ask};

impl Measure for Common {
    fn measure(&self, page: &mut Page) {
        let status = ask::status(self, None);
        page.switch(table::CLUSTER_WRITER, status.role == NodeRole::Writer);
        page.switch(table::CLUSTER_STOPPED, status.role == NodeRole::Stopped);
        page.number(table::CLUSTER_BEHIND, &[], status.behind);
    }
}
