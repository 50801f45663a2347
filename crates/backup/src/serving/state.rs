//! What a server remembers of its backups.

use std::time::Duration;

use ledger_contract::backups::{BackupReport, BackupStatus, FailedBackup, GoodBackup};
use ledger_contract::errors::Problem;
use ledger_contract::operations::Progress;
use ledger_contract::time;
use ledger_domain::Micros;

/// The latest backups.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    good: Option<Good>,
    failed: Option<Failed>,
    pub(super) running: Option<Progress>,
    pub(super) next_at: Option<Micros>,
}

#[derive(Clone, Debug)]
pub(super) struct Good {
    pub(super) backup: String,
    pub(super) position: u64,
    pub(super) created_at: Micros,
}

#[derive(Clone, Debug)]
struct Failed {
    code: String,
    message: String,
    at: Micros,
    times: u32,
}

impl State {
    /// Notes the latest backup at the target when the server began.
    pub(super) fn note_earlier(&mut self, good: Good) {
        self.good.get_or_insert(good);
    }

    pub(super) fn succeeded(&mut self, report: &BackupReport, created_at: Micros) {
        let (backup, position) = (report.backup.clone(), report.position);
        self.good = Some(Good { backup, position, created_at });
        self.failed = None;
    }

    pub(super) fn failed(&mut self, problem: &Problem, at: Micros) {
        let times = self.failures().saturating_add(1);
        let (code, message) = (problem.code.as_str().to_owned(), problem.message.clone());
        self.failed = Some(Failed { code, message, at, times });
    }

    /// Returns how often the latest attempts failed, in a row.
    pub(super) fn failures(&self) -> u32 {
        self.failed.as_ref().map_or(0, |failed| failed.times)
    }

    /// Returns the age of the latest good backup.
    pub(super) fn age(&self, now: Micros) -> Option<Duration> {
        self.good.as_ref().map(|good| since(good.created_at, now))
    }

    pub(super) fn status(
        &self,
        target: String,
        every: Option<Duration>,
        now: Micros,
    ) -> BackupStatus {
        BackupStatus {
            target,
            every_seconds: every.map(|every| every.as_secs()),
            last_good: self.good.as_ref().map(|good| GoodBackup {
                backup: good.backup.clone(),
                position: good.position,
                created_at: time::format(good.created_at),
                age_seconds: since(good.created_at, now).as_secs(),
            }),
            last_failure: self.failed.as_ref().map(|failed| FailedBackup {
                code: failed.code.clone(),
                message: failed.message.clone(),
                at: time::format(failed.at),
                times: failed.times,
            }),
            running: self.running,
            next_at: self.next_at.map(time::format),
        }
    }
}

/// Returns how long ago something was; nothing if the clock was set back since.
fn since(then: Micros, now: Micros) -> Duration {
    Duration::from_micros(u64::try_from(now.get() - then.get()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use ledger_contract::errors::Code;

    use super::*;

    fn report(position: u64) -> BackupReport {
        BackupReport {
            backup: "b".to_owned(),
            target: "t".to_owned(),
            position,
            recorded_at: None,
            events_written: 0,
            segments: 0,
            segments_written: 0,
            bytes_written: 0,
            seconds: 0.0,
        }
    }

    #[test]
    fn a_success_ends_a_row_of_failures_and_a_failure_leaves_the_good_one() {
        let mut state = State::default();
        let second = |second: i64| Micros::new(second * 1_000_000);
        let status = |state: &State| state.status("t".to_owned(), None, second(100));
        assert_eq!(state.age(second(1)), None);
        state.failed(&Problem::new(Code::BackupTargetFull), second(1));
        state.failed(&Problem::new(Code::BackupTargetSlow), second(2));
        let told = status(&state).last_failure.unwrap();
        assert_eq!((told.code.as_str(), told.times), ("backup_target_slow", 2));
        state.succeeded(&report(7), second(40));
        assert_eq!((state.failures(), status(&state).last_failure), (0, None));
        state.failed(&Problem::new(Code::BackupTargetFull), second(50));
        let good = status(&state).last_good.unwrap();
        assert_eq!((good.position, good.age_seconds, state.failures()), (7, 60, 1));
        assert_eq!(state.age(second(0)), Some(Duration::ZERO), "the clock was set back");
    }
}
