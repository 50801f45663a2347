//! Leases on secrets: reads of the same secrets again without an event for each of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use ledger_contract::reveal::LeaseAnswer;
use ledger_contract::subjects;
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::command::CommandHeaders;
use crate::connect::Client;
use crate::error::ClientError;
use crate::moment::deadline;
use crate::reveal::{Secret, secrets_of};
use crate::watch::Notice;

/// How long a ledger that gives no lease is not asked for one again.
const REFUSED: Duration = Duration::from_mins(10);
/// How long a lease lasts that a mirror takes or renews, as a request says it.
const SPAN: &str = "1h";
/// The same.
const SPAN_TIME: Duration = Duration::from_hours(1);
/// How long before its end a lease is renewed.
const AHEAD: Duration = Duration::from_mins(20);
/// After how long a lease is not renewed any more, but another one is taken: the ledger ends it
/// after 24 hours.
const OLD: Duration = Duration::from_hours(22);

/// Secrets with the lease under which they may be read again.
#[derive(Debug)]
pub struct Leased {
    /// Id of the lease.
    pub lease: String,
    /// When it ends, unless it is renewed.
    pub until: String,
    /// Log position of the event by which it was taken.
    pub position: u64,
    /// The values, by field.
    pub secrets: BTreeMap<String, Secret>,
}

impl Client {
    /// Takes a lease on secrets of a connection, on all or only some `fields`, and fetches them.
    /// `until` is a time or a span like `30m`; an hour when absent. The ledger records it as a
    /// reveal, with `reason`.
    pub async fn lease(
        &self,
        workspace: &str,
        connection: &str,
        fields: &[&str],
        until: Option<&str>,
        reason: &str,
    ) -> Result<Leased, ClientError> {
        let mut body = json!({ "fields": fields, "reason": reason });
        if let (Some(until), Value::Object(body)) = (until, &mut body) {
            body.insert("until".to_owned(), until.into());
        }
        self.leased(workspace, connection, "lease-secrets", &body).await
    }

    /// Reads secrets under a lease that this client's identity holds, all of the lease or only some
    /// `fields`. It is refused with `secret_lease_ended` once the lease has ended.
    pub async fn read_leased(
        &self,
        workspace: &str,
        connection: &str,
        lease: &str,
        fields: &[&str],
    ) -> Result<Leased, ClientError> {
        let body = json!({ "lease": lease, "fields": fields });
        self.leased(workspace, connection, "read-leased-secrets", &body).await
    }

    /// Moves the end of a lease: to a time, or by a span from now; an hour when absent.
    pub async fn renew_lease(
        &self,
        workspace: &str,
        connection: &str,
        lease: &str,
        until: Option<&str>,
    ) -> Result<(), ClientError> {
        let body = json!({ "connection": connection, "lease": lease, "until": until });
        self.change_lease(workspace, "renew-lease", &body).await
    }

    /// Ends a lease.
    pub async fn return_lease(
        &self,
        workspace: &str,
        connection: &str,
        lease: &str,
    ) -> Result<(), ClientError> {
        let body = json!({ "connection": connection, "lease": lease });
        self.change_lease(workspace, "return-lease", &body).await
    }

    async fn change_lease(
        &self,
        workspace: &str,
        verb: &str,
        body: &Value,
    ) -> Result<(), ClientError> {
        let body = body.to_string().into_bytes();
        self.command(workspace, verb, body, CommandHeaders::default()).await.map(drop)
    }

    async fn leased(
        &self,
        workspace: &str,
        connection: &str,
        verb: &str,
        body: &Value,
    ) -> Result<Leased, ClientError> {
        if self.ledger_xkey.is_none() {
            return Err(ClientError::Unsealed);
        }
        let about = vec![(subjects::DEADLINE, deadline(self.timeout))];
        let subject = self.subjects.leased(workspace, connection, verb);
        let answer = self.request(subject, about, body.to_string().into_bytes()).await?;
        let answer: LeaseAnswer = serde_json::from_slice(answer.body())
            .map_err(|_| ClientError::Internal("the answer cannot be understood".to_owned()))?;
        let secrets = secrets_of(&answer.revealed);
        let position = answer.revealed.position;
        Ok(Leased { lease: answer.lease, until: answer.until, position, secrets })
    }
}

/// The leases of a mirror, one for each connection whose secrets are asked for.
#[derive(Debug, Default)]
pub(crate) struct Leases(Mutex<HashMap<String, Arc<OfConnection>>>);

/// The lease on secrets of one connection.
#[derive(Debug, Default)]
struct OfConnection {
    /// Held during a request, so that no two leases are taken at once.
    asking: tokio::sync::Mutex<()>,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    lease: Option<HeldLease>,
    /// The fields that were ever asked for.
    fields: BTreeSet<String>,
    /// When the ledger gave no lease.
    refused: Option<Instant>,
    /// How often leases were revoked. What was fetched before the last time is not used.
    revocations: u64,
}

#[derive(Clone, Debug)]
struct HeldLease {
    id: String,
    position: u64,
    fields: BTreeSet<String>,
    taken: Instant,
    renewed: Instant,
    /// Whether events were missed, among which its end may have been.
    in_doubt: bool,
}

impl HeldLease {
    /// Returns whether the ledger is to be asked to renew it.
    fn is_due(&self) -> bool {
        let ends_soon = self.renewed.elapsed() + AHEAD >= SPAN_TIME;
        self.in_doubt || (ends_soon && self.taken.elapsed() <= OLD)
    }
}

/// What the end of leases means for a mirror.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Revoked {
    /// The values of one connection are not to be held any more.
    Connection(String),
    /// Nor those of any connection.
    All,
}

#[derive(Deserialize)]
struct EventHead {
    r#type: String,
    stream: String,
    #[serde(default)]
    data: EndedData,
}

#[derive(Default, Deserialize)]
struct EndedData {
    #[serde(default)]
    lease: Option<String>,
    #[serde(default)]
    because: Option<String>,
}

impl Leases {
    /// Fetches a secret: under the lease of the connection, which is taken if there is none, or
    /// with a reveal if the ledger gives no leases.
    pub(crate) async fn fetch(
        &self,
        (client, workspace): (&Client, &str),
        connection: &str,
        field: &str,
        reason: &str,
    ) -> Result<Secret, ClientError> {
        let of = Arc::clone(self.0.lock().entry(connection.to_owned()).or_default());
        let _asking = of.asking.lock().await;
        let before = {
            let mut held = of.held.lock();
            held.fields.insert(field.to_owned());
            held.revocations
        };
        let from = (client, workspace, connection);
        let mut secrets = match of.read(from, field).await? {
            Some(secrets) => secrets,
            None => match of.take(from, field, reason).await? {
                Some(secrets) => secrets,
                None => client.reveal(workspace, connection, &[field], reason).await?,
            },
        };
        if of.held.lock().revocations != before {
            let why = "leases on the secret were revoked while it was fetched";
            return Err(ClientError::Unavailable(why.to_owned()));
        }
        secrets
            .remove(field)
            .ok_or_else(|| ClientError::Internal(format!("there is no secret {field}")))
    }

    /// Takes note that events were missed. The leases are to be renewed now, which tells those that
    /// have ended.
    pub(crate) fn doubt(&self) {
        for (_, of) in self.all() {
            if let Some(lease) = &mut of.held.lock().lease {
                lease.in_doubt = true;
            }
        }
    }

    /// Renews the leases whose end is near or in doubt. What cannot be renewed is taken anew
    /// when it is needed. Tells whose values are not to be held any more, because a lease has
    /// ended unseen.
    pub(crate) async fn renew(
        &self,
        (client, workspace): (&Client, &str),
        revoked: impl Fn(&Revoked),
    ) {
        for (connection, of) in self.all() {
            let lease = of.held.lock().lease.clone();
            let Some(lease) = lease.filter(HeldLease::is_due) else { continue };
            let renewed = client.renew_lease(workspace, &connection, &lease.id, Some(SPAN)).await;
            if of.renewed(&lease, renewed) {
                revoked(&Revoked::Connection(connection));
            }
        }
    }

    /// Takes note of a notification that leases have ended. Returns whose values are not to be held
    /// any more.
    pub(crate) fn ended(&self, notice: &Notice) -> Option<Revoked> {
        let notification = notice.notification().ok()?;
        let event: EventHead = serde_json::from_str(notification.event.get()).ok()?;
        if event.r#type == "workspace_leases_ended" {
            for (_, of) in self.all() {
                of.held.lock().revoke();
            }
            return Some(Revoked::All);
        }
        let connection = event.stream.strip_prefix("reveals/")?;
        if event.r#type != "secret_leases_ended" {
            return None;
        }
        let of = self.0.lock().get(connection).cloned()?;
        let mut held = of.held.lock();
        let taken_at = held.lease.as_ref().map(|lease| lease.position);
        if taken_at.is_some_and(|position| position > notification.position) {
            // It was taken after that.
            return None;
        }
        let own = held.lease.as_ref().map(|lease| lease.id.as_str());
        let named = event.data.lease.as_deref();
        let is_own = named == own;
        if named.is_some() && own.is_some() && !is_own {
            return None;
        }
        match event.data.because.as_deref() {
            // That its time is over is no reason to drop a value.
            Some("expired" | "returned") => {
                if is_own {
                    held.lease = None;
                }
                None
            }
            // The value that others know was dropped already, and is being replaced.
            Some("compromised") => {
                held.lease = None;
                None
            }
            _ => {
                held.revoke();
                Some(Revoked::Connection(connection.to_owned()))
            }
        }
    }

    fn all(&self) -> Vec<(String, Arc<OfConnection>)> {
        let all = self.0.lock();
        all.iter().map(|(id, of)| (id.clone(), Arc::clone(of))).collect()
    }
}

impl Held {
    fn revoke(&mut self) {
        self.lease = None;
        self.revocations += 1;
    }
}

type At<'a> = (&'a Client, &'a str, &'a str);
type Secrets = BTreeMap<String, Secret>;

impl OfConnection {
    /// Takes note of what the ledger said to the renewal of a lease. Returns whether it has ended
    /// for a reason that was missed.
    fn renewed(&self, lease: &HeldLease, answer: Result<(), ClientError>) -> bool {
        let mut held = self.held.lock();
        let Some(now) = held.lease.as_mut().filter(|now| now.id == lease.id) else { return false };
        match answer {
            Ok(()) => {
                now.renewed = Instant::now();
                // Events may have been missed again meanwhile.
                now.in_doubt = now.in_doubt && !lease.in_doubt;
                false
            }
            Err(error) if error.is_away() => false,
            Err(error) => {
                tracing::info!(%error, lease = lease.id, "a lease on secrets was not renewed");
                let in_doubt = now.in_doubt;
                if in_doubt {
                    held.revoke();
                } else {
                    held.lease = None;
                }
                in_doubt
            }
        }
    }

    /// Reads a field under the lease. Returns `None` if another lease is needed.
    async fn read(
        &self,
        (client, workspace, connection): At<'_>,
        field: &str,
    ) -> Result<Option<Secrets>, ClientError> {
        let lease = self.held.lock().lease.clone();
        let Some(lease) = lease.filter(|lease| lease.fields.contains(field)) else {
            return Ok(None);
        };
        match client.read_leased(workspace, connection, &lease.id, &[field]).await {
            Ok(leased) => Ok(Some(leased.secrets)),
            Err(error) if error.code() == Some("secret_lease_ended") => {
                self.held.lock().lease = None;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Takes a lease on every field that was asked for, or on this one alone if another has no
    /// value now. Returns `None` if the ledger gives none.
    async fn take(
        &self,
        (client, workspace, connection): At<'_>,
        field: &str,
        reason: &str,
    ) -> Result<Option<Secrets>, ClientError> {
        let fields: Vec<String> = {
            let held = self.held.lock();
            if held.refused.is_some_and(|at| at.elapsed() < REFUSED) {
                return Ok(None);
            }
            held.fields.iter().cloned().collect()
        };
        let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
        let mut taken = client.lease(workspace, connection, &fields, Some(SPAN), reason).await;
        if fields.len() > 1 && taken.as_ref().is_err_and(is_about_one_field) {
            self.held.lock().fields.retain(|known| known == field);
            taken = client.lease(workspace, connection, &[field], Some(SPAN), reason).await;
        }
        match taken {
            Ok(leased) => {
                let now = Instant::now();
                let fields = leased.secrets.keys().cloned().collect();
                let (id, position) = (leased.lease, leased.position);
                let lease =
                    HeldLease { id, position, fields, taken: now, renewed: now, in_doubt: false };
                self.held.lock().lease = Some(lease);
                Ok(Some(leased.secrets))
            }
            Err(error) if gives_no_leases(&error) => {
                tracing::warn!(%error, connection, "no lease on secrets; revealing them instead");
                self.held.lock().refused = Some(Instant::now());
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// Returns whether an error says that the ledger gives no lease, which it may answer with a reveal
/// all the same: an earlier ledger has no leases, and one may have as many as it takes.
fn gives_no_leases(error: &ClientError) -> bool {
    let is_kept_from_it = matches!(error, ClientError::NotPermitted(_));
    is_kept_from_it
        || matches!(error.code(), Some("subject_malformed" | "verb_unknown" | "secret_leases_full"))
}

/// Returns whether an error may be about one of several fields: it was removed, or its reference
/// leads to no value now.
fn is_about_one_field(error: &ClientError) -> bool {
    error
        .code()
        .is_some_and(|code| code == "secret_field_unknown" || code.starts_with("reference_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "id-of-main";

    fn held() -> Leases {
        let leases = Leases::default();
        let now = Instant::now();
        let lease = HeldLease {
            id: "lease".to_owned(),
            position: 1,
            fields: ["api_key".to_owned()].into(),
            taken: now,
            renewed: now,
            in_doubt: false,
        };
        let of = OfConnection::default();
        of.held.lock().lease = Some(lease);
        leases.0.lock().insert(ID.to_owned(), Arc::new(of));
        leases
    }

    fn lease(of: &OfConnection) -> Option<HeldLease> {
        of.held.lock().lease.clone()
    }

    #[test]
    fn a_lease_that_has_ended_unseen_is_found_after_events_were_missed() {
        let refused = || Err(ClientError::Internal("secret_lease_ended".to_owned()));
        let leases = held();
        let of = Arc::clone(&leases.0.lock()[ID]);
        let fresh = lease(&of).expect("held");
        assert!(!fresh.is_due());
        leases.doubt();
        let doubted = lease(&of).expect("held");
        assert!(doubted.is_due());
        let away = Err(ClientError::Unavailable("nobody answers".to_owned()));
        assert!(!of.renewed(&doubted, away));
        assert!(lease(&of).expect("held").is_due(), "it is asked again");
        assert!(!of.renewed(&fresh, Ok(())));
        assert!(lease(&of).expect("held").is_due(), "the answer is from before the doubt");
        assert!(!of.renewed(&doubted, Ok(())));
        assert!(!lease(&of).expect("held").is_due(), "it holds");
        leases.doubt();
        assert!(of.renewed(&doubted, refused()), "its values are dropped");
        assert!(lease(&of).is_none() && of.held.lock().revocations == 1);

        let of = Arc::clone(&held().0.lock()[ID]);
        assert!(!of.renewed(&fresh, refused()), "its end was not missed");
        assert!(lease(&of).is_none() && of.held.lock().revocations == 0);
    }
}
