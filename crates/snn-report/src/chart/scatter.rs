//! Dots in the plane, coloured by their series.

use std::fmt::Write;

use super::axis::WIDTH;
use crate::escape;
use crate::page::series;

const TOP: f64 = 24.0;
const MARGIN: f64 = 8.0;

/// A dot.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Dot {
    /// Across.
    pub x: f64,
    /// Up.
    pub y: f64,
    /// Its place in the legend.
    pub series: usize,
}

/// All dots in a square frame, both axes of one scale and without numbers. Dots that are not finite are left out.
pub fn scatter(title: &str, dots: &[Dot]) -> String {
    let title = escape(title);
    let side = WIDTH - 2.0;
    let fine = || dots.iter().filter(|dot| dot.x.is_finite() && dot.y.is_finite());
    let reach = |of: fn(&Dot) -> f64| {
        fine().map(of).fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)))
    };
    let ((left, right), (low, high)) = (reach(|dot| dot.x), reach(|dot| dot.y));
    let scale = (side - 2.0 * MARGIN) / (right - left).max(high - low).max(1e-9);
    let (x0, y0) = ((left + right) / 2.0, (low + high) / 2.0);
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {:.0}\" role=\"img\" aria-label=\"{title}\">\
         <text class=\"title\" x=\"0\" y=\"14\">{title}</text>\
         <rect class=\"frame\" x=\"1\" y=\"{TOP}\" width=\"{side}\" height=\"{side}\"/>",
        TOP + side + 2.0
    );
    let most = fine().map(|dot| dot.series).max().unwrap_or(0);
    for at in 0..=most {
        let _ = write!(svg, "<g class=\"{}\">", series(at));
        for dot in fine().filter(|dot| dot.series == at) {
            let (x, y) =
                (1.0 + side / 2.0 + (dot.x - x0) * scale, TOP + side / 2.0 - (dot.y - y0) * scale);
            let _ =
                write!(svg, "<circle class=\"dot small\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2\"/>");
        }
        svg += "</g>";
    }
    svg + "</svg>"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dot_is_inside_the_frame() {
        let dot = |x, y, series| Dot { x, y, series };
        let svg = scatter("a<b", &[dot(-50.0, 3.0, 0), dot(50.0, 4.0, 11), dot(f64::NAN, 0.0, 1)]);
        assert_eq!(svg.matches("<circle").count(), 2);
        assert!(svg.contains("cx=\"9.0\"") && svg.contains("cx=\"371.0\""), "{svg}");
        assert!(svg.contains("a&lt;b") && svg.contains("class=\"s1 again\""), "{svg}");
        assert!(scatter("", &[]).ends_with("</svg>"));
    }
}
