//! Decisions about alerts.

use super::*;
use crate::text::CheckedText as _;

fn name(text: &str) -> AlertName {
    AlertName::stored(text.into())
}

fn line(text: &str) -> Line {
    Line::stored(text.into())
}

fn settings(url: &str) -> AlertSettings {
    let on = [line("health_changed")].into();
    let selection = AlertSelection { on, ..AlertSelection::default() };
    AlertSettings { receiver: AlertReceiver::stored(url), selection, enabled: true }
}

fn signing(salt: &str) -> Signing {
    Signing { scheme: SignatureScheme::Hmac, salt: line(salt), public_key: None }
}

fn create(url: &str) -> AlertChange {
    let (settings, scheme) = (settings(url), SignatureScheme::Hmac);
    AlertChange::Create { settings, scheme, drawn: Some(signing("first")) }
}

fn rotate(overlap_seconds: u32) -> AlertChange {
    AlertChange::RotateSecret { scheme: None, overlap_seconds, drawn: Some(signing("second")) }
}

/// Decides and applies one command, at second `at`.
fn step(alerts: &mut Alerts, of: &str, change: AlertChange, at: i64) -> Result<(), Rejection> {
    let now = Micros::new(at * 1_000_000);
    let command = AlertCommand { name: name(of), change };
    let event = decide_alert(alerts, Expected::Any, command, now)?;
    let version = alerts.version.next();
    let position = Position::new(100 + version.get());
    alerts.evolve(event, AlertFacts { version, position, by: Actor::new("key:admin"), at: now });
    Ok(())
}

fn made() -> Alerts {
    let mut alerts = Alerts::default();
    step(&mut alerts, "ops", create("https://a.example"), 0).unwrap();
    alerts
}

#[test]
fn an_alert_is_created_once_and_known_by_the_position_of_that() {
    let mut alerts = made();
    let first = alerts.all[&name("ops")].id;
    let again = step(&mut alerts, "ops", create("https://b.example"), 1);
    assert_eq!(again, Err(Rejection::AlertExists));
    step(&mut alerts, "ops", AlertChange::Remove, 2).unwrap();
    assert_eq!(step(&mut alerts, "ops", AlertChange::Remove, 2), Err(Rejection::AlertUnknown));
    step(&mut alerts, "ops", create("https://b.example"), 3).unwrap();
    assert_ne!(alerts.all[&name("ops")].id, first, "it is another one with the same name");
}

#[test]
fn there_are_only_so_many_alerts() {
    let mut alerts = Alerts::default();
    for number in 0..limits::ALERTS {
        step(&mut alerts, &format!("a{number}"), create("https://a.example"), 0).unwrap();
    }
    let more = step(&mut alerts, "more", create("https://a.example"), 0);
    assert_eq!(more, Err(Rejection::AlertsFull(limits::ALERTS)));
}

#[test]
fn what_is_not_named_in_an_update_stays() {
    let mut alerts = made();
    let change = |revision| AlertChange::Update(revision);
    let labels = [(line("team"), Prose::stored("payments".into()))].into();
    let revision = AlertRevision { labels: Some(labels), ..AlertRevision::default() };
    step(&mut alerts, "ops", change(revision.clone()), 1).unwrap();
    let after = alerts.all[&name("ops")].settings.clone();
    assert_eq!(
        (after.receiver, after.selection.labels.len()),
        (AlertReceiver::stored("https://a.example"), 1)
    );
    let same = step(&mut alerts, "ops", change(revision), 2);
    assert_eq!(same, Err(Rejection::NothingToChange));
}

#[test]
fn a_former_signing_secret_signs_until_its_overlap_ends() {
    let mut alerts = made();
    step(&mut alerts, "ops", rotate(60), 100).unwrap();
    let salts = |alerts: &Alerts, second: i64| -> Vec<String> {
        let now = Micros::new(second * 1_000_000);
        let alert = &alerts.all[&name("ops")];
        alert.signings(now).map(|signing| signing.salt.as_str().to_owned()).collect()
    };
    assert_eq!(salts(&alerts, 159), ["second", "first"]);
    assert_eq!(salts(&alerts, 160), ["second"]);
    step(&mut alerts, "ops", rotate(0), 161).unwrap();
    assert_eq!(salts(&alerts, 161), ["second"], "without an overlap, one is left");
}

#[test]
fn mail_has_no_signing_secret_until_it_goes_to_a_url() {
    let mut alerts = Alerts::default();
    step(&mut alerts, "ops", create("mailto:ops@example.com"), 0).unwrap();
    assert_eq!(step(&mut alerts, "ops", rotate(0), 1), Err(Rejection::AlertUnsigned));
    let receiver = Some(AlertReceiver::stored("https://a.example"));
    let revision = AlertRevision { receiver, ..AlertRevision::default() };
    step(&mut alerts, "ops", AlertChange::Update(revision), 2).unwrap();
    step(&mut alerts, "ops", rotate(0), 3).unwrap();
}

#[test]
fn a_disabled_alert_is_neither_tested_nor_replayed_until_it_is_enabled() {
    let mut alerts = made();
    let because = line("the receiver is gone");
    let disable =
        |receiver: AlertReceiver| AlertChange::Disable { receiver, because: because.clone() };
    let receiver = alerts.all[&name("ops")].settings.receiver.clone();
    let former = disable(AlertReceiver::stored("https://former.example/"));
    assert_eq!(step(&mut alerts, "ops", former, 1), Err(Rejection::NothingToChange));
    step(&mut alerts, "ops", disable(receiver.clone()), 1).unwrap();
    assert_eq!(alerts.all[&name("ops")].disabled_because, Some(because.clone()));
    for change in [AlertChange::Test, AlertChange::Replay { position: None }, disable(receiver)] {
        assert_eq!(step(&mut alerts, "ops", change, 2), Err(Rejection::AlertDisabled));
    }
    let enable = AlertRevision { enabled: Some(true), ..AlertRevision::default() };
    step(&mut alerts, "ops", AlertChange::Update(enable), 3).unwrap();
    assert_eq!(alerts.all[&name("ops")].disabled_because, None);
    let before = alerts.all[&name("ops")].changed;
    step(&mut alerts, "ops", AlertChange::Test, 4).unwrap();
    assert!(alerts.all[&name("ops")].changed > before, "who delivers sees that it was tested");
}
