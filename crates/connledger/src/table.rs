//! Plain-text tables with aligned columns.

/// Between two columns.
const GAP: &str = "  ";
/// Characters that a cut cell keeps in any case.
const CELL_CHARS_KEPT: usize = 16;

/// Rows under headings.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Creates a table with headings and no rows.
    pub(crate) fn new(headings: &[&str]) -> Self {
        Self { rows: vec![headings.iter().map(ToString::to_string).collect()] }
    }

    /// Adds a row; an empty cell shows as a dash.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        let dashed = |cell: String| if cell.is_empty() { "-".to_owned() } else { cell };
        self.rows.push(cells.into_iter().map(dashed).collect());
    }

    /// Removes the column under a heading.
    pub(crate) fn drop_column(&mut self, heading: &str) {
        let headings = self.rows.first().map_or(&[][..], Vec::as_slice);
        if let Some(column) = headings.iter().position(|cell| cell == heading) {
            self.rows.iter_mut().for_each(|row| drop(row.remove(column)));
        }
    }

    /// Cuts cells of the last column so that lines have at most `line_chars` characters. If the
    /// other columns leave little room, lines are longer.
    pub(crate) fn cut_last_column(&mut self, line_chars: usize) {
        let widths = self.widths();
        let Some((_, others)) = widths.split_last() else { return };
        let taken: usize = others.iter().map(|width| width + GAP.len()).sum();
        let room = line_chars.saturating_sub(taken).max(CELL_CHARS_KEPT);
        for cell in self.rows.iter_mut().filter_map(|row| row.get_mut(others.len())) {
            if cell.chars().count() > room {
                *cell = cell.chars().take(room - 1).chain(['…']).collect();
            }
        }
    }

    /// Returns the lines, with aligned columns.
    pub(crate) fn lines(&self) -> Vec<String> {
        let widths = self.widths();
        let line = |row: &Vec<String>| {
            let padded = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            padded.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
        };
        self.rows.iter().map(line).collect()
    }

    /// Returns the width of each column.
    fn widths(&self) -> Vec<usize> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
        };
        (0..columns).map(width).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&["NAME", "STATE"]);
        table.row(["é".to_owned(), String::new()]);
        table.row(["openai-prod".to_owned(), "ok".to_owned()]);
        assert_eq!(table.lines(), ["NAME         STATE", "é            -", "openai-prod  ok"]);
    }

    #[test]
    fn a_column_can_be_dropped() {
        let mut table = Table::new(&["NAME", "OF", "STATE"]);
        table.row(["a".to_owned(), "b".to_owned(), "c".to_owned()]);
        table.drop_column("OF");
        assert_eq!(table.lines(), ["NAME  STATE", "a     c"]);
    }

    #[test]
    fn the_last_column_is_cut_to_the_line_but_stays_readable() {
        let mut table = Table::new(&["NAME", "REASON"]);
        table.row(["main".to_owned(), "é".repeat(60)]);
        table.cut_last_column(40);
        let lines = table.lines();
        assert_eq!(lines, ["NAME  REASON".to_owned(), format!("main  {}…", "é".repeat(33))]);
        table.cut_last_column(8);
        assert_eq!(table.lines()[1], format!("main  {}…", "é".repeat(15)));
    }
}
