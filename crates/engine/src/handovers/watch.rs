//! Ends handovers whose time is over, and forgets those that ended long ago. Each end is an event
//! by the ledger itself; the token is refused from its time on, whether or not that is written.

use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, Sender};
use ledger_contract::subjects::ledger_workspace;
use ledger_domain::{HandoverCommand, HandoverId};

use crate::access::Caller;
use crate::engine::Engine;
use crate::errors::{ExecuteError, Fault, chain};
use crate::handovers::ACTOR;
use crate::writer::{Answer, Work};

/// Time between two looks.
const TICK: Duration = Duration::from_millis(500);
/// Looks after which those that ended long ago are forgotten.
const LOOKS_UNTIL_FORGOTTEN: u32 = 120;
/// Handovers that are ended together.
const TOGETHER: usize = 64;

/// The thread that ends handovers. Dropping it ends the thread.
#[derive(Debug)]
pub(crate) struct HandoverWatch {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl HandoverWatch {
    /// Starts the thread. `engine` must not own the watch.
    pub(crate) fn start(engine: Engine) -> Result<Self, Fault> {
        let (stop, stopped) = crossbeam_channel::bounded::<()>(0);
        let thread = std::thread::Builder::new()
            .name("ledger-handovers".to_owned())
            .spawn(move || {
                let mut looks = 0_u32;
                while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                    look(&engine, looks.is_multiple_of(LOOKS_UNTIL_FORGOTTEN));
                    looks = looks.wrapping_add(1);
                }
            })
            .map_err(Fault::Thread)?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for HandoverWatch {
    fn drop(&mut self) {
        drop(self.stop.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that ends handovers panicked");
        }
    }
}

fn look(engine: &Engine, forgets: bool) {
    let shared = &engine.shared;
    // Only who may write ends them; another instance does it otherwise.
    if engine.ready().is_err() {
        return;
    }
    let now = shared.ports.now();
    let overdue = shared.handovers.overdue(now, TOGETHER);
    let submitted: Vec<_> = overdue.into_iter().map(|id| expire(engine, id)).collect();
    for submitted in submitted {
        let refused = match submitted.map(Answer::blocking_recv) {
            // The ledger is closing.
            Ok(Err(_)) => return,
            Ok(Ok(outcome)) => outcome.err(),
            Err(error) => Some(error),
        };
        match refused {
            // It was used in its last moment, or the clock went back.
            None | Some(ExecuteError::Rejected(_) | ExecuteError::Busy) => {}
            Some(error) => tracing::warn!(error = %chain(&error), "cannot end a handover yet"),
        }
    }
    if !forgets {
        return;
    }
    if let Err(error) = shared.handovers.forget_old(&shared.store, now) {
        tracing::error!(error = %chain(&error), "cannot forget old handovers");
    }
}

fn expire(engine: &Engine, id: HandoverId) -> Result<Answer, ExecuteError> {
    let work = Work::Handover { id, digest: None, command: HandoverCommand::Expire };
    engine.submit_own(Caller::system(ACTOR), ledger_workspace(), work)
}
