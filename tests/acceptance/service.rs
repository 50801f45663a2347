//! The program itself, serving on a temporary folder.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};

use async_nats::{ConnectOptions, ServerAddr};
use ledger_client::{Client, ClientOptions, Key};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::ledger::copy;
use crate::settings;
use crate::wait::{eventually, eventually_or, soon};

/// Many servers run at once, so each takes a free port, unless its arguments say another.
const ANY_PORT: &str = "127.0.0.1:0";
/// The keys that a development server keeps in its folder.
const DEV_KEYS: [&str; 2] = ["dev-master.key", "dev-admin.key"];

/// A folder with a ledger that a process serves, or does not at the moment.
#[derive(Debug)]
pub(crate) struct Service {
    folder: TempDir,
    args: Vec<String>,
    /// What starts the program: a command that is given it as its last words.
    under: Vec<String>,
    child: Option<Child>,
}

impl Service {
    /// Starts a development server with more arguments, and waits until it is ready.
    pub(crate) async fn start(args: &[&str]) -> Self {
        Self::start_under(&[], args).await
    }

    /// The same, started by another program that stays it.
    pub(crate) async fn start_under(under: &[&str], args: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let mut service = Self { folder, args: owned(args), under: owned(under), child: None };
        service.start_again().await;
        service
    }

    /// Takes an empty folder. Nothing is started.
    pub(crate) fn nowhere(args: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let args = args.iter().map(|word| (*word).to_owned()).collect();
        Self { folder, args, under: Vec::new(), child: None }
    }

    /// Copies the data directory. The copy is not started.
    pub(crate) fn copy(&self, args: &[&str]) -> Self {
        let copied = Self::nowhere(args);
        copy(&self.data_dir(), &copied.data_dir()).expect("the folder can be copied");
        copied
    }

    /// Returns a folder of its own, with the keys that `--dev` keeps beside a ledger, and the same
    /// arguments. It is not started.
    pub(crate) fn elsewhere(&self) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (args, under) = (self.args.clone(), self.under.clone());
        let other = Self { folder, args, under, child: None };
        fs::create_dir(other.data_dir()).expect("made");
        for key in DEV_KEYS {
            let copied = fs::copy(self.data_dir().join(key), other.data_dir().join(key));
            copied.expect("it can be copied");
        }
        other
    }

    /// Removes the ledger, and leaves what lies beside it: keys, and what NATS has.
    pub(crate) fn lose_ledger(&self) {
        assert!(self.child.is_none(), "it is stopped first");
        for entry in fs::read_dir(self.data_dir()).expect("readable") {
            let path = entry.expect("readable").path();
            let name = path.file_name().unwrap_or_default();
            if name == "nats" || DEV_KEYS.iter().any(|key| name == *key) {
                continue;
            }
            let removed =
                if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            removed.expect("it can be removed");
        }
    }

    /// Gives it more arguments, from the next start on.
    pub(crate) fn add_args(&mut self, more: &[&str]) {
        self.args.extend(more.iter().map(|word| (*word).to_owned()));
    }

    /// Gives it other arguments, from the next start on.
    pub(crate) fn set_args(&mut self, args: Vec<String>) {
        self.args = args;
    }

    /// Has it started by another program that stays it, from the next start on.
    pub(crate) fn put_under(&mut self, under: Vec<String>) {
        self.under = under;
    }

    /// Starts the program on the same folder again, this time by itself.
    pub(crate) async fn start_under_nothing(&mut self) {
        self.under.clear();
        self.start_again().await;
    }

    /// Starts the program on the same folder again.
    pub(crate) async fn start_again(&mut self) {
        self.launch();
        self.wait_until_ready().await;
    }

    /// Starts the program and does not wait.
    pub(crate) fn launch(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        let log = fs::File::options().create(true).append(true).open(self.log_path());
        let mut words = self.under.iter().map(OsString::from).collect::<Vec<_>>();
        words.push(settings::connledger().into());
        let (program, before) = words.split_first().expect("there is one word at least");
        let child = Command::new(program)
            .args(before)
            .args(["serve", "--dev", "--data-dir"])
            .arg(self.data_dir())
            .env("CONNLEDGER_LISTEN", ANY_PORT)
            .args(&self.args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.expect("the log can be written"))
            .kill_on_drop(true)
            .spawn();
        self.child = Some(child.expect("connledger starts"));
    }

    async fn wait_until_ready(&mut self) {
        let pid = self.child.as_ref().and_then(Child::id).expect("it was started");
        let path = self.data_dir().join("server.json");
        let child = self.child.as_mut().expect("it was started");
        let log = self.folder.path().join("connledger.log");
        let look = || {
            let ended = child.try_wait().expect("it can be asked");
            if let Some(status) = ended {
                let log = fs::read_to_string(&log).unwrap_or_default();
                panic!("connledger ended with {status}:\n{log}");
            }
            let file = fs::read(&path).ok();
            let file = file.and_then(|text| serde_json::from_slice::<Value>(&text).ok());
            let found = file.filter(|file| file["pid"] == pid).map(drop);
            std::future::ready(found)
        };
        let report = || fs::read_to_string(&log).unwrap_or_default();
        eventually_or("connledger is ready", look, report).await;
    }

    /// Kills it, as a power cut would.
    pub(crate) async fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().await.expect("it can be killed");
    }

    /// Asks it to stop, and waits.
    pub(crate) async fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        self.ended().await
    }

    /// Waits until it ends by itself.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("it runs");
        eventually("connledger ends", || {
            std::future::ready(child.try_wait().expect("it can be asked"))
        })
        .await
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).expect("process numbers are small");
        kill(Pid::from_raw(pid), signal).expect("it is there");
    }

    /// Stops it until SIGCONT, and waits until every thread stands still: on a loaded machine, some
    /// go on for a moment after the signal.
    pub(crate) fn pause(&self) {
        self.signal(Signal::SIGSTOP);
        let threads = format!("/proc/{}/task", self.pid());
        soon("every thread stands still", || {
            let all = fs::read_dir(&threads).ok()?.map(|thread| {
                let stat = fs::read_to_string(thread.ok()?.path().join("stat")).ok()?;
                // The state follows the name, which is in parentheses.
                stat.rsplit_once(')').map(|(_, rest)| rest.starts_with(" T"))
            });
            all.collect::<Option<Vec<_>>>()?.iter().all(|stopped| *stopped).then_some(())
        });
    }

    /// Returns the number of its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().and_then(Child::id).expect("it runs")
    }

    /// Prepares a command of the program on this ledger.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(settings::connledger());
        command.args(args).arg("--data-dir").arg(self.data_dir());
        command
    }

    /// Runs a command of the program on this ledger to its end.
    pub(crate) async fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().await.expect("connledger runs")
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Where everything is that it writes, its log included.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("connledger.log")
    }

    /// Returns the address for clients, from the file the server leaves.
    pub(crate) fn nats_url(&self) -> String {
        let text = fs::read(self.data_dir().join("server.json")).expect("the server's file");
        let file: Value = serde_json::from_slice(&text).expect("JSON");
        file["nats_url"].as_str().expect("it runs with NATS").to_owned()
    }

    /// Returns the address of the HTTP API, from the same file.
    pub(crate) fn http_url(&self) -> String {
        self.http_url_now().expect("it serves HTTP")
    }

    /// The same while it may be starting again.
    pub(crate) fn http_url_now(&self) -> Option<String> {
        let text = fs::read(self.data_dir().join("server.json")).ok()?;
        let file: Value = serde_json::from_slice(&text).ok()?;
        file["http_url"].as_str().map(str::to_owned)
    }

    /// Returns the curve key, which copies share.
    pub(crate) fn xkey(&self) -> String {
        let file = fs::read(self.data_dir().join("server.json")).expect("it is there");
        let file: Value = serde_json::from_slice(&file).expect("JSON");
        file["xkey"].as_str().expect("a key").to_owned()
    }

    pub(crate) fn key(&self) -> String {
        let text = fs::read_to_string(self.data_dir().join("dev-admin.key")).expect("a key");
        text.trim().to_owned()
    }

    /// Connects our own client; it waits for NATS, and for the ledger a second at most.
    pub(crate) async fn client(&self) -> Client {
        let mut options = ClientOptions::new(Key::new(self.key()));
        options.url = self.nats_url();
        options.allow_unsealed = true;
        options.timeout = std::time::Duration::from_secs(20);
        Client::connect(options).await.expect("NATS is there")
    }
}

/// Connects to the NATS server of a service without a library of ours.
pub(crate) async fn nats_client(service: &Service) -> async_nats::Client {
    let address: ServerAddr = service.nats_url().parse().expect("an address");
    let owned = |text: Option<&str>| text.expect("a login").to_owned();
    let options = ConnectOptions::with_user_and_password(
        owned(address.username()),
        owned(address.password()),
    );
    options.connect(address).await.expect("NATS is there")
}
