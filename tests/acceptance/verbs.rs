//! Names of verbs from the registry, for tests that go over all of them.

use ledger_contract::commands::{Target, Verb};

/// The verb that asks for secrets in the clear. It has subjects and an entry of its own.
pub(crate) const REVEAL: &str = "reveal-secret";

/// Returns the verbs that are sent to a workspace.
pub(crate) fn verbs() -> impl Iterator<Item = &'static str> {
    let here = |verb: &&Verb| !verb.spec().target.is_ledger() && !verb.spec().answer.has_secrets();
    Verb::ALL.iter().filter(here).map(|verb| verb.as_str())
}

/// Returns the verbs that are sent to the ledger as a whole.
pub(crate) fn principal_verbs() -> impl Iterator<Item = &'static str> {
    let about_them = |verb: &&Verb| {
        let target = verb.spec().target;
        let others = matches!(target, Target::Tokens | Target::Token | Target::Ledger);
        target.is_ledger() && !others
    };
    Verb::ALL.iter().filter(about_them).map(|verb| verb.as_str())
}

/// The verbs about the ledger itself.
pub(crate) fn ledger_verbs() -> impl Iterator<Item = &'static str> {
    let about_it = |verb: &&Verb| verb.spec().target == Target::Ledger;
    Verb::ALL.iter().filter(about_it).map(|verb| verb.as_str())
}

/// The verbs about tokens of an identity provider.
pub(crate) fn token_verbs() -> impl Iterator<Item = &'static str> {
    let about_them = |verb: &&Verb| verb.spec().target == Target::Tokens;
    Verb::ALL.iter().filter(about_them).map(|verb| verb.as_str())
}
