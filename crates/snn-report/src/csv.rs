//! Comma-separated values.

/// A head and lines of cells; those with a comma, a quotation mark or a line's end are quoted.
pub fn lines<const N: usize>(
    head: &[&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut text = head.join(",") + "\n";
    for row in rows {
        text += &row.map(|cell| quoted(&cell)).join(",");
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
        let text = super::lines(&["a", "b"], [["x,\"y\"".into(), "z".into()]]);
        assert_eq!(text, "a,b\n\"x,\"\"y\"\"\",z\n");
    }
}
