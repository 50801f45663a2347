//! Leases on secrets: the right of one identity to read named secret fields of one connection again
//! until the lease ends, without an event for each read. Their events are in the stream of the
//! connection's reveals, and those that end leases throughout a workspace in a stream of its own.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::connection::{Connection, Rejection};
use crate::ids::{Actor, ConnectionId, EventId, Generation, LeaseId, Micros, Position};
use crate::limits;
use crate::reveal::{RevealSecret, WantedGeneration, decide_reveal};
use crate::text::{FieldName, InvalidField, Line, Prose, Slug, WorkspaceName};

/// A lease that has not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretLease {
    /// The connection.
    pub connection: ConnectionId,
    /// Its home workspace.
    pub workspace: WorkspaceName,
    /// Its slug, whose change ends the lease.
    pub slug: Slug,
    /// Who may read under it.
    pub holder: Actor,
    /// The fields, each with the highest generation that is recorded as read under it.
    pub generations: BTreeMap<FieldName, Generation>,
    /// Why it was taken.
    pub reason: Prose,
    /// When it was taken.
    pub taken_at: Micros,
    /// When it ends by itself.
    pub until: Micros,
    /// Log position of the event by which it was taken.
    pub position: Position,
}

/// A request for a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakeLease {
    /// The fields; all when empty.
    pub fields: BTreeSet<FieldName>,
    /// When it is to end.
    pub until: Micros,
    /// The reason, for readers of the history.
    pub reason: Prose,
    /// Where the request came from, if the endpoint knows it.
    pub from: Option<Line>,
}

/// A command about leases on the secrets of one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeaseCommand {
    /// Takes one.
    Take(TakeLease),
    /// Moves the end of one.
    Renew {
        /// The lease.
        lease: LeaseId,
        /// The new end.
        until: Micros,
    },
    /// Ends one, by its holder.
    Return {
        /// The lease.
        lease: LeaseId,
    },
    /// Ends some, whoever holds them.
    End {
        /// Which.
        which: EndedLeases,
        /// Why they end.
        because: LeaseEnd,
        /// The reason in the sender's words.
        reason: Option<Prose>,
    },
    /// Records reads of one.
    Note {
        /// The lease.
        lease: LeaseId,
        /// How often each generation of each field was read since the last record.
        reads: LeasedReads,
    },
}

/// Ends leases on the secrets of all connections of a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndWorkspaceLeases {
    /// Only those of this holder.
    pub holder: Option<Actor>,
    /// Only those of connections whose slugs begin with this.
    pub slug_prefix: Option<Line>,
    /// The reason.
    pub reason: Option<Prose>,
}

/// Leases of one connection that end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndedLeases {
    /// One.
    One(LeaseId),
    /// All of a holder.
    OfHolder(Actor),
    /// All.
    All,
}

/// Why leases end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LeaseEnd {
    /// The holder returned it.
    Returned,
    /// Somebody revoked them.
    Revoked,
    /// Its time was over.
    Expired,
    /// The holder may not reveal the secrets any more.
    RightLost,
    /// The connection was disabled, archived or erased.
    ConnectionUnusable,
    /// The connection got another slug.
    SlugChanged,
    /// A secret of the connection was compromised.
    Compromised,
    /// The ledger was restored.
    Restored,
}

impl LeaseEnd {
    /// Every cause.
    pub const ALL: [Self; 8] = [
        Self::Returned,
        Self::Revoked,
        Self::Expired,
        Self::RightLost,
        Self::ConnectionUnusable,
        Self::SlugChanged,
        Self::Compromised,
        Self::Restored,
    ];

    /// Returns the stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Returned => "returned",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
            Self::RightLost => "right_lost",
            Self::ConnectionUnusable => "connection_unusable",
            Self::SlugChanged => "slug_changed",
            Self::Compromised => "compromised",
            Self::Restored => "restored",
        }
    }

    /// Returns whether a change to a connection ends all leases on its secrets, and why.
    pub fn of_change(before: &Connection, after: &Connection) -> Option<Self> {
        if before.gives_out_secrets() && !after.gives_out_secrets() {
            return Some(Self::ConnectionUnusable);
        }
        if after.gives_out_secrets() && before.compromised != after.compromised {
            return Some(Self::Compromised);
        }
        (before.slug != after.slug).then_some(Self::SlugChanged)
    }
}

/// How often a value was read, and when last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadCount {
    /// The generation of the value.
    pub generation: Generation,
    /// The number of reads.
    pub count: u64,
    /// The time of the last one.
    pub last: Micros,
}

/// Reads by field, in the order of the generations.
pub type LeasedReads = BTreeMap<FieldName, Vec<ReadCount>>;

/// An event about leases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeaseEvent {
    /// A lease was taken, and the values were given out. Its id is that of the event.
    Taken {
        /// The slug of the connection.
        slug: Slug,
        /// The fields, with the generation of each that was given out.
        generations: BTreeMap<FieldName, Generation>,
        /// When it ends by itself.
        until: Micros,
        /// The reason.
        reason: Prose,
        /// Where the request came from.
        from: Option<Line>,
    },
    /// The end of a lease was moved.
    Renewed {
        /// The lease.
        lease: LeaseId,
        /// The new end.
        until: Micros,
    },
    /// Values were read under a lease.
    Read {
        /// The lease.
        lease: LeaseId,
        /// How often since the last such event.
        reads: LeasedReads,
    },
    /// Leases of one connection ended.
    Ended {
        /// Which.
        which: EndedLeases,
        /// Why.
        because: LeaseEnd,
        /// The reason in the sender's words.
        reason: Option<Prose>,
    },
    /// Leases throughout a workspace were revoked.
    EndedInWorkspace(EndWorkspaceLeases),
}

impl LeaseEvent {
    /// All stored type names, in the order of the variants.
    pub const TYPE_NAMES: [&'static str; 5] = [
        "secrets_leased",
        "secret_lease_renewed",
        "leased_secrets_read",
        "secret_leases_ended",
        "workspace_leases_ended",
    ];

    /// Returns the stored type name.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Taken { .. } => "secrets_leased",
            Self::Renewed { .. } => "secret_lease_renewed",
            Self::Read { .. } => "leased_secrets_read",
            Self::Ended { .. } => "secret_leases_ended",
            Self::EndedInWorkspace(_) => "workspace_leases_ended",
        }
    }
}

/// What an event about leases says besides its data.
#[derive(Clone, Debug)]
pub struct LeaseFacts {
    /// The connection, unless it is about a whole workspace.
    pub connection: Option<ConnectionId>,
    /// The workspace of the event.
    pub workspace: WorkspaceName,
    /// The id of the event, which is that of the lease that it makes.
    pub event_id: EventId,
    /// The actor.
    pub actor: Actor,
    /// When it was recorded.
    pub recorded_at: Micros,
    /// Its log position.
    pub position: Position,
}

/// All leases that have not ended, as the events leave them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecretLeases {
    all: BTreeMap<LeaseId, SecretLease>,
    of_connection: HashMap<ConnectionId, BTreeSet<LeaseId>>,
    of_holder: HashMap<Actor, usize>,
}

impl SecretLeases {
    /// Returns a lease.
    pub fn get(&self, id: LeaseId) -> Option<&SecretLease> {
        self.all.get(&id)
    }

    /// Iterates over all leases by id, which is the order in which they were taken.
    pub fn iter(&self) -> impl Iterator<Item = (LeaseId, &SecretLease)> {
        self.all.iter().map(|(id, lease)| (*id, lease))
    }

    /// Returns the number of leases.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Returns the leases on the secrets of a connection.
    pub fn of_connection(&self, id: ConnectionId) -> impl Iterator<Item = LeaseId> {
        self.of_connection.get(&id).into_iter().flatten().copied()
    }

    /// Adds a lease, or puts it in the place of what it was.
    pub fn insert(&mut self, id: LeaseId, lease: SecretLease) {
        self.remove(id);
        self.of_connection.entry(lease.connection).or_default().insert(id);
        *self.of_holder.entry(lease.holder.clone()).or_default() += 1;
        self.all.insert(id, lease);
    }

    fn remove(&mut self, id: LeaseId) {
        let Some(lease) = self.all.remove(&id) else { return };
        if let Some(ids) = self.of_connection.get_mut(&lease.connection) {
            ids.remove(&id);
            if ids.is_empty() {
                self.of_connection.remove(&lease.connection);
            }
        }
        if let Some(count) = self.of_holder.get_mut(&lease.holder) {
            *count -= 1;
            if *count == 0 {
                self.of_holder.remove(&lease.holder);
            }
        }
    }

    /// Applies an event. Returns the leases that it made, changed or ended.
    pub fn apply(&mut self, facts: &LeaseFacts, event: &LeaseEvent) -> Vec<LeaseId> {
        match event {
            LeaseEvent::Taken { slug, generations, until, reason, from: _ } => {
                let Some(connection) = facts.connection else { return Vec::new() };
                let id = LeaseId::of(facts.event_id);
                let lease = SecretLease {
                    connection,
                    workspace: facts.workspace.clone(),
                    slug: slug.clone(),
                    holder: facts.actor.clone(),
                    generations: generations.clone(),
                    reason: reason.clone(),
                    taken_at: facts.recorded_at,
                    until: *until,
                    position: facts.position,
                };
                self.insert(id, lease);
                vec![id]
            }
            LeaseEvent::Renewed { lease: id, until } => {
                let Some(lease) = self.all.get_mut(id) else { return Vec::new() };
                lease.until = *until;
                vec![*id]
            }
            LeaseEvent::Read { lease: id, reads } => {
                // What was read shortly before the end is recorded after it.
                let Some(lease) = self.all.get_mut(id) else { return Vec::new() };
                for (field, generations) in reads {
                    let highest = generations.iter().map(|read| read.generation).max();
                    if let (Some(known), Some(highest)) =
                        (lease.generations.get_mut(field), highest)
                    {
                        *known = highest.max(*known);
                    }
                }
                vec![*id]
            }
            LeaseEvent::Ended { which, .. } => {
                let ended = facts.connection.map(|id| self.matching(id, which));
                self.end(ended.unwrap_or_default())
            }
            LeaseEvent::EndedInWorkspace(command) => {
                self.end(self.in_workspace(&facts.workspace, command))
            }
        }
    }

    fn end(&mut self, ids: Vec<LeaseId>) -> Vec<LeaseId> {
        for id in &ids {
            self.remove(*id);
        }
        ids
    }

    fn matching(&self, connection: ConnectionId, which: &EndedLeases) -> Vec<LeaseId> {
        let holder = match which {
            EndedLeases::One(id) => {
                let known = self.all.get(id).filter(|lease| lease.connection == connection);
                return known.map(|_| *id).into_iter().collect();
            }
            EndedLeases::OfHolder(holder) => Some(holder),
            EndedLeases::All => None,
        };
        let is_meant = |id: &LeaseId| {
            let of = self.all.get(id).map(|lease| &lease.holder);
            holder.is_none_or(|holder| of == Some(holder))
        };
        self.of_connection(connection).filter(is_meant).collect()
    }

    fn in_workspace(
        &self,
        workspace: &WorkspaceName,
        EndWorkspaceLeases { holder, slug_prefix, .. }: &EndWorkspaceLeases,
    ) -> Vec<LeaseId> {
        let begins = |slug: &Slug| {
            slug_prefix.as_ref().is_none_or(|prefix| {
                let begin = slug.as_str().get(..prefix.as_str().len());
                begin.is_some_and(|begin| begin.eq_ignore_ascii_case(prefix.as_str()))
            })
        };
        let is_meant = |lease: &SecretLease| {
            lease.workspace == *workspace
                && holder.as_ref().is_none_or(|holder| *holder == lease.holder)
                && begins(&lease.slug)
        };
        self.iter().filter(|(_, lease)| is_meant(lease)).map(|(id, _)| id).collect()
    }

    /// Decides on a command of `actor` about leases on the secrets of a connection at `now`.
    ///
    /// Errors: as [`decide_reveal`] for a new one; `secret_lease_ended`, also for a lease of
    /// another holder; `secret_leases_full`; `field_invalid` for an end that is too late or has
    /// passed.
    pub fn decide(
        &self,
        connection: &Connection,
        actor: &Actor,
        command: LeaseCommand,
        now: Micros,
    ) -> Result<LeaseEvent, Rejection> {
        match command {
            LeaseCommand::Take(take) => self.take(connection, actor, take, now),
            LeaseCommand::Renew { lease, until } => {
                let known = self.held(connection.id, lease, actor)?;
                if known.until <= now {
                    return Err(Rejection::SecretLeaseEnded);
                }
                check_end(until, known.taken_at, now)?;
                let fields = known.generations.keys().cloned().collect();
                reveal(connection, fields, &known.reason, now)?;
                Ok(LeaseEvent::Renewed { lease, until })
            }
            LeaseCommand::Return { lease } => {
                self.held(connection.id, lease, actor)?;
                let (which, because) = (EndedLeases::One(lease), LeaseEnd::Returned);
                Ok(LeaseEvent::Ended { which, because, reason: None })
            }
            LeaseCommand::End { which, because, reason } => {
                if self.matching(connection.id, &which).is_empty() {
                    return Err(Rejection::SecretLeaseEnded);
                }
                Ok(LeaseEvent::Ended { which, because, reason })
            }
            LeaseCommand::Note { lease, reads } => Ok(LeaseEvent::Read { lease, reads }),
        }
    }

    /// Decides on ending leases throughout a workspace.
    ///
    /// Errors: `secret_lease_ended` if there are none.
    pub fn decide_in_workspace(
        &self,
        workspace: &WorkspaceName,
        command: EndWorkspaceLeases,
    ) -> Result<LeaseEvent, Rejection> {
        if self.in_workspace(workspace, &command).is_empty() {
            return Err(Rejection::SecretLeaseEnded);
        }
        Ok(LeaseEvent::EndedInWorkspace(command))
    }

    fn take(
        &self,
        connection: &Connection,
        actor: &Actor,
        TakeLease { fields, until, reason, from }: TakeLease,
        now: Micros,
    ) -> Result<LeaseEvent, Rejection> {
        check_end(until, now, now)?;
        let generations = reveal(connection, fields, &reason, now)?;
        if generations.is_empty() {
            let problem = "cannot be leased: the connection has no secrets";
            return Err(InvalidField::new("fields", problem).into());
        }
        let of_connection = self.of_connection.get(&connection.id).map_or(0, BTreeSet::len);
        let of_holder = self.of_holder.get(actor).copied().unwrap_or_default();
        let counts = [
            ("the connection", of_connection, limits::LEASES_OF_CONNECTION),
            ("the holder", of_holder, limits::LEASES_OF_HOLDER),
            ("the ledger", self.len(), limits::LEASES),
        ];
        for (of, count, most) in counts {
            if count >= most {
                return Err(Rejection::SecretLeasesFull { of, most });
            }
        }
        let slug = connection.slug.clone();
        Ok(LeaseEvent::Taken { slug, generations, until, reason, from })
    }

    fn held(
        &self,
        connection: ConnectionId,
        id: LeaseId,
        actor: &Actor,
    ) -> Result<&SecretLease, Rejection> {
        let own = |lease: &&SecretLease| lease.connection == connection && lease.holder == *actor;
        self.get(id).filter(own).ok_or(Rejection::SecretLeaseEnded)
    }
}

/// Returns the generations that would be revealed.
fn reveal(
    connection: &Connection,
    fields: BTreeSet<FieldName>,
    reason: &Prose,
    now: Micros,
) -> Result<BTreeMap<FieldName, Generation>, Rejection> {
    let generation = WantedGeneration::Current;
    let command =
        RevealSecret { fields, generation, reason: reason.clone(), from: None, for_test: false };
    Ok(decide_reveal(Some(connection), command, now)?.generations)
}

/// Checks the end of a lease that was taken at a time.
fn check_end(until: Micros, taken_at: Micros, now: Micros) -> Result<(), InvalidField> {
    if until <= now {
        return Err(InvalidField::new("until", "must be in the future"));
    }
    if until.get().saturating_sub(taken_at.get()) > limits::LEASE_MICROS {
        let problem = "must be within 24 hours of when the lease was taken; take another one then";
        return Err(InvalidField::new("until", problem));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
