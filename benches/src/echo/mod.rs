//! The echo service, over NATS and over HTTP: what each of the two, its client and its service
//! library cost.
//!
//! It runs as a process of its own, as the ledger does, so that both share the machine with the
//! same neighbors.

mod web;

use std::io::{self, BufRead as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;

use async_nats::service::ServiceExt as _;
use futures::StreamExt as _;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

use crate::failure::{Failure, Outcome};
use crate::login::Login;

/// Where it answers.
pub(crate) const SUBJECT: &str = "bench.echo";

/// The running echo process; it ends with its standard input.
#[derive(Debug)]
pub(crate) struct Echo {
    _process: Child,
    /// Where it answers over HTTP.
    pub(crate) http: SocketAddr,
}

impl Echo {
    /// Starts this program once more as the echo service of a NATS server, and waits for it.
    pub(crate) async fn start(login: &Login) -> Outcome<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg("echo")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let (Some(stdin), Some(stdout)) = (&mut process.stdin, process.stdout.take()) else {
            return Err(Failure::new("the echo process has no pipes"));
        };
        stdin.write_all(format!("{}\n", serde_json::to_string(login)?).as_bytes()).await?;
        let mut ready = String::new();
        BufReader::new(stdout).read_line(&mut ready).await?;
        match ready.trim().parse() {
            Ok(http) => Ok(Self { _process: process, http }),
            Err(_) => Err(Failure::new("the echo process did not start")),
        }
    }
}

/// Is the echo process: reads the way in to NATS from standard input, answers until that ends.
pub(crate) async fn serve() -> Outcome<()> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    let login: Login = serde_json::from_str(&line)?;
    let client = login.connect().await?;
    let failed = |error: async_nats::Error| Failure::new(error.to_string());
    let service = client.service_builder().start("bench-echo", "1.0.0").await.map_err(failed)?;
    let mut endpoint = service.endpoint(SUBJECT).await.map_err(failed)?;
    client.flush().await?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    writeln!(io::stdout(), "{}", listener.local_addr()?)?;
    let mut web = tokio::spawn(web::serve(listener));
    let mut ended = tokio::task::spawn_blocking(|| io::copy(&mut io::stdin(), &mut io::sink()));
    loop {
        tokio::select! {
            request = endpoint.next() => {
                let Some(request) = request else { return Ok(()) };
                let payload = request.message.payload.clone();
                request.respond(Ok(payload)).await?;
            }
            ended = &mut web => return ended?,
            done = &mut ended => {
                done??;
                return Ok(());
            }
        }
    }
}
