//! Every command in every state.

use std::collections::BTreeSet;

use super::harness::{Given, given};
use super::samples::*;
use crate::connection::{
    Command, Event, ModelPolicy, Patch, RefreshOutcome, Rejection, Retirement, TestOutcome,
};
use crate::ids::Micros;

/// The result of each command (row) in each state (column). `ok` is the command's own event.
const TABLE: &str = "
                        none on   off  deg  fail oper used one  all  but  keep arch eras
create                  ok   exis exis exis exis exis exis exis exis exis exis exis exis
update                  unkn ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   arch eras
update, nothing new     unkn same same same same same same same same same same arch eras
rotate-secret           unkn ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   arch eras
rotate-secret, no field unkn fiel fiel fiel fiel fiel fiel fiel fiel fiel fiel arch eras
rotate-secret, none     unkn same same same same same same same same same same arch eras
rotate-secret, keeping  unkn ok   ok   ok   ok   ok   ok   ok   ok   ok   inus arch eras
retire-former           unkn form form form form form form form form form ok   arch eras
retire-former, later    unkn form form form form form form form form form ok   arch eras
retire-former, overdue  unkn form form form form form form form form form form arch eras
cancel-rotation         unkn form form form form form form form form form ok   arch eras
enable                  unkn on   ok   on   on   on   on   on   on   on   on   arch eras
disable                 unkn ok   off  ok   ok   ok   ok   ok   ok   ok   ok   arch eras
mark-degraded           unkn ok   ok   heal ok   ok   ok   ok   ok   ok   ok   arch eras
mark-degraded, new why  unkn ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   arch eras
mark-failed             unkn ok   ok   ok   heal ok   ok   ok   ok   ok   ok   arch eras
mark-operational        unkn ok   ok   ok   ok   heal ok   ok   ok   ok   ok   arch eras
test-connection         unkn ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   arch eras
refresh-token           unkn ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   arch eras
refresh-token, failed   unkn ok   ok   heal heal ok   ok   ok   ok   ok   supe arch eras
refresh-token, given up unkn ok   ok   ok   ok   ok   ok   ok   ok   ok   supe arch eras
connect                 unkn ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   arch eras
archive                 unkn ok   ok   ok   ok   ok   used ok   ok   ok   ok   arch eras
archive, forced         unkn ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   arch eras
erase                   unkn ok   ok   ok   ok   ok   used ok   ok   ok   ok   ok   eras
erase, forced           unkn ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   eras
restore                 unkn live live live live live live live live live live ok   eras
restore, new slug       unkn live live live live live live live live live live ok   eras
grant-workspace one     unkn ok   ok   ok   ok   ok   ok   same ok   ok   ok   arch eras
grant-workspace all     unkn ok   ok   ok   ok   ok   ok   ok   same same ok   arch eras
grant-workspace home    unkn bad  bad  bad  bad  bad  bad  bad  bad  bad  bad  arch eras
revoke-workspace one    unkn gran gran gran gran gran gran ok   ok   gran gran arch eras
revoke-workspace all    unkn gran gran gran gran gran gran gran ok   ok   gran arch eras
revoke-workspace home   unkn bad  bad  bad  bad  bad  bad  bad  bad  bad  bad  arch eras
set-limits one          unkn gran gran gran gran gran gran ok   gran gran gran arch eras
set-limits one, equal   unkn gran gran gran gran gran gran same gran gran gran arch eras
set-limits all          unkn gran gran gran gran gran gran gran ok   ok   gran arch eras
set-model-policy        unkn ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   arch eras
set-model-policy, equal unkn same same same same same same same same same same arch eras
set-pricing             unkn ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   arch eras
set-pricing, none       unkn same same same same same same same same same same arch eras
link-dependent          unkn ok   ok   ok   ok   ok   same ok   ok   ok   ok   arch eras
unlink-dependent        unkn depe depe depe depe depe ok   depe depe depe depe arch eras
revert to 1             unkn vers ok   same same same same ok   ok   ok   ok   arch eras
revert to 0             unkn vers vers vers vers vers vers vers vers vers vers arch eras
revert to 99            unkn vers vers vers vers vers vers vers vers vers vers arch eras
";

#[test]
fn every_command_has_its_answer_in_every_state() {
    let states = states();
    let line = |row: &str, cells: Vec<&str>| {
        let cells: Vec<_> = cells.into_iter().map(|cell| format!("{cell:<4}")).collect();
        format!("{row:<23} {}", cells.join(" ")).trim_end().to_owned()
    };
    let mut lines = vec![line("", states.iter().map(|(name, _)| *name).collect())];
    for (row, command) in commands() {
        lines.push(line(row, states.iter().map(|(_, state)| cell(state, &command)).collect()));
    }
    let table = format!("\n{}\n", lines.join("\n"));
    assert_eq!(table, TABLE, "the rules are now:\n{table}");
}

#[test]
fn an_archived_connection_accepts_only_a_restore_and_an_erasure() {
    for (name, state) in states().into_iter().skip(1).filter(|(name, _)| *name != "eras") {
        let archived = match name {
            "arch" => state,
            _ => state.when(Command::Archive { reason: None, force: true }).accepted(),
        };
        for (row, command) in commands() {
            let expected = match &command {
                Command::Create(_) => "exis",
                Command::Erase { force: false, .. } if name == "used" => "used",
                Command::Restore { .. } | Command::Erase { .. } => "ok",
                _ => "arch",
            };
            assert_eq!(cell(&archived, &command), expected, "{row} after {name}");
        }
    }
}

#[test]
fn an_erased_connection_accepts_nothing() {
    for (name, state) in states().into_iter().skip(1).filter(|(name, _)| *name != "eras") {
        let erased = state.when(Command::Erase { reason: why(), force: true }).accepted();
        for (row, command) in commands() {
            let expected = if matches!(command, Command::Create(_)) { "exis" } else { "eras" };
            assert_eq!(cell(&erased, &command), expected, "{row} after {name}");
        }
    }
}

#[test]
fn every_event_is_caused_by_a_row_of_the_table() {
    let tried: BTreeSet<_> = commands().iter().map(|(_, command)| event_of(command)).collect();
    // Whether a change sends secrets elsewhere is decided outside the domain, and the ledger itself
    // records that a secret is overdue.
    let is_own = |name: &&str| !name.starts_with("destination_") && *name != "secret_overdue";
    assert_eq!(tried, Event::TYPE_NAMES.iter().copied().filter(is_own).collect());
}

fn states() -> Vec<(&'static str, Given)> {
    let active = |events: &[Event]| given([&[created()], events].concat());
    vec![
        ("none", given([])),
        ("on", active(&[])),
        ("off", active(&[Event::Disabled { reason: None }])),
        ("deg", active(&[Event::MarkedDegraded { reason: Some(why()) }])),
        ("fail", active(&[Event::MarkedFailed { reason: Some(why()) }])),
        ("oper", active(&[Event::MarkedOperational { reason: Some(why()) }])),
        ("used", active(&[linked("t")])),
        ("one", active(&[granted("one", 5)])),
        ("all", active(&[granted("*", 5)])),
        ("but", active(&[granted("*", 5), revoked("one")])),
        ("keep", active(&[rotated_keeping(&[("api_key", "new")], 5, false)])),
        ("arch", active(&[Event::Archived { reason: None }])),
        ("eras", active(&[Event::Erased { slug: slug("openai"), reason: why() }])),
    ]
}

fn commands() -> Vec<(&'static str, Command)> {
    let mut commands = settings();
    commands.extend(life());
    commands.extend(policy());
    let order: Vec<&str> = TABLE.lines().skip(2).collect();
    commands.sort_by_key(|(row, _)| order.iter().position(|line| line[..23].trim_end() == *row));
    commands
}

fn at(micros: i64) -> Micros {
    Micros::new(micros)
}

fn settings() -> Vec<(&'static str, Command)> {
    vec![
        ("create", Command::Create(Box::new(draft()))),
        ("update", update(|revision| revision.display_name = Patch::Clear)),
        ("update, nothing new", update(|revision| revision.slug = Some(slug("openai")))),
        ("rotate-secret", rotate(&[("api_key", "second")])),
        ("rotate-secret, no field", rotate(&[("api_key", "second"), ("token", "first")])),
        ("rotate-secret, none", rotate(&[])),
        ("rotate-secret, keeping", rotate_keeping(&[("api_key", "third")], 9, false)),
        ("retire-former", retire(Retirement::Now)),
        ("retire-former, later", retire(Retirement::At { until: at(8), now: at(0) })),
        ("retire-former, overdue", retire(Retirement::Overdue(at(4)))),
        ("cancel-rotation", cancel()),
        ("revert to 1", revert(1)),
        ("revert to 0", revert(0)),
        ("revert to 99", revert(99)),
    ]
}

fn life() -> Vec<(&'static str, Command)> {
    vec![
        ("enable", Command::Enable),
        ("disable", Command::Disable { reason: Some(why()) }),
        ("mark-degraded", Command::MarkDegraded { reason: Some(why()) }),
        ("mark-degraded, new why", Command::MarkDegraded { reason: None }),
        ("mark-failed", Command::MarkFailed { reason: Some(why()) }),
        ("mark-operational", Command::MarkOperational { reason: Some(why()) }),
        ("test-connection", tested(TestOutcome::Works, 1)),
        ("refresh-token", refreshed(&state_of_sample(), &[("access_token", "t")], 9)),
        ("refresh-token, failed", not_refreshed(&state_of_sample(), false)),
        ("refresh-token, given up", not_refreshed(&state_of_sample(), true)),
        ("connect", authorized(&state_of_sample(), &[("access_token", "t")])),
        ("archive", Command::Archive { reason: Some(why()), force: false }),
        ("archive, forced", Command::Archive { reason: Some(why()), force: true }),
        ("erase", Command::Erase { reason: why(), force: false }),
        ("erase, forced", Command::Erase { reason: why(), force: true }),
        ("restore", Command::Restore { slug: None }),
        ("restore, new slug", Command::Restore { slug: Some(slug("openai-2")) }),
    ]
}

fn policy() -> Vec<(&'static str, Command)> {
    vec![
        ("grant-workspace one", grant("one", 5)),
        ("grant-workspace all", grant("*", 5)),
        ("grant-workspace home", grant("home", 5)),
        ("revoke-workspace one", revoke("one")),
        ("revoke-workspace all", revoke("*")),
        ("revoke-workspace home", revoke("home")),
        ("set-limits one", set_limits("one", 9)),
        ("set-limits one, equal", set_limits("one", 5)),
        ("set-limits all", set_limits("*", 9)),
        ("set-model-policy", Command::SetModelPolicy(only_model("gpt-5"))),
        ("set-model-policy, equal", Command::SetModelPolicy(ModelPolicy::default())),
        ("set-pricing", Command::SetPricing(Some(half_price()))),
        ("set-pricing, none", Command::SetPricing(None)),
        ("link-dependent", link("t")),
        ("unlink-dependent", unlink("t")),
    ]
}

fn cell(state: &Given, command: &Command) -> &'static str {
    match state.clone().when(command.clone()).answer() {
        Ok(event) => {
            assert_eq!(event.type_name(), event_of(command), "{command:?}");
            "ok"
        }
        Err(rejection) => word(&rejection),
    }
}

fn word(rejection: &Rejection) -> &'static str {
    match rejection {
        Rejection::ConnectionUnknown => "unkn",
        Rejection::ConnectionExists => "exis",
        Rejection::VersionConflict { .. } => "conf",
        Rejection::ConnectionArchived => "arch",
        Rejection::ConnectionErased => "eras",
        Rejection::ConnectionNotArchived => "live",
        Rejection::ConnectionInUse { .. } => "used",
        Rejection::AlreadyEnabled => "on",
        Rejection::AlreadyDisabled => "off",
        Rejection::HealthUnchanged => "heal",
        Rejection::RefreshSuperseded => "supe",
        Rejection::NothingToChange => "same",
        Rejection::SecretFieldUnknown { .. } => "fiel",
        Rejection::FormerInUse { .. } => "inus",
        Rejection::FormerUnknown => "form",
        Rejection::GrantUnknown => "gran",
        Rejection::DependentUnknown => "depe",
        Rejection::VersionUnknown { .. } => "vers",
        Rejection::Invalid(_) => "bad",
        Rejection::ConnectionDisabled
        | Rejection::GenerationCompromised { .. }
        | Rejection::HandoverUnknown
        | Rejection::HandoverUsed { .. }
        | Rejection::HandoverEnded(_)
        | Rejection::HandoverForOther
        | Rejection::HandoversFull(_)
        | Rejection::GenerationRetired { .. }
        | Rejection::GenerationUnknown { .. }
        | Rejection::ConsumerUnknown
        | Rejection::ConsumerTaken
        | Rejection::ConsumersFull(_)
        | Rejection::PolicyUnknown
        | Rejection::PoliciesFull(_)
        | Rejection::AlertUnknown
        | Rejection::AlertExists
        | Rejection::AlertDisabled
        | Rejection::AlertUnsigned
        | Rejection::AlertsFull(_)
        | Rejection::SecretLeaseEnded
        | Rejection::SecretLeasesFull { .. }
        | Rejection::PrincipalUnknown
        | Rejection::PrincipalExists
        | Rejection::ApiKeyUnknown
        | Rejection::MasterKeyUnknown { .. }
        | Rejection::MasterKeyRetired { .. }
        | Rejection::MasterKeyLacking { .. }
        | Rejection::MasterKeyActive { .. }
        | Rejection::MasterKeyInUse { .. }
        | Rejection::Sealed => "none",
    }
}

fn event_of(command: &Command) -> &'static str {
    match command {
        Command::Create(_) => "connection_created",
        Command::Update { .. } => "connection_updated",
        Command::RotateSecret { .. } => "secret_rotated",
        Command::RetireFormer { when: Retirement::At { .. }, .. } => "former_end_set",
        Command::RetireFormer { .. } => "former_retired",
        Command::CancelRotation { .. } => "rotation_cancelled",
        Command::Enable => "connection_enabled",
        Command::Disable { .. } => "connection_disabled",
        Command::MarkDegraded { .. } => "marked_degraded",
        Command::MarkFailed { .. } => "marked_failed",
        Command::MarkOperational { .. } => "marked_operational",
        Command::TestConnection { .. } => "connection_tested",
        Command::RefreshToken { outcome, .. } => match **outcome {
            RefreshOutcome::Obtained { .. } => "provider_token_refreshed",
            RefreshOutcome::Failed { .. } => "provider_token_failed",
            RefreshOutcome::Authorized { .. } => "connection_authorized",
        },
        Command::Archive { .. } => "connection_archived",
        Command::Erase { .. } => "connection_erased",
        Command::Restore { .. } => "connection_restored",
        Command::GrantWorkspace { .. } => "workspace_granted",
        Command::RevokeWorkspace { .. } => "workspace_revoked",
        Command::SetLimits { .. } => "limits_set",
        Command::SetModelPolicy(_) => "model_policy_set",
        Command::SetPricing(_) => "pricing_set",
        Command::LinkDependent { .. } => "dependent_linked",
        Command::UnlinkDependent { .. } => "dependent_unlinked",
        Command::Revert { .. } => "connection_reverted",
    }
}
