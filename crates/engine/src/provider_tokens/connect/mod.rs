//! Connecting: a person signs in at the provider and permits the ledger to get tokens.
//!
//! By a link (`authorization_code` with PKCE), the browser comes back to this server; see
//! `callback.rs`. By a code that is entered elsewhere (`device_code`), the server asks meanwhile
//! whether it was; see `device.rs`. What a link needs when the browser comes back is sealed into
//! the link itself; see `ticket.rs`. Either way, what was permitted is exchanged for tokens, which
//! are stored by one event; see `exchange.rs`.

mod attempts;
mod callback;
mod device;
mod exchange;
mod ticket;

use ledger_contract::commands::ParsedCommand;
use ledger_contract::errors::Code;
use ledger_contract::queries::{AttemptView, ConnectedView};
use ledger_contract::records::Record;
use ledger_contract::reply::ConnectBegun;
use ledger_contract::route::OAUTH_CALLBACK;
use ledger_contract::time;
use ledger_domain::connection::AuthorizationGrant;
use ledger_domain::{Connection, FieldName, Micros, WorkspaceName};
use ledger_oauth::{Authorization, Link, challenge};
use ledger_store::tables::{StreamKey, streams};
use parking_lot::RwLock;
use tokio::sync::watch;

pub use callback::{CallbackAnswer, ConnectedByPerson};

use super::flights::TokenRefusal;
use crate::engine::Engine;
use crate::errors::{ExecuteError, Fault};
use crate::executed::Executed;
use crate::history;
use crate::request::RequestContext;
use crate::trials::Begun;
use attempts::{AttemptState, Attempts};
use ticket::{LINK_MICROS, STATE_CHARS, Ticket};

/// The reason of the reveal that comes before a secret leaves for the token service.
const REASON: &str = "to connect the connection";

/// Why nobody can connect a connection by signing in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectImpossible {
    /// Its settings do not say how.
    #[error("{0}")]
    Settings(ledger_oauth::Unusable),
    /// It would take a value of another connection.
    #[error("{0} is a reference to another connection, which no token is asked for with")]
    Refers(FieldName),
    /// The server does not know where browsers reach it.
    #[error(
        "this server has no public address for browsers to come back to; start it with \
         --public-url https://HOST, or use a device code"
    )]
    NoPublicUrl,
    /// Nothing here sends requests.
    #[error("this server sends no requests to token services")]
    NoSender,
}

/// Why an attempt did not connect a connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotConnected {
    /// The link is not of this ledger, or was changed.
    #[error("the link is not one that this server made")]
    StateUnknown,
    /// It came too late.
    #[error("it took too long, and the attempt has expired")]
    Expired,
    /// The link was used.
    #[error("the link was used already, and each can be used once")]
    Used,
    /// The person did not permit it.
    #[error("the access was denied at the provider")]
    Denied,
    /// The provider sent the browser back with an error.
    #[error("the provider answered {0}")]
    ErrorAtProvider(&'static str),
    /// Somebody else answered than the settings say.
    #[error("the answer does not come from the issuer that the settings name")]
    WrongIssuer,
    /// The browser brought nothing that is of use.
    #[error("the provider sent neither a code nor an error")]
    Malformed,
    /// The connection was connected by another attempt.
    #[error("the connection was connected by another attempt meanwhile")]
    ConnectedMeanwhile,
    /// Its settings were changed.
    #[error("the settings of the connection were changed meanwhile")]
    SettingsChanged,
    /// It is not in use any more.
    #[error("the connection was archived or erased meanwhile")]
    Gone,
    /// Who began it has lost the right.
    #[error("whoever began this may not connect the connection any more")]
    NotPermitted,
    /// The settings or the server lack something.
    #[error("{0}")]
    Impossible(ConnectImpossible),
    /// The token service gave out no token.
    #[error("{0}")]
    Refused(Box<TokenRefusal>),
    /// The ledger has no keys now.
    #[error("the ledger is sealed, so that it can store no tokens")]
    Sealed,
    /// It accepts no changes now.
    #[error("the server accepts no changes now")]
    NotReady,
    /// Too much is going on.
    #[error("the server has too much to do")]
    Busy,
    /// Something else went wrong.
    #[error("the tokens could not be stored ({0})")]
    Failed(Code),
}

impl NotConnected {
    /// Returns whether the ledger could not do its part before anything was sent, so that the same
    /// link, or code, can be used again while it lasts.
    pub const fn is_of_ledger(&self) -> bool {
        matches!(self, Self::Sealed | Self::NotReady | Self::Busy)
    }
}

/// What is known of attempts, and where browsers come back to.
#[derive(Debug)]
pub(super) struct Connecting {
    attempts: Attempts,
    redirect_uri: RwLock<Option<String>>,
    closed: watch::Sender<bool>,
}

impl Default for Connecting {
    fn default() -> Self {
        Self {
            attempts: Attempts::default(),
            redirect_uri: RwLock::default(),
            closed: watch::Sender::new(false),
        }
    }
}

impl Connecting {
    /// Ends to ask whether people have entered codes.
    pub(super) fn close(&self) {
        self.closed.send_replace(true);
    }

    fn closed(&self) -> watch::Receiver<bool> {
        self.closed.subscribe()
    }

    fn redirect_uri(&self) -> Option<String> {
        self.redirect_uri.read().clone()
    }
}

impl Engine {
    /// Has the browsers of people who connect connections come back to this address of the server,
    /// such as `https://ledger.example.com`, from now on.
    pub fn set_public_url(&self, url: &str) {
        let uri = format!("{}{OAUTH_CALLBACK}", url.trim_end_matches('/'));
        *self.shared.provider_tokens.connecting.redirect_uri.write() = Some(uri);
    }

    /// Begins to connect a connection because a command says so.
    pub(crate) async fn begin_connect(
        &self,
        workspace: WorkspaceName,
        command: ParsedCommand,
        context: RequestContext,
    ) -> Result<Executed, ExecuteError> {
        let attempt = context.attempt(&workspace, &command);
        let begun = self.begin_connect_now(&workspace, &command, &context).await;
        begun.inspect_err(|error| {
            self.refused(error.code(), &attempt);
        })
    }

    async fn begin_connect_now(
        &self,
        workspace: &WorkspaceName,
        command: &ParsedCommand,
        context: &RequestContext,
    ) -> Result<Executed, ExecuteError> {
        let ParsedCommand::Connect { target, grant } = command else {
            return Err(ExecuteError::VerbUnknown);
        };
        let permit = match self.admit(workspace, command, None, context)? {
            Begun::Starts(permit) => permit,
            Begun::Done(outcome) => return Ok(Executed::of(outcome.receipt, true)),
        };
        let connection = self.to_be_tested(&permit, workspace, target, context)?;
        let authorization = exchange::authorization(&connection);
        let authorization = authorization.map_err(ExecuteError::ConnectImpossible)?;
        let begun = match grant {
            AuthorizationGrant::AuthorizationCode => {
                self.begin_link(&connection, &authorization, context)?
            }
            AuthorizationGrant::DeviceCode => {
                self.begin_device(&connection, &authorization, context).await?
            }
        };
        let id = connection.id;
        tracing::info!(
            ledger.connection.id = %id, grant = grant.as_str(), "a person is asked to connect it"
        );
        Ok(Executed { connect: Some(begun), ..self.unchanged(&connection) })
    }

    /// Makes a link.
    fn begin_link(
        &self,
        connection: &Connection,
        authorization: &Authorization,
        context: &RequestContext,
    ) -> Result<ConnectBegun, ExecuteError> {
        let impossible = ExecuteError::ConnectImpossible;
        // Nobody is sent on their way for what could not be stored.
        drop(self.shared.master_keys.enter()?);
        if self.shared.trials.sender().is_none() {
            return Err(impossible(ConnectImpossible::NoSender));
        }
        let redirect_uri = self.shared.provider_tokens.connecting.redirect_uri();
        let redirect_uri = redirect_uri.ok_or(impossible(ConnectImpossible::NoPublicUrl))?;
        let grant = AuthorizationGrant::AuthorizationCode;
        let until = Micros::new(self.clock().now().get().saturating_add(LINK_MICROS));
        let ticket = self.ticket(connection, grant, &context.caller, &context.provenance, until);
        let state = self.state_of(&ticket);
        if state.len() > STATE_CHARS {
            return Err(Fault::bug("the state of a link is longer than it may be").into());
        }
        let key = self.shared.fingerprint_key.connect_key();
        let challenge = challenge(&key.verifier(ticket.attempt.as_str()));
        let link = Link { redirect_uri: &redirect_uri, state: &state, challenge: &challenge };
        let link = authorization.link(link);
        let link = link.map_err(|why| impossible(ConnectImpossible::Settings(why)))?;
        self.begin_attempt(&ticket)?;
        Ok(ConnectBegun {
            attempt: ticket.attempt.as_str().to_owned(),
            grant: grant.as_str().to_owned(),
            link: Some(link),
            user_code: None,
            verification_uri: None,
            verification_uri_complete: None,
            expires_at: time::format(ticket.expires_at),
        })
    }

    fn begin_attempt(&self, ticket: &Ticket) -> Result<(), ExecuteError> {
        let attempts = &self.shared.provider_tokens.connecting.attempts;
        attempts.begin(ticket, self.clock().now()).map_err(|attempts::Full| ExecuteError::Busy)
    }

    /// Returns the attempts to connect a connection that are known.
    pub(crate) fn connect_attempts(&self, connection: &Connection) -> Vec<AttemptView> {
        let now = self.clock().now();
        let known = self.shared.provider_tokens.connecting.attempts.of(connection.id, now);
        let view = |(id, attempt): (ledger_domain::MessageId, attempts::Attempt)| {
            // What failed before anything was sent can be tried again, and nothing notes that
            // nobody came.
            let state = match attempt.state {
                AttemptState::Ended(why) if why.is_of_ledger() => AttemptState::Waiting,
                state => state,
            };
            let state = match state {
                AttemptState::Waiting if now >= attempt.expires_at => {
                    AttemptState::Ended(NotConnected::Expired)
                }
                state => state,
            };
            AttemptView {
                attempt: id.as_str().to_owned(),
                grant: attempt.grant.as_str().to_owned(),
                state: state.as_str().to_owned(),
                reason: match &state {
                    AttemptState::Ended(why) => Some(why.to_string()),
                    _ => None,
                },
                expires_at: time::format(attempt.expires_at),
            }
        };
        known.into_iter().map(view).collect()
    }

    /// Returns the attempt by which a connection was last connected. Blocks.
    pub(crate) fn last_connect(
        &self,
        connection: &Connection,
    ) -> Result<Option<ConnectedView>, Fault> {
        let Some(version) = connection.authorized() else { return Ok(None) };
        let store = &self.shared.store;
        let key = StreamKey::connection(connection.id);
        let Some(position) = streams::scan(store, key, version).next() else { return Ok(None) };
        let Record { metadata, .. } = history::record(store, position?)?;
        let attempt = metadata.provenance.causation_id;
        Ok(Some(ConnectedView {
            attempt: attempt.map(|id| id.as_str().to_owned()).unwrap_or_default(),
            version: metadata.version.get(),
            position: metadata.position.get(),
            at: time::format(metadata.recorded_at),
        }))
    }
}
