//! `doctor`: looks at what a ledger needs, and says what is wrong and what to do.
//!
//! Each check returns findings with a stable code. Checks read; only that of the master key opens
//! the database, as a start does, and records nothing.

mod backups;
mod certificates;
mod exposure;
mod finding;
mod folder;
mod keys;
mod machine;
mod nats;
mod server;
#[cfg(test)]
mod tests;

use clap::Args;

use crate::common::Common;
use crate::failure::Failure;
use crate::output::Output;
use crate::serve::ServeArgs;
use crate::server_file::ServerFile;
use crate::table::Table;
use finding::{Finding, Level};

/// Looks at a data directory and its server.
#[derive(Debug, Args)]
#[command(after_help = "\
It takes the flags of `serve` and its file of settings, and looks at what they name. With
--data-dir and no running server, the directory is looked at directly; the master key and the last event are
checked if the key can be read. A running server, or one at --nats-url, is asked for its state, which
takes an API key.

Each finding has a code that never changes. Exit code 1 if there is a problem; warnings are none.

Examples:
  connledger doctor --config /etc/connledger/connledger.toml
  connledger doctor --data-dir /srv/ledger --master-key-file master.key --backup-to /srv/backups
  connledger doctor --nats-url tls://nats.internal:4222 --key-file admin.key --json")]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    serve: ServeArgs,
}

/// Looks, and tells what it found.
pub(crate) async fn run(common: &Common, args: &DoctorArgs, out: Output) -> Result<(), Failure> {
    if common.data_dir.is_none() && common.nats_url.is_none() {
        return Err(Failure::usage("--data-dir or --nats-url is required")
            .hint("for example --data-dir /var/lib/connledger"));
    }
    let findings = look(common, &args.serve, out).await?;
    tell(&findings, out)?;
    let problems = findings.iter().filter(|finding| finding.level == Level::Problem).count();
    if problems > 0 { Err(Failure::told_no()) } else { Ok(()) }
}

async fn look(common: &Common, args: &ServeArgs, out: Output) -> Result<Vec<Finding>, Failure> {
    let mut findings = Vec::new();
    let mut is_served = common.nats_url.is_some();
    let mut keyring = None;
    if let Some(folder) = common.data_dir.as_deref() {
        findings.extend(folder::look(folder));
        findings.extend(machine::look_at_disk(folder));
        let holder = ServerFile::find(folder)?;
        is_served |= holder.is_some();
        let is_free = ledger_engine::Engine::holder(folder).is_none();
        let readable = tokio::task::block_in_place(|| keys::look(folder, args));
        findings.push(readable.0);
        keyring = readable.1;
        let is_ledger = ledger_engine::Engine::check(folder).is_ok();
        let may_open = is_free && is_ledger && folder::is_own(folder);
        if let (Some(keyring), true) = (&keyring, may_open) {
            findings.extend(tokio::task::block_in_place(|| keys::open(folder, keyring)));
        }
    }
    findings.push(machine::look_at_files());
    findings.extend(exposure::look(common, args));
    findings.extend(certificates::look(common, args));
    findings.extend(backups::look(args, keyring).await);
    findings.extend(nats::look(common, args).await);
    if is_served {
        findings.extend(server::look(common, out).await);
    }
    Ok(findings)
}

fn tell(findings: &[Finding], out: Output) -> Result<(), Failure> {
    if out.is_json() {
        return findings.iter().try_for_each(|finding| out.object(finding));
    }
    let mut table = Table::of_texts(&["", "code", "finding"]);
    for finding in findings {
        let Finding { code, level, about, .. } = finding;
        table.row([level.as_str().to_owned(), (*code).to_owned(), about.clone()]);
    }
    out.table(&table)?;
    for finding in findings.iter().filter(|finding| finding.level != Level::Ok) {
        if let Some(to_do) = &finding.to_do {
            out.hint(format!("{}: {to_do}", finding.code));
        }
    }
    Ok(())
}
