//! Prepares a machine to build and test: fetches or builds only what is missing.
//!
//! Each step prints one line and is cheap to repeat. Fetched and built files are kept in a cache
//! outside the checkout, so a fresh clone can reuse them.

mod browser;
mod cache;
mod clients;
mod compiler;
mod components;
mod databases;
mod libclang;
mod local_config;
mod nats;
mod node;
mod node_packages;
mod packages;
mod platform;
mod proof_tools;
mod python;
mod python_libraries;
mod receiver;
mod rocksdb;
mod s3;
pub(crate) mod schemathesis;
mod ship;
mod token_service;

use std::path::PathBuf;

use crate::environment::{PersonalEnvironment, Variables};
use crate::failure::Failure;
use crate::setup::cache::Cache;
use crate::setup::local_config::LocalConfig;
use crate::setup::node_packages::{BROWSER, CLIENTS, SERVERS};
use crate::setup::platform::Platform;
use crate::workspace::Workspace;

/// The purpose of a setup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Building and running the binaries.
    Run,
    /// The same, with lints and the foreign clients and servers that the tests run.
    Test,
}

/// The inputs of every step.
#[derive(Debug)]
struct Site<'a> {
    workspace: &'a Workspace,
    platform: Platform,
    cache: Cache,
    personal: PersonalEnvironment,
}

/// Returns the folder in the cache for a tool, which may not exist yet.
pub(crate) fn tool_folder(name: &str) -> Result<PathBuf, Failure> {
    Ok(Cache::open()?.path(name))
}

/// Runs every step and returns the variables that cargo and the binaries need.
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
        clients::PYTHON_CLIENTS.ensure(&site, &mut variables)?;
        s3::ensure(&site, &mut variables)?;
        databases::ensure(&site, &mut variables)?;
        browser::ensure(&site, &mut variables)?;
        receiver::RECEIVER_LIBRARY.ensure(&site, &mut variables)?;
        ship::SHIP_TOOLS.ensure(&site, &mut variables)?;
        token_service::TOKEN_SERVICE_LIBRARIES.ensure(&site, &mut variables)?;
        proof_tools::PROOF_TOOLS.ensure(&site, &mut variables)?;
        let node = node::ensure(&site, &mut variables)?;
        for packages in [CLIENTS, SERVERS, BROWSER] {
            packages.ensure(&site, &node, &mut variables)?;
        }
    }
    rocksdb::ensure(&site, &mut variables)?;
    config.write(&variables)?;
    Ok(variables)
}
