//! To a syslog server that others wrote, over TLS.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tokio::process::{Child, Command};

use super::{expect_whole, forward, head, in_folder, live, reached};
use crate::ports::free_port;
use crate::service::Service;
use crate::settings;
use crate::wait::eventually;

/// A syslog server that writes the messages into a file.
struct Syslog {
    folder: PathBuf,
    child: Option<Child>,
    port: u16,
}

impl Syslog {
    fn new(folder: &Path) -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("made");
        fs::write(folder.join("cert.pem"), made.cert.pem()).expect("written");
        fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).expect("written");
        let syslog = Self { folder: folder.to_owned(), child: None, port: free_port() };
        let at = |name: &str| folder.join(name).display().to_string();
        let (certificate, key) = (at("cert.pem"), at("key.pem"));
        let config = format!(
            "global(workDirectory=\"{}\" maxMessageSize=\"128k\" DefaultNetstreamDriver=\"ossl\"\n\
             DefaultNetstreamDriverCAFile=\"{certificate}\"\n\
             DefaultNetstreamDriverCertFile=\"{certificate}\"\n\
             DefaultNetstreamDriverKeyFile=\"{key}\")\n\
             module(load=\"imtcp\" StreamDriver.Name=\"ossl\" StreamDriver.Mode=\"1\"\n\
             StreamDriver.AuthMode=\"anon\")\n\
             input(type=\"imtcp\" port=\"{}\")\n\
             template(name=\"shown\" type=\"string\"\n\
             string=\"%pri% %app-name% %msgid% %structured-data%%msg%\\n\")\n\
             action(type=\"omfile\" file=\"{}\" template=\"shown\" flushOnTXEnd=\"on\")\n",
            folder.display(),
            syslog.port,
            at("messages.log"),
        );
        fs::write(folder.join("rsyslog.conf"), config).expect("written");
        syslog
    }

    fn start(&mut self) {
        let program = settings::rsyslogd();
        let mut command = Command::new(&program);
        let folder = &self.folder;
        command.arg("-n").arg("-f").arg(folder.join("rsyslog.conf"));
        command.arg("-i").arg(folder.join("rsyslog.pid"));
        if let Some(modules) = modules(&program) {
            command.arg("-M").arg(modules);
        }
        let log = fs::File::create(folder.join("rsyslog.log")).expect("a file");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).kill_on_drop(true);
        self.child = Some(command.spawn().expect("it runs"));
    }

    async fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().await.expect("killed");
        fs::remove_file(self.folder.join("rsyslog.pid")).ok();
    }

    /// Returns the messages that the file holds whole. The last may still lack its end, because
    /// lines are written in parts, and where the server was killed the rest is never written.
    fn messages(&self) -> Vec<String> {
        let text = fs::read(self.folder.join("messages.log")).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        text.lines().filter(|line| position(line).is_some()).map(str::to_owned).collect()
    }
}

/// Returns the modules beside a program that was unpacked into a folder of its own.
fn modules(program: &Path) -> Option<PathBuf> {
    let libraries = program.parent()?.parent()?.join("lib");
    let folders = fs::read_dir(libraries).ok()?.flatten().map(|entry| entry.path());
    folders.map(|folder| folder.join("rsyslog")).find(|folder| folder.is_dir())
}

fn position(message: &str) -> Option<u64> {
    let json = message.get(message.find('{')?..)?;
    let event: Value = serde_json::from_str(json).ok()?;
    event.pointer("/metadata/sequence").and_then(Value::as_u64)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_syslog_server_gets_every_event_also_when_it_is_restarted() {
    let service = Service::start(&[]).await;
    let folder = in_folder(&service, "syslog");
    fs::create_dir(&folder).expect("made");
    let mut syslog = Syslog::new(&folder);
    let to = format!("syslog+tls://localhost:{}", syslog.port);
    let (cursor, authority) = (in_folder(&service, "cursor.json"), folder.join("cert.pem"));
    let authority = authority.to_str().expect("text").to_owned();
    let args = ["--to", &to, "--format", "ocsf", "--authorities", &authority];
    // It begins while nobody listens.
    let mut forwarder = forward(&service, &cursor, &args);
    let first = live(&service, 0, 10).await;
    assert_eq!(reached(&cursor), 0);
    syslog.start();
    let arrived = |syslog: &Syslog, position_wanted: u64| {
        let mut positions = syslog.messages().into_iter().filter_map(|message| position(&message));
        let found = positions.any(|position| position >= position_wanted);
        async move { found.then_some(()) }
    };
    eventually("the first arrive", || arrived(&syslog, first)).await;
    syslog.kill().await;
    live(&service, 1, 10).await;
    syslog.start();
    live(&service, 2, 5).await;
    let last = head(&service).await;
    eventually("the last arrive", || arrived(&syslog, last)).await;
    forwarder.kill().await.expect("killed");
    let messages = syslog.messages();
    let positions: Vec<u64> = messages.iter().filter_map(|message| position(message)).collect();
    expect_whole(&positions, last, 2);
    let failed = messages.iter().find(|message| message.contains("marked_degraded"));
    let failed = failed.expect("one of them");
    let begins = "110 connledger marked_degraded [meta sequenceId=\"";
    assert!(failed.starts_with(begins), "{failed}");
    assert!(failed.contains("ÄÖÜ"), "{failed}");
    syslog.kill().await;
}
