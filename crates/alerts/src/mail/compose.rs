//! Writes a mail.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use ledger_contract::subjects;
use ledger_domain::{AlertName, MailAddress, Micros, Position, WorkspaceName};
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder};
use lettre::{Address, Message};

use super::entry::{Entry, plain};

/// Most events that a mail tells in full; the others have a line each.
pub(super) const TOLD_MAX: usize = 50;

/// Of which alert a mail is.
#[derive(Clone, Debug)]
pub(super) struct Of {
    pub(super) place: WorkspaceName,
    pub(super) name: AlertName,
    /// The position of the event that created it, which tells it from others of its name.
    pub(super) id: Position,
}

/// Why a mail cannot be written: it is about nothing, or the library does not take its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its address is none that mail can be sent to")]
pub(super) struct NoMail;

/// Says that nobody wrote the mail, so that nothing that answers by itself answers it.
#[derive(Clone, Debug)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// Writes a mail about events in the order of the log, which was begun at a time. Its id follows
/// from the alert and the events, so that a mail that is sent again is recognized.
pub(super) fn mail(
    of: &Of,
    from: &Mailbox,
    to: &MailAddress,
    entries: &[Entry],
    at: Micros,
) -> Result<Message, NoMail> {
    let to = to.as_str().parse::<Address>().map_err(|_| NoMail)?;
    let position = |entry: Option<&Entry>| entry.map_or(0, |entry| entry.position.get());
    let (first, last) = (entries.first().ok_or(NoMail)?.event_id, position(entries.last()));
    let count = entries.len();
    let (alert, domain) = (of.id.get(), from.email.domain());
    // Positions are the same in other ledgers, and in a ledger that was restored. Events are not.
    let id = format!("<connledger-{first}-{last}-{count}-{alert}@{domain}>");
    let subject = match entries {
        [one] => format!("[connledger] {}", one.title),
        many => {
            let title = many.first().map_or("", |entry| &entry.title);
            format!("[connledger] {count} events, first {title}")
        }
    };
    let at = Duration::from_micros(u64::try_from(at.get()).unwrap_or_default());
    MessageBuilder::new()
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .subject(plain(&subject))
        .message_id(Some(id))
        .date(SystemTime::UNIX_EPOCH + at)
        .header(AutoSubmitted)
        .header(ContentType::TEXT_PLAIN)
        .body(body(of, entries))
        .map_err(|_| NoMail)
}

fn body(of: &Of, entries: &[Entry]) -> String {
    let mut body = String::new();
    let (told, more) = entries.split_at(entries.len().min(TOLD_MAX));
    for Entry { title, lines, .. } in told {
        writeln!(body, "{title}\n{lines}").expect("a text takes everything");
    }
    if !more.is_empty() {
        body.push_str("And these, each with its position:\n\n");
        for Entry { position, title, .. } in more {
            writeln!(body, "  {position}  {title}").expect("a text takes everything");
        }
        body.push('\n');
    }
    let name = of.name.as_str();
    let place = match of.place.as_str() {
        subjects::LEDGER => "--ledger".to_owned(),
        place => format!("-w {place}"),
    };
    writeln!(
        body,
        "This is the alert {name} of Connection Ledger. An event may be told twice; its position \
         tells it from others.\nTo see the alert: connledger alert show {name} {place}"
    )
    .expect("a text takes everything");
    body
}

#[cfg(test)]
mod tests {
    use ledger_contract::records::StreamId;
    use ledger_domain::EventId;

    use super::*;

    const AT: Micros = Micros::new(1_780_000_000_000_000);

    fn entries(titles: &[&str]) -> Vec<Entry> {
        let place = WorkspaceName::parse("workspace", "prod").unwrap();
        let entry = |(position, title): (u64, &&str)| Entry {
            position: Position::new(position),
            event_id: EventId::from_bytes([7; 16]),
            type_name: "marked_failed",
            stream: StreamId::Alerts(place.clone()),
            title: plain(title),
            lines: format!("  position     {position}\n"),
        };
        (40..).zip(titles).map(entry).collect()
    }

    fn text(titles: &[&str]) -> String {
        let of = Of {
            place: WorkspaceName::parse("workspace", "prod").unwrap(),
            name: AlertName::parse("alert", "ops").unwrap(),
            id: Position::new(7),
        };
        let from: Mailbox = "Ledger <ledger@example.com>".parse().unwrap();
        let to = MailAddress::parse("email", "ops@example.com").unwrap();
        let mail = mail(&of, &from, &to, &entries(titles), AT).unwrap();
        String::from_utf8(mail.formatted()).unwrap()
    }

    #[test]
    fn a_mail_is_the_same_each_time_and_names_its_alert() {
        let one = text(&["main: marked failed, failed"]);
        for line in [
            "Message-ID: <connledger-07070707-0707-0707-0707-070707070707-40-1-7@example.com>\r\n",
            "Subject: [connledger] main: marked failed, failed\r\n",
            "Auto-Submitted: auto-generated\r\n",
            "To: ops@example.com\r\n",
            "connledger alert show ops -w prod",
        ] {
            assert!(one.contains(line), "{line}: {one}");
        }
        assert_eq!(one, text(&["main: marked failed, failed"]));
        let many = text(&["a: x", "b: y"]);
        assert!(many.contains("070707-41-2-7@example.com>"), "{many}");
        assert!(many.contains("Subject: [connledger] 2 events, first a: x\r\n"), "{many}");
    }

    #[test]
    fn every_event_of_a_large_mail_is_told() {
        let text = text(&vec!["a: x"; 1_000]);
        for position in 40..1_040 {
            assert!(text.contains(&format!("{position}")), "{position}");
        }
        assert!(text.len() < 64 * 1024, "{}", text.len());
    }

    #[test]
    fn no_text_of_others_makes_a_header() {
        for title in ["a\r\nBcc: eve@example.com\r\n\r\nhello", "a\nBcc: eve", "a\u{2028}Bcc: eve"]
        {
            let text = text(&[title]);
            let head = text.split("\r\n\r\n").next().unwrap_or_default();
            assert!(!head.lines().any(|line| line.to_lowercase().starts_with("bcc")), "{head}");
        }
        let text = text(&["ключ \u{202e}évil"]);
        let head = text.split("\r\n\r\n").next().unwrap_or_default();
        assert!(head.is_ascii() && head.contains("Subject: "), "{head}");
    }
}
