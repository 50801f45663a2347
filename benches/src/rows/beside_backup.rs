//! Commands beside a backup of the whole ledger, against commands alone.

use std::time::Instant;

use ledger_client::Client;
use ledger_contract::backups::{BackupReport, BackupRequest};

use crate::failure::Outcome;
use crate::ground::Ground;
use crate::ledger;
use crate::load::{self, Dice};
use crate::row::{Mark, Measured, RowName};
use crate::server::{NO_RATES, Sender, Server};
use crate::times::Times;

/// Commands that are sent alone, and again before the backup of what they changed.
const COMMANDS: u64 = 2_000;

/// Sends changes one after another.
struct Changes {
    sender: Sender,
    dice: Dice,
    connections: u64,
    round: u64,
}

pub(super) async fn measure(ground: &mut Ground) -> Outcome<Measured> {
    let folder = ground.large_ledger().await?;
    let connections = ground.sizes().connections;
    let target = ground.fresh_folder("backups")?;
    std::fs::create_dir(&target)?;
    let target = target.display().to_string();
    let options = [&NO_RATES[..], &["--backup-to", &target]].concat();
    let mut server = Server::start_with(ground.programs(), &folder, &options).await?;
    server.relayed().await?;
    let round = ledger::number(&server.query("status", "{}").await?, "position")?;
    let (sender, dice) = (server.sender("update"), Dice::new(round));
    let mut changes = Changes { sender, dice, connections, round };
    let mut alone = Times::new();
    changes.send(COMMANDS, &mut Times::new()).await?;
    changes.send(COMMANDS, &mut alone).await?;
    let client = server.gateway().await?;
    let backing_up = tokio::spawn(back_up(client.clone(), true));
    let mut beside = Times::new();
    while !backing_up.is_finished() {
        changes.send(1, &mut beside).await?;
    }
    let whole = backing_up.await??;
    changes.send(COMMANDS, &mut Times::new()).await?;
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

impl Changes {
    async fn send(&mut self, count: u64, times: &mut Times) -> Outcome<()> {
        for _ in 0..count {
            self.round += 1;
            let slug = load::slug(ledger::PREFIX, self.dice.below(self.connections));
            let round = self.round;
            let body = format!(r#"{{"connection":"{slug}","description":"round {round}"}}"#);
            let started = Instant::now();
            self.sender.send(&format!("b-{round}"), body).await?;
            times.add(started.elapsed());
        }
        Ok(())
    }
}

async fn back_up(client: Client, full: bool) -> Outcome<BackupReport> {
    Ok(client.backup(&BackupRequest { full }, |_| ()).await?)
}

fn written(report: &BackupReport) -> String {
    let mebibytes = report.bytes_written >> 20;
    format!("{} events, {mebibytes} MiB", report.events_written)
}
