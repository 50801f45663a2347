//! When tokens are refreshed, and how long to wait after a failure.

use std::time::Duration;

use ledger_domain::{ACCESS_TOKEN, Connection, Micros, REFRESH_TOKEN, Secret};
use ledger_oauth::{asks_for_tokens, is_authorized_by_a_person};

/// The least time between two refreshes that nobody asks for, in microseconds.
const BETWEEN_MICROS: i64 = 60 * 1_000_000;
/// A token is not given out any more when it expires within this time, or within a tenth of its
/// lifetime, whichever is shorter: whoever gets it has to use it, and clocks differ.
const MARGIN_MICROS: i64 = 60 * 1_000_000;
/// The part of a lifetime that is the margin of short-lived tokens.
const MARGIN_PART: i64 = 10;
/// The longest wait after a failure that the service says nothing about.
const BACKOFF_MAX: Duration = Duration::from_mins(5);
/// The wait after the first failure; it doubles with each further one.
const BACKOFF_FIRST: Duration = Duration::from_secs(2);

/// Returns the secret with the token, if it is there and no reference to elsewhere.
pub(super) fn token(connection: &Connection) -> Option<&Secret> {
    let mut secrets = connection.secrets.iter();
    let secret = secrets.find(|(field, _)| field.as_str() == ACCESS_TOKEN)?.1;
    secret.held.sealed().map(|_| secret)
}

/// Returns whether the ledger gets the token of a connection, which has none that others set as a
/// reference. One that a person permitted and that cannot be refreshed is given out as it is.
pub(super) fn is_kept_fresh(connection: &Connection) -> bool {
    let is_elsewhere = connection
        .secrets
        .iter()
        .any(|(field, one)| field.as_str() == ACCESS_TOKEN && one.held.reference().is_some());
    let method = connection.details.auth_method;
    let has_refresh_token = connection.secrets.keys().any(|field| field.as_str() == REFRESH_TOKEN);
    let is_final =
        is_authorized_by_a_person(method) && !has_refresh_token && token(connection).is_some();
    asks_for_tokens(method) && !is_elsewhere && !is_final
}

/// Returns until when the token is valid, if that is known and there is one.
pub(super) fn expires_at(connection: &Connection) -> Option<Micros> {
    let known = connection.provider_token.as_ref()?.expires_at?;
    token(connection).map(|_| known)
}

/// Returns whether a connection has a token that can be given out at a time.
pub(super) fn is_usable(connection: &Connection, now: Micros) -> bool {
    expires_at(connection).is_some_and(|at| now < at)
}

/// Returns whether it can be given out without being refreshed.
pub(super) fn is_fresh(connection: &Connection, now: Micros) -> bool {
    let margin = margin(connection);
    expires_at(connection).is_some_and(|at| now.get().saturating_add(margin) < at.get())
}

fn margin(connection: &Connection) -> i64 {
    let (Some(until), Some(token)) = (expires_at(connection), token(connection)) else {
        return MARGIN_MICROS;
    };
    let lifetime = until.get().saturating_sub(token.set_at.get()).max(0);
    MARGIN_MICROS.min(lifetime / MARGIN_PART)
}

/// Returns when a connection is to be looked at whose token somebody uses: a while before the
/// margin begins, and not at the same time as others. None if there is nothing to wait for.
pub(super) fn next_look(connection: &Connection) -> Option<Micros> {
    let known = connection.provider_token.as_ref()?;
    let gives_up = known.failure.is_some_and(|failure| failure.gives_up);
    if gives_up || !connection.gives_out_secrets() || !is_kept_fresh(connection) {
        return None;
    }
    let Some(until) = expires_at(connection) else { return Some(connection.updated_at) };
    // Two to four margins ahead, by the last byte of the id and the version.
    let [.., last] = *connection.id.uuid().as_bytes();
    let part = (u64::from(last) ^ connection.version.get()) % 128;
    let margin = margin(connection);
    let spread = margin.saturating_mul(i64::try_from(part).unwrap_or_default()) / 64;
    let due = until.get().saturating_sub(2 * margin).saturating_sub(spread);
    // Tokens that last for less are refreshed only when somebody asks.
    let earliest = token(connection).map_or(due, |token| token.set_at.get() + BETWEEN_MICROS);
    Some(Micros::new(due.max(earliest)))
}

/// Returns how long to wait after some number of failures. `random` decides on the second half of
/// it.
pub(super) fn backoff(failures: u32, random: u32) -> Duration {
    let doubled = BACKOFF_FIRST.saturating_mul(1 << failures.saturating_sub(1).min(16));
    let most = doubled.min(BACKOFF_MAX);
    most / 2 + most.mul_f64(f64::from(random) / f64::from(u32::MAX)) / 2
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ledger_domain::connection::{AuthMethod, Details, ProviderToken, RefreshFailure};
    use ledger_domain::{
        Actor, CheckedText as _, ConnectionId, Event, EventFacts, EventId, FieldName, Held, Hint,
        Line, NewSecret, Position, Sealed, Slug, Version, WorkspaceName, evolve,
    };

    use super::*;

    const SECOND: i64 = 1_000_000;

    /// Returns a connection whose token was set at 0 and is valid for so many seconds.
    fn connection(lasts: Option<i64>) -> Connection {
        let details = Details {
            auth_method: AuthMethod::OAuth2ClientCredentials,
            ..Details::of(Line::stored("acme".into()))
        };
        let held = Held::Sealed(Sealed::from_text("sealed"));
        let secret = NewSecret { held, hint: Hint::default() };
        let draft = ledger_domain::connection::Draft {
            workspace: WorkspaceName::stored("home".into()),
            slug: Slug::stored("acme".into()),
            details,
            secrets: BTreeMap::from([(FieldName::stored(ACCESS_TOKEN.into()), secret)]),
            enabled: true,
            access: ledger_domain::connection::Access::default(),
            models: ledger_domain::connection::ModelPolicy::default(),
            pricing: None,
        };
        let facts = EventFacts {
            connection: ConnectionId::from_bytes([7; 16]),
            event_id: EventId::from_bytes([1; 16]),
            version: Version::new(1),
            position: Position::new(1),
            recorded_at: Micros::new(0),
            actor: Actor::new("user:a"),
        };
        let state = evolve(None, Event::Created(Box::new(draft)), &facts);
        let expires_at = lasts.map(|seconds| Micros::new(seconds * SECOND));
        let provider_token = Some(ProviderToken { expires_at, ..ProviderToken::default() });
        Connection { provider_token, ..state.expect("a state") }
    }

    fn at(seconds: i64) -> Micros {
        Micros::new(seconds * SECOND)
    }

    #[test]
    fn a_token_is_given_out_until_its_margin_begins() {
        for (lasts, fresh_until) in [(3_600, 3_540), (60, 54), (10, 9)] {
            let one = connection(Some(lasts));
            assert!(is_fresh(&one, at(fresh_until - 1)) && !is_fresh(&one, at(fresh_until)));
            assert!(is_usable(&one, at(lasts - 1)) && !is_usable(&one, at(lasts)), "{lasts}");
        }
        let unknown = connection(None);
        assert!(!is_fresh(&unknown, at(0)) && !is_usable(&unknown, at(0)));
    }

    #[test]
    fn a_look_comes_ahead_of_the_margin_and_not_for_all_at_once() {
        let looks: std::collections::BTreeSet<i64> = (0..=255)
            .map(|version| {
                let one = Connection { version: Version::new(version), ..connection(Some(3_600)) };
                next_look(&one).expect("a look").get() / SECOND
            })
            .collect();
        assert!(looks.len() > 100, "{looks:?}");
        assert!(looks.first() >= Some(&3_360) && looks.last() <= Some(&3_480), "{looks:?}");
    }

    #[test]
    fn nothing_is_planned_where_nothing_may_be_tried() {
        let failure =
            |gives_up| Some(RefreshFailure { by: EventId::from_bytes([1; 16]), gives_up });
        let mut one = connection(Some(60));
        for (gives_up, planned) in [(false, true), (true, false)] {
            let token = ProviderToken { failure: failure(gives_up), ..ProviderToken::default() };
            one.provider_token = Some(token);
            assert_eq!(next_look(&one).is_some(), planned);
        }
        one.provider_token = Some(ProviderToken::default());
        one.enabled = false;
        assert_eq!(next_look(&one), None);
        let mut one = connection(Some(60));
        one.details.auth_method = AuthMethod::ApiKey;
        assert_eq!(next_look(&one), None);
    }

    #[test]
    fn waits_grow_are_spread_and_end_at_five_minutes() {
        let seconds = |failures, random| backoff(failures, random).as_secs_f64();
        for (failures, most) in [(1, 2.0), (2, 4.0), (3, 8.0), (9, 300.0), (u32::MAX, 300.0)] {
            assert!((seconds(failures, 0) - most / 2.0).abs() < 0.001, "{failures}");
            assert!((seconds(failures, u32::MAX) - most).abs() < 0.001, "{failures}");
        }
    }
}
