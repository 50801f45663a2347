//! Compares rebuilt read models with the live ones, byte for byte.

use ledger_store::tables::printable;
use ledger_store::{Row, Rows};

use super::Selected;
use super::fresh::tables;
use crate::errors::Fault;
use crate::models::Models;

/// Both sides of one read model, as of the moment they were opened.
pub(crate) struct Pair<'a> {
    name: String,
    live: Rows<'a>,
    fresh: Rows<'a>,
}

impl<'a> Pair<'a> {
    /// Opens both sides of every wanted model. Later writes are not visible.
    pub(crate) fn open(live: &'a Models, fresh: &'a Models, wanted: Selected) -> Vec<Self> {
        tables(live)
            .into_iter()
            .zip(tables(fresh))
            .zip(wanted)
            .filter(|(_, wanted)| *wanted)
            .map(|((of_live, of_fresh), _)| Self {
                name: of_live.name().to_owned(),
                live: live.store.scan_all(&of_live, &[]),
                fresh: fresh.store.scan_all(&of_fresh, &[]),
            })
            .collect()
    }
}

/// Returns a description of the first difference, if there is one.
pub(crate) fn first_difference(pairs: Vec<Pair<'_>>) -> Result<Option<String>, Fault> {
    for Pair { name, mut live, mut fresh } in pairs {
        loop {
            let (left, right) = (next(&mut live)?, next(&mut fresh)?);
            if let Some(difference) = difference(left.as_ref(), right.as_ref()) {
                return Ok(Some(format!("table {name}: {difference}")));
            }
            if left.is_none() {
                break;
            }
        }
    }
    Ok(None)
}

fn next(rows: &mut Rows<'_>) -> Result<Option<Row>, Fault> {
    rows.next().transpose().map_err(Fault::from)
}

fn difference(live: Option<&Row>, fresh: Option<&Row>) -> Option<String> {
    match (live, fresh) {
        (Some((key, _)), None) => Some(format!("row {} is only in the live model", printable(key))),
        (None, Some((key, _))) => {
            Some(format!("row {} is only in the rebuilt one", printable(key)))
        }
        (Some((left, _)), Some((right, _))) if left != right => {
            let (first, side) =
                if left < right { (left, "live model") } else { (right, "rebuilt one") };
            Some(format!("row {} is only in the {side}", printable(first)))
        }
        (Some((key, left)), Some((_, right))) if left != right => {
            let at = left.iter().zip(right).position(|(a, b)| a != b);
            let at = at.unwrap_or_else(|| left.len().min(right.len()));
            Some(format!("row {} differs from byte {at} on", printable(key)))
        }
        _ => None,
    }
}
