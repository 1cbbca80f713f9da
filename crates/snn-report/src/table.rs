//! A table of text: as HTML in a box that scrolls by itself, and as Markdown that can be read in a terminal.

use std::fmt::Write;

use crate::escape;

/// Columns with heads, and rows of cells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Column {
    head: String,
    is_text: bool,
}

impl Table {
    /// No columns yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more column, of words.
    #[must_use]
    pub fn text(self, head: impl Into<String>) -> Self {
        self.column(head.into(), true)
    }

    /// One more column, of numbers.
    #[must_use]
    pub fn number(self, head: impl Into<String>) -> Self {
        self.column(head.into(), false)
    }

    fn column(mut self, head: String, is_text: bool) -> Self {
        self.columns.push(Column { head, is_text });
        self
    }

    /// One more row, a cell for each column; missing cells are empty.
    pub fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        let mut cells: Vec<String> = cells.into_iter().map(Into::into).collect();
        cells.resize(self.columns.len(), String::new());
        self.rows.push(cells);
    }

    /// Whether it has no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table as HTML, its text escaped.
    pub fn html(&self) -> String {
        let mut html = String::from("<div class=\"table\"><table><thead><tr>");
        let class = |column: &Column| if column.is_text { " class=\"left\"" } else { "" };
        for column in &self.columns {
            let _ = write!(html, "<th{}>{}</th>", class(column), escape(&column.head));
        }
        html += "</tr></thead><tbody>";
        for row in &self.rows {
            html += "<tr>";
            for (column, cell) in self.columns.iter().zip(row) {
                let _ = write!(html, "<td{}>{}</td>", class(column), escape(cell));
            }
            html += "</tr>";
        }
        html + "</tbody></table></div>"
    }

    /// The table as Markdown, its columns padded.
    pub fn markdown(&self) -> String {
        let safe = |cell: &str| cell.replace('|', "\\|").replace(['\n', '\r'], " ");
        let heads = self.columns.iter().map(|column| safe(&column.head)).collect();
        let rows = self.rows.iter().map(|row| row.iter().map(|cell| safe(cell)).collect());
        let lines: Vec<Vec<String>> = std::iter::once(heads).chain(rows).collect();
        let width = |at: usize| lines.iter().map(|line| line[at].chars().count()).max();
        let widths: Vec<usize> =
            (0..self.columns.len()).map(|at| width(at).unwrap_or(0).max(3)).collect();
        let mut text = String::new();
        for (at, line) in lines.iter().enumerate() {
            for (cell, width) in line.iter().zip(&widths) {
                let _ = write!(text, "| {cell:<width$} ");
            }
            text += "|\n";
            if at == 0 {
                for (column, width) in self.columns.iter().zip(&widths) {
                    let end = if column.is_text { "-" } else { ":" };
                    let _ = write!(text, "|{}{end}", "-".repeat(width + 1));
                }
                text += "|\n";
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stand_under_their_heads_and_are_escaped() {
        let mut table = Table::new().text("run").number("top-1");
        assert!(table.is_empty());
        table.row(["a<b|c", "71.20"]);
        table.row(["short"]);
        let html = table.html();
        assert!(html.contains("<td class=\"left\">a&lt;b|c</td><td>71.20</td>"), "{html}");
        assert!(html.contains("<td class=\"left\">short</td><td></td>"), "{html}");
        let text =
            "| run    | top-1 |\n|--------|------:|\n| a<b\\|c | 71.20 |\n| short  |       |\n";
        assert_eq!(table.markdown(), text);
    }
}
