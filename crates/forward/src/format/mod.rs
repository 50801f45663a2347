//! The forms of events.

mod cloud_events;
mod ocsf;
mod otlp;
mod table;

#[cfg(test)]
mod tests;

use std::str::FromStr;

use serde::Serialize;

use crate::event::Event;

/// Which ledger events come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Id of the ledger.
    pub ledger: String,
    /// Version of the program that forwards.
    pub version: &'static str,
}

/// How events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// As the ledger has them, one JSON object a line.
    Ndjson,
    /// A table, whose first line names the columns.
    Csv,
    /// CloudEvents 1.0, one JSON object a line.
    CloudEvents,
    /// OCSF 1.3: API Activity, and Entity Management for principals and keys.
    Ocsf,
    /// Log records of OpenTelemetry (OTLP 1.3, JSON), one request a page.
    Otlp,
}

impl FromStr for Format {
    type Err = &'static str;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match word {
            "ndjson" => Ok(Self::Ndjson),
            "csv" => Ok(Self::Csv),
            "cloudevents" => Ok(Self::CloudEvents),
            "ocsf" => Ok(Self::Ocsf),
            "otlp" => Ok(Self::Otlp),
            _ => Err("must be ndjson, csv, cloudevents, ocsf or otlp"),
        }
    }
}

impl Format {
    /// Returns what comes before the first event of a file: the names of the columns, of a table.
    pub fn beginning(self) -> Vec<u8> {
        if self == Self::Csv { table::heading() } else { Vec::new() }
    }

    /// Writes events as lines.
    pub fn lines(self, events: &[Event<'_>], source: &Source) -> serde_json::Result<Vec<u8>> {
        let mut out = Vec::with_capacity(events.iter().map(|event| event.json.len() + 256).sum());
        match self {
            Self::Ndjson => {
                for event in events {
                    out.extend_from_slice(event.json.as_bytes());
                    out.push(b'\n');
                }
            }
            Self::Csv => out = table::rows(events),
            Self::CloudEvents => {
                lines(&mut out, events.iter().map(|event| cloud_events::of(event, source)))?;
            }
            Self::Ocsf => lines(&mut out, events.iter().map(|event| ocsf::of(event, source)))?,
            Self::Otlp => lines(&mut out, std::iter::once(otlp::of(events, source)))?,
        }
        Ok(out)
    }

    /// Writes one event on a line, without its end, as syslog takes it.
    pub(crate) fn line(self, event: &Event<'_>, source: &Source) -> serde_json::Result<Vec<u8>> {
        let mut line = self.lines(std::slice::from_ref(event), source)?;
        while line.last().is_some_and(u8::is_ascii_whitespace) {
            line.pop();
        }
        Ok(line)
    }

    /// Writes events as the body of one request, and names its media type.
    pub fn body(
        self,
        events: &[Event<'_>],
        source: &Source,
    ) -> serde_json::Result<(&'static str, Vec<u8>)> {
        Ok(match self {
            Self::Ndjson => ("application/x-ndjson", self.lines(events, source)?),
            Self::Csv => ("text/csv", [self.beginning(), self.lines(events, source)?].concat()),
            Self::CloudEvents => {
                let all: Vec<_> =
                    events.iter().map(|event| cloud_events::of(event, source)).collect();
                ("application/cloudevents-batch+json", serde_json::to_vec(&all)?)
            }
            Self::Ocsf => {
                let all: Vec<_> = events.iter().map(|event| ocsf::of(event, source)).collect();
                ("application/json", serde_json::to_vec(&all)?)
            }
            Self::Otlp => ("application/json", serde_json::to_vec(&otlp::of(events, source))?),
        })
    }
}

fn lines<T: Serialize>(out: &mut Vec<u8>, all: impl Iterator<Item = T>) -> serde_json::Result<()> {
    for one in all {
        serde_json::to_writer(&mut *out, &one)?;
        out.push(b'\n');
    }
    Ok(())
}
