//! Commands beside a backup of the whole ledger, against commands alone.

use ledger_client::Client;
use ledger_contract::backups::{BackupReport, BackupRequest};

use super::updates::{ALONE, Updates};
use crate::failure::Outcome;
use crate::ground::Ground;
use crate::row::{Mark, Measured, RowName};
use crate::server::{NO_RATES, Server};
use crate::times::Times;

pub(super) async fn measure(ground: &mut Ground) -> Outcome<Measured> {
    let folder = ground.large_ledger().await?;
    let target = ground.fresh_folder("backups")?;
    std::fs::create_dir(&target)?;
    let target = target.display().to_string();
    let options = [&NO_RATES[..], &["--backup-to", &target]].concat();
    let mut server = Server::start_with(ground.programs(), &folder, &options).await?;
    server.relayed().await?;
    let mut updates = Updates::new(&server, ground.sizes().connections).await?;
    let alone = updates.alone().await?;
    let client = server.gateway().await?;
    let backing_up = tokio::spawn(back_up(client.clone(), true));
    let mut beside = Times::new();
    while !backing_up.is_finished() {
        updates.send(1, &mut beside).await?;
    }
    let whole = backing_up.await??;
    updates.send(ALONE, &mut Times::new()).await?;
    let change = back_up(client, false).await?;
    server.stop().await?;
    let note = format!(
        "p99 of updates one at a time; whole backup: {} in {:.1} s; the next one, after {} more: {} in \
         {:.1} s; p50: {:.3} ms against {:.3} ms",
        written(&whole),
        whole.seconds,
        change.events_written.saturating_sub(1),
        written(&change),
        change.seconds,
        beside.p50_ms(),
        alone.p50_ms()
    );
    let figures = (beside.p99_ms(), Some(alone.p99_ms()));
    Ok(Measured::new(RowName::BesideBackup, figures, "ms", (Mark::AtMost(1.5), "≤ 1.5 x"), note))
}

async fn back_up(client: Client, full: bool) -> Outcome<BackupReport> {
    Ok(client.backup(&BackupRequest { full }, |_| ()).await?)
}

fn written(report: &BackupReport) -> String {
    let mebibytes = report.bytes_written >> 20;
    format!("{} events, {mebibytes} MiB", report.events_written)
}
