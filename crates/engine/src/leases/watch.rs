//! Ends leases whose time is over or whose holder lost the right to read, and records what was read
//! under leases. One thread does both, for the owner of the ledger's name only.

use std::collections::HashMap;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ledger_domain::principal::Scope;
use ledger_domain::{Actor, LeaseCommand, LeaseEnd, Principal, PrincipalName, Version};

use super::live::{LiveLease, Unrecorded};
use super::read::end_of;
use crate::access::Caller;
use crate::engine::Engine;
use crate::errors::{ExecuteError, Fault, chain};
use crate::writer::{Answer, LeaseWork, Work};

/// The actor of the events that end leases.
pub(crate) const ACTOR: &str = "system:leases";
/// Events that are sent together, so that they leave room in the queue for the commands of callers.
const TOGETHER: usize = 64;
/// Longest time between two looks at the clock, which may be set.
const TICK: Duration = Duration::from_millis(250);

/// The thread that ends leases and records reads. Dropping it records what is left and ends the
/// thread.
#[derive(Debug)]
pub(crate) struct LeaseWatch {
    engine: Engine,
    thread: Option<JoinHandle<()>>,
}

impl LeaseWatch {
    /// Starts the thread, which records reads at this interval. `engine` must not own the watch.
    pub(crate) fn start(engine: Engine, interval: Duration) -> Result<Self, Fault> {
        let mut task = Task {
            engine: engine.clone(),
            interval,
            recorded: Instant::now(),
            changes: None,
            checked: HashMap::new(),
        };
        let thread = std::thread::Builder::new()
            .name("ledger-leases".to_owned())
            .spawn(move || task.run())
            .map_err(Fault::Thread)?;
        Ok(Self { engine, thread: Some(thread) })
    }
}

impl Drop for LeaseWatch {
    fn drop(&mut self) {
        self.engine.shared.leases.stop();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that ends leases panicked");
        }
    }
}

struct Task {
    engine: Engine,
    interval: Duration,
    /// When reads were recorded last.
    recorded: Instant,
    /// The number of changes to principals at the last check of the holders.
    changes: Option<u64>,
    /// The version of each holder that was checked.
    checked: HashMap<PrincipalName, Version>,
}

impl Task {
    fn run(&mut self) {
        while self.engine.shared.leases.wait(TICK) {
            if self.engine.ready().is_err() {
                continue;
            }
            if let Err(error) = self.check_holders() {
                tracing::warn!(error = %chain(&error), "cannot check the holders of leases");
            }
            while self.end_due() {}
            let some_ended = self.engine.shared.leases.take_record_soon();
            if some_ended || self.recorded.elapsed() >= self.interval {
                self.record();
            }
        }
        if self.engine.ready().is_ok() {
            self.record();
        }
    }

    /// Ends the leases that are due. Returns whether there may be more.
    fn end_due(&self) -> bool {
        let (engine, leases) = (&self.engine, &self.engine.shared.leases);
        let due = leases.due(engine.clock().now(), TOGETHER);
        let mut sent = Vec::new();
        for (lease, because) in &due {
            sent.push(end(engine, lease, *because));
        }
        let is_full = due.len() == TOGETHER;
        // All are waited for, whatever became of the others.
        let ended: Vec<bool> = sent.into_iter().map(await_answer).collect();
        is_full && ended.into_iter().all(|ended| ended)
    }

    /// Records all reads since the last time.
    fn record(&mut self) {
        self.recorded = Instant::now();
        let leases = &self.engine.shared.leases;
        let mut unrecorded = leases.take_unrecorded();
        while !unrecorded.is_empty() {
            let rest = unrecorded.split_off(unrecorded.len().min(TOGETHER));
            let sent: Vec<_> = unrecorded
                .into_iter()
                .filter(|one| !one.reads.is_empty())
                .map(|one| (note(&self.engine, &one), one))
                .collect();
            for (answer, one) in sent {
                if !await_answer(answer) {
                    leases.put_back(one);
                }
            }
            unrecorded = rest;
        }
    }

    /// Has the leases ended of holders who lost the right to read, if principals changed.
    fn check_holders(&mut self) -> Result<(), Fault> {
        let shared = &self.engine.shared;
        let changes = shared.directory.changes();
        if self.changes == Some(changes) {
            return Ok(());
        }
        let models = shared.models.load();
        for (holder, held) in shared.leases.by_holder() {
            let Some(principal) = principal_of(&self.engine, &holder) else { continue };
            if self.checked.get(&principal.name) == Some(&principal.version) {
                continue;
            }
            let caller = Caller::new(holder, principal.grants.clone());
            for (id, connection) in held {
                let state = shared.leases.connection(&models, connection)?;
                let may = principal.enabled
                    && state.is_some_and(|state| caller.may_with(Scope::Reveal, &state));
                if !may {
                    shared.leases.end_later(id, LeaseEnd::RightLost);
                }
            }
            self.checked.insert(principal.name.clone(), principal.version);
        }
        self.changes = Some(changes);
        Ok(())
    }
}

/// Returns the principal that a holder is; none for the holders of access tokens.
fn principal_of(engine: &Engine, holder: &Actor) -> Option<std::sync::Arc<Principal>> {
    let (_, name) = holder.as_str().split_once(':')?;
    let name = PrincipalName::parse("holder", name).ok()?;
    let principal = engine.shared.directory.principal(&name)?;
    (principal.actor() == *holder).then_some(principal)
}

fn end(engine: &Engine, lease: &LiveLease, because: LeaseEnd) -> Result<Answer, ExecuteError> {
    send(engine, Caller::system(ACTOR), lease, end_of(lease.id, because))
}

fn note(engine: &Engine, one: &Unrecorded) -> Result<Answer, ExecuteError> {
    let lease = &one.lease;
    // It tells of the holder, who has made the reads.
    let mut caller = Caller::system(lease.holder.as_str());
    if let Some((_, Some(key))) = &one.last {
        caller = caller.with_credential(key.clone());
    }
    let command = LeaseCommand::Note { lease: lease.id, reads: one.reads.clone() };
    send(engine, caller, lease, command)
}

fn send(
    engine: &Engine,
    caller: Caller,
    lease: &LiveLease,
    command: LeaseCommand,
) -> Result<Answer, ExecuteError> {
    let work = Work::Lease(LeaseWork::OfLedger { id: lease.connection, command });
    engine.submit_own(caller, lease.workspace.clone(), work)
}

/// Waits for an answer. Returns whether nothing is left to be done.
fn await_answer(answer: Result<Answer, ExecuteError>) -> bool {
    let decided = match answer {
        Ok(answer) => match answer.blocking_recv() {
            Ok(decided) => decided.map(drop),
            Err(_) => return false,
        },
        Err(error) => Err(error),
    };
    match decided {
        // Somebody else has ended it.
        Ok(()) | Err(ExecuteError::Rejected(_)) => true,
        Err(error) => {
            tracing::warn!(error = %chain(&error), "cannot record what is about a lease yet");
            false
        }
    }
}
