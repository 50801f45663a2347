//! References of secret fields, followed: to variables, files, Vault's KV engine and AWS Secrets
//! Manager. What may be pointed at is listed; nothing else is looked at.

mod allowed;
mod aws;
mod cache;
mod file;
#[cfg(test)]
mod tests;
mod vault;

use std::collections::HashMap;
use std::ffi::OsStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared, WeakShared};
use ledger_domain::{Reference, ReferenceKind, WorkspaceName};
use ledger_vault::Plaintext;
use tokio::sync::Semaphore;

use crate::error::{Cause, Fault};
use crate::reader::Settings;
pub use allowed::{AllowedReference, InvalidAllowance};
use aws::SecretsManager;
use cache::{Cache, Limits};
use vault::KeyValue;

/// Most bytes at a place: of a file, a variable, or a secret of a service.
pub(crate) const CONTENT_BYTES_MAX: usize = 64 * 1024;
/// Files that are read at once.
const FILES_MAX: usize = 16;

/// How references are followed.
#[derive(Clone, Debug)]
pub struct ReferenceOptions {
    /// What may be pointed at.
    pub allowed: Vec<AllowedReference>,
    /// How services are found.
    pub settings: Settings,
    /// Variables with credentials of the server itself, which no reference may name.
    pub own_variables: Vec<String>,
    /// How long following one may take.
    pub time_max: Duration,
    /// How long what a service said is kept; zero keeps nothing.
    pub keep: Duration,
}

/// What kind of reason there is for a reference to lead nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FollowFault {
    /// It is not among what may be pointed at.
    NotAllowed,
    /// What is there is missing, refused or not usable.
    Unusable,
    /// What has it does not answer now.
    Away,
}

/// Why a reference leads nowhere. It has nothing of what was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{cause}")]
pub struct FollowError {
    /// What kind of reason it is.
    pub fault: FollowFault,
    /// The reason.
    pub cause: String,
}

impl FollowError {
    fn unusable(cause: impl Into<String>) -> Self {
        Self { fault: FollowFault::Unusable, cause: cause.into() }
    }

    fn away(cause: impl Into<String>) -> Self {
        Self { fault: FollowFault::Away, cause: cause.into() }
    }

    fn not_allowed(cause: impl Into<String>) -> Self {
        Self { fault: FollowFault::NotAllowed, cause: cause.into() }
    }

    /// Says what a service that was asked did not do.
    fn at(service: &str, cause: Cause) -> Self {
        let Cause { fault, text, remedy } = cause;
        match fault {
            Fault::Away => Self::away(format!("{service}: {text}")),
            Fault::Refused => Self::unusable(format!("{service}: {text}; {remedy}")),
        }
    }
}

type Content = Arc<Plaintext>;
type FollowResult = Result<Content, FollowError>;
type Flight = Shared<BoxFuture<'static, FollowResult>>;
/// A place outside, whatever key and format.
type Outside = (ReferenceKind, String);

/// Follows references.
#[derive(Debug)]
pub struct References {
    options: ReferenceOptions,
    files: Arc<Semaphore>,
    cache: Cache,
    services: Arc<Services>,
    /// What is being asked of services. Who wants the same waits for the same answer.
    flights: Mutex<HashMap<Outside, WeakShared<BoxFuture<'static, FollowResult>>>>,
}

/// The services, each of which is logged in to when it is needed first.
#[derive(Debug)]
struct Services {
    vault: KeyValue,
    aws: SecretsManager,
}

impl References {
    /// Follows references as the options permit.
    pub fn new(options: ReferenceOptions) -> Self {
        let settings = options.settings;
        Self {
            files: Arc::new(Semaphore::new(FILES_MAX)),
            cache: Cache::new(Limits { keep: options.keep, ..Limits::default() }),
            services: Arc::new(Services {
                vault: KeyValue::new(settings),
                aws: SecretsManager::new(settings),
            }),
            flights: Mutex::default(),
            options,
        }
    }

    /// Checks that a reference of a workspace may be followed.
    pub fn check(
        &self,
        workspace: &WorkspaceName,
        reference: &Reference,
    ) -> Result<(), FollowError> {
        self.allowance(workspace, reference).map(drop)
    }

    /// Returns all that is at the place to which a reference leads, within the time limit.
    pub async fn follow(&self, workspace: &WorkspaceName, reference: &Reference) -> FollowResult {
        let allowed = self.allowance(workspace, reference)?;
        match reference.kind {
            ReferenceKind::Environment => self.variable(reference.name.as_str()),
            ReferenceKind::File => self.file(allowed, reference.name.as_str()).await,
            ReferenceKind::Vault | ReferenceKind::Aws => self.ask(reference).await,
            ReferenceKind::Connection => Err(FollowError::not_allowed("it leads to no service")),
        }
    }

    /// Drops what was found and logged in with. What is on its way is answered and not kept.
    pub fn forget(&self) {
        self.cache.forget();
        self.services.vault.forget();
    }

    /// Gives back logins that were only taken for this.
    pub async fn finish(&self) {
        self.services.vault.finish().await;
    }

    fn allowance(
        &self,
        workspace: &WorkspaceName,
        reference: &Reference,
    ) -> Result<&AllowedReference, FollowError> {
        let name = reference.name.as_str();
        let is_own = self.options.own_variables.iter().any(|own| own == name);
        if reference.kind == ReferenceKind::Environment
            && (is_own || name.starts_with("CONNLEDGER_"))
        {
            return Err(FollowError::not_allowed("the variable belongs to the server itself"));
        }
        let fits = |allowed: &&AllowedReference| allowed.fits(workspace, reference);
        self.options.allowed.iter().find(fits).ok_or_else(|| {
            FollowError::not_allowed("no --allow-reference of the server permits it here")
        })
    }

    fn variable(&self, name: &str) -> FollowResult {
        let value = (self.options.settings.variables)(OsStr::new(name));
        let value = value.ok_or_else(|| FollowError::unusable("the variable is not set"))?;
        let text = value.into_string();
        let text = text.map_err(|_| FollowError::unusable("what is there is not text in UTF-8"))?;
        content(Plaintext::from_string(text))
    }

    async fn file(&self, allowed: &AllowedReference, path: &str) -> FollowResult {
        let (base, rest) = allowed
            .split(path)
            .ok_or_else(|| FollowError::not_allowed("the file is not within what is allowed"))?;
        let read = async {
            let place = Arc::clone(&self.files).acquire_owned().await;
            let place = place.map_err(|_| FollowError::away("the server is stopping"))?;
            let read = tokio::task::spawn_blocking(move || {
                let read = file::read(&base, &rest);
                drop(place);
                read
            });
            read.await.map_err(|_| FollowError::away("reading the file was broken off"))?
        };
        content(self.in_time(read).await?)
    }

    /// Asks a service, unless the answer is there or on its way.
    async fn ask(&self, reference: &Reference) -> FollowResult {
        let outside = (reference.kind, reference.name.as_str().to_owned());
        if let Some(kept) = self.cache.get(&outside) {
            return Ok(kept);
        }
        let since = self.cache.forgotten();
        let flight = self.flight(&outside);
        let found = flight.await;
        self.flights().retain(|_, flight| flight.upgrade().is_some_and(|it| it.peek().is_none()));
        if let Ok(content) = &found {
            self.cache.put(outside, content, since);
        }
        found
    }

    fn flight(&self, outside: &Outside) -> Flight {
        let mut flights = self.flights();
        let flying = flights.get(outside).and_then(WeakShared::upgrade);
        if let Some(flying) = flying.filter(|flight| flight.peek().is_none()) {
            return flying;
        }
        let (services, limit) = (Arc::clone(&self.services), self.options.time_max);
        let (kind, name) = outside.clone();
        let asked = async move {
            let ask = async {
                match kind {
                    ReferenceKind::Vault => services.vault.read(&name).await,
                    _ => services.aws.read(&name).await,
                }
            };
            content(Box::pin(in_time(limit, ask)).await?)
        };
        let flight = asked.boxed().shared();
        if let Some(weak) = flight.downgrade() {
            flights.insert(outside.clone(), weak);
        }
        flight
    }

    fn flights(
        &self,
    ) -> MutexGuard<'_, HashMap<Outside, WeakShared<BoxFuture<'static, FollowResult>>>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn in_time(
        &self,
        work: impl Future<Output = Result<Plaintext, FollowError>>,
    ) -> Result<Plaintext, FollowError> {
        in_time(self.options.time_max, work).await
    }
}

async fn in_time(
    limit: Duration,
    work: impl Future<Output = Result<Plaintext, FollowError>>,
) -> Result<Plaintext, FollowError> {
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
        let millis = limit.as_millis();
        Err(FollowError::away(format!("it did not answer within {millis} ms")))
    })
}

fn content(found: Plaintext) -> FollowResult {
    if found.len_bytes() > CONTENT_BYTES_MAX {
        return Err(FollowError::unusable("what is there is larger than 64 KiB"));
    }
    Ok(Arc::new(found))
}
