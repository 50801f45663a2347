//! Standard output for the table, standard error for talk.

use std::fmt::Display;
use std::io::{self, Write as _};

use indicatif::{ProgressBar, ProgressStyle};

use crate::failure::Outcome;
use crate::row::Measured;

/// In which form the rows are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Writes one row as soon as it is measured: a JSON line, or a line of talk.
    pub(crate) fn row(self, row: &Measured) -> Outcome<()> {
        if self.json {
            return line(serde_json::to_string(row)?);
        }
        say(format!("{}: {}", row.row, row.note));
        Ok(())
    }

    /// Writes the table, unless the rows went out as JSON.
    pub(crate) fn table(self, rows: &[Measured]) -> Outcome<()> {
        if self.json || rows.is_empty() {
            return Ok(());
        }
        let titles = ["row", "ours", "reference", "ratio", "mark", "met"].map(str::to_owned);
        let lines: Vec<_> =
            std::iter::once(titles).chain(rows.iter().map(Measured::cells)).collect();
        aligned(&lines).into_iter().try_for_each(line)
    }
}

/// Pads every cell to the width of its column.
fn aligned<const N: usize>(lines: &[[String; N]]) -> Vec<String> {
    let mut widths = [0; N];
    for cells in lines {
        for (width, cell) in widths.iter_mut().zip(cells) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let pad = |cells: &[String; N]| {
        let cells = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    lines.iter().map(pad).collect()
}

/// Writes one line to standard output.
pub(crate) fn line(text: impl Display) -> Outcome<()> {
    match writeln!(io::stdout(), "{text}") {
        // Whoever read the table has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => Ok(done?),
    }
}

/// Tells the person who waits what is going on.
pub(crate) fn say(text: impl Display) {
    // With standard error gone there is nobody to tell.
    writeln!(io::stderr(), "{text}").ok();
}

/// Returns a bar for long work, with its speed.
pub(crate) fn bar(what: &str, total: u64) -> ProgressBar {
    let style = "{msg:<24} {wide_bar} {human_pos}/{human_len} {per_sec} {eta}";
    let style = ProgressStyle::with_template(style).expect("the template is fixed text");
    ProgressBar::new(total).with_style(style).with_message(what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let lines = [["a", "b"], ["long", "≥ 1"]].map(|line| line.map(str::to_owned));
        assert_eq!(aligned(&lines), ["a     b", "long  ≥ 1"]);
    }
}
