//! Checks the messages of the stream, and puts the parts of groups together.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ledger_contract::errors::Problem;
use ledger_contract::log_stream::{Beside, GroupPart, LogMessage, Term, VERSION};
use ledger_domain::Position;
use ledger_engine::Engine;

use crate::differs;

/// A message as the stream has it.
#[derive(Debug)]
pub(crate) struct Stored<'a> {
    pub(crate) sequence: u64,
    pub(crate) mac: Option<&'a str>,
    pub(crate) body: &'a [u8],
}

/// What a message completes.
#[derive(Debug)]
pub(crate) enum Read {
    /// A part of a group of which others follow.
    Part,
    /// The beginning of a term.
    Term(Term),
    /// A whole group.
    Group(Gathered),
}

/// A whole group.
#[derive(Debug)]
pub(crate) struct Gathered {
    pub(crate) first: Position,
    pub(crate) records: Vec<Box<[u8]>>,
    pub(crate) beside: Beside,
}

/// The parts of a group that is not whole yet.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    group: Option<Begun>,
}

/// What of a group was read so far.
#[derive(Debug)]
struct Begun {
    first: Position,
    /// The number of the last part.
    part: u32,
    records: Vec<Box<[u8]>>,
}

/// A message that a node of this ledger wrote.
#[derive(Debug)]
pub(crate) enum Checked<'a> {
    Term(Term),
    Part(GroupPart<'a>),
}

impl<'a> Stored<'a> {
    /// Checks who wrote the message, and reads it.
    ///
    /// Errors: `log_differs` for one that no node of this ledger wrote at this place.
    pub(crate) fn check(&self, engine: &Engine) -> Result<Checked<'a>, Problem> {
        let Self { sequence, mac, body } = *self;
        let mac = mac.and_then(|mac| STANDARD.decode(mac).ok());
        if !mac.is_some_and(|mac| engine.is_log_mac(&mac, sequence, body)) {
            return Err(differs(format!(
                "message {sequence} of the log stream is not as a node of this ledger wrote it \
                 there"
            )));
        }
        let message: LogMessage<'_> = serde_json::from_slice(body).map_err(|error| {
            differs(format!("message {sequence} of the log stream cannot be read: {error}"))
        })?;
        match message {
            LogMessage { version: VERSION, term: Some(term), group: None } => {
                Ok(Checked::Term(term))
            }
            LogMessage { version: VERSION, term: None, group: Some(part) } => {
                Ok(Checked::Part(part))
            }
            LogMessage { version, .. } => Err(differs(format!(
                "message {sequence} of the log stream has a form that this program does not know \
                 (version {version})"
            ))),
        }
    }
}

impl Parts {
    /// Takes the next message.
    ///
    /// Errors: `log_differs` for one that no node of this ledger wrote at this place.
    pub(crate) fn take(&mut self, engine: &Engine, stored: &Stored<'_>) -> Result<Read, Problem> {
        match stored.check(engine)? {
            Checked::Term(term) => {
                // A writer that began a group and did not finish it has lost its right.
                self.group = None;
                Ok(Read::Term(term))
            }
            Checked::Part(part) => self.add(stored.sequence, part),
        }
    }

    fn add(&mut self, sequence: u64, part: GroupPart<'_>) -> Result<Read, Problem> {
        let GroupPart { first, part: number, parts, records, beside } = part;
        let copies = records.iter().map(|record| Box::from(record.get().as_bytes()));
        let (group_first, mut gathered) = match (number, self.group.take()) {
            (1, _) => (Position::new(first), Vec::new()),
            (_, Some(Begun { first, part, records })) if part + 1 == number => (first, records),
            _ => {
                return Err(differs(format!(
                    "message {sequence} of the log stream has a part whose predecessor is missing"
                )));
            }
        };
        let due = group_first.get() + gathered.len() as u64;
        if due != first {
            return Err(differs(format!(
                "message {sequence} of the log stream begins at position {first}, and {due} is due"
            )));
        }
        gathered.extend(copies);
        if number < parts {
            self.group = Some(Begun { first: group_first, part: number, records: gathered });
            return Ok(Read::Part);
        }
        Ok(Read::Group(Gathered { first: group_first, records: gathered, beside }))
    }
}

#[cfg(test)]
mod tests {
    use ledger_contract::log_stream::{encode_group, encode_term};
    use ledger_engine::EngineOptions;
    use ledger_vault::Keyring;

    use super::*;

    fn with_engine(work: impl FnOnce(&Engine)) {
        let folder = std::env::temp_dir().join(format!("ledger-read-{}", rand::random::<u64>()));
        let keyring = Keyring::generate(&mut rand::rng());
        let options = EngineOptions::new(folder.clone(), keyring);
        let engine = Engine::open(EngineOptions { create: true, ..options }).unwrap();
        work(&engine);
        engine.shutdown();
        drop(engine);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn parts_make_a_group_unless_another_writer_came_between() {
        with_engine(|engine| {
            let records: Vec<Vec<u8>> =
                (0..30).map(|number| format!("{{\"number\":{number}}}").into_bytes()).collect();
            let records: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
            let bodies = encode_group(5, &records, &Beside::default(), 400);
            assert!(bodies.len() > 2, "{}", bodies.len());
            let mut parts = Parts::default();
            let read = |parts: &mut Parts, sequence: u64, place: u64, body: &[u8]| {
                let mac = STANDARD.encode(engine.log_mac(place, body));
                parts.take(engine, &Stored { sequence, mac: Some(&mac), body })
            };
            let mut last = None;
            for (sequence, body) in (1..).zip(&bodies) {
                last = Some(read(&mut parts, sequence, sequence, body).unwrap());
            }
            let Some(Read::Group(group)) = last else { panic!("{last:?}") };
            assert_eq!((group.first, group.records.len()), (Position::new(5), 30));
            assert!(group.records.iter().map(|record| &**record).eq(records));
            // Begun again, and left by its writer.
            assert!(matches!(read(&mut parts, 9, 9, &bodies[0]), Ok(Read::Part)));
            let term = Term { epoch: 2, node: "b".to_owned(), position: 4, event: None };
            let term = encode_term(&term);
            assert!(matches!(read(&mut parts, 10, 10, &term), Ok(Read::Term(_))));
            assert!(read(&mut parts, 11, 11, &bodies[1]).is_err(), "its predecessor is gone");
            assert!(read(&mut parts, 11, 10, &term).is_err(), "moved");
            let unsigned = Stored { sequence: 11, mac: None, body: &term };
            assert!(parts.take(engine, &unsigned).is_err(), "written by somebody else");
        });
    }
}
