//! Makes a bare machine able to build and test: looks, and fetches or builds only what is missing.
//!
//! Each step prints one line and can be run again at no cost. What is fetched or built lives in a
//! cache outside the checkout, so a fresh clone starts where the last one ended.

mod cache;
mod clients;
mod compiler;
mod components;
mod libclang;
mod local_config;
mod nats;
mod packages;
mod platform;
mod python;
mod rocksdb;
pub(crate) mod schemathesis;

use crate::environment::{PersonalEnvironment, Variables};
use crate::failure::Failure;
use crate::setup::cache::Cache;
use crate::setup::local_config::LocalConfig;
use crate::setup::platform::Platform;
use crate::workspace::Workspace;

/// What the machine is being made ready for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Building and running our binaries.
    Run,
    /// The same, plus lints, and the foreign clients that the test-suite drives.
    Test,
}

/// What every step may look at.
#[derive(Debug)]
struct Site<'a> {
    workspace: &'a Workspace,
    platform: Platform,
    cache: Cache,
    personal: PersonalEnvironment,
}

/// Does every step and returns the variables that cargo and our binaries need.
///
/// One setup runs at a time per cache; a second one waits for the first.
pub(crate) fn prepare(workspace: &Workspace, purpose: Purpose) -> Result<Variables, Failure> {
    let platform = Platform::current()?;
    let cache = Cache::open()?;
    let _guard = cache.lock()?;
    let config = LocalConfig::of(workspace);
    let personal = PersonalEnvironment::read(&config.read());
    let site = Site { workspace, platform, cache, personal };

    let mut variables = Variables::new();
    compiler::ensure()?;
    if purpose == Purpose::Test {
        components::ensure()?;
    }
    libclang::ensure(&site, &mut variables)?;
    nats::ensure_server(&site, &mut variables)?;
    nats::ensure_client(&site, purpose, &mut variables)?;
    if purpose == Purpose::Test {
        schemathesis::ensure(&site, &mut variables)?;
        clients::ensure(&site, &mut variables)?;
    }
    rocksdb::ensure(&site, &mut variables)?;
    config.write(&variables)?;
    Ok(variables)
}
