//! `forward`: hands events on to other systems, and goes on where it was.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use ledger_client::ClientError;
use ledger_contract::ResumePoint;
use ledger_contract::errors::Code;
use ledger_contract::queries::{ALL_WORKSPACES, HistoryPage, HistoryQuery, StatusView};
use ledger_domain::Position;
use ledger_forward::{
    Cursor, CursorError, Destination, DestinationOptions, Event, Format, Source, Target,
};
use ledger_outgoing::Authorities;

use crate::body::Body;
use crate::common::Common;
use crate::failure::Failure;
use crate::output::Output;
use crate::queries::read_answer;
use crate::session::{Session, read_line};

/// Events that are handed over together. So many may repeat after a kill.
const PAGE: u32 = 500;
/// How long a forwarder that has everything waits until it asks again.
const PAUSE: Duration = Duration::from_secs(1);
/// The shortest and the longest pause after a destination did not take a page.
const RETRY: [Duration; 2] = [Duration::from_secs(1), Duration::from_mins(1)];
/// Size at which a file is rotated unless told otherwise, in MiB.
const ROTATE_MIB: u64 = 100;

/// Hands events on to a file, a URL or a receiver of syslog, in their order, from a durable cursor.
#[derive(Debug, Args)]
#[command(after_help = "\
The cursor moves when the destination took a page of up to 500 events, so nothing is missed, and after
a kill at most one page comes again. A destination that is away delays its own cursor and nothing else.
Takes the right to audit. Ends on Ctrl-C, or with --once at the end of the log.

Formats: ndjson (as the ledger has them), csv, cloudevents (1.0), ocsf (1.3), otlp (log records, JSON).

Examples:
  connledger forward --to file:/var/log/ledger/events.ndjson --cursor /var/lib/forward/file.json
  connledger forward --to syslog+tls://logs.example:6514 --format ocsf --cursor syslog.json -A
  connledger forward --to https://otel.example/v1/logs --format otlp --cursor otel.json -A
  connledger forward --to file:all.csv --format csv --cursor all.json --once --type secret_revealed")]
pub(crate) struct ForwardArgs {
    /// Destination: file:PATH, https://..., or syslog+tls://HOST:PORT
    #[arg(long, value_name = "TARGET")]
    to: Target,
    /// Form of the events: ndjson, csv, cloudevents, ocsf or otlp
    #[arg(long, default_value = "ndjson", value_name = "FORMAT")]
    format: Format,
    /// File that keeps how far the destination is
    #[arg(long, value_name = "FILE")]
    cursor: PathBuf,
    /// Where a new cursor begins: the event after this position; the first event if omitted
    #[arg(long, value_name = "POSITION[@INCARNATION]", value_parser = resume_point)]
    after: Option<ResumePoint>,
    /// End when everything up to now was handed over
    #[arg(long)]
    once: bool,
    /// Events of every workspace, and of the ledger itself
    #[arg(long, short = 'A')]
    all_workspaces: bool,
    /// Only events of this type; repeat for several
    #[arg(long = "type", value_name = "TYPE")]
    event_type: Vec<String>,
    /// Only events of this principal
    #[arg(long)]
    actor: Option<String>,
    /// File with the value of the Authorization header, for https://
    #[arg(long, value_name = "FILE")]
    authorization_file: Option<PathBuf>,
    /// Authorities (PEM) that are trusted in place of the system's
    #[arg(long, value_name = "FILE")]
    authorities: Option<PathBuf>,
    /// Size at which a file is rotated, in MiB
    #[arg(long, default_value_t = ROTATE_MIB, value_name = "MIB")]
    rotate_mib: u64,
    /// How many rotated files are kept
    #[arg(long, default_value_t = 10, value_name = "NUMBER")]
    rotate_keep: u32,
}

fn resume_point(text: &str) -> Result<ResumePoint, String> {
    ResumePoint::parse("after", text).map_err(|invalid| invalid.problem)
}

pub(crate) async fn run(common: &Common, args: ForwardArgs, out: Output) -> Result<(), Failure> {
    let options = options(&args)?;
    let mut cursor = Cursor::open(&args.cursor, &args.to.to_string()).map_err(cursor_failure)?;
    let session = Session::open(common, out).await?;
    let status = session.client.query(ALL_WORKSPACES, "status", &Body::new()).await;
    let status: StatusView = read_answer(&status?)?;
    let source = Source { ledger: status.ledger_id, version: env!("CARGO_PKG_VERSION") };
    let destination = Destination::new(&args.to, args.format, source, options);
    let destination = destination.map_err(|error| Failure::usage(with_causes(&error)))?;
    let after = cursor.after().or(args.after);
    out.say(match after {
        Some(after) => format!("forwarding to {} after position {}", args.to, after.position),
        None => format!("forwarding to {} from the first event", args.to),
    });
    let query = HistoryQuery {
        actor: args.actor,
        event_type: args.event_type,
        after: after.map(|after| after.to_string()),
        oldest_first: true,
        page_size: Some(PAGE),
        ..HistoryQuery::default()
    };
    let workspace = if args.all_workspaces { ALL_WORKSPACES } else { &session.workspace };
    let forwarder = Forwarder { session: &session, workspace, destination, once: args.once };
    tokio::select! {
        ended = forwarder.run(query, &mut cursor) => ended,
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}

struct Forwarder<'a> {
    session: &'a Session,
    workspace: &'a str,
    destination: Destination,
    once: bool,
}

impl Forwarder<'_> {
    /// Hands over page after page, and waits at the end of the log.
    async fn run(mut self, mut query: HistoryQuery, cursor: &mut Cursor) -> Result<(), Failure> {
        let mut count = 0_u64;
        loop {
            let answer = self.page(&query).await?;
            let page: HistoryPage = read_answer(&answer)?;
            let events = page.events.iter().map(|json| Event::read(json));
            let events = events
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| Failure::internal(with_causes(&error)))?;
            if let Some(last) = events.last() {
                self.deliver(&events).await;
                let after = ResumePoint {
                    position: Position::new(last.position),
                    incarnation: page.resume_after.incarnation,
                };
                cursor.advance(after).map_err(cursor_failure)?;
                query.after = Some(after.to_string());
                count += u64::try_from(events.len()).unwrap_or(u64::MAX);
            }
            if page.next_cursor.is_some() {
                continue;
            }
            if self.once {
                self.session.out.say(format!("{count} events were handed over"));
                return Ok(());
            }
            if events.is_empty() {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Asks for a page, again and again while the ledger is away.
    async fn page(&self, query: &HistoryQuery) -> Result<Vec<u8>, Failure> {
        let [mut pause, longest] = RETRY;
        loop {
            match self.session.client.query(self.workspace, "history", query).await {
                Err(error) if error.retry() && !self.once => {
                    self.session.out.say(format!("the ledger: {error}; trying again"));
                }
                Err(ClientError::Problem(problem))
                    if problem.code == Code::HistoryChanged.as_str() =>
                {
                    return Err(Failure::from(ClientError::Problem(problem)).hint(
                        "begin a new cursor where the histories part: status shows it as \
                         `restored from`",
                    ));
                }
                answer => return Ok(answer?),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(longest);
        }
    }

    /// Hands over a page, again and again until it is taken.
    async fn deliver(&mut self, events: &[Event<'_>]) {
        let [mut pause, longest] = RETRY;
        while let Err(error) = self.destination.deliver(events).await {
            let told = with_causes(&error);
            self.session.out.say(format!("the destination: {told}; trying again in {pause:?}"));
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(longest);
        }
    }
}

fn options(args: &ForwardArgs) -> Result<DestinationOptions, Failure> {
    let authorities = args.authorities.as_deref().map(read_authorities).transpose()?;
    let authorization = args.authorization_file.as_deref().map(read_line).transpose()?;
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    Ok(DestinationOptions {
        authorities,
        authorization,
        rotate_bytes: args.rotate_mib.saturating_mul(1_024 * 1_024),
        rotate_keep: args.rotate_keep,
        host,
    })
}

fn read_authorities(path: &Path) -> Result<Authorities, Failure> {
    let pem = fs::read(path).map_err(|error| Failure::file("read", path, &error))?;
    Authorities::from_pem(&pem)
        .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
}

#[expect(clippy::needless_pass_by_value, reason = "it converts an error")]
fn cursor_failure(error: CursorError) -> Failure {
    let told = with_causes(&error);
    match error {
        CursorError::InUse(_) | CursorError::File(..) => Failure::unavailable(told),
        CursorError::Foreign { .. } => {
            Failure::usage(told).hint("give each destination a cursor of its own")
        }
        _ => Failure::usage(told),
    }
}

/// Returns an error and what caused it.
fn with_causes(error: &dyn std::error::Error) -> String {
    ledger_outgoing::with_causes(error)
}
