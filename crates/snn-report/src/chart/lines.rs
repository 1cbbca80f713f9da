//! A line chart: one line for each series, with a band where runs spread.

use std::fmt::Write;

use super::axis::{Axes, HEIGHT, Scale, WIDTH};
use crate::escape;
use crate::page::series;

/// A line with more points than this has a dot at its end only.
const MOST_DOTS: usize = 12;

/// A point of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// Across.
    pub x: f64,
    /// Up.
    pub y: f64,
    /// How far a band reaches to either side of it; 0 for none.
    pub spread: f64,
}

/// A line of a chart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    /// Its name, for whoever hovers over it.
    pub label: String,
    /// From left to right. Those that are not finite are left out.
    pub points: Vec<Point>,
}

/// Lines over one axis. A line's place decides its colour.
#[derive(Clone, Copy, Debug)]
pub struct LineChart<'a> {
    /// What goes up.
    pub title: &'a str,
    /// What goes across.
    pub across: &'a str,
    /// The lines.
    pub lines: &'a [Line],
    /// How values become heights.
    pub scale: Scale,
}

impl LineChart<'_> {
    /// The chart as SVG; nothing where there is nothing to draw.
    pub fn svg(&self) -> String {
        let fine = |p: &Point| p.x.is_finite() && self.scale.holds(p.y);
        let drawn: Vec<Vec<Point>> = self
            .lines
            .iter()
            .map(|line| line.points.iter().copied().filter(fine).collect())
            .collect();
        let reach = |p: &Point| [p.y, p.y - p.spread, p.y + p.spread].map(|y| (p.x, y));
        let mut all: Vec<(f64, f64)> = drawn.iter().flatten().flat_map(reach).collect();
        all.retain(|(_, y)| self.scale.holds(*y));
        let Some(axes) = Axes::around(&all, self.scale) else { return String::new() };
        let (title, across) = (escape(self.title), escape(self.across));
        let mut svg =
            format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\">");
        svg += &axes.draw(&title, &across);
        for (at, points) in drawn.iter().enumerate() {
            svg += &self.band(&axes, &series(at), points);
        }
        for (at, (line, points)) in self.lines.iter().zip(&drawn).enumerate() {
            let class = series(at);
            let places: Vec<(f64, f64)> =
                points.iter().map(|p| (axes.x(p.x), axes.y(p.y))).collect();
            let path: Vec<String> = places.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
            if path.is_empty() {
                continue;
            }
            let name = escape(&line.label);
            let _ = write!(svg, "<g class=\"{class}\"><title>{name}</title>");
            let _ = write!(svg, "<path class=\"line\" d=\"M{}\"/>", path.join("L"));
            let few = if places.len() <= MOST_DOTS { 0 } else { places.len() - 1 };
            for (x, y) in places.iter().skip(few) {
                let _ =
                    write!(svg, "<circle class=\"dot\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.5\"/>");
            }
            svg += "</g>";
        }
        svg + "</svg>"
    }

    fn band(&self, axes: &Axes, class: &str, points: &[Point]) -> String {
        if points.len() < 2 || points.iter().all(|p| p.spread == 0.0) {
            return String::new();
        }
        let edge = |p: &Point, y: f64| {
            // A logarithm ends above 0.
            let y = if self.scale.holds(y) { y } else { p.y };
            format!("{:.1} {:.1}", axes.x(p.x), axes.y(y))
        };
        let above = points.iter().map(|p| edge(p, p.y + p.spread));
        let below = points.iter().rev().map(|p| edge(p, p.y - p.spread));
        let path: Vec<String> = above.chain(below).collect();
        format!("<path class=\"band {class}\" d=\"M{}Z\"/>", path.join("L"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(points: &[(f64, f64)], spread: f64, scale: Scale) -> String {
        let points = points.iter().map(|&(x, y)| Point { x, y, spread }).collect();
        let lines = [Line { label: "a<b".into(), points }];
        LineChart { title: "t & u", across: "epoch", lines: &lines, scale }.svg()
    }

    #[test]
    fn drawing_survives_what_runs_leave() {
        assert_eq!(draw(&[], 0.0, Scale::Log), "");
        assert_eq!(draw(&[(1.0, 0.0)], 0.0, Scale::Log), "");
        for points in [&[(1.0, 70.0)][..], &[(1.0, 70.0), (2.0, f64::NAN), (3.0, 70.0)]] {
            for (scale, spread) in
                [(Scale::Linear, 0.0), (Scale::Log, 0.0), (Scale::Log, 99.0), (Scale::Linear, 5.0)]
            {
                let svg = draw(points, spread, scale);
                assert!(svg.contains("</svg>") && !svg.contains("NaN"), "{svg}");
                assert!(!svg.contains("inf"), "{svg}");
            }
        }
    }

    #[test]
    fn names_are_escaped_and_bands_and_dots_are_there() {
        let svg = draw(&[(1.0, 10.0), (2.0, 30.0)], 5.0, Scale::Linear);
        assert!(svg.contains("<title>a&lt;b</title>") && svg.contains("t &amp; u"), "{svg}");
        assert_eq!((svg.matches("<circle").count(), svg.matches("class=\"band").count()), (2, 1));
        let long: Vec<_> = (0..40).map(|i| (f64::from(i), 1.0)).collect();
        let svg = draw(&long, 0.0, Scale::Linear);
        assert_eq!((svg.matches("<circle").count(), svg.matches("class=\"band").count()), (1, 0));
    }
}
