//! The managed server's configuration file.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::ManagedOptions;
use super::leftover::PID_FILE;
use super::settings::{CLIENT_USER, LEDGER_USER, Settings};

/// Name of the server's log file, in its folder.
pub(super) const LOG_FILE: &str = "nats-server.log";
/// Size at which the server starts a new log file. It keeps two old ones.
const LOG_BYTES_MAX: usize = 10 * 1024 * 1024;

/// Returns the path of the file.
pub(super) fn path(dir: &Path) -> PathBuf {
    dir.join("nats-server.conf")
}

/// Returns the content of the file.
pub(super) fn text(dir: &Path, settings: &Settings, options: &ManagedOptions) -> String {
    let file = |name: &str| quoted(&dir.join(name).to_string_lossy());
    let (publish, subscribe) = client_permissions(options);
    let Settings { port, ledger_password, client_password, server_name } = settings;
    format!(
        "# Written at every start of the ledger; changes are lost.\n\
         listen: \"127.0.0.1:{port}\"\n\
         server_name: {server_name}\n\
         max_payload: {max_payload}\n\
         pid_file: {pid_file}\n\
         log_file: {log_file}\n\
         logfile_size_limit: {LOG_BYTES_MAX}\n\
         logfile_max_num: 3\n\
         jetstream {{\n  store_dir: {store_dir}\n}}\n\
         authorization {{\n  users = [\n    \
             {{ user: {LEDGER_USER}, password: {ledger_password} }}\n    \
             {{\n      user: {CLIENT_USER}, password: {client_password}\n      \
             permissions {{\n        \
                 publish {{ allow: [\n{publish}        ] }}\n        \
                 subscribe {{ allow: [\n{subscribe}        ] }}\n      \
             }}\n    }}\n  ]\n}}\n",
        max_payload = options.max_payload_bytes,
        pid_file = file(PID_FILE),
        log_file = file(LOG_FILE),
        store_dir = file("jetstream"),
    )
}

/// Returns the permissions of the `client` user: it may publish commands, queries and operations,
/// subscribe to events, checkpoints and the bucket, and use of JetStream only what reading
/// requires.
fn client_permissions(options: &ManagedOptions) -> (String, String) {
    let subjects = &options.subjects;
    let bucket = format!("KV_{}", subjects.bucket_name());
    let mut publish = vec![
        subjects.all_commands(),
        subjects.all_queries(),
        subjects.all_operations(),
        subjects.all_reveals(),
        "$SRV.>".to_owned(),
        "$JS.API.INFO".to_owned(),
        "$JS.API.STREAM.NAMES".to_owned(),
    ];
    for stream in [subjects.stream_name(), bucket, subjects.checkpoint_stream_name()] {
        publish.extend([
            format!("$JS.API.STREAM.INFO.{stream}"),
            format!("$JS.API.STREAM.MSG.GET.{stream}"),
            format!("$JS.API.DIRECT.GET.{stream}"),
            format!("$JS.API.DIRECT.GET.{stream}.>"),
            format!("$JS.API.CONSUMER.CREATE.{stream}"),
            format!("$JS.API.CONSUMER.CREATE.{stream}.>"),
            format!("$JS.API.CONSUMER.DURABLE.CREATE.{stream}.>"),
            format!("$JS.API.CONSUMER.INFO.{stream}.*"),
            format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.*"),
            format!("$JS.API.CONSUMER.DELETE.{stream}.*"),
            format!("$JS.ACK.{stream}.>"),
            format!("$JS.FC.{stream}.>"),
        ]);
    }
    let subscribe = [
        "_INBOX.>".to_owned(),
        subjects.all_events(),
        subjects.checkpoints(),
        format!("$KV.{}.>", subjects.bucket_name()),
    ];
    (lines(&publish), lines(&subscribe))
}

fn lines(subjects: &[String]) -> String {
    subjects.iter().fold(String::new(), |mut text, subject| {
        writeln!(text, "          {}", quoted(subject)).expect("writing to a string cannot fail");
        text
    })
}

/// Quotes a string; JSON and NATS use the same escapes.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use ledger_contract::subjects::Subjects;

    use super::*;

    fn sample() -> String {
        let mut options = ManagedOptions::new("/d".into(), "nats-server".into());
        options.subjects = Subjects::with_prefix("team").unwrap();
        let settings = Settings {
            port: 7_000,
            ledger_password: "pa".to_owned(),
            client_password: "pb".to_owned(),
            server_name: "s".to_owned(),
        };
        text(Path::new("/d \"x\"/nats"), &settings, &options)
    }

    #[test]
    fn the_server_listens_on_loopback_only() {
        let text = sample();
        assert!(text.contains("listen: \"127.0.0.1:7000\"\n"));
        assert!(text.contains(r#"store_dir: "/d \"x\"/nats/jetstream""#), "{text}");
        assert!(!text.contains("http"), "no monitoring port");
    }

    #[test]
    fn the_client_user_can_change_no_stream() {
        let text = sample();
        let (_, client) = text.split_once("user: client").unwrap();
        let (publish, subscribe) = client.split_once("subscribe {").unwrap();
        for allowed in ["team.cmd.>", "team.query.>", "$JS.API.STREAM.INFO.KV_team-connections"] {
            assert!(publish.contains(&format!("\"{allowed}\"")), "{allowed}");
        }
        for forbidden in [
            "team.events",
            "$KV",
            "UPDATE",
            "PURGE",
            "STREAM.DELETE",
            "STREAM.CREATE",
            "MSG.DELETE",
        ] {
            assert!(!publish.contains(forbidden), "{forbidden}");
        }
        assert!(subscribe.contains("\"team.events.>\""));
        for forbidden in ["team.cmd", "team.reveal", "$SRV", "_INBOX_ledger", "\">\""] {
            assert!(!subscribe.contains(forbidden), "nobody hears {forbidden}");
        }
    }
}
