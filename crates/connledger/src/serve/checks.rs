//! Tests of connections, and tokens for them: where their requests may go, and sending them.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use ledger_engine::{Engine, SendTest, Sending, SentTest, TestSchedule, TestScheduleRule};
use ledger_outgoing::{
    Client, ClientError, ClientOptions, Method, Network, Reach, SendError, Url, is_encrypted,
};
use ledger_providers::Request;

use super::check_schedule;
use crate::failure::Failure;

/// How much of an answer is read.
const ANSWER_BYTES: usize = 16 * 1024;

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
    /// A network in which connections may be tested, and tokens be asked for, although it is not
    /// public, such as 10.1.0.0/16; repeat for each. Only there is that done without TLS. By
    /// default, nothing is sent to loopback, private, link-local, multicast or reserved addresses
    #[arg(
        long,
        env = "CONNLEDGER_ALLOW_CHECK_NETWORK",
        value_delimiter = ',',
        value_name = "NETWORK"
    )]
    allow_check_network: Vec<Network>,
    /// How long a test, or getting a token, may take, at most 1 minute
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
}

/// Lets the engine test connections and get tokens from now on, as the flags permit.
pub(super) fn begin(args: &CheckArgs, engine: &Engine) -> Result<(), Failure> {
    let networks = args.allow_check_network.clone();
    let client = |reach| {
        let made = Client::new(ClientOptions {
            answer_max: args.check_timeout,
            bytes_max: ANSWER_BYTES,
            reach,
            ..ClientOptions::default()
        });
        made.map_err(|error: ClientError| Failure::internal(error.to_string()))
    };
    let sender = Sender {
        encrypted: client(Reach::Public(networks.clone()))?,
        plain: client(Reach::Only(networks))?,
    };
    engine.set_test_sender(Arc::new(sender));
    engine.set_test_schedule(TestSchedule {
        rules: args.check_every.clone(),
        per_provider: usize::from(args.checks_per_provider),
    });
    Ok(())
}

/// Sends the requests of tests.
#[derive(Debug)]
struct Sender {
    /// For what is sent with TLS.
    encrypted: Client,
    /// For what is sent without.
    plain: Client,
}

impl SendTest for Sender {
    fn send(&self, request: Request) -> Sending<'_> {
        Box::pin(self.sent(request))
    }
}

impl Sender {
    async fn sent(&self, request: Request) -> SentTest {
        let Request { method, url, headers, basic, body } = request;
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
        match client.send_for_beginning(sent).await {
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
