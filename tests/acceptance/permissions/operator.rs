//! `deploy/nats/operator.sh`, carried out by hand: of each of its lines is made what nsc makes.

use std::path::Path;

use nkeys::KeyPair;
use serde_json::{Value, json};

use crate::nats_jwt::{account, credentials, jwt, trusting};
use crate::private;

const SCRIPT: &str = include_str!("../../../deploy/nats/operator.sh");

/// One service of the ledger's account.
#[derive(Debug)]
struct Offer {
    name: String,
    subject: String,
    answers: String,
    there: String,
}

/// One user.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) account: String,
    pub(super) name: String,
    pub(super) publishes: Vec<String>,
    pub(super) hears: Vec<String>,
}

/// Splits the script into commands of words. Only what stands in quotes or has no special meaning
/// is read; lines with variables are none of ours.
fn commands() -> Vec<Vec<String>> {
    let text = SCRIPT.replace("\\\n", " ");
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    lines.map(|line| line.split_whitespace().map(|word| word.replace('\'', "")).collect()).collect()
}

fn offers() -> Vec<Offer> {
    let offer = |words: Vec<String>| match <[String; 5]>::try_from(words) {
        Ok([word, name, subject, answers, there]) if word == "offer" => {
            Some(Offer { name, subject, answers, there })
        }
        _ => None,
    };
    commands().into_iter().filter_map(offer).collect()
}

/// Returns the users that the script makes.
pub(super) fn members() -> Vec<Member> {
    let is_user = |words: &Vec<String>| words.starts_with(&["nsc", "add", "user"].map(Into::into));
    let member = |words: Vec<String>| {
        let values = |flag: &str| -> Vec<String> {
            let pairs = words.iter().zip(words.iter().skip(1));
            pairs.filter(|(word, _)| *word == flag).map(|(_, value)| value.clone()).collect()
        };
        Member {
            account: values("--account").remove(0),
            name: values("--name").remove(0),
            publishes: values("--allow-pub"),
            hears: values("--allow-sub"),
        }
    };
    commands().into_iter().filter(is_user).map(member).collect()
}

/// Leaves a credentials file for each user, and returns the server's lines.
pub(super) fn carry_out(folder: &Path) -> String {
    let operator = KeyPair::new_operator();
    let [system, ledger, users] = [(); 3].map(|()| KeyPair::new_account());
    let (mut of_ledger, mut of_users) = (account(true), account(false));
    let export = |offer: &Offer| {
        json!({
            "name": offer.name, "subject": offer.subject, "type": "service",
            "token_req": true, "response_type": offer.answers,
        })
    };
    let import = |offer: &Offer| {
        let claims = json!({
            "subject": offer.subject, "kind": "service", "type": "activation", "version": 2,
        });
        json!({
            "name": offer.name, "subject": offer.subject, "account": ledger.public_key(),
            "token": jwt(&ledger, &users, &claims), "local_subject": offer.there,
            "type": "service",
        })
    };
    let offers = offers();
    assert_eq!(offers.len(), 10, "{offers:?}");
    of_ledger["exports"] = offers.iter().map(export).collect();
    of_users["imports"] = offers.iter().map(import).collect();
    for member in members() {
        let home = match member.account.as_str() {
            "LEDGER" => &ledger,
            "USERS" => &users,
            other => panic!("{} is of an unknown account, {other}", member.name),
        };
        let (publish, hear) = (allow(&member.publishes), allow(&member.hears));
        let path = folder.join(format!("{}.creds", member.name));
        private::write(&path, &credentials(home, &publish, &hear));
    }
    trusting(&operator, &[(&system, account(false)), (&ledger, of_ledger), (&users, of_users)])
}

fn allow(subjects: &[String]) -> Value {
    assert!(!subjects.is_empty(), "nothing to allow would be everything");
    json!({ "allow": subjects })
}
