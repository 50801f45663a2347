//! The query for the consumers of a connection.

use std::collections::BTreeMap;

use ledger_contract::commands::ConnectionRef;
use ledger_contract::queries::{ConsumerView, FieldRotation, RotationQuery, RotationView};
use ledger_contract::time;
use ledger_contract::view::FormerView;
use ledger_domain::principal::{Scope, Subject};
use ledger_domain::{
    CheckedText as _, Connection, Consumer, ConsumerName, FieldName, Micros, Secret,
};

use ledger_store::tables::connections;

use super::Reader;
use crate::errors::QueryError;

/// Rows that are looked through for rotations under way.
const ROTATING_ROWS_MAX: usize = 10_000;

impl Reader<'_> {
    /// Returns up to `most` connections with a former generation that is still given out, the one
    /// that ends first before others. Those that the caller may not read are left out. Blocks.
    pub fn rotating(&self, most: usize) -> Result<Vec<Connection>, QueryError> {
        let models = self.engine.shared.models.load();
        let mut found = Vec::new();
        let overlaps = connections::overlaps(&models.store, &models.connections);
        for row in overlaps.take(ROTATING_ROWS_MAX) {
            let (_, id) = row?;
            let Some(connection) = models.row(id)?.map(|row| row.connection) else { continue };
            if !self.is_here(&connection) || !self.caller.may_with(Scope::Read, &connection) {
                continue;
            }
            found.push(self.caller.shown(connection));
            if found.len() >= most {
                break;
            }
        }
        Ok(found)
    }

    /// Returns which consumers use which generations of a connection's secrets. Blocks.
    ///
    /// Errors: `connection_unknown`, `forbidden`.
    pub fn rotation(&self, query: &RotationQuery) -> Result<RotationView, QueryError> {
        let target = ConnectionRef::parse("connection", &query.connection)?;
        let connection = self.connection(&target)?;
        let now = self.engine.clock().now();
        let consumers = self.engine.shared.models.load().consumers(connection.id)?;
        let home = Subject::Connection(&connection.workspace, &connection.details);
        let is_guest = !Scope::ALL.iter().any(|scope| self.caller.may(*scope, home));
        let is_shown = |one: &Consumer| !is_guest || one.actor == *self.caller.actor();
        let live = |(name, one): &(&ConsumerName, &Consumer)| {
            now < self.engine.shared.consumers.gone_from(connection.id, name, one)
        };
        let counted: Vec<&Consumer> =
            consumers.iter().filter(live).map(|(_, consumer)| consumer).collect();
        let fields = connection.secrets.iter().map(|(field, secret)| {
            (field.text().to_owned(), rotation(field, secret, &counted, now))
        });
        let shown = consumers.iter().filter(|(_, one)| is_shown(one));
        let view = |(name, one): (&ConsumerName, &Consumer)| {
            (name.as_str().to_owned(), self.consumer_view(&connection, name, one, now))
        };
        Ok(RotationView {
            connection: connection.id.to_string(),
            fields: fields.collect(),
            consumers: shown.map(view).collect(),
        })
    }

    fn consumer_view(
        &self,
        connection: &Connection,
        name: &ConsumerName,
        consumer: &Consumer,
        now: Micros,
    ) -> ConsumerView {
        let seen = &self.engine.shared.consumers;
        let is_behind = |(field, used): (&FieldName, &ledger_domain::Generation)| {
            connection.secrets.get(field).is_some_and(|secret| *used < secret.generation)
        };
        let generations = consumer.generations.iter();
        ConsumerView {
            behind: generations.clone().any(is_behind),
            generations: generations
                .map(|(field, used)| (field.text().to_owned(), used.get()))
                .collect::<BTreeMap<_, _>>(),
            actor: consumer.actor.as_str().to_owned(),
            confirmed_at: time::format(consumer.confirmed_at),
            last_seen: time::format(seen.last(connection.id, name, consumer)),
            gone: seen.gone_from(connection.id, name, consumer) <= now,
        }
    }
}

/// Returns how far those consumers are that count.
fn rotation(
    field: &FieldName,
    secret: &Secret,
    counted: &[&Consumer],
    now: Micros,
) -> FieldRotation {
    let used = counted.iter().filter_map(|one| one.generations.get(field));
    let (mut consumers, mut confirmed) = (0, 0);
    for generation in used {
        consumers += 1;
        confirmed += u64::from(*generation >= secret.generation);
    }
    FieldRotation {
        generation: secret.generation.get(),
        former: secret.former_at(now).map(|former| FormerView::of(field, former).into_owned()),
        consumers,
        confirmed,
    }
}
