//! Comma-separated values.

/// A head and lines of cells; those with a comma, a quotation mark or a line's end are quoted.
pub fn lines(head: &[&str], rows: impl IntoIterator<Item: IntoIterator<Item = String>>) -> String {
    let mut text = head.join(",") + "\n";
    for row in rows {
        let cells: Vec<String> = row.into_iter().map(|cell| quoted(&cell)).collect();
        text += &cells.join(",");
        text.push('\n');
    }
    text
}

fn quoted(cell: &str) -> String {
    match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell.into(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn cells_that_would_split_are_quoted() {
        let text = super::lines(&["a", "b"], [["x,\"y\"".to_owned(), "z".into()]]);
        assert_eq!(text, "a,b\n\"x,\"\"y\"\"\",z\n");
    }
}
