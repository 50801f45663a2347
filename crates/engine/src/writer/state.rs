//! The decider's view: the latest states, whether durable or not.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use ledger_domain::{
    Connection, ConnectionId, ConsumerEvent, Consumers, Handover, HandoverId, Ledger, MasterKeyId,
    Micros, Position, Principal, PrincipalName, SecretLeases, Version, WorkspaceName,
};
use ledger_store::tables::{Receipt, StreamKey, claims, connections, log, meta, receipts, streams};

use super::recent::Recent;
use crate::access::{Caller, caller_of, check_blocks};
use crate::alerts::AllAlerts;
use crate::engine::Shared;
use crate::errors::{AuthenticateError, Fault};
use crate::history;
use crate::models::Said;
use crate::policies::AllPolicies;
use crate::quotas::KeyCounts;

/// Exceeds the number of commands that can be waiting or in flight.
const RECENT: usize = 32 * 1024;

/// Bytes of the states kept in memory, by the size of their rows.
const HEADS_BYTES: usize = 48 * 1024 * 1024;

/// Bytes of the consumers kept in memory.
const CONSUMERS_BYTES: usize = 16 * 1024 * 1024;

/// What a consumer takes, about.
const CONSUMER_BYTES: usize = 512;

/// A connection's latest state.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) ordinal: u32,
    pub(crate) connection: Arc<Connection>,
    /// Size of its row.
    pub(crate) row_bytes: usize,
}

/// The latest consumers of a connection.
#[derive(Clone, Debug)]
pub(crate) struct ConsumersHead {
    pub(crate) consumers: Arc<Consumers>,
    /// The last version of their stream.
    pub(crate) version: Version,
    /// The position of their latest event, as far as this process has decided it.
    position: Position,
}

impl ConsumersHead {
    /// Returns them after an event.
    pub(crate) fn after(before: &Self, said: &Said, event: &ConsumerEvent) -> Self {
        let mut consumers = Consumers::clone(&before.consumers);
        match event {
            ConsumerEvent::Removed { consumer } => drop(consumers.remove(consumer)),
            ConsumerEvent::Confirmed { consumer, generations, replaces } => {
                if let Some(gone) = replaces {
                    consumers.remove(gone);
                }
                consumers.insert(consumer.clone(), said.consumer(generations.clone()));
            }
        }
        Self { consumers: Arc::new(consumers), version: said.version, position: said.position }
    }

    /// Returns about how many bytes they take.
    fn bytes(&self) -> usize {
        self.consumers.len() * CONSUMER_BYTES
    }
}

/// The latest state of everything.
pub(crate) struct State {
    shared: Arc<Shared>,
    heads: Recent<ConnectionId, Head>,
    receipts: Recent<Vec<u8>, Receipt>,
    claims: Recent<Vec<u8>, Option<ConnectionId>>,
    workspaces: HashSet<WorkspaceName>,
    principals: HashMap<PrincipalName, Arc<Principal>>,
    key_counts: KeyCounts,
    /// The number of changes to principals so far, as [`crate::access::PrincipalDirectory`] counts
    /// them. The directory follows once a change is durable.
    principal_changes: u64,
    /// Last versions of the streams of reveals.
    reveals: Recent<ConnectionId, Version>,
    consumers: Recent<ConnectionId, ConsumersHead>,
    handovers: Recent<HandoverId, Arc<Handover>>,
    /// How many handovers of each workspace can still be used.
    pending_handovers: HashMap<WorkspaceName, usize>,
    /// Last versions of the streams of handovers of keys.
    key_handovers: HashMap<PrincipalName, Version>,
    /// The policies of secret fields.
    pub(crate) policies: AllPolicies,
    /// The alerts.
    pub(crate) alerts: AllAlerts,
    /// The leases on secrets.
    pub(crate) leases: SecretLeases,
    /// Last versions of the streams of what ends leases throughout a workspace.
    workspace_leases: HashMap<WorkspaceName, Version>,
    /// Connections whose data keys were destroyed just now, maybe not durably yet.
    destroyed: Recent<ConnectionId, ()>,
    /// The master keys under which data keys were wrapped that were made just now, maybe not
    /// durably yet.
    made_keys: Recent<ConnectionId, MasterKeyId>,
    /// The ledger itself.
    pub(crate) ledger: Ledger,
    /// The master keys under which another number of data keys is wrapped than the batches say.
    pub(crate) counted: BTreeSet<MasterKeyId>,
    pub(crate) position: Position,
    pub(crate) recorded_at: Micros,
    pub(crate) next_ordinal: u32,
}

impl State {
    pub(crate) fn load(shared: Arc<Shared>) -> Result<Self, Fault> {
        let store = shared.store.clone();
        let position = log::head(&store)?;
        let recorded_at = match position {
            Position::ZERO => Micros::default(),
            _ => history::record(&store, position)?.metadata.recorded_at,
        };
        let table = shared.models.load().connections.clone();
        let next_ordinal = connections::next_ordinal(&store, &table)?;
        let workspaces = connections::workspaces(&store, &table, None)
            .map(|row| row.map(|(name, _)| name))
            .collect::<Result<HashSet<_>, _>>()?;
        let principal_changes = shared.directory.changes();
        let (all, mut key_counts) = (shared.directory.principals(), KeyCounts::default());
        for principal in &all {
            key_counts.add(principal);
        }
        let principals = all.into_iter();
        let principals = principals.map(|principal| (principal.name.clone(), principal)).collect();
        // The batches count the data keys, and the durable ledger does not.
        let data_keys = meta::data_keys(&store)?;
        let ledger = Ledger { data_keys, ..(**shared.ledger.read()).clone() };
        let pending_handovers = shared.handovers.pending();
        let policies = (*shared.policies.now()).clone();
        let alerts = (*shared.alerts.now()).clone();
        let leases = shared.models.load().leases()?;
        Ok(Self {
            shared,
            policies,
            alerts,
            ledger,
            counted: BTreeSet::new(),
            principals,
            key_counts,
            principal_changes,
            reveals: Recent::new(RECENT),
            consumers: Recent::new(RECENT).within(CONSUMERS_BYTES),
            handovers: Recent::new(RECENT),
            pending_handovers,
            key_handovers: HashMap::new(),
            leases,
            workspace_leases: HashMap::new(),
            destroyed: Recent::new(RECENT),
            made_keys: Recent::new(RECENT),
            heads: Recent::new(RECENT).within(HEADS_BYTES),
            receipts: Recent::new(RECENT),
            claims: Recent::new(RECENT),
            workspaces,
            position,
            recorded_at,
            next_ordinal,
        })
    }

    pub(crate) fn head(&mut self, id: ConnectionId) -> Result<Option<Head>, Fault> {
        if let Some(head) = self.heads.get(&id) {
            return Ok(Some(head.clone()));
        }
        let Some(row) = self.shared.models.load().row(id)? else { return Ok(None) };
        let (ordinal, row_bytes) = (row.ordinal, row.bytes);
        let head = Head { ordinal, connection: Arc::new(row.connection), row_bytes };
        self.set_head(id, head.clone());
        Ok(Some(head))
    }

    pub(crate) fn set_head(&mut self, id: ConnectionId, head: Head) {
        let durable = *self.shared.head.borrow();
        let row_bytes = head.row_bytes;
        self.heads.set_sized(id, head, row_bytes, |head| head.connection.position <= durable);
    }

    pub(crate) fn receipt(&self, key: &Vec<u8>) -> Result<Option<Receipt>, Fault> {
        match self.receipts.get(key) {
            Some(receipt) => Ok(Some(*receipt)),
            None => receipts::get(&self.shared.store, key).map_err(Fault::from),
        }
    }

    pub(crate) fn set_receipt(&mut self, key: Vec<u8>, receipt: Receipt) {
        self.receipts.set(key, receipt);
    }

    pub(crate) fn claimed(&self, key: &Vec<u8>) -> Result<Option<ConnectionId>, Fault> {
        match self.claims.get(key) {
            Some(claim) => Ok(*claim),
            None => claims::get(&self.shared.store, key).map_err(Fault::from),
        }
    }

    pub(crate) fn set_claim(&mut self, key: Vec<u8>, claim: Option<ConnectionId>) {
        self.claims.set(key, claim);
    }

    pub(crate) fn principal(&self, name: &PrincipalName) -> Option<Arc<Principal>> {
        self.principals.get(name).cloned()
    }

    pub(crate) fn set_principal(&mut self, principal: &Arc<Principal>) {
        let name = principal.name.clone();
        if let Some(before) = self.principals.insert(name, Arc::clone(principal)) {
            self.key_counts.remove(&before);
        }
        self.key_counts.add(principal);
        self.principal_changes += 1;
    }

    /// Returns how many keys of a workspace are valid.
    pub(super) fn live_keys(&self, workspace: &WorkspaceName, now: Micros) -> u64 {
        self.key_counts.live(workspace, now)
    }

    pub(crate) fn principal_changes(&self) -> u64 {
        self.principal_changes
    }

    /// Returns a caller who was accepted before, with their rights after every change decided so
    /// far.
    pub(crate) fn again(&self, caller: &Caller, now: Micros) -> Result<Caller, AuthenticateError> {
        let Some(id) = caller.key() else {
            let tokens = self.principals.get(&PrincipalName::of_tokens());
            return check_blocks(tokens, caller).map(|()| caller.clone());
        };
        let holder = self.shared.directory.holder(id).ok_or(AuthenticateError::Revoked)?;
        let latest = self.principals.get(&holder.name).ok_or(AuthenticateError::Revoked)?;
        caller_of(latest, id, self.principal_changes, now)
    }

    /// Returns the number of times that a connection's secrets were revealed.
    pub(crate) fn reveals(&self, id: ConnectionId) -> Result<Version, Fault> {
        match self.reveals.get(&id) {
            Some(version) => Ok(*version),
            None => streams::last_version(&self.shared.store, StreamKey::reveals(id))
                .map_err(Fault::from),
        }
    }

    pub(crate) fn set_reveals(&mut self, id: ConnectionId, version: Version) {
        self.reveals.set(id, version);
    }

    /// Returns the number of times that leases were ended throughout a workspace.
    pub(crate) fn workspace_leases(&self, name: &WorkspaceName) -> Result<Version, Fault> {
        match self.workspace_leases.get(name) {
            Some(version) => Ok(*version),
            None => streams::last_version(&self.shared.store, StreamKey::leases(name))
                .map_err(Fault::from),
        }
    }

    pub(crate) fn set_workspace_leases(&mut self, name: WorkspaceName, version: Version) {
        self.workspace_leases.insert(name, version);
    }

    /// Returns the number of events about handovers of a principal's keys.
    pub(crate) fn key_handovers(&self, name: &PrincipalName) -> Result<Version, Fault> {
        match self.key_handovers.get(name) {
            Some(version) => Ok(*version),
            None => streams::last_version(&self.shared.store, StreamKey::handovers(name))
                .map_err(Fault::from),
        }
    }

    pub(crate) fn set_key_handovers(&mut self, name: PrincipalName, version: Version) {
        self.key_handovers.insert(name, version);
    }

    /// Counts a data key as [`Ledger::count`] does, for the next batch.
    pub(crate) fn count_data_key(&mut self, from: Option<MasterKeyId>, to: Option<MasterKeyId>) {
        self.ledger.count(from, to);
        self.counted.extend(from.into_iter().chain(to));
    }

    /// Returns whether the data key of a connection is destroyed, though the store may have it.
    pub(crate) fn is_destroyed(&self, id: ConnectionId) -> bool {
        self.destroyed.get(&id).is_some()
    }

    /// Notes under which master key a new data key is wrapped.
    pub(crate) fn set_made_key(&mut self, id: ConnectionId, under: MasterKeyId) {
        self.made_keys.set(id, under);
    }

    /// Returns under which master key a data key is wrapped that was made just now.
    pub(crate) fn made_key(&mut self, id: ConnectionId) -> Option<MasterKeyId> {
        self.made_keys.get(&id).copied()
    }

    pub(crate) fn set_destroyed(&mut self, id: ConnectionId) {
        self.destroyed.set(id, ());
    }

    /// Returns the consumers of a connection.
    pub(crate) fn consumers(&mut self, id: ConnectionId) -> Result<ConsumersHead, Fault> {
        if let Some(head) = self.consumers.get(&id) {
            return Ok(head.clone());
        }
        let consumers = Arc::new(self.shared.models.load().consumers(id)?);
        let version = streams::last_version(&self.shared.store, StreamKey::consumers(id))?;
        let head = ConsumersHead { consumers, version, position: Position::ZERO };
        self.set_consumers(id, head.clone());
        Ok(head)
    }

    pub(crate) fn set_consumers(&mut self, id: ConnectionId, head: ConsumersHead) {
        let (bytes, durable) = (head.bytes(), *self.shared.head.borrow());
        self.consumers.set_sized(id, head, bytes, |head| head.position <= durable);
    }

    /// Returns a handover.
    pub(crate) fn handover(&self, id: &HandoverId) -> Option<Arc<Handover>> {
        self.handovers.get(id).cloned().or_else(|| self.shared.handovers.get(id))
    }

    pub(crate) fn set_handover(&mut self, handover: &Arc<Handover>) {
        let pending = self.pending_handovers.entry(handover.workspace.clone()).or_default();
        *pending = if handover.is_pending() { *pending + 1 } else { pending.saturating_sub(1) };
        self.handovers.set(handover.id.clone(), Arc::clone(handover));
    }

    /// Returns how many handovers of a workspace can still be used.
    pub(crate) fn pending_handovers(&self, workspace: &WorkspaceName) -> usize {
        self.pending_handovers.get(workspace).copied().unwrap_or_default()
    }

    pub(crate) fn has_workspace(&self, name: &WorkspaceName) -> bool {
        self.workspaces.contains(name)
    }

    pub(crate) fn add_workspace(&mut self, name: WorkspaceName) {
        self.workspaces.insert(name);
    }
}
