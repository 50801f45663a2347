//! Asks the NATS servers whether they write each message to disk before they acknowledge it.
//!
//! By default a server does so every two minutes, and servers that lose power together lose what
//! they acknowledged since then. Only the system account is told the setting.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::StreamExt as _;
use ledger_contract::errors::{Code, Problem};
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};
use tracing::{info, warn};

use crate::{ClusterOptions, Common, away};

/// Asks all servers for the settings of JetStream.
const SUBJECT: &str = "$SYS.REQ.SERVER.PING.JSZ";
/// How long answers are waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// What one server tells.
#[derive(Debug, Deserialize)]
struct Told {
    server: Server,
    #[serde(default)]
    data: Option<Data>,
}

#[derive(Debug, Deserialize)]
struct Server {
    name: String,
}

#[derive(Debug, Default, Deserialize)]
struct Data {
    #[serde(default)]
    config: Config,
}

#[derive(Debug, Default, Deserialize)]
struct Config {
    #[serde(default)]
    sync_always: bool,
}

/// Checks that every server with a copy of the log syncs.
///
/// Errors: `nats_refused`, unless that is accepted.
pub(crate) async fn check(common: &Common, options: &ClusterOptions) -> Result<(), Problem> {
    let Some(system) = &options.system else {
        return accept(options, "no connection to the system account of the NATS servers is given");
    };
    let told = ask(system).await?;
    let name = &common.stream.log.name;
    let found = crate::stream::find(common, name).await?;
    let cluster = found.and_then(|info| info.cluster);
    let cluster = cluster.ok_or_else(|| {
        Problem::because(Code::NatsRefused, format!("the stream {name} is not in a NATS cluster"))
    })?;
    let peers = cluster.replicas.into_iter().map(|peer| peer.name).chain(cluster.leader);
    match judge(&peers.collect(), &told) {
        Judged::Synced => {
            info!(servers = told.len(), "the NATS servers sync each message of the log");
            Ok(())
        }
        Judged::Most(silent) => {
            warn!(silent, "some NATS servers did not tell whether they sync each message");
            Ok(())
        }
        Judged::Few(silent) if options.accepts_unsynced => accept(options, &silent),
        // They may be starting.
        Judged::Few(silent) => Err(away(silent)),
        Judged::Unsynced(names) => accept(options, &names),
    }
}

/// What the answers of servers amount to.
#[derive(Debug, PartialEq, Eq)]
enum Judged {
    Synced,
    /// Most copies of the log are on servers that sync, and these did not answer.
    Most(String),
    /// Too few answered; these did not.
    Few(String),
    Unsynced(String),
}

fn accept(options: &ClusterOptions, complaint: &str) -> Result<(), Problem> {
    if options.accepts_unsynced {
        warn!(complaint, "acknowledged commands may be lost if NATS servers lose power");
        return Ok(());
    }
    Err(Problem::because(
        Code::NatsRefused,
        format!(
            "{complaint}, so it is unknown whether they sync each message; set `sync_interval: \
             always` in jetstream on every server and pass --cluster-system-url, or accept with \
             --cluster-accept-lost-writes that acknowledged commands are lost if servers lose \
             power together"
        ),
    ))
}

/// Judges what servers told, of those with a copy of the log. One that is away does not keep a node
/// from starting, if all others sync and are enough to acknowledge a message.
fn judge(peers: &BTreeSet<String>, told: &BTreeMap<String, bool>) -> Judged {
    let of = |is: Option<bool>| -> Vec<&str> {
        peers.iter().filter(|peer| told.get(*peer).copied() == is).map(String::as_str).collect()
    };
    let (unsynced, silent) = (of(Some(false)), of(None));
    if !unsynced.is_empty() {
        return Judged::Unsynced(format!(
            "the NATS servers {} do not sync always",
            unsynced.join(", ")
        ));
    }
    let answered = peers.len() - silent.len();
    let text = format!("the NATS servers {} did not answer the system account", silent.join(", "));
    match silent.len() {
        0 => Judged::Synced,
        _ if answered * 2 > peers.len() => Judged::Most(text),
        _ => Judged::Few(text),
    }
}

/// Returns of each server that answers whether it syncs each message.
async fn ask(system: &ledger_bus::ConnectOptions) -> Result<BTreeMap<String, bool>, Problem> {
    let unasked =
        |error: &dyn std::fmt::Display| away(format!("cannot ask the system account: {error}"));
    let client = ledger_bus::connect(system).await?.client();
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(inbox.clone()).await.map_err(|error| unasked(&error))?;
    let body = r#"{"config":true}"#;
    let sent = client.publish_with_reply(SUBJECT, inbox, body.into()).await;
    sent.map_err(|error| unasked(&error))?;
    let until = Instant::now() + PATIENCE;
    let mut told = BTreeMap::new();
    while let Ok(Some(answer)) = timeout_at(until, answers.next()).await {
        if let Ok(Told { server, data: Some(data) }) = serde_json::from_slice(&answer.payload) {
            told.insert(server.name, data.config.sync_always);
        }
    }
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_servers_with_a_copy_have_to_sync_and_none_may_say_that_it_does_not() {
        let peers: BTreeSet<String> = ["a", "b", "c"].map(str::to_owned).into();
        let told = |pairs: &[(&str, bool)]| {
            judge(&peers, &pairs.iter().map(|(name, is)| ((*name).to_owned(), *is)).collect())
        };
        let [a, b, c] = ["a", "b", "c"].map(|name| (name, true));
        assert_eq!(told(&[a, b, c, ("d", false)]), Judged::Synced);
        assert!(matches!(told(&[a, b]), Judged::Most(text) if text.contains("servers c did")));
        assert!(matches!(told(&[a]), Judged::Few(text) if text.contains("servers b, c did")));
        let unsynced = told(&[a, ("b", false)]);
        assert!(matches!(unsynced, Judged::Unsynced(text) if text.contains("servers b do")));
    }

    #[test]
    fn the_answer_of_a_server_is_read() {
        let answer = r#"{"server":{"name":"n1","host":"h"},"data":{"config":
            {"max_memory":1,"sync_interval":120000000000,"sync_always":true}}}"#;
        let told: Told = serde_json::from_str(answer).unwrap();
        assert!(told.data.unwrap().config.sync_always && told.server.name == "n1");
        let default = r#"{"server":{"name":"n1"},"data":{"config":{"sync_interval":1}}}"#;
        let told: Told = serde_json::from_str(default).unwrap();
        assert!(!told.data.unwrap().config.sync_always);
    }
}
