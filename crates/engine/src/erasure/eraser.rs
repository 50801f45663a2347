//! The thread that carries out erasures.

use std::thread::JoinHandle;

use super::again::erase_again;
use super::pass::{Pass, Ran, Stopped};
use crate::engine::Engine;
use crate::errors::{Fault, chain};
use crate::readers::lower_priority;

/// The thread. Dropping it ends its work after the batch that is under way.
#[derive(Debug)]
pub(crate) struct Eraser {
    engine: Engine,
    thread: Option<JoinHandle<()>>,
}

impl Eraser {
    /// Starts the thread. `engine` must not own the eraser.
    pub(crate) fn start(engine: Engine) -> Result<Self, Fault> {
        let of_thread = engine.clone();
        let thread = std::thread::Builder::new()
            .name("ledger-erase".to_owned())
            .spawn(move || run(&of_thread))
            .map_err(Fault::Thread)?;
        Ok(Self { engine, thread: Some(thread) })
    }
}

impl Drop for Eraser {
    fn drop(&mut self) {
        self.engine.shared.erasing.stop();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that carries out erasures panicked");
        }
    }
}

fn run(engine: &Engine) {
    if let Err(error) = lower_priority() {
        tracing::debug!(%error, "erasures are carried out at the priority of commands");
    }
    let erasing = &engine.shared.erasing;
    while erasing.begin() {
        loop {
            match erase_again(engine).and_then(|()| Pass::run(engine)) {
                Ok(Ran { carried_out: 0, failed: 0 }) => break,
                Ok(Ran { carried_out, failed }) => {
                    if carried_out > 0 {
                        tracing::info!(connections = carried_out, "erasures are carried out");
                    }
                    if failed > 0 && erasing.rest() {
                        return;
                    }
                }
                Err(Stopped::Stopping) => return,
                Err(Stopped::Failed(error)) => {
                    tracing::error!(error = %chain(&error), "erasures cannot be carried out");
                    if erasing.rest() {
                        return;
                    }
                }
            }
        }
    }
}
