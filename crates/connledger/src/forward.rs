//! `forward`: hands events on to other systems, and goes on where it was.

use std::fs;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use ledger_client::ClientError;
use ledger_contract::ResumePoint;
use ledger_contract::errors::Code;
use ledger_contract::queries::{ALL_WORKSPACES, HistoryPage, HistoryQuery};
use ledger_domain::Position;
use ledger_forward::{
    Authorization, Cursor, CursorError, Destination, DestinationOptions, Event, Format, Rotation,
    Source, Target,
};
use ledger_outgoing::{Authorities, with_causes};
use zeroize::Zeroizing;

use crate::common::Common;
use crate::failure::Failure;
use crate::output::Output;
use crate::queries::read_answer;
use crate::session::{Session, read_line};
use crate::signals::Signals;

/// Events that are handed over together. So many may repeat after a kill.
const PAGE: u32 = 500;
/// How long a forwarder that has everything waits until it asks again.
const PAUSE: Duration = Duration::from_secs(1);
/// The shortest and the longest pause after a destination did not take a page.
const RETRY: [Duration; 2] = [Duration::from_secs(1), Duration::from_mins(1)];
/// How often a page is handed over with --once before that is given up.
const ATTEMPTS: u32 = 5;
/// How many rotated files are kept unless told otherwise.
const KEEP: NonZeroU32 = NonZeroU32::new(10).unwrap();

/// Hands events on to a file, a URL or a receiver of syslog, in their order, from a durable cursor.
#[derive(Debug, Args)]
#[command(after_help = "\
The cursor moves when the destination took a page of up to 500 events, so nothing is missed, and after
a kill at most one page comes again. A destination that is away delays its own cursor and nothing else.
Takes the right to audit. Ends on Ctrl-C or SIGTERM, or with --once at the end of the log.

Syslog says of nothing that it arrived: what a receiver had not read when it died is sent again, up to a
megabyte, unless this program ends meanwhile. Let it take messages of 64 KiB. A file grows without end
unless --rotate-mib is given; of rotated files, the oldest are removed.

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
    /// Events that are handed over together, 1 to 500, for receivers that take less at once
    #[arg(long, default_value_t = PAGE, value_name = "NUMBER",
          value_parser = clap::value_parser!(u32).range(1..=i64::from(PAGE)))]
    batch: u32,
    /// Size at which a file is rotated, in MiB
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..))]
    rotate_mib: Option<u64>,
    /// How many rotated files are kept
    #[arg(long, default_value_t = KEEP, value_name = "NUMBER", requires = "rotate_mib")]
    rotate_keep: NonZeroU32,
}

fn resume_point(text: &str) -> Result<ResumePoint, String> {
    ResumePoint::parse("after", text).map_err(|invalid| invalid.problem)
}

pub(crate) async fn run(common: &Common, args: ForwardArgs, out: Output) -> Result<(), Failure> {
    let mut signals = Signals::new()?;
    let destination = Destination::new(&args.to, args.format, options(&args)?);
    let destination = destination.map_err(|error| Failure::usage(with_causes(&error)))?;
    let session = Session::open(common, out).await?;
    let workspace = if args.all_workspaces { ALL_WORKSPACES } else { &*session.workspace };
    let events = in_words(&args, workspace);
    let cursor = Cursor::open(&args.cursor, &args.to.to_string(), &events);
    let mut cursor = cursor.map_err(cursor_failure)?;
    if cursor.after().is_some() && args.after.is_some() {
        return Err(Failure::usage("--after is for a new cursor, and this one is further on")
            .hint("to begin anew, name another file with --cursor"));
    }
    if cursor.after().is_none() {
        destination.begin().map_err(|error| Failure::usage(with_causes(&error)))?;
    }
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
        page_size: Some(args.batch),
        ..HistoryQuery::default()
    };
    let mut forwarder = Forwarder { session: &session, workspace, destination, once: args.once };
    let ended = tokio::select! {
        ended = forwarder.run(query, &mut cursor) => ended,
        _ = signals.wait() => Ok(()),
    };
    let finished = forwarder.destination.finish().await;
    ended?;
    finished.map_err(|error| Failure::unavailable(format!("the destination: {error}")))
}

/// Returns which events are forwarded, in words, as the cursor remembers.
fn in_words(args: &ForwardArgs, workspace: &str) -> String {
    let types = match args.event_type.as_slice() {
        [] => String::new(),
        types => format!(" with type {}", types.join(", ")),
    };
    let actor = args.actor.as_ref().map(|actor| format!(" by {actor}")).unwrap_or_default();
    format!("events of {workspace}{types}{actor}")
}

struct Forwarder<'a> {
    session: &'a Session,
    workspace: &'a str,
    destination: Destination,
    once: bool,
}

impl Forwarder<'_> {
    /// Hands over page after page, and waits at the end of the log.
    async fn run(&mut self, mut query: HistoryQuery, cursor: &mut Cursor) -> Result<(), Failure> {
        let mut count = 0_u64;
        loop {
            let answer = self.page(&query).await?;
            let page: HistoryPage = read_answer(&answer)?;
            let events = page.events.iter().map(|json| Event::read(json));
            let events = events.collect::<Result<Vec<_>, _>>().map_err(|error| {
                let after = query.after.as_deref().unwrap_or("0");
                Failure::internal(format!("{} (after position {after})", with_causes(&error)))
            })?;
            let source = Source { ledger: page.ledger_id, version: env!("CARGO_PKG_VERSION") };
            if let Some(last) = events.last() {
                self.deliver(&events, &source).await?;
                let after = ResumePoint {
                    position: Position::new(last.position),
                    incarnation: page.resume_after.incarnation,
                };
                cursor.advance(after).map_err(cursor_failure)?;
                query.after = Some(after.to_string());
                query.cursor = None;
                count += u64::try_from(events.len()).unwrap_or(u64::MAX);
            }
            if page.next_cursor.is_some() {
                if events.is_empty() {
                    query.cursor = page.next_cursor;
                }
                continue;
            }
            query.cursor = None;
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

    /// Hands over a page, again and again until it is taken, but with --once not for ever.
    async fn deliver(&mut self, events: &[Event<'_>], source: &Source) -> Result<(), Failure> {
        let [mut pause, longest] = RETRY;
        let mut attempts = 0;
        while let Err(error) = self.destination.deliver(events, source).await {
            attempts += 1;
            let told = with_causes(&error);
            if self.once && attempts == ATTEMPTS {
                return Err(Failure::unavailable(format!("the destination: {told}")));
            }
            self.session.out.say(format!("the destination: {told}; trying again in {pause:?}"));
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(longest);
        }
        Ok(())
    }
}

fn options(args: &ForwardArgs) -> Result<DestinationOptions, Failure> {
    let authorities = args.authorities.as_deref().map(read_authorities).transpose()?;
    let authorization = args.authorization_file.as_deref().map(read_authorization).transpose()?;
    let rotation = args
        .rotate_mib
        .map(|mib| Rotation { bytes: mib.saturating_mul(1_024 * 1_024), keep: args.rotate_keep });
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    Ok(DestinationOptions { authorities, authorization, rotation, host })
}

fn read_authorization(path: &Path) -> Result<Authorization, Failure> {
    let text = Zeroizing::new(read_line(path)?);
    Authorization::new(&text).map_err(|_| {
        Failure::usage(format!("{} has characters that no header can have", path.display()))
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
        CursorError::Foreign { .. } => Failure::usage(told)
            .hint("give each destination and each choice of events a cursor of its own"),
        _ => Failure::usage(told),
    }
}
