//! Random commands over a few names, so that they often refer to the same things.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::samples::*;
use crate::connection::{
    Command, Environment, Keep, Kind, Patch, Replaced, Retirement, Revision, TestOutcome,
};
use crate::ids::Micros;
use crate::secret::{FormerEnd, Held, Hint, NewSecret};
use crate::text::{CheckedText, FieldName};

fn word<T: CheckedText + Clone + std::fmt::Debug + 'static>() -> impl Strategy<Value = T> {
    select(vec!["a", "b", "c"]).prop_map(text)
}

fn patch<T: CheckedText + Clone + std::fmt::Debug + 'static>() -> impl Strategy<Value = Patch<T>> {
    prop_oneof![Just(Patch::Keep), Just(Patch::Clear), word().prop_map(Patch::Set)]
}

fn merge<K, V>() -> impl Strategy<Value = BTreeMap<K, Option<V>>>
where
    K: CheckedText + Clone + std::fmt::Debug + Ord + 'static,
    V: CheckedText + Clone + std::fmt::Debug + 'static,
{
    btree_map(word(), option::of(word()), 0..3)
}

/// Secret fields never have the name of a setting; settings are `a`, `b` and `c`.
fn secret_field() -> impl Strategy<Value = FieldName> {
    select(vec!["api_key", "token"]).prop_map(field)
}

fn new_secret() -> impl Strategy<Value = NewSecret> {
    word().prop_map(|sealed| NewSecret { held: Held::Sealed(sealed), hint: Hint::default() })
}

/// Any revision.
pub(super) fn revision() -> impl Strategy<Value = Revision> {
    let names = (option::of(word()), patch(), patch(), option::of(word()), patch());
    let words = (
        option::of(select(Kind::ALL)),
        option::of(select(Environment::ALL)),
        option::of(vec(word(), 0..3)),
    );
    let maps =
        (merge(), btree_map(secret_field(), option::of(new_secret()), 0..2), merge(), merge());
    (names, words, maps).prop_map(|(names, words, maps)| {
        let (slug, display_name, description, provider, provider_version) = names;
        let (kind, environment, tags) = words;
        let (config, secrets, labels, annotations) = maps;
        Revision {
            slug,
            display_name,
            description,
            provider,
            provider_version,
            kind,
            environment,
            config,
            secrets,
            labels,
            tags,
            annotations,
            ..Revision::default()
        }
    })
}

fn update_command() -> impl Strategy<Value = Command> {
    revision().prop_map(|revision| Command::Update {
        revision: Box::new(revision),
        detach_secrets: false,
    })
}

fn rotate_command() -> impl Strategy<Value = Command> {
    let kept = (1_i64..4, any::<bool>()).prop_map(|(until, once_confirmed)| {
        let end = FormerEnd { until: Micros::new(until), once_confirmed };
        Replaced::Kept(Keep { end, now: Micros::new(0) })
    });
    let replaced =
        prop_oneof![2 => Just(Replaced::Retired), 2 => kept, 1 => Just(Replaced::Compromised)];
    (btree_map(secret_field(), new_secret(), 0..2), replaced)
        .prop_map(|(secrets, replaced)| Command::RotateSecret { secrets, replaced })
}

fn overlap_command() -> impl Strategy<Value = Command> {
    let at = |until| Retirement::At { until: Micros::new(until), now: Micros::new(0) };
    let late = Retirement::Overdue(Micros::new(2));
    select(vec![
        retire(Retirement::Now),
        retire(at(1)),
        retire(at(2)),
        retire(late),
        retire(Retirement::Confirmed),
        cancel(),
    ])
}

fn life_command() -> impl Strategy<Value = Command> {
    option::of(word()).prop_flat_map(|reason| {
        select(vec![
            Command::Enable,
            Command::Disable { reason: reason.clone() },
            Command::MarkDegraded { reason: reason.clone() },
            Command::MarkFailed { reason: reason.clone() },
            Command::MarkOperational { reason: reason.clone() },
            tested(TestOutcome::Works, 1),
            tested(TestOutcome::CredentialsRefused, 2),
            tested(TestOutcome::RateLimited, 3),
            refreshed(&state_of_sample(), &[("access_token", "t")], 5),
            not_refreshed(&state_of_sample(), false),
            not_refreshed(&state_of_sample(), true),
            authorized(&state_of_sample(), &[("access_token", "t")]),
            Command::Archive { reason: reason.clone(), force: reason.is_some() },
            Command::Restore { slug: None },
            Command::Restore { slug: Some(slug("openai-2")) },
        ])
    })
}

fn policy_command() -> impl Strategy<Value = Command> {
    (select(vec!["one", "two", "home", "*"]), 1_u64..3).prop_flat_map(|(name, value)| {
        select(vec![
            grant(name, value),
            revoke(name),
            set_limits(name, value),
            Command::SetModelPolicy(only_model(name)),
            Command::SetPricing((value == 1).then(half_price)),
            link(name),
            unlink(name),
        ])
    })
}

/// Any command but a creation. The earlier state of a revert is looked up in the history later.
pub(super) fn command() -> impl Strategy<Value = Command> {
    let erase =
        (word(), any::<bool>()).prop_map(|(reason, force)| Command::Erase { reason, force });
    prop_oneof![
        1 => erase,
        3 => update_command(),
        2 => rotate_command(),
        2 => overlap_command(),
        4 => life_command(),
        4 => policy_command(),
        2 => (0_u64..12).prop_map(revert),
    ]
}

/// Any sequence of commands.
pub(super) fn commands() -> impl Strategy<Value = Vec<Command>> {
    vec(command(), 0..24)
}
