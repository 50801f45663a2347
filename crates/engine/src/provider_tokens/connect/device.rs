//! A person enters a code at another device, and the server asks meanwhile whether they have (RFC
//! 8628).

use std::sync::Arc;
use std::time::Duration;

use ledger_contract::reply::ConnectBegun;
use ledger_contract::time;
use ledger_domain::connection::AuthorizationGrant;
use ledger_domain::{Connection, Micros};
use ledger_oauth::{Authorization, DeviceCode, read_device_answer};

use super::super::attempt::{RefreshRequest, ask};
use super::attempts::AttemptState;
use super::exchange::{Exchange, Presented};
use super::{ConnectImpossible, NotConnected};
use crate::engine::Engine;
use crate::errors::ExecuteError;
use crate::request::RequestContext;

/// How much longer to wait after the service said that it was asked too soon.
const SLOWER: Duration = Duration::from_secs(5);
/// The longest wait between two requests.
const INTERVAL_MAX: Duration = Duration::from_mins(1);

impl Engine {
    /// Asks for a code, and begins to ask whether a person has entered it.
    pub(super) async fn begin_device(
        &self,
        connection: &Connection,
        authorization: &Authorization,
        context: &RequestContext,
    ) -> Result<ConnectBegun, ExecuteError> {
        let no_sender = ExecuteError::ConnectImpossible(ConnectImpossible::NoSender);
        let sender = self.shared.trials.sender().ok_or(no_sender)?;
        let now = self.clock().now();
        let grant = AuthorizationGrant::DeviceCode;
        let mut ticket = self.ticket(connection, grant, &context.caller, &context.provenance, now);
        let request = Self::request_for(&ticket, Self::request_of(context));
        let names = authorization.secrets();
        let secrets = self.open_for_connect(connection, names, None, &request).await?;
        self.check_ticket(&ticket, &secrets.of)
            .map_err(|_| ledger_domain::Rejection::RefreshSuperseded)?;
        let sent = authorization.device(&|name| secrets.value(name));
        let sent =
            sent.map_err(|why| ExecuteError::ConnectImpossible(ConnectImpossible::Settings(why)))?;
        let hidden: Vec<&str> = secrets.texts.values().map(|text| text.as_str()).collect();
        let seconds = now.get() / 1_000_000;
        let read = |status, retry_after: Option<&str>, body: &[u8]| {
            read_device_answer(status, retry_after, body, seconds)
        };
        let code = ask(&*sender, sent, read, &hidden).await;
        let code = code.map_err(|refusal| ExecuteError::ProviderToken(Box::new(refusal)))?;
        ticket.expires_at = Micros::new(code.expires_at.saturating_mul(1_000_000));
        self.begin_attempt(&ticket)?;
        let begun = ConnectBegun {
            attempt: ticket.attempt.as_str().to_owned(),
            grant: grant.as_str().to_owned(),
            link: None,
            user_code: Some(code.user_code.clone()),
            verification_uri: Some(code.verification_uri.clone()),
            verification_uri_complete: code.verification_uri_complete.clone(),
            expires_at: time::format(ticket.expires_at),
        };
        let DeviceCode { device_code, interval, .. } = code;
        let exchange = Exchange {
            ticket,
            request: RefreshRequest { is_forced: true, ..request },
            presented: Presented::DeviceCode(device_code),
            revealed: secrets.revealed.clone(),
        };
        let engine = self.clone();
        self.attempts_runtime()?.spawn(async move {
            engine.wait_for_device(Arc::new(exchange), interval).await;
        });
        Ok(begun)
    }

    async fn wait_for_device(self, exchange: Arc<Exchange>, interval: Duration) {
        let connecting = &self.shared.provider_tokens.connecting;
        let attempt = exchange.ticket.attempt.clone();
        let state = match self.ask_for_device(&exchange, interval).await {
            Ok(()) => AttemptState::Connected,
            Err(why) => {
                let id = exchange.ticket.connection;
                tracing::warn!(ledger.connection.id = %id, error = %why, "not connected");
                AttemptState::Ended(why)
            }
        };
        connecting.attempts.set(&attempt, state);
    }

    /// Asks until there are tokens, or there cannot be any more.
    async fn ask_for_device(
        &self,
        exchange: &Arc<Exchange>,
        mut interval: Duration,
    ) -> Result<(), NotConnected> {
        let mut closed = self.shared.provider_tokens.connecting.closed();
        loop {
            tokio::select! {
                () = tokio::time::sleep(interval) => {}
                _ = closed.wait_for(|closed| *closed) => return Err(NotConnected::NotReady),
            }
            if self.clock().now() >= exchange.ticket.expires_at {
                return Err(NotConnected::Expired);
            }
            match self.exchange(exchange).await {
                Ok(_) => return Ok(()),
                Err(NotConnected::Refused(refusal)) => match refusal.code {
                    Some("authorization_pending") => {}
                    Some("slow_down") => interval = interval.saturating_add(SLOWER),
                    Some("access_denied") => return Err(NotConnected::Denied),
                    Some("expired_token") => return Err(NotConnected::Expired),
                    _ if refusal.gives_up => return Err(NotConnected::Refused(refusal)),
                    _ => {
                        let wait = refusal.wait.unwrap_or_default();
                        interval = interval.saturating_mul(2).min(INTERVAL_MAX).max(wait);
                    }
                },
                // The ledger may be able to do its part before the code expires.
                Err(why) if why.is_of_ledger() => {}
                Err(why) => return Err(why),
            }
        }
    }
}
