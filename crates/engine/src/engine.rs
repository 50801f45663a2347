//! The engine: opens a data directory and holds the parts together.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ledger_contract::ResumePoint;
use ledger_contract::errors::Code;
use ledger_domain::principal::KeyLifetimes;
use ledger_domain::{ConnectionId, Ledger, LedgerId, Micros, Position, WorkspaceName};
use ledger_metrics::Metrics;
use ledger_providers::Catalogue;
use ledger_store::tables::{log, meta};
use ledger_store::{DataDir, Poison, Room, Store};
use ledger_vault::{DataKey, FingerprintKey, KeySource, Keyring};
use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;
use zeroize::Zeroizing;

use crate::access::{LAST_USE_INTERVAL, PrincipalDirectory, TokenVerifier, keep_uses};
use crate::admission::AdmissionLimits;
use crate::agenda::{Agenda, AgendaWatch};
use crate::alerts::{AlertDirectory, AlertStates, SharedWrites};
use crate::backups::BackupSlot;
use crate::curve_keys::CurveKeys;
use crate::erasure::{Eraser, Erasing};
use crate::errors::{DeadlineExpired, ExecuteError, Fault, OpenError, Unavailable, chain};
use crate::fence::FenceSlot;
use crate::founding::{self, Founding, Opening};
use crate::handovers::{HandoverWatch, Handovers};
use crate::http_status::HttpSource;
use crate::identity::Identity;
use crate::journal::{self, Journal, JournalOptions};
use crate::keeper::Keeper;
use crate::leases::{LeaseWatch, LiveLeases};
use crate::listings::Listings;
use crate::master_keys::{self, MasterKeys, Rewrapper};
use crate::metrics::{self, ActiveSince, Census};
use crate::models::{Live, Models};
use crate::nats_login;
use crate::overlaps::{self, OVERLAPS, SeenConsumers, keep_seen};
use crate::policies::{AGES, Ages, PolicyDirectory};
use crate::ports::{Clock, Ports};
use crate::provider_tokens::{ProviderTokens, TOKENS};
use crate::quotas::Quotas;
use crate::readers::Readers;
use crate::references::ReferenceFollower;
use crate::refusals::Refusals;
use crate::replay::{
    Rebuilder, Rebuilding, ReplayLimits, Selected, bring_up_to_date, recovery, stand_in,
};
use crate::replication::{FollowedGroup, LogOf, LogSlot};
use crate::seal;
use crate::tail::Tail;
use crate::transparency::Transparency;
use crate::trials::{TESTS, Trials};
use crate::writer::{Answer, Prepared, Recent, Removal, Rewrapped, Writer, Written};

/// Data keys kept unwrapped in memory.
pub(crate) const DATA_KEYS: usize = 16 * 1_024;

/// Interval at which is recorded what was read under leases.
const LEASE_INTERVAL: Duration = Duration::from_mins(1);

/// How to open a ledger.
#[derive(Debug)]
pub struct EngineOptions {
    /// The data directory.
    pub data_dir: PathBuf,
    /// The master keys.
    pub keyring: Keyring,
    /// Where they come from, to read them again when they are rotated.
    pub key_source: Option<Arc<dyn KeySource>>,
    /// Whether to create a new ledger if the directory contains none.
    pub create: bool,
    /// Who else has its log.
    pub log_of: LogOf,
    /// Limits on what is in progress; the engine's own are those of the queue and of what reads.
    pub limits: AdmissionLimits,
    /// Limits of a replay.
    pub replay: ReplayLimits,
    /// Limits of the audit journal.
    pub journal: JournalOptions,
    /// Whether a new ledger refuses requests over NATS that are not sealed, unless the bus is told
    /// otherwise.
    pub requires_sealed: bool,
    /// How long new API keys last.
    pub key_lifetimes: KeyLifetimes,
    /// What one workspace may take.
    pub quotas: Quotas,
    /// Interval at which is stored when keys were last used and consumers last seen; one minute by
    /// default.
    pub last_use_interval: Duration,
    /// Interval at which is recorded what was read under leases; one minute by default.
    pub lease_interval: Duration,
    /// Whether alerts can be sent by mail; not by default.
    pub sends_mail: bool,
    /// Sources of time, ids and randomness; those of the system by default.
    pub ports: Ports,
    /// What is known of providers and their fields; the built-in descriptions by default.
    pub catalogue: Arc<Catalogue>,
}

impl EngineOptions {
    /// Opens an existing ledger with default limits.
    pub fn new(data_dir: PathBuf, keyring: Keyring) -> Self {
        Self {
            data_dir,
            keyring,
            key_source: None,
            create: false,
            log_of: LogOf::default(),
            limits: AdmissionLimits::default(),
            replay: ReplayLimits::default(),
            journal: JournalOptions::default(),
            requires_sealed: false,
            key_lifetimes: KeyLifetimes::default(),
            quotas: Quotas::default(),
            last_use_interval: LAST_USE_INTERVAL,
            lease_interval: LEASE_INTERVAL,
            sends_mail: false,
            ports: Ports::default(),
            catalogue: Arc::clone(Catalogue::built_in()),
        }
    }
}

/// One open ledger. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(crate) shared: Arc<Shared>,
    pub(crate) readers: Arc<Readers>,
    writer: Arc<RwLock<Option<Writer>>>,
    /// The threads that store what is kept in memory.
    keepers: Arc<Mutex<Vec<Keeper>>>,
    rebuilder: Arc<Mutex<Option<Rebuilder>>>,
    /// The threads that record what happens at a time.
    watches: Arc<Mutex<Vec<AgendaWatch>>>,
    rewrapper: Arc<Mutex<Option<Rewrapper>>>,
    handovers: Arc<Mutex<Option<HandoverWatch>>>,
    leases: Arc<Mutex<Option<LeaseWatch>>>,
    eraser: Arc<Mutex<Option<Eraser>>>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Engine({}, head {})", self.ledger_id(), self.head())
    }
}

/// State shared by all parts of the engine.
pub(crate) struct Shared {
    pub(crate) store: Arc<Store>,
    pub(crate) models: Live,
    pub(crate) master_keys: MasterKeys,
    /// The logins of the managed NATS server, which a ledger that is sealed cannot open later.
    pub(crate) login_of_start: Option<Zeroizing<Vec<u8>>>,
    /// The ledger itself, as its durable events left it. The store counts the data keys.
    pub(crate) ledger: RwLock<Arc<Ledger>>,
    pub(crate) fingerprint_key: FingerprintKey,
    pub(crate) curve_keys: RwLock<CurveKeys>,
    pub(crate) identity: Identity,
    pub(crate) directory: PrincipalDirectory,
    pub(crate) tokens: TokenVerifier,
    pub(crate) fence: FenceSlot,
    /// The log that several nodes share, if this is one of them.
    pub(crate) log: LogSlot,
    /// The number of the term in which events are recorded: the epoch, unless the log is shared.
    pub(crate) epoch: AtomicU64,
    pub(crate) http_source: HttpSource,
    pub(crate) backups: BackupSlot,
    pub(crate) references: ReferenceFollower,
    pub(crate) trials: Trials,
    pub(crate) provider_tokens: ProviderTokens,
    pub(crate) listings: Listings,
    /// When to look at connections that have a former generation.
    pub(crate) agenda: Agenda,
    /// Values that were handed over to bearers of tokens.
    pub(crate) handovers: Handovers,
    /// The policies of secret fields.
    pub(crate) policies: PolicyDirectory,
    /// The alerts.
    pub(crate) alerts: AlertDirectory,
    /// Whether alerts can be sent by mail.
    pub(crate) sends_mail: bool,
    /// How far the messages of alerts are.
    pub(crate) alert_states: AlertStates,
    /// When to look at connections with a secret that becomes overdue.
    pub(crate) ages: Ages,
    /// When consumers were last seen.
    pub(crate) consumers: SeenConsumers,
    /// Leases on secrets, as reads need them.
    pub(crate) leases: LiveLeases,
    pub(crate) data_keys: Mutex<Recent<ConnectionId, HeldKey>>,
    /// Held for reading by whoever opens secrets, from the look at the connection's row on.
    pub(crate) opening: RwLock<()>,
    pub(crate) erasing: Erasing,
    pub(crate) head: watch::Sender<Position>,
    pub(crate) tail: Tail,
    /// The Merkle tree over the log, and its checkpoints.
    pub(crate) transparency: Transparency,
    pub(crate) published: AtomicU64,
    /// The position of the last event whose notification must not wait for others.
    pub(crate) urgent: watch::Sender<Position>,
    pub(crate) refusals: Refusals,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) census: Census,
    pub(crate) active_since: ActiveSince,
    pub(crate) journal: Journal,
    pub(crate) key_lifetimes: KeyLifetimes,
    pub(crate) quotas: Quotas,
    pub(crate) replay: ReplayLimits,
    pub(crate) replaying: Mutex<()>,
    /// Held by a replay, and by an erasure while it empties events.
    pub(crate) emptying: Mutex<()>,
    pub(crate) rebuilding: Rebuilding,
    pub(crate) generation_used: Mutex<GenerationsUsed>,
    pub(crate) ports: Ports,
    pub(crate) catalogue: Arc<Catalogue>,
}

/// A data key and the workspace to which it is bound.
#[derive(Clone, Debug)]
pub(crate) struct HeldKey {
    pub(crate) workspace: WorkspaceName,
    pub(crate) key: Arc<DataKey>,
}

/// Generations used since the start. None is used twice, because its table may still be read or may
/// have failed to be dropped.
#[derive(Debug, Default)]
pub(crate) struct GenerationsUsed([u32; 3]);

impl GenerationsUsed {
    /// Returns generations above the live ones and all earlier ones.
    pub(crate) fn next_after(&mut self, live: [u32; 3]) -> [u32; 3] {
        for (used, live) in self.0.iter_mut().zip(live) {
            *used = (*used).max(live) + 1;
        }
        self.0
    }
}

/// Starts the threads that write from time to time what is kept in memory.
fn start_keepers(shared: &Arc<Shared>, last_use_interval: Duration) -> Result<Vec<Keeper>, Fault> {
    let keep = metrics::take_census;
    Ok(vec![
        Keeper::start("ledger-uses", shared, last_use_interval, keep_uses(shared))?,
        Keeper::start("ledger-consumers", shared, last_use_interval, keep_seen)?,
        Keeper::start("ledger-journal", shared, journal::STORE_INTERVAL, journal::keep)?,
        Keeper::start("ledger-shares", shared, seal::WIPE_INTERVAL, seal::wipe_overdue)?,
        Keeper::start("ledger-census", shared, metrics::CENSUS_INTERVAL, keep)?,
    ])
}

impl Engine {
    /// Returns whether a directory contains a ledger.
    pub fn exists(data_dir: &Path) -> bool {
        DataDir::holds_ledger(data_dir)
    }

    /// Checks, without changing anything, that a directory contains a ledger that this program may
    /// open.
    pub fn check(data_dir: &Path) -> Result<(), OpenError> {
        DataDir::check(data_dir).map_err(OpenError::from)
    }

    /// Returns the id of the process that has the ledger in a directory open, or `None` if there is
    /// none or it cannot be determined.
    pub fn holder(data_dir: &Path) -> Option<u32> {
        DataDir::holder(data_dir)
    }

    /// Opens a ledger and starts its writer. Blocks.
    pub fn open(options: EngineOptions) -> Result<Self, OpenError> {
        let EngineOptions { data_dir, keyring, create, limits, replay, ports, .. } = options;
        let EngineOptions { last_use_interval, lease_interval, .. } = options;
        let EngineOptions { key_lifetimes, quotas, catalogue, sends_mail, .. } = options;
        let key_source = options.key_source;
        let journal = Journal::new(options.journal);
        let (store, founding) = if create && !Self::exists(&data_dir) {
            founding::make(&data_dir, &keyring, &ports, options.requires_sealed)?
        } else {
            Opening::begin(&data_dir, &keyring)?.finish(&ports)?
        };
        let store = Arc::new(store);
        options.log_of.check(&store, founding.ledger_id, &ports)?;
        let later = bring_up_to_date(&store, replay)?;
        let ledger = master_keys::load(&store, &founding)?;
        let keyring = master_keys::choose(&keyring, &ledger)?;
        let given = Given {
            replay,
            journal,
            catalogue,
            key_lifetimes,
            quotas,
            sends_mail,
            keyring,
            key_source,
            ledger,
            log_of: options.log_of,
        };
        let shared = Arc::new(Shared::load(store, founding, given, later, ports)?);
        recovery::catch_up(&shared.models.load(), *shared.head.borrow(), later)?;
        let writer = Arc::new(RwLock::new(Some(Writer::start(&shared, limits.queued_max)?)));
        let keepers = Arc::new(Mutex::new(start_keepers(&shared, last_use_interval)?));
        let readers = Arc::new(Readers::start(&limits)?);
        let (rebuilder, rewrapper) = (Arc::default(), Arc::default());
        let (watches, handovers, leases) = (Arc::default(), Arc::default(), Arc::default());
        let without = Self {
            shared,
            readers,
            writer,
            keepers,
            rebuilder,
            watches,
            rewrapper,
            handovers,
            leases,
            eraser: Arc::default(),
        };
        let rebuilder = Rebuilder::start(without.clone())?;
        let rewrapper = Rewrapper::start(without.clone())?;
        let watches = [&OVERLAPS, &AGES, &TESTS, &TOKENS];
        let watches = watches.map(|of| AgendaWatch::start(without.clone(), of));
        let watches = watches.into_iter().collect::<Result<Vec<_>, _>>()?;
        let handovers = HandoverWatch::start(without.clone())?;
        let leases = LeaseWatch::start(without.clone(), lease_interval)?;
        let eraser = Eraser::start(without.clone())?;
        Ok(Self {
            rebuilder: Arc::new(Mutex::new(rebuilder)),
            rewrapper: Arc::new(Mutex::new(Some(rewrapper))),
            watches: Arc::new(Mutex::new(watches)),
            handovers: Arc::new(Mutex::new(Some(handovers))),
            leases: Arc::new(Mutex::new(Some(leases))),
            eraser: Arc::new(Mutex::new(Some(eraser))),
            ..without
        })
    }

    /// Returns the ledger's id.
    pub fn ledger_id(&self) -> LedgerId {
        self.shared.identity.ledger
    }

    /// Returns the names of the ledger and of its history.
    pub fn identity(&self) -> Identity {
        self.shared.identity
    }

    /// Returns a name of the lock on the data directory that no other lock has; see
    /// [`DataDir::lock_name`].
    pub fn lock_name(&self) -> Option<String> {
        self.shared.store.dir().lock_name()
    }

    /// Returns the last durable position.
    pub fn head(&self) -> Position {
        *self.shared.head.borrow()
    }

    /// Returns the last durable position with the history that has it.
    pub fn end(&self) -> ResumePoint {
        ResumePoint::new(self.head(), self.identity().incarnation)
    }

    /// Returns a channel that carries the last durable position.
    pub fn subscribe_head(&self) -> watch::Receiver<Position> {
        self.shared.head.subscribe()
    }

    /// Returns an error if commands are not accepted.
    pub fn ready(&self) -> Result<(), Unavailable> {
        self.with_writer(|_| self.shared.may_write())
    }

    /// Returns why writing has stopped until the ledger is opened again, if it has. Reading goes
    /// on.
    pub fn poisoned_by(&self) -> Option<Poison> {
        self.shared.store.poisoned_by()
    }

    /// Returns the room on the disk that holds the database.
    pub fn room(&self) -> io::Result<Room> {
        self.shared.store.dir().room()
    }

    /// Rejects requests whose deadline has passed. The deadline of a command is checked again when
    /// the writer reaches it.
    pub fn in_time(&self, deadline: Option<Micros>) -> Result<(), DeadlineExpired> {
        match deadline {
            Some(deadline) if self.clock().now() > deadline => Err(DeadlineExpired),
            _ => Ok(()),
        }
    }

    /// Returns the clock used for all deadlines and expiries.
    pub fn clock(&self) -> &Clock {
        &self.shared.ports.clock
    }

    /// Counts a refusal that happened before the request reached the engine.
    pub fn count_refusal(&self, code: Code) {
        self.shared.refusals.count(code);
    }

    /// Stops accepting commands and scans, completes the accepted commands and the running scans,
    /// and writes everything to disk. Blocks.
    pub fn shutdown(&self) {
        self.shared.rebuilding.end_replays();
        self.readers.end_scans();
        // It may hold what a rebuild waits for.
        drop(self.eraser.lock().take());
        drop(self.rebuilder.lock().take());
        drop(self.rewrapper.lock().take());
        self.watches.lock().clear();
        drop(self.handovers.lock().take());
        drop(self.leases.lock().take());
        self.shared.provider_tokens.finish();
        let Some(writer) = self.writer.write().take() else { return };
        drop(writer);
        self.keepers.lock().clear();
        if self.shared.store.is_poisoned() {
            return;
        }
        let flushed = self.shared.models.load().flush(self.head());
        if let Err(error) = flushed.and_then(|()| self.shared.store.settle()) {
            tracing::error!(error = %chain(&error), "cannot write pending changes to disk");
        }
    }

    pub(crate) fn submit(&self, prepared: Prepared) -> Result<Answer, ExecuteError> {
        self.with_writer(|writer| writer.submit(prepared))
    }

    pub(crate) fn queued(&self) -> usize {
        self.writer.read().as_ref().map_or(0, Writer::queued)
    }

    /// Hands data keys that were wrapped anew to the writer. Returns what tells that they are
    /// durable.
    pub(crate) fn put_rewrapped(&self, rows: Vec<Rewrapped>) -> Result<Written, Unavailable> {
        self.with_writer(|writer| writer.put_rewrapped(rows))
    }

    /// Hands what an erasure removes to the writer. Returns what tells that it is durable.
    pub(crate) fn remove(&self, removals: Vec<Removal>) -> Result<Written, Unavailable> {
        self.with_writer(|writer| writer.remove(removals))
    }

    /// Stores how far the messages of an alert are, for every node of a cluster. Returns what tells
    /// that it is durable.
    pub(crate) fn put_alert_rows(&self, writes: SharedWrites) -> Result<Written, Unavailable> {
        self.with_writer(|writer| writer.put_alert_rows(writes))
    }

    /// Hands a group that another node decided to the writer. Returns what tells that it is
    /// durable.
    pub(crate) fn follow_group(&self, group: FollowedGroup) -> Result<Written, Unavailable> {
        self.with_writer(|writer| writer.follow(group))
    }

    /// Has the writer begin a term. Returns what tells that it has.
    pub(crate) fn begin_term(&self, epoch: u64) -> Result<Written, Unavailable> {
        self.with_writer(|writer| writer.lead(epoch))
    }

    /// Runs `work` while no command is in flight.
    pub(crate) fn pause<T>(&self, work: impl FnOnce() -> T) -> Result<T, Unavailable> {
        self.with_writer(|writer| writer.pause(work))
    }

    /// Calls the writer, unless it has stopped or the store is poisoned.
    fn with_writer<T, E: From<Unavailable>>(
        &self,
        work: impl FnOnce(&Writer) -> Result<T, E>,
    ) -> Result<T, E> {
        if let Some(poison) = self.shared.store.poisoned_by() {
            return Err(Unavailable::from(poison).into());
        }
        match &*self.writer.read() {
            Some(writer) => work(writer),
            None => Err(Unavailable::ShuttingDown.into()),
        }
    }
}

/// What the options set and the engine keeps.
struct Given {
    replay: ReplayLimits,
    journal: Journal,
    catalogue: Arc<Catalogue>,
    key_lifetimes: KeyLifetimes,
    quotas: Quotas,
    sends_mail: bool,
    keyring: Keyring,
    key_source: Option<Arc<dyn KeySource>>,
    ledger: Ledger,
    log_of: LogOf,
}

impl Shared {
    fn load(
        store: Arc<Store>,
        founding: Founding,
        given: Given,
        later: Selected,
        ports: Ports,
    ) -> Result<Self, OpenError> {
        let Given { replay, journal, catalogue, key_lifetimes, quotas, .. } = given;
        let Given { keyring, key_source, ledger, log_of, sends_mail, .. } = given;
        let Founding { ledger_id, fingerprint_key, .. } = founding;
        let generations = stand_in(&store, later)?;
        let models = Models::at(&store, generations);
        let agenda = overlaps::load(&models)?;
        let head = log::head(&store).map_err(Fault::from)?;
        let leases = load_leases(&store, &models)?;
        let alerts = AlertDirectory::load(&store)?;
        let alert_states = AlertStates::load(&store, &alerts.now(), head)?;
        let identity = Identity::begin(&store, ledger_id)?;
        Ok(Self {
            transparency: Transparency::load(&store, &identity, head)?,
            directory: PrincipalDirectory::load(&store, &models.connections)?,
            tokens: TokenVerifier::default(),
            fence: FenceSlot::default(),
            log: LogSlot::new(log_of),
            epoch: AtomicU64::new(identity.epoch),
            http_source: HttpSource::default(),
            backups: BackupSlot::default(),
            references: ReferenceFollower::default(),
            trials: Trials::default(),
            provider_tokens: ProviderTokens::default(),
            listings: Listings::default(),
            models: Live::new(models),
            curve_keys: RwLock::new(CurveKeys::load(
                &store,
                &keyring,
                ledger_id,
                &fingerprint_key,
            )?),
            login_of_start: nats_login::of_start(&store, &keyring, ledger_id, &ledger),
            master_keys: MasterKeys::open(keyring, key_source, &ledger),
            ledger: RwLock::new(Arc::new(ledger)),
            fingerprint_key,
            identity,
            agenda,
            handovers: Handovers::load(&store)?,
            policies: PolicyDirectory::load(&store)?,
            alerts,
            sends_mail,
            alert_states,
            ages: Ages::default(),
            consumers: SeenConsumers::load(&store, ports.now()).map_err(Fault::from)?,
            leases,
            data_keys: Mutex::new(Recent::new(DATA_KEYS)),
            opening: RwLock::new(()),
            erasing: Erasing::new(),
            head: watch::Sender::new(head),
            tail: Tail::default(),
            urgent: watch::Sender::new(Position::ZERO),
            published: AtomicU64::new(meta::published(&store).map_err(Fault::from)?.get()),
            refusals: Refusals::default(),
            metrics: Arc::default(),
            census: Census::default(),
            active_since: ActiveSince::default(),
            journal,
            key_lifetimes,
            quotas,
            replay,
            replaying: Mutex::new(()),
            emptying: Mutex::new(()),
            rebuilding: Rebuilding::begin(later, head.get()),
            generation_used: Mutex::new(GenerationsUsed(generations)),
            ports,
            catalogue,
            store,
        })
    }

    /// Returns an error if this instance may not write.
    pub(crate) fn may_write(&self) -> Result<(), Unavailable> {
        self.fence.check()?;
        self.log.check()
    }

    pub(crate) fn published(&self) -> Position {
        Position::new(self.published.load(Ordering::SeqCst))
    }
}

/// Loads the leases on secrets. Those from before a restore are to be ended.
fn load_leases(store: &Store, models: &Models) -> Result<LiveLeases, Fault> {
    let restored_at = meta::origin(store)?.map(|(_, position)| position);
    Ok(LiveLeases::load(&models.leases()?, restored_at))
}
