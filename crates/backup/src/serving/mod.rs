//! Backups of a ledger that is served: one at a time, on request and by a schedule.
//!
//! The work has a thread of its own, to which the operating system gives less time than to all
//! others, so that commands do not wait for it. A ledger whose writes failed is backed up as well:
//! what is durable can be read, and its operator may need it now. An instance that is not the owner
//! of its name makes no backups, because it may be behind.

mod schedule;
mod state;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ledger_contract::backups::{BackupReport, BackupRequest, BackupStatus};
use ledger_contract::errors::{Code, Problem};
use ledger_contract::operations::Progress;
use ledger_contract::time;
use ledger_domain::Micros;
use ledger_engine::{Backups, Clock, Engine, Unavailable, log_fault, lower_priority};
use parking_lot::Mutex;
use rand::Rng as _;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::{JoinHandle, spawn_blocking};

pub use schedule::Schedule;

use crate::checker::{Checker, Trust};
use crate::create::{BackupOptions, back_up};
use crate::error::BackupError;
use crate::holdings;
use crate::prune::{Retention, prune};
use crate::stop::Stop;
use crate::target::{Target, TargetAddress};
use state::{Good, State};

/// How often an instance that is not the owner of its name looks whether it has become it.
const STANDBY_LOOK: Duration = Duration::from_secs(10);

/// What a server is told about its backups.
#[derive(Clone, Debug)]
pub struct ServingOptions {
    /// Where they go.
    pub target: TargetAddress,
    /// How long a request to the target may take.
    pub patience: Duration,
    /// Bytes a second; without limit if absent.
    pub bytes_per_second: Option<u64>,
    /// When they are made, beside those that are asked for.
    pub schedule: Option<Schedule>,
    /// Which are kept after one of the schedule.
    pub retention: Retention,
}

/// The backups of a server.
#[derive(Debug)]
pub struct Serving {
    /// Asks the running backup to end.
    stop: watch::Sender<bool>,
    scheduled: JoinHandle<()>,
}

impl Serving {
    /// Begins to make backups of an engine. Must be called within a runtime.
    pub fn start(engine: &Engine, options: ServingOptions) -> Self {
        let (stop, stopped) = watch::channel(false);
        let maker = Arc::new(Maker {
            options,
            clock: engine.clock().clone(),
            runtime: Handle::current(),
            stop: Stop::when(stopped),
            state: Mutex::default(),
        });
        engine.set_backups(Arc::clone(&maker) as Arc<dyn Backups>);
        let scheduled = tokio::spawn(keep_schedule(maker, engine.clone()));
        Self { stop, scheduled }
    }

    /// Ends the running backup, which stays without a manifest, and the schedule.
    pub async fn shutdown(self) {
        self.stop.send_replace(true);
        if let Err(error) = self.scheduled.await {
            tracing::error!(%error, "the schedule of backups has crashed");
        }
    }
}

/// Makes the backups of a server.
#[derive(Debug)]
struct Maker {
    options: ServingOptions,
    clock: Clock,
    runtime: Handle,
    stop: Stop,
    state: Mutex<State>,
}

impl Backups for Maker {
    fn run(
        &self,
        engine: &Engine,
        request: BackupRequest,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<BackupReport, Problem> {
        // A refusal is no backup that failed. What is durable can be read after a failed write.
        if let Err(no @ (Unavailable::NotOwner(_) | Unavailable::ShuttingDown)) = engine.ready() {
            return Err(no.into());
        }
        let _running = self.begin()?;
        let now = self.clock.now();
        let made = on_quiet_thread(&self.runtime, || self.make(engine, request, now, progress));
        let made = made.map_err(Problem::from);
        match &made {
            Ok(report) => {
                tracing::info!(
                    ledger.backup = report.backup,
                    ledger.position = report.position,
                    events = report.events_written,
                    bytes = report.bytes_written,
                    "backup made"
                );
                self.state.lock().succeeded(report, now);
            }
            Err(problem) if problem.code == Code::ShuttingDown => {
                tracing::info!("the running backup has ended early, because the server stops");
            }
            Err(problem) => {
                tracing::error!(
                    ledger.error.code = problem.code.as_str(),
                    error = problem.message,
                    "backup failed"
                );
                log_fault(problem);
                self.state.lock().failed(problem, self.clock.now());
            }
        }
        made
    }

    fn status(&self) -> BackupStatus {
        let every = self.options.schedule.map(Schedule::every);
        let target = self.options.target.to_string();
        self.state.lock().status(target, every, self.clock.now())
    }
}

/// The right to be the only backup that runs.
struct Running<'a>(&'a Mutex<State>);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.lock().running = None;
    }
}

impl Maker {
    fn begin(&self) -> Result<Running<'_>, Problem> {
        let mut state = self.state.lock();
        if state.running.is_some() {
            return Err(BackupError::Running.into());
        }
        state.running = Some(Progress { done: 0, total: 0 });
        Ok(Running(&self.state))
    }

    fn make(
        &self,
        engine: &Engine,
        request: BackupRequest,
        now: Micros,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<BackupReport, BackupError> {
        let target = self.target()?;
        let ledger = engine.portable();
        let options = BackupOptions {
            full: request.full,
            bytes_per_second: self.options.bytes_per_second,
            ..BackupOptions::at(now)
        };
        back_up(&ledger, &target, options, &|done| {
            self.state.lock().running = Some(done);
            progress(done);
        })
    }

    /// Opens the target. Must be called within a runtime.
    fn target(&self) -> Result<Target, BackupError> {
        let ServingOptions { target, patience, .. } = &self.options;
        Ok(Target::open(target, *patience, self.stop.clone())?)
    }

    /// Looks for the latest backup of an earlier run. After a restore, those that are there are of
    /// another history.
    fn look(&self, engine: &Engine) -> Result<(), BackupError> {
        let (target, ledger) = (self.target()?, engine.portable());
        let latest =
            holdings::latest(&target, &holdings::ids(&target)?, &Checker::Ledger(&ledger))?;
        if let Some(manifest) = latest.filter(|manifest| manifest.is_of(engine.identity()))
            && let Ok(created_at) = time::parse("created_at", &manifest.created_at)
        {
            let (backup, position) = (manifest.backup.to_string(), manifest.position);
            self.state.lock().note_earlier(Good { backup, position, created_at });
        }
        Ok(())
    }

    /// Makes a backup of the schedule, and removes old ones.
    fn keep_up(&self, engine: &Engine) {
        if self.run(engine, BackupRequest::default(), &|_| {}).is_err() {
            // Whoever runs or fails meanwhile has told of it, and the schedule tries again.
            return;
        }
        let retention = self.options.retention;
        if !retention.is_some() {
            return;
        }
        let pruned = on_quiet_thread(&self.runtime, || {
            let (target, ledger, now) = (self.target()?, engine.portable(), self.clock.now());
            prune(&target, Trust::Ledger(&ledger), retention, now, false, &|_| {})
        });
        match pruned {
            Ok(report) => tracing::info!(
                removed = report.removed.len(),
                kept = report.kept,
                objects = report.objects,
                damaged = report.damaged.len(),
                not_authentic = report.not_authentic.len(),
                "old backups removed"
            ),
            Err(error) => {
                let code = Problem::from(error).code;
                tracing::warn!(
                    ledger.error.code = code.as_str(),
                    "old backups cannot be removed; the next backup tries again"
                );
            }
        }
    }

    /// Waits until the next backup of the schedule is due. Returns whether there is one.
    async fn is_due(&self, engine: &Engine, schedule: Schedule) -> bool {
        while matches!(engine.ready(), Err(Unavailable::NotOwner(_))) || self.is_running() {
            if !self.has_waited(STANDBY_LOOK).await {
                return false;
            }
        }
        let (age, failures) = {
            let state = self.state.lock();
            (state.age(self.clock.now()), state.failures())
        };
        let wait = schedule.wait(age, failures, rand::rng().random());
        let at = i64::try_from(wait.as_micros()).unwrap_or(i64::MAX);
        let at = Micros::new(self.clock.now().get().saturating_add(at));
        self.state.lock().next_at = Some(at);
        let is_due = self.has_waited(wait).await;
        self.state.lock().next_at = None;
        is_due
    }

    fn is_running(&self) -> bool {
        self.state.lock().running.is_some()
    }

    /// Waits, and returns whether nobody asked for a stop meanwhile.
    async fn has_waited(&self, time: Duration) -> bool {
        tokio::select! {
            biased;
            () = self.stop.requested() => false,
            () = tokio::time::sleep(time) => true,
        }
    }
}

/// Makes backups until the server stops. The engine is dropped then.
async fn keep_schedule(maker: Arc<Maker>, engine: Engine) {
    let (worker, of) = (Arc::clone(&maker), engine.clone());
    match spawn_blocking(move || worker.look(&of)).await {
        Ok(Err(error)) if !maker.stop.is_requested() => {
            let problem = Problem::from(error);
            tracing::warn!(
                ledger.error.code = problem.code.as_str(),
                error = problem.message,
                "the latest backup is not known"
            );
        }
        Ok(_) => {}
        Err(error) => tracing::error!(%error, "the look for the latest backup has crashed"),
    }
    let Some(schedule) = maker.options.schedule else { return };
    while maker.is_due(&engine, schedule).await {
        let (worker, backed_up) = (Arc::clone(&maker), engine.clone());
        if let Err(error) = spawn_blocking(move || worker.keep_up(&backed_up)).await {
            tracing::error!(%error, "a backup of the schedule has crashed");
        }
    }
}

/// Runs work on a thread of its own, with a low priority.
fn on_quiet_thread<T: Send>(
    runtime: &Handle,
    work: impl FnOnce() -> Result<T, BackupError> + Send,
) -> Result<T, BackupError> {
    let quiet = || {
        let _runtime = runtime.enter();
        if let Err(error) = lower_priority() {
            tracing::warn!(%error, "a backup runs with the priority of commands");
        }
        work()
    };
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("ledger-backup".to_owned());
        let thread = thread.spawn_scoped(scope, quiet);
        let thread = thread.map_err(BackupError::machine("a thread cannot be started"))?;
        thread.join().unwrap_or_else(|_| {
            let source = std::io::Error::other("see the log");
            Err(BackupError::Machine { what: "a backup panicked", source })
        })
    })
}
