//! Commands beside a rotation of the master key, which wraps every data key anew, against commands
//! alone.

use ledger_contract::master_keys::RewrapRequest;
use ledger_contract::subjects;

use super::updates::Updates;
use crate::failure::{Failure, Outcome};
use crate::ground::Ground;
use crate::ledger;
use crate::row::{Mark, Measured, RowName};
use crate::server::Server;
use crate::times::Times;

pub(super) async fn measure(ground: &mut Ground) -> Outcome<Measured> {
    let folder = ground.large_ledger().await?;
    let mut server = Server::start(ground.programs(), &folder).await?;
    server.relayed().await?;
    let mut updates = Updates::new(&server, ground.sizes().connections).await?;
    let alone = updates.alone().await?;
    ledger::add_master_key(&folder)?;
    server.command(subjects::LEDGER, "rotate-master-key", "{}").await?;
    let client = server.gateway().await?;
    let rewrapping =
        tokio::spawn(async move { client.rewrap(&RewrapRequest::default(), |_| ()).await });
    let mut beside = Times::new();
    while !rewrapping.is_finished() {
        updates.send(1, &mut beside).await?;
    }
    let report = rewrapping.await??;
    server.stop().await?;
    if report.failed > 0 {
        return Err(Failure::new(format!("{} data keys were not wrapped anew", report.failed)));
    }
    let note = format!(
        "p99 of updates one at a time; {} data keys under the new master key after {:.1} s, and \
         none under the former one in any file; {} updates meanwhile; p50: {:.3} ms against {:.3} ms",
        report.data_keys,
        report.seconds,
        beside.count(),
        beside.p50_ms(),
        alone.p50_ms()
    );
    let figures = (beside.p99_ms(), Some(alone.p99_ms()));
    Ok(Measured::new(RowName::BesideRewrap, figures, "ms", (Mark::Nothing, "-"), note))
}
