//! References of secret fields: what they may point at, and following them.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use ledger_domain::{Reference, WorkspaceName};
use ledger_engine::{Engine, FollowReference, Followed, ReferenceProblem};
use ledger_key_sources::{
    AllowedReference, FollowError, FollowFault, ReferenceOptions, References,
};

use crate::master_key::MasterKeyArgs;

/// The flags of references.
#[derive(Debug, Args)]
#[command(next_help_heading = "References instead of values")]
pub(crate) struct ReferenceArgs {
    /// What the references of secret fields may point at, if repeated any of these: env:NAME,
    /// file:/PATH, vault:MOUNT/PATH or aws:NAME, or a beginning with * at the end. For one
    /// workspace only with WORKSPACE= before it. Nothing is allowed by default, except fields of
    /// other connections
    #[arg(
        long,
        env = "CONNLEDGER_ALLOW_REFERENCE",
        value_delimiter = ',',
        value_name = "[WORKSPACE=]KIND:NAME"
    )]
    allow_reference: Vec<AllowedReference>,
    /// How long following a reference may take, at most 1 minute. Clients wait 10 seconds for an
    /// answer unless they are told otherwise
    #[arg(
        long,
        env = "CONNLEDGER_REFERENCE_TIMEOUT",
        default_value = "5s",
        value_parser = super::args::up_to_a_minute,
        value_name = "TIME"
    )]
    reference_timeout: Duration,
    /// How long what Vault or AWS said is kept in memory, at most 10 minutes; 0s keeps nothing
    #[arg(
        long,
        env = "CONNLEDGER_REFERENCE_CACHE",
        default_value = "30s",
        value_parser = keep,
        value_name = "TIME"
    )]
    reference_cache: Duration,
}

/// Longest time that what a service said is kept.
const KEEP_MAX: Duration = Duration::from_mins(10);

fn keep(text: &str) -> Result<Duration, String> {
    let time = super::args::duration(text)?;
    if time <= KEEP_MAX { Ok(time) } else { Err("must be at most 10m".to_owned()) }
}

/// Follows references as the flags permit.
#[derive(Clone, Debug)]
pub(super) struct Follower(Arc<References>);

/// Has the engine follow references from now on.
pub(super) fn follow(args: &ReferenceArgs, keys: &MasterKeyArgs, engine: &Engine) -> Follower {
    let follower = Follower(Arc::new(References::new(ReferenceOptions {
        allowed: args.allow_reference.clone(),
        settings: keys.settings(),
        own_variables: keys.secret_variables(),
        time_max: args.reference_timeout,
        keep: args.reference_cache,
    })));
    engine.set_reference_follower(Arc::new(follower.clone()));
    follower
}

impl Follower {
    /// Gives back what was only taken for this run, such as a login.
    pub(super) async fn finish(&self) {
        self.0.finish().await;
    }
}

impl FollowReference for Follower {
    fn check(
        &self,
        workspace: &WorkspaceName,
        reference: &Reference,
    ) -> Result<(), ReferenceProblem> {
        self.0.check(workspace, reference).map_err(problem)
    }

    fn follow<'a>(
        &'a self,
        workspace: &'a WorkspaceName,
        reference: &'a Reference,
    ) -> Followed<'a> {
        Box::pin(async move { self.0.follow(workspace, reference).await.map_err(problem) })
    }

    fn forget(&self) {
        self.0.forget();
    }
}

fn problem(error: FollowError) -> ReferenceProblem {
    let FollowError { fault, cause } = error;
    match fault {
        FollowFault::NotAllowed => ReferenceProblem::forbidden(cause),
        FollowFault::Unusable => ReferenceProblem::unusable(cause),
        FollowFault::Away => ReferenceProblem::away(cause),
    }
}
