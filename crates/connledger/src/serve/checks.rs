//! Tests of connections, and tokens and models for them: where their requests may go, and sending
//! them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use ledger_engine::{
    Engine, LoggingIn, SendTest, Sending, SentLogin, SentTest, TestSchedule, TestScheduleRule,
};
use ledger_logins::{Finding, LoginOptions, Logins};
use ledger_outgoing::{
    Authorities, Client, ClientError, ClientOptions, Method, Network, Proxy, Reach, SendError, Url,
    is_encrypted,
};
use ledger_providers::{Login, Request};
use zeroize::Zeroizing;

use super::{authorities, check_schedule};
use crate::failure::Failure;
use crate::session::read_line;

/// How much of an answer is read.
const ANSWER_BYTES: usize = 16 * 1024;
/// Largest answer that is read as a whole.
const WHOLE_BYTES: usize = 4 * 1024 * 1024;
/// Least time for which lists of models are kept, unless providers are never asked.
const MODELS_AGE_MIN: Duration = Duration::from_secs(10);
/// Most.
const MODELS_AGE_MAX: Duration = Duration::from_hours(24);

/// Headers in which providers name a request, the more usual first.
const REQUEST_IDS: [&str; 10] = [
    "x-request-id",
    "request-id",
    "apim-request-id",
    "x-ms-request-id",
    "x-amzn-requestid",
    "x-github-request-id",
    "x-slack-req-id",
    "x-debug-trace-id",
    "mistral-correlation-id",
    "cf-ray",
];

/// The flags of tests.
#[derive(Debug, Args)]
#[command(next_help_heading = "Tests of connections")]
pub(crate) struct CheckArgs {
    /// A network in which connections may be tested, and tokens and models be asked for, although
    /// it is not public, such as 10.1.0.0/16; repeat for each. Only there is that done without TLS.
    /// By default, nothing is sent to loopback, private, link-local, multicast or reserved
    /// addresses
    #[arg(
        long,
        env = "CONNLEDGER_ALLOW_CHECK_NETWORK",
        value_delimiter = ',',
        value_name = "NETWORK"
    )]
    allow_check_network: Vec<Network>,
    /// How long a test, getting a token, or a page of models may take, at most 1 minute
    #[arg(
        long,
        env = "CONNLEDGER_CHECK_TIMEOUT",
        default_value = "10s",
        value_parser = super::args::up_to_a_minute,
        value_name = "TIME"
    )]
    check_timeout: Duration,
    /// How often the server tests connections by itself, such as 10m; repeat for exceptions:
    /// provider:openai=5m, label:tier=gold=1m, connection:WORKSPACE/SLUG=30s. From 10s to 7d; 0
    /// means never. A connection has precedence over a label, a label over a provider. Without this
    /// flag, connections are tested only when somebody asks
    #[arg(
        long,
        env = "CONNLEDGER_CHECK_EVERY",
        value_delimiter = ',',
        value_parser = check_schedule::rule,
        value_name = "SCHEDULE"
    )]
    check_every: Vec<TestScheduleRule>,
    /// Most tests of one provider that the server makes by itself at the same time
    #[arg(
        long,
        env = "CONNLEDGER_CHECKS_PER_PROVIDER",
        default_value_t = 16,
        value_parser = clap::value_parser!(u8).range(1..=64),
        value_name = "NUMBER"
    )]
    checks_per_provider: u8,
    /// How long the models that a provider listed for a connection are given without asking it
    /// again, from 10s to 24h; 0 means that no provider is asked, and the models of the catalogue
    /// are given
    #[arg(
        long,
        env = "CONNLEDGER_MODELS_MAX_AGE",
        default_value = "1h",
        value_parser = models_age,
        value_name = "TIME"
    )]
    models_max_age: Duration,
    /// A file with certificates of authorities, in the PEM form, that are trusted beside those of
    /// this system where connections are tested, and tokens and models asked for
    #[arg(long, env = "CONNLEDGER_CHECK_CA_FILE", value_name = "FILE")]
    check_ca_file: Option<PathBuf>,
    /// The URL of the HTTP proxy for tests, tokens and models. Logins to databases, and what
    /// --allow-check-network permits without TLS, go past it. A name that only the proxy can
    /// resolve is for the proxy to permit
    #[arg(long, env = "CONNLEDGER_CHECK_PROXY", value_name = "URL")]
    check_proxy: Option<String>,
    /// A file with USER:PASSWORD for the proxy, that no other user can read
    #[arg(
        long,
        env = "CONNLEDGER_CHECK_PROXY_LOGIN_FILE",
        requires = "check_proxy",
        value_name = "FILE"
    )]
    check_proxy_login_file: Option<PathBuf>,
}

impl CheckArgs {
    /// Returns whom requests trust: the system's authorities and those of the flag.
    fn authorities(&self) -> Result<Authorities, Failure> {
        let of_system = Authorities::of_system();
        let Some(path) = &self.check_ca_file else { return Ok(of_system) };
        Ok(of_system.and(authorities::read("--check-ca-file", path)?))
    }

    /// Returns the proxy, with its login.
    fn proxy(&self) -> Result<Option<Proxy>, Failure> {
        let Some(url) = &self.check_proxy else { return Ok(None) };
        // What is wrong is not repeated: it may have a password.
        let proxy = Proxy::parse(url)
            .map_err(|problem| Failure::usage(format!("--check-proxy: {problem}")))?;
        let Some(path) = &self.check_proxy_login_file else { return Ok(Some(proxy)) };
        let line = Zeroizing::new(read_line(path)?);
        let (user, password) = line.split_once(':').ok_or_else(|| {
            let path = path.display();
            Failure::usage(format!("--check-proxy-login-file {path}: must have USER:PASSWORD"))
        })?;
        let password = Zeroizing::new(password.to_owned());
        Ok(Some(proxy.with_login(user.to_owned(), password)))
    }
}

/// Parses how long lists of models are kept.
fn models_age(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let age = super::args::duration(text)?;
    let is_good = age.is_zero() || (MODELS_AGE_MIN..=MODELS_AGE_MAX).contains(&age);
    if is_good { Ok(age) } else { Err("must be 0, or from 10s to 24h".to_owned()) }
}

/// Checks what the flags name.
pub(super) fn check(args: &CheckArgs) -> Result<(), Failure> {
    args.authorities()?;
    args.proxy().map(drop)
}

/// Lets the engine test connections and get tokens from now on, as the flags permit.
pub(super) fn begin(args: &CheckArgs, engine: &Engine) -> Result<(), Failure> {
    let networks = args.allow_check_network.clone();
    let (authorities, proxy) = (args.authorities()?, args.proxy()?);
    let client = |bytes_max, reach, proxy| {
        let made = Client::new(ClientOptions {
            answer_max: args.check_timeout,
            bytes_max,
            reach,
            proxy,
            authorities: Some(authorities.clone()),
            ..ClientOptions::default()
        });
        made.map_err(|error: ClientError| Failure::internal(error.to_string()))
    };
    let clients = |bytes_max| {
        let encrypted = client(bytes_max, Reach::Public(networks.clone()), proxy.clone())?;
        let plain = client(bytes_max, Reach::Only(networks.clone()), None)?;
        Ok::<_, Failure>(Clients { encrypted, plain })
    };
    let sender = Sender {
        beginning: clients(ANSWER_BYTES)?,
        whole: clients(WHOLE_BYTES)?,
        logins: Logins::new(LoginOptions {
            time_max: args.check_timeout,
            networks,
            authorities: Some(authorities),
        }),
    };
    engine.set_test_sender(Arc::new(sender));
    engine.set_models_age_max(args.models_max_age);
    engine.set_test_schedule(TestSchedule {
        rules: args.check_every.clone(),
        per_provider: usize::from(args.checks_per_provider),
    });
    Ok(())
}

/// Sends the requests of tests.
#[derive(Debug)]
struct Sender {
    /// Reads the beginning of answers.
    beginning: Clients,
    /// Reads whole answers.
    whole: Clients,
    /// For databases.
    logins: Logins,
}

#[derive(Debug)]
struct Clients {
    /// For what is sent with TLS.
    encrypted: Client,
    /// For what is sent without.
    plain: Client,
}

impl SendTest for Sender {
    fn send(&self, request: Request) -> Sending<'_> {
        Box::pin(self.beginning.sent(request, false))
    }

    fn send_for_all(&self, request: Request) -> Sending<'_> {
        Box::pin(self.whole.sent(request, true))
    }

    fn log_in(&self, login: Login) -> LoggingIn<'_> {
        Box::pin(async move {
            match self.logins.try_login(login).await {
                Finding::Tried { outcome, what } => SentLogin::Tried { outcome, what },
                Finding::NotPermitted => SentLogin::NotPermitted,
            }
        })
    }
}

impl Clients {
    async fn sent(&self, request: Request, reads_all: bool) -> SentTest {
        let Request { method, url, headers, basic, body, auth: _ } = request;
        let Ok(url) = url.parse::<Url>() else {
            return SentTest::Unanswered("the address is no URL".to_owned());
        };
        let client = if is_encrypted(&url) { &self.encrypted } else { &self.plain };
        let Ok(method) = Method::from_bytes(method.as_str().as_bytes()) else {
            return SentTest::Unanswered("the method is none".to_owned());
        };
        let mut sent = client.request(method, url);
        for (name, value) in &headers {
            sent = sent.header(name, value.as_str());
        }
        if let Some((user, password)) = &basic {
            sent = sent.basic_auth(user.as_str(), Some(password.as_str()));
        }
        if let Some(body) = body {
            sent = sent.body(body.as_bytes().to_vec());
        }
        let answer =
            if reads_all { client.send(sent).await } else { client.send_for_beginning(sent).await };
        match answer {
            Ok(answer) => {
                let header = |name: &str| {
                    let value = answer.headers.get(name)?.to_str().ok()?;
                    Some(value.to_owned())
                };
                SentTest::Answered {
                    status: answer.status,
                    request_id: REQUEST_IDS.iter().find_map(|name| header(name)),
                    retry_after: header("retry-after"),
                    body: answer.body,
                }
            }
            Err(SendError::Forbidden) => SentTest::NotPermitted,
            Err(error) => SentTest::Unanswered(error.in_short()),
        }
    }
}
