//! Plain-text tables with aligned columns, and lists of named values.

use crate::columns::{cut, one_line, pad, width};

/// Between two columns.
const GAP: &str = "  ";
/// Columns that a cut cell keeps in any case: a time to the minute, and the ellipsis.
const CELL_KEPT: usize = 17;
/// Widest cell to which others are aligned where lines may be of any length.
const ALIGNED_MAX: usize = 48;
/// What an empty cell shows.
const NOTHING: &str = "-";

/// Rows under headings.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
    /// Whether cells may be cut to make the table fit a terminal.
    may_be_cut: bool,
}

impl Table {
    /// Creates a table with headings and no rows.
    pub(crate) fn new(headings: &[&str]) -> Self {
        Self { rows: vec![headings.iter().map(ToString::to_string).collect()], may_be_cut: true }
    }

    /// Creates a table of texts that are of use only as a whole.
    pub(crate) fn of_texts(headings: &[&str]) -> Self {
        Self { may_be_cut: false, ..Self::new(headings) }
    }

    /// Adds a row; an empty cell shows as a dash.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        let shown = |cell: String| match one_line(&cell).trim() {
            "" => NOTHING.to_owned(),
            line => line.to_owned(),
        };
        self.rows.push(cells.into_iter().map(shown).collect());
    }

    /// Removes the column under a heading.
    pub(crate) fn drop_column(&mut self, heading: &str) {
        let headings = self.rows.first().map_or(&[][..], Vec::as_slice);
        if let Some(column) = headings.iter().position(|cell| cell == heading) {
            self.rows.iter_mut().for_each(|row| drop(row.remove(column)));
        }
    }

    /// Returns the lines with all that the table has, for a terminal of some width, or of any
    /// length. Where the columns do not fit, cells are cut; where too little of them would be left,
    /// each row becomes a block of lines.
    pub(crate) fn lines(&self, terminal: Option<usize>) -> Vec<String> {
        let Some(terminal) = terminal else {
            // One long cell moves only the rest of its own row.
            return self.aligned(&self.widths(ALIGNED_MAX));
        };
        let widths = self.widths(usize::MAX);
        if room_of(&widths) <= terminal {
            return self.aligned(&widths);
        }
        match narrowed(&widths, terminal).filter(|_| self.may_be_cut) {
            Some(widths) => self.cut(&widths).aligned(&widths),
            None => self.blocks(terminal),
        }
    }

    /// Returns the rows with cells of at least the given widths.
    fn aligned(&self, widths: &[usize]) -> Vec<String> {
        let line = |row: &Vec<String>| {
            let cells = row.iter().zip(widths).map(|(cell, width)| pad(cell, *width));
            cells.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
        };
        self.rows.iter().map(line).collect()
    }

    /// Returns the table with cells of at most the given widths.
    fn cut(&self, widths: &[usize]) -> Self {
        let row = |row: &Vec<String>| {
            let cells = row.iter().zip(widths).map(|(cell, width)| cut(cell, *width).into_owned());
            cells.collect()
        };
        Self { rows: self.rows.iter().map(row).collect(), may_be_cut: false }
    }

    /// Returns each row as lines of its own: its first cell, then the others with their headings.
    fn blocks(&self, terminal: usize) -> Vec<String> {
        let Some((headings, rows)) = self.rows.split_first() else { return Vec::new() };
        let mut lines = Vec::new();
        for row in rows {
            lines.extend(row.first().cloned());
            let cells = headings.iter().zip(row).skip(1).filter(|(_, cell)| *cell != NOTHING);
            let named = cells.map(|(heading, cell)| format!("{} {cell}", heading.to_lowercase()));
            lines.extend(flowed(named, terminal));
        }
        lines
    }

    /// Returns the width of each column, of which cells wider than `most` are no part.
    fn widths(&self, most: usize) -> Vec<usize> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let widest = |column: usize| {
            let widths = self.rows.iter().filter_map(|row| row.get(column)).map(|cell| width(cell));
            widths.filter(|width| *width <= most).max().unwrap_or_default()
        };
        (0..columns).map(widest).collect()
    }
}

/// Returns the width of a whole table.
fn room_of(widths: &[usize]) -> usize {
    widths.iter().sum::<usize>() + GAP.len() * widths.len().saturating_sub(1)
}

/// Narrows the widest columns alike until all fit; returns `None` if too little would be left.
fn narrowed(widths: &[usize], terminal: usize) -> Option<Vec<usize>> {
    let limited = |most: usize| widths.iter().map(|width| *width.min(&most)).collect::<Vec<_>>();
    let fits = |most: &usize| room_of(&limited(*most)) <= terminal;
    (CELL_KEPT..=terminal).take_while(fits).last().map(limited)
}

/// Puts words on lines that are indented and, where a word fits at all, no wider than a terminal.
fn flowed(words: impl Iterator<Item = String>, terminal: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if width(line) + GAP.len() + width(&word) <= terminal => {
                line.push_str(GAP);
                line.push_str(&word);
            }
            _ => lines.push(format!("{GAP}{word}")),
        }
    }
    lines
}

/// Returns lines with a name and a value each, the values aligned.
pub(crate) fn facts<N: AsRef<str>>(facts: &[(N, String)]) -> Vec<String> {
    let names: Vec<_> = facts.iter().map(|(name, _)| one_line(name.as_ref())).collect();
    let widths = names.iter().map(|name| width(name)).filter(|width| *width <= ALIGNED_MAX);
    let widest = widths.max().unwrap_or_default();
    let line = |(name, (_, value)): (_, &(N, String))| {
        format!("{}{GAP}{}", pad(name, widest), one_line(value)).trim_end().to_owned()
    };
    names.iter().map(AsRef::as_ref).zip(facts).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(headings: &[&str], rows: &[[&str; 3]]) -> Table {
        let mut table = Table::new(headings);
        for row in rows {
            table.row(row.map(str::to_owned));
        }
        table
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let table = table(&["NAME", "KIND", "STATE"], &[["請求", "", ""], ["openai", "a", "ok"]]);
        let expected = ["NAME    KIND  STATE", "請求    -     -", "openai  a     ok"];
        assert_eq!(table.lines(None), expected);
        assert_eq!(table.lines(Some(19)), expected);
    }

    #[test]
    fn a_column_can_be_dropped() {
        let mut table = table(&["NAME", "OF", "STATE"], &[["a", "b", "c"]]);
        table.drop_column("OF");
        assert_eq!(table.lines(None), ["NAME  STATE", "a     c"]);
    }

    #[test]
    fn one_long_cell_moves_only_its_own_row() {
        let long = "x".repeat(245);
        let lines = table(&["NAME", "KIND", "STATE"], &[["a", "b", "c"], [&long, "b", "c"]]);
        let lines = lines.lines(None);
        assert_eq!(lines[..2], ["NAME  KIND  STATE", "a     b     c"]);
        assert_eq!(lines[2], format!("{long}  b     c"));
    }

    #[test]
    fn the_widest_columns_are_cut_to_the_terminal() {
        let lines = table(&["NAME", "BY", "REASON"], &[["main", "x", &"é".repeat(60)]]);
        let lines = lines.lines(Some(40));
        assert_eq!(lines[0], "NAME  BY  REASON");
        assert_eq!(lines[1], format!("main  x   {}…", "é".repeat(29)));
    }

    #[test]
    fn a_row_is_a_block_of_lines_where_columns_do_not_fit() {
        let (long, reason) = ("x".repeat(60), "used up\nby the team");
        let mut table = table(&["NAME", "BY", "REASON"], &[[&long, "ada", reason], ["b", "", "c"]]);
        let expected = [&long, "  by ada", "  reason used up by the team", "b", "  reason c"];
        assert_eq!(table.lines(Some(30)), expected);
        table.may_be_cut = false;
        assert_eq!(table.lines(Some(60))[..2], [&long, "  by ada  reason used up by the team"]);
    }

    #[test]
    fn facts_keep_to_their_lines() {
        let list = [("name", "a\nb".to_owned()), ("config x\u{1b}", String::new())];
        assert_eq!(facts(&list), ["name            a b", "config x\\u{1b}"]);
    }
}
