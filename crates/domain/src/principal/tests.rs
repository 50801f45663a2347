use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::connection::{Details, Environment, Patch, Rejection};
use crate::ids::Expected;
use crate::limits;
use crate::text::{CheckedText, Prose, WorkspaceName};

fn text<T: CheckedText>(text: &str) -> T {
    T::stored(text.into())
}

fn grant(scopes: &[Scope], workspaces: Option<&[&str]>) -> Grant {
    Grant {
        scopes: scopes.iter().copied().collect(),
        workspaces: match workspaces {
            None => Workspaces::All,
            Some(names) => Workspaces::Named(names.iter().map(|name| text(name)).collect()),
        },
        providers: BTreeSet::new(),
        labels: BTreeMap::new(),
    }
}

fn facts(number: u64) -> PrincipalFacts {
    PrincipalFacts {
        name: text("gateway-1"),
        version: Version::new(number),
        position: Position::new(number * 10),
        recorded_at: Micros::new(i64::try_from(number).unwrap()),
        actor: Actor::new(format!("user:{number}")),
    }
}

/// A principal and the number of its last event.
struct Story(Option<Principal>, u64);

impl Story {
    fn new() -> Self {
        let draft = PrincipalDraft {
            kind: PrincipalKind::Gateway,
            display_name: None,
            grants: vec![grant(&[Scope::Read], None)],
        };
        Self(None, 0).then(PrincipalCommand::Create(draft))
    }

    fn ask(&self, command: PrincipalCommand) -> Result<PrincipalEvent, Rejection> {
        decide_principal(self.0.as_ref(), Expected::Any, command)
    }

    fn then(self, command: PrincipalCommand) -> Self {
        let event = self.ask(command).unwrap();
        let number = self.1 + 1;
        Self(evolve_principal(self.0, event, &facts(number)), number)
    }

    fn principal(&self) -> &Principal {
        self.0.as_ref().unwrap()
    }
}

fn id(number: usize) -> ApiKeyId {
    ApiKeyId::parse("id", &format!("key{number:09}")).unwrap()
}

fn issue(number: usize) -> PrincipalCommand {
    PrincipalCommand::IssueKey {
        id: id(number),
        digest: KeyDigest::new("d"),
        environment: Environment::Live,
        label: None,
        expires_at: Some(Micros::new(100)),
    }
}

fn revoke(number: usize) -> PrincipalCommand {
    PrincipalCommand::RevokeKey { id: id(number), reason: None }
}

#[test]
fn every_command_has_its_answer_for_an_absent_principal() {
    let nobody = Story(None, 0);
    for command in [
        PrincipalCommand::Update(PrincipalRevision::default()),
        PrincipalCommand::Enable,
        PrincipalCommand::Disable { reason: None },
        issue(1),
        revoke(1),
    ] {
        assert_eq!(nobody.ask(command), Err(Rejection::PrincipalUnknown));
    }
}

#[test]
fn illegal_changes_are_refused_with_their_reason() {
    let story = Story::new();
    let nothing = PrincipalRevision {
        display_name: Patch::Clear,
        grants: Some(story.principal().grants.clone()),
    };
    let again = PrincipalDraft { kind: PrincipalKind::User, display_name: None, grants: vec![] };
    for (command, refusal) in [
        (PrincipalCommand::Create(again), Rejection::PrincipalExists),
        (PrincipalCommand::Update(nothing), Rejection::NothingToChange),
        (PrincipalCommand::Enable, Rejection::AlreadyEnabled),
        (revoke(1), Rejection::ApiKeyUnknown),
    ] {
        assert_eq!(story.ask(command), Err(refusal));
    }
    let story = story.then(PrincipalCommand::Disable { reason: None });
    let disable = PrincipalCommand::Disable { reason: None };
    assert_eq!(story.ask(disable), Err(Rejection::AlreadyDisabled));
}

#[test]
fn several_keys_live_at_once_until_they_expire_or_are_revoked() {
    let story = Story::new().then(issue(1)).then(issue(2)).then(revoke(1));
    let keys = &story.principal().keys;
    let before = Micros::new(99);
    assert!(!keys[&id(1)].is_live(before) && keys[&id(2)].is_live(before));
    assert!(!keys[&id(2)].is_live(Micros::new(100)), "expired");
    assert_eq!(story.ask(revoke(1)), Err(Rejection::ApiKeyUnknown), "revoked before");
    assert!(matches!(story.ask(issue(1)), Err(Rejection::Invalid(_))), "an id is used once");
}

#[test]
fn keys_end_at_their_limit_and_revoked_ones_are_forgotten() {
    let full = (0..limits::API_KEYS).fold(Story::new(), |story, number| story.then(issue(number)));
    assert!(matches!(full.ask(issue(limits::API_KEYS)), Err(Rejection::Invalid(_))));
    let many = (0..3 * limits::REVOKED_API_KEYS)
        .fold(Story::new(), |story, number| story.then(issue(number)).then(revoke(number)));
    assert!(many.principal().keys.len() <= limits::REVOKED_API_KEYS + 1);
    assert!(many.principal().keys.contains_key(&id(3 * limits::REVOKED_API_KEYS - 1)));
}

fn block(token: &TokenRef) -> PrincipalCommand {
    PrincipalCommand::BlockToken { token: token.clone(), reason: None }
}

fn unblock(token: &TokenRef) -> PrincipalCommand {
    PrincipalCommand::UnblockToken { token: token.clone(), reason: None }
}

#[test]
fn tokens_are_blocked_until_they_are_unblocked() {
    let (anna, one) = (TokenRef::Subject(text("anna")), TokenRef::Id(text("anna")));
    assert_eq!(Story(None, 0).ask(unblock(&anna)), Err(Rejection::NothingToChange));
    let story = Story(None, 0).then(block(&anna));
    assert!(story.principal().keys.is_empty() && story.principal().grants.is_empty());
    assert_eq!(story.ask(block(&anna)), Err(Rejection::NothingToChange));
    assert_eq!(story.ask(unblock(&one)), Err(Rejection::NothingToChange), "another name");
    let story = story.then(block(&one)).then(unblock(&anna));
    assert!(story.principal().blocks.keys().eq([&one]));
    let full = (0..limits::BLOCKED_TOKENS - 1)
        .fold(story, |story, number| story.then(block(&TokenRef::Id(text(&number.to_string())))));
    assert!(matches!(full.ask(block(&anna)), Err(Rejection::Invalid(_))));
    assert!(full.ask(unblock(&one)).is_ok());
}

#[test]
fn an_empty_grant_is_refused() {
    let story = Story::new();
    for bad in [grant(&[], None), grant(&[Scope::Read], Some(&[]))] {
        let revision = PrincipalRevision { grants: Some(vec![bad]), ..Default::default() };
        let answer = story.ask(PrincipalCommand::Update(revision));
        assert!(matches!(answer, Err(Rejection::Invalid(_))));
    }
}

fn details(provider: &str, team: &str) -> Details {
    let mut details = crate::connection::tests::samples::details();
    details.provider = text(provider);
    details.labels.insert(text("team"), text::<Prose>(team));
    details
}

#[test]
fn a_grant_reaches_what_it_names_and_nothing_else() {
    let [home, away]: [WorkspaceName; 2] = [text("home"), text("away")];
    let openai = details("OpenAI", "a");
    let there = Subject::Connection(&home, &openai);

    let everywhere = grant(&[Scope::Read], None);
    assert!(
        everywhere.allows(Scope::Read, there) && everywhere.allows(Scope::Read, Subject::Ledger)
    );
    assert!(!everywhere.allows(Scope::Write, there));

    let at_home = grant(&[Scope::Read], Some(&["home"]));
    assert!(at_home.allows(Scope::Read, there));
    assert!(at_home.allows(Scope::Read, Subject::Workspace(&home)));
    assert!(!at_home.allows(Scope::Read, Subject::Connection(&away, &openai)));
    assert!(!at_home.allows(Scope::Read, Subject::Ledger));

    let some = Grant {
        providers: [text("openai")].into(),
        labels: [(text("team"), text("a"))].into(),
        ..everywhere
    };
    assert!(some.allows(Scope::Read, there));
    assert!(!some.allows(Scope::Read, Subject::Connection(&home, &details("openai", "b"))));
    assert!(!some.allows(Scope::Read, Subject::Connection(&home, &details("mistral", "a"))));
    assert!(!some.allows(Scope::Read, Subject::Workspace(&home)), "others are there, too");
}

#[test]
fn roles_stand_for_scopes() {
    assert_eq!(Role::Admin.scopes(), Scope::ALL);
    assert!(Role::ALL.iter().all(|role| role.scopes().contains(&Scope::Read)));
    assert!(!Role::Gateway.scopes().contains(&Scope::Write));
}
