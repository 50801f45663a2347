//! The backups at the target of the settings: whether there are some, how old the latest is, and
//! whether they are whole.

use ledger_backup::{BackupError, Holding, Stop, Target, TargetAddress, list, verify};
use ledger_contract::errors::Problem;
use ledger_contract::time;
use ledger_vault::Keyring;

use super::finding::Finding;
use crate::clock;
use crate::failure::Failure;
use crate::serve::ServeArgs;

const TARGET: &str = "backup_target";
const AGE: &str = "backup_age";
const WHOLE: &str = "backup_whole";
/// How old the latest backup may be without a schedule, in seconds.
const AGE_MAX: u64 = 7 * 86_400;
/// Largest backup that is read, in bytes; of larger ones only the sizes of the parts are compared.
const READ_BYTES_MAX: u64 = 1024 * 1024 * 1024;

pub(super) async fn look(args: &ServeArgs, keyring: Option<Keyring>) -> Vec<Finding> {
    let address = match args.backup.target() {
        Ok(Some(address)) => address,
        Ok(None) => {
            let about = "the settings name no target of backups";
            return vec![Finding::warning(
                TARGET,
                about,
                "make backups: --backup-to and --backup-every",
            )];
        }
        Err(failure) => return vec![unusable(&failure)],
    };
    let every = args.backup.every().map(|every| every.as_secs());
    let patience = args.backup.patience();
    let work = move || {
        let target = Target::open(&address, patience, Stop::default());
        let target = target.map_err(BackupError::from).map_err(Problem::from)?;
        of_target(&target, &address, keyring.as_ref(), every).map_err(Problem::from)
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(findings)) => findings,
        Ok(Err(problem)) => vec![Finding::of_problem(TARGET, &problem)],
        Err(error) => vec![unusable(&Failure::internal(error.to_string()))],
    }
}

fn unusable(failure: &Failure) -> Finding {
    Finding::problem(TARGET, failure.lines().join(" "), "correct --backup-to")
}

fn of_target(
    target: &Target,
    address: &TargetAddress,
    keyring: Option<&Keyring>,
    every: Option<u64>,
) -> Result<Vec<Finding>, BackupError> {
    let held = list(target, keyring)?;
    let mut findings =
        vec![Finding::ok(TARGET, format!("{} backups are at {address}", held.len()))];
    let damaged: Vec<&Holding> = held.iter().filter(|one| one.damage.is_some()).collect();
    if let Some(Holding { backup, damage: Some(damage), .. }) = damaged.last() {
        let about = format!("{} backups are damaged; {backup}: {damage}", damaged.len());
        findings.push(Finding::problem(WHOLE, about, "make a new one: connledger backup --full"));
    }
    let good = held.iter().rev().find(|one| one.damage.is_none() && one.summary.is_some());
    let Some((backup, summary)) = good.and_then(|one| Some((one.backup, one.summary.as_ref()?)))
    else {
        let to_do = "make one: connledger backup";
        findings.push(Finding::problem(
            AGE,
            format!("there is no good backup at {address}"),
            to_do,
        ));
        return Ok(findings);
    };
    findings.push(of_age(&summary.created_at, every));
    if damaged.is_empty() && summary.bytes <= READ_BYTES_MAX {
        let report = verify(target, Some(backup), keyring, &|_| ())?;
        findings.push(match report.damage.first() {
            None => Finding::ok(WHOLE, format!("the backup {backup} was read and is whole")),
            Some(damage) => {
                let about = format!("the backup {backup} is damaged: {damage}");
                Finding::problem(WHOLE, about, "make a new one: connledger backup --full")
            }
        });
    } else if damaged.is_empty() {
        let to_do = "read it as well now and then: connledger backup verify";
        let about = format!("all parts of {backup} are there, with their sizes");
        findings.push(Finding { to_do: Some(to_do.to_owned()), ..Finding::ok(WHOLE, about) });
    }
    Ok(findings)
}

/// Says how old the latest good backup is.
pub(super) fn of_age(created_at: &str, every: Option<u64>) -> Finding {
    let made_at = time::parse("created_at", created_at).map_or(0, ledger_domain::Micros::get);
    let seconds = u64::try_from((clock::now().get() - made_at) / 1_000_000).unwrap_or_default();
    let most = every.map_or(AGE_MAX, |every| every.saturating_mul(2).saturating_add(3_600));
    let about = format!("the latest good backup is of {created_at}, {} hours old", seconds / 3_600);
    if seconds <= most {
        return Finding::ok(AGE, about);
    }
    Finding::problem(AGE, about, "see why none was made since (deploy/runbooks/backup.md)")
}
