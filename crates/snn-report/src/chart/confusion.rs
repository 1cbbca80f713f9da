//! A confusion matrix as SVG.

use std::fmt::Write;

use crate::escape;

const WIDTH: f64 = 380.0;
const LEFT: f64 = 100.0;
const TOP: f64 = 38.0;
/// Classes whose cells have room for a number.
const NUMBERED: usize = 12;
/// Characters of a class's name that fit beside its row.
const NAME: usize = 17;

/// Rows of labels and columns of answers, shaded by the share of the row's samples.
///
/// # Shapes
/// - `names`: K
/// - `counts`: K rows of K
pub(crate) fn confusion(title: &str, names: &[String], counts: &[Vec<usize>]) -> String {
    let k = names.len().max(1);
    let side = (WIDTH - LEFT) / k as f64;
    let font = side.min(11.0);
    let title = escape(title);
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {:.1}\" role=\"img\" aria-label=\"confusion matrix: {title}\">\
         <text class=\"title\" x=\"0\" y=\"14\">{title}</text>",
        TOP + side * k as f64 + 4.0
    );
    for (at, (name, row)) in names.iter().zip(counts).enumerate() {
        let (y, all) = (TOP + side * at as f64, row.iter().sum::<usize>().max(1));
        let short: String = name.chars().take(NAME).collect();
        let _ = write!(
            svg,
            "<text class=\"end\" font-size=\"{font:.1}\" x=\"{}\" y=\"{:.1}\">{} {at}</text>",
            LEFT - 4.0,
            y + side / 2.0 + font / 3.0,
            escape(&short)
        );
        if k <= 2 * NUMBERED {
            let x = LEFT + side * (at as f64 + 0.5);
            let _ = write!(svg, "<text class=\"mid\" x=\"{x:.1}\" y=\"{}\">{at}</text>", TOP - 5.0);
        }
        for (answer, &n) in row.iter().enumerate().filter(|(_, n)| **n > 0) {
            let (x, share) = (LEFT + side * answer as f64, n as f64 / all as f64);
            let class = if answer == at { "s2" } else { "s3" };
            let _ = write!(
                svg,
                "<g class=\"{class}\"><title>{} taken for {}: {n}</title><rect class=\"cell\" x=\"{x:.1}\" y=\"{y:.1}\" \
                 width=\"{side:.1}\" height=\"{side:.1}\" fill-opacity=\"{share:.3}\"/>",
                escape(name),
                names.get(answer).map_or(String::new(), |name| escape(name))
            );
            if k <= NUMBERED {
                let on = if share > 0.5 { " on" } else { "" };
                let (x, y) = (x + side / 2.0, y + side / 2.0 + 3.5);
                let _ = write!(svg, "<text class=\"mid{on}\" x=\"{x:.1}\" y=\"{y:.1}\">{n}</text>");
            }
            svg += "</g>";
        }
    }
    let size = side * k as f64;
    let _ = write!(
        svg,
        "<rect class=\"frame\" x=\"{LEFT}\" y=\"{TOP}\" width=\"{size:.1}\" height=\"{size:.1}\"/>"
    );
    svg + "</svg>"
}

#[cfg(test)]
mod tests {
    use super::confusion;

    #[test]
    fn every_count_has_its_cell() {
        let names = ["a<".to_string(), "b".to_string()];
        let svg = confusion("t", &names, &[vec![3, 1], vec![0, 4]]);
        assert_eq!(svg.matches("class=\"cell\"").count(), 3);
        assert!(
            svg.contains("a&lt; taken for b: 1") && svg.contains("fill-opacity=\"0.250\""),
            "{svg}"
        );
        assert!(confusion("t", &[], &[]).ends_with("</svg>"));
    }
}
