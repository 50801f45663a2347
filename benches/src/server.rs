//! A ledger served by a process of its own, with the NATS server it manages.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use async_nats::{Client, HeaderMap, Request};
use ledger_client::{ClientOptions, Key};
use ledger_contract::subjects::{self, Subjects};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Deserialize;
use tokio::process::{Child, Command};

use crate::failure::{Failure, Outcome};
use crate::ledger::{self, WORKSPACE};
use crate::login::Login;
use crate::wire::Asker;

/// How long a server may take to answer, to relay what it has, or to stop.
const PATIENCE: Duration = Duration::from_mins(10);
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// Arguments by which no rate limits a load that comes with one key from one place.
pub(crate) const NO_RATES: [&str; 10] = [
    "--rate-per-key",
    "0",
    "--rate-per-address",
    "0",
    "--nats-rate-per-key",
    "0",
    "--nats-rate-per-sender",
    "0",
    "--nats-rate-of-strangers",
    "0",
];
/// Arguments by which no quota does.
pub(crate) const NO_QUOTAS: [&str; 8] = [
    "--quota-connections",
    "unlimited",
    "--quota-keys",
    "unlimited",
    "--quota-changes",
    "unlimited",
    "--quota-reveals",
    "unlimited",
];

/// The programs to start.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    pub(crate) connledger: PathBuf,
    pub(crate) gateway: PathBuf,
    pub(crate) nats_server: Option<PathBuf>,
}

/// A running server and a connection to its NATS.
#[derive(Debug)]
pub(crate) struct Server {
    process: Child,
    /// Commands and echo go through it alike.
    pub(crate) nats: Client,
    login: Login,
    file: ServerFile,
    key: String,
}

/// What the server leaves for clients on the same machine.
#[derive(Clone, Debug, Deserialize)]
struct ServerFile {
    nats_url: String,
    http_url: String,
    xkey: String,
}

/// What the managed NATS server's settings say.
#[derive(Deserialize)]
struct Managed {
    port: u16,
    ledger_password: String,
}

impl Server {
    /// Starts a server on a folder and waits until it answers a query. All load comes with one key
    /// from one place, so there are no rates and no quotas.
    pub(crate) async fn start(programs: &Programs, folder: &Path) -> Outcome<Self> {
        Self::start_with(programs, folder, &NO_RATES).await
    }

    /// The same with other arguments about rates.
    pub(crate) async fn start_with(
        programs: &Programs,
        folder: &Path,
        rates: &[&str],
    ) -> Outcome<Self> {
        fs::create_dir_all(folder)?;
        let server_file = folder.join("server.json");
        match fs::remove_file(&server_file) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
            // One that a killed server left names an address of the past.
            _ => {}
        }
        let mut process = spawn(programs, folder, rates)?;
        let deadline = Instant::now() + PATIENCE;
        let file: ServerFile = loop {
            match fs::read(&server_file) {
                Ok(text) => break serde_json::from_slice(&text)?,
                Err(_) => wait(&mut process, deadline).await?,
            }
        };
        let managed = fs::read(folder.join("nats").join("managed.json"))?;
        let Managed { port, ledger_password } = serde_json::from_slice(&managed)?;
        let address = format!("nats://127.0.0.1:{port}");
        let login = Login { address, password: ledger_password };
        let key = fs::read_to_string(folder.join("dev-admin.key"))?.trim().to_owned();
        let nats = login.connect().await?;
        let mut server = Self { process, nats, login, file, key };
        while server.query("status", "{}").await.is_err() {
            wait(&mut server.process, deadline).await?;
        }
        Ok(server)
    }

    /// Returns the way in to its NATS server.
    pub(crate) const fn login(&self) -> &Login {
        &self.login
    }

    /// Returns the address that clients find its NATS server at, with what lets them in.
    pub(crate) fn client_url(&self) -> &str {
        &self.file.nats_url
    }

    /// Returns its public curve key.
    pub(crate) fn xkey(&self) -> &str {
        &self.file.xkey
    }

    /// Returns what HTTP requests to it are made with.
    pub(crate) fn asker(&self) -> Outcome<Asker> {
        let address = self.file.http_url.trim_start_matches("http://").parse()?;
        Ok(self.asker_at(address))
    }

    /// Returns what makes the same requests to another address.
    pub(crate) fn asker_at(&self, address: SocketAddr) -> Asker {
        Asker::new(address, self.key.clone())
    }

    /// Returns the number of its process.
    pub(crate) fn pid(&self) -> Outcome<u32> {
        self.process.id().ok_or_else(|| Failure::new("the server has ended"))
    }

    /// Connects as a gateway does.
    pub(crate) async fn gateway(&self) -> Outcome<ledger_client::Client> {
        let mut options = ClientOptions::new(Key::new(self.key.clone()));
        options.url.clone_from(&self.file.nats_url);
        options.ledger_xkey = Some(self.file.xkey.clone());
        Ok(ledger_client::Client::connect(options).await?)
    }

    /// Returns what a command needs to be sent often.
    pub(crate) fn sender(&self, verb: &str) -> Sender {
        let subject = Subjects::default().command(WORKSPACE, verb);
        Sender { nats: self.nats.clone(), subject, key: self.key.clone() }
    }

    /// Returns what sends the same messages to the echo service.
    pub(crate) fn echo_sender(&self) -> Sender {
        let subject = crate::echo::SUBJECT.to_owned();
        Sender { nats: self.nats.clone(), subject, key: self.key.clone() }
    }

    /// Sends one command and returns the answer.
    pub(crate) async fn command(
        &self,
        workspace: &str,
        verb: &str,
        body: &str,
    ) -> Outcome<Vec<u8>> {
        let subject = Subjects::default().command(workspace, verb);
        let sender = Sender { nats: self.nats.clone(), subject, key: self.key.clone() };
        sender.send(&ledger_client::new_command_id(), body.to_owned()).await
    }

    /// Asks a question and returns the answer.
    pub(crate) async fn query(&self, name: &str, body: &str) -> Outcome<Vec<u8>> {
        self.query_at(WORKSPACE, name, body).await
    }

    /// Asks a question of another workspace.
    pub(crate) async fn query_at(
        &self,
        workspace: &str,
        name: &str,
        body: &str,
    ) -> Outcome<Vec<u8>> {
        let subject = Subjects::default().query(workspace, name);
        let sender = Sender { nats: self.nats.clone(), subject, key: self.key.clone() };
        sender.send(name, body.to_owned()).await
    }

    /// Waits until the event stream holds every event of the log; returns how long that took.
    pub(crate) async fn relayed(&mut self) -> Outcome<Duration> {
        let started = Instant::now();
        loop {
            let status = self.query("status", "{}").await?;
            if ledger::number(&status, "published")? >= ledger::number(&status, "position")? {
                return Ok(started.elapsed());
            }
            wait(&mut self.process, started + PATIENCE).await?;
        }
    }

    /// Returns the process's resident memory now and at most, in MiB.
    pub(crate) fn resident_mib(&self) -> Outcome<(f64, f64)> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid()?))?;
        Ok((mib(&status, "VmRSS:")?, mib(&status, "VmHWM:")?))
    }

    /// Stops it in good order and waits until it is gone.
    pub(crate) async fn stop(mut self) -> Outcome<()> {
        if let Some(pid) = self.process.id() {
            kill(Pid::from_raw(i32::try_from(pid)?), Signal::SIGTERM)?;
        }
        tokio::time::timeout(PATIENCE, self.process.wait()).await??;
        Ok(())
    }
}

fn spawn(programs: &Programs, folder: &Path, rates: &[&str]) -> Outcome<Child> {
    let mut command = Command::new(&programs.connledger);
    command.args(["serve", "--dev", "--log", "warn", "--listen", "127.0.0.1:0"]);
    command.args(rates).args(NO_QUOTAS).arg("--data-dir").arg(folder);
    if let Some(program) = &programs.nats_server {
        command.arg("--nats-server").arg(program);
    }
    let log = File::create(folder.with_extension("log"))?;
    command.stdout(log.try_clone()?).stderr(log).kill_on_drop(true);
    let shown = programs.connledger.display();
    command.spawn().map_err(|error| Failure::new(format!("cannot start {shown}: {error}")))
}

/// Waits a moment, unless the process has ended or it took too long.
async fn wait(process: &mut Child, deadline: Instant) -> Outcome<()> {
    if let Some(status) = process.try_wait()? {
        return Err(Failure::new(format!("the server ended: {status}; see the log in --dir")));
    }
    if Instant::now() > deadline {
        return Err(Failure::new("the server did not get there in time"));
    }
    tokio::time::sleep(LOOK_INTERVAL).await;
    Ok(())
}

/// Returns a figure of a process's status file, which is in KiB there, in MiB.
pub(crate) fn mib(status: &str, name: &str) -> Outcome<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|rest| rest.split_whitespace().next());
    let kib: f64 = kib.ok_or_else(|| Failure::new(format!("no {name} of the server")))?.parse()?;
    Ok(kib / 1_024.0)
}

/// Sends requests of one kind.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    nats: Client,
    subject: String,
    key: String,
}

impl Sender {
    pub(crate) const fn new(nats: Client, subject: String, key: String) -> Self {
        Self { nats, subject, key }
    }

    /// Sends a body under an id and returns the answer, which must be a good one.
    pub(crate) async fn send(&self, id: &str, body: String) -> Outcome<Vec<u8>> {
        let mut headers = HeaderMap::new();
        headers.insert(subjects::AUTHORIZATION, format!("Bearer {}", self.key));
        headers.insert(subjects::COMMAND_ID, id);
        let request = Request::new().headers(headers).payload(body.into());
        let message = self.nats.send_request(self.subject.clone(), request).await?;
        let code = message.headers.as_ref().and_then(|of| of.get(subjects::ERROR_CODE));
        match code {
            Some(code) => Err(Failure::new(format!("{} was answered {code}", self.subject))),
            None => Ok(message.payload.into()),
        }
    }
}
