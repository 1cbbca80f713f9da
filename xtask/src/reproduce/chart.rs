//! One line chart as inline SVG. Colours and dashes come from the page's style sheet, by the method's class.

use std::fmt::Write;

const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 230.0;
const LEFT: f64 = 44.0;
const RIGHT: f64 = 78.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 30.0;
/// Labels at the lines' ends are kept this far apart.
const LABEL_GAP: f64 = 12.0;

/// A line of a chart.
pub(super) struct Line {
    pub(super) label: String,
    pub(super) class: String,
    pub(super) points: Vec<(f64, f64)>,
}

/// How values become heights.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Scale {
    Linear,
    Log,
}

/// A chart with a title, epochs to the right and values upwards. Nothing to draw gives nothing.
pub(super) fn draw(title: &str, lines: &[Line], scale: Scale) -> String {
    let fine = |v: f64| v.is_finite() && (scale == Scale::Linear || v > 0.0);
    let points = || lines.iter().flat_map(|line| &line.points).filter(|p| fine(p.1));
    let bounds = |f: fn(&(f64, f64)) -> f64| {
        points().map(f).fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)))
    };
    let ((x0, x1), (low, high)) = (bounds(|p| p.0), bounds(|p| p.1));
    if x0 > x1 {
        return String::new();
    }
    let ticks = match scale {
        Scale::Linear => linear_ticks(low, high),
        Scale::Log => log_ticks(low, high),
    };
    let up = |v: f64| if scale == Scale::Log { v.ln() } else { v };
    let (bottom, top) = ends(&ticks, low, high);
    let x = |v: f64| LEFT + (v - x0) / (x1 - x0).max(1e-9) * (WIDTH - LEFT - RIGHT);
    let y = |v: f64| {
        HEIGHT - BOTTOM - (up(v) - up(bottom)) / (up(top) - up(bottom)) * (HEIGHT - TOP - BOTTOM)
    };

    let mut svg =
        format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\">");
    let _ = write!(svg, "<text class=\"title\" x=\"0\" y=\"14\">{title}</text>");
    for tick in &ticks {
        let (at, right) = (y(*tick), WIDTH - RIGHT);
        let _ = write!(svg, "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{right}\"/>");
        let _ = write!(
            svg,
            "<text class=\"tick end\" x=\"{}\" y=\"{:.1}\">{tick}</text>",
            LEFT - 6.0,
            at + 4.0
        );
    }
    for epoch in epochs(x0, x1) {
        let _ = write!(
            svg,
            "<text class=\"tick mid\" x=\"{:.1}\" y=\"{}\">{epoch}</text>",
            x(epoch),
            HEIGHT - 14.0
        );
    }
    let _ = write!(
        svg,
        "<text class=\"tick mid\" x=\"{}\" y=\"{}\">epoch</text>",
        (LEFT + WIDTH - RIGHT) / 2.0,
        HEIGHT - 2.0
    );
    let mut ends = Vec::new();
    for line in lines {
        let at: Vec<_> =
            line.points.iter().filter(|p| fine(p.1)).map(|p| (x(p.0), y(p.1))).collect();
        let path: Vec<String> = at.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
        let Some(&(end_x, end_y)) = at.last() else { continue };
        let _ = write!(svg, "<path class=\"line {}\" d=\"M{}\"/>", line.class, path.join("L"));
        let _ = write!(
            svg,
            "<circle class=\"dot {}\" cx=\"{end_x:.1}\" cy=\"{end_y:.1}\" r=\"2.5\"/>",
            line.class
        );
        ends.push((end_y, line));
    }
    for (at, line) in spread(ends) {
        let _ = write!(
            svg,
            "<text class=\"name {}\" x=\"{}\" y=\"{:.1}\">{}</text>",
            line.class,
            WIDTH - RIGHT + 8.0,
            at + 4.0,
            line.label
        );
    }
    svg + "</svg>"
}

/// Moves labels apart, and back up where they would leave the chart.
fn spread(mut ends: Vec<(f64, &Line)>) -> Vec<(f64, &Line)> {
    ends.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut least = TOP;
    for (at, _) in &mut ends {
        *at = at.max(least);
        least = *at + LABEL_GAP;
    }
    let mut most = HEIGHT - BOTTOM;
    for (at, _) in ends.iter_mut().rev() {
        *at = at.min(most);
        most = *at - LABEL_GAP;
    }
    ends
}

/// The first and the last tick, or the data where that reaches further.
fn ends(ticks: &[f64], low: f64, high: f64) -> (f64, f64) {
    let bottom = ticks.first().copied().unwrap_or(low).min(low);
    let top = ticks.last().copied().unwrap_or(high).max(high);
    if top > bottom { (bottom, top) } else { (bottom * 0.5, bottom * 1.5 + 1.0) }
}

/// Round values below, between and above: 1, 2 or 5 times a power of ten apart, about five of them.
fn linear_ticks(low: f64, high: f64) -> Vec<f64> {
    let rough = ((high - low) / 4.0).max(0.1);
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|s| *s >= rough * 0.999);
    let step = step.unwrap_or(rough);
    let (first, last) = ((low / step).floor() as i64, (high / step).ceil() as i64);
    (first..=last).map(|i| round(i as f64 * step)).collect()
}

/// 1, 2 and 5 times the powers of ten, from below to above.
fn log_ticks(low: f64, high: f64) -> Vec<f64> {
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let all: Vec<f64> =
        (first..=last).flat_map(|e| [1.0, 2.0, 5.0].map(|m| round(m * 10f64.powi(e)))).collect();
    let from = all.iter().rposition(|v| *v <= low).unwrap_or(0);
    let to = all.iter().position(|v| *v >= high).unwrap_or(all.len() - 1);
    all[from..=to].to_vec()
}

/// At most seven whole epochs, the first and the last among them.
fn epochs(first: f64, last: f64) -> Vec<f64> {
    let step = ((last - first) / 6.0).ceil().max(1.0);
    let count = ((last - first) / step).floor() as i64;
    (0..=count).map(|i| last - i as f64 * step).collect()
}

/// Drops the digits that only binary fractions have.
fn round(v: f64) -> f64 {
    (v * 1e9).round() / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_enclose_the_data() {
        assert_eq!(linear_ticks(62.3, 88.9), [60.0, 70.0, 80.0, 90.0]);
        assert_eq!(linear_ticks(80.0, 80.0), [80.0]);
        assert_eq!(log_ticks(0.31, 6.2), [0.2, 0.5, 1.0, 2.0, 5.0, 10.0]);
        assert_eq!(epochs(1.0, 6.0), [6.0, 5.0, 4.0, 3.0, 2.0, 1.0]);
        assert_eq!(epochs(1.0, 600.0).len(), 6);
    }

    #[test]
    fn drawing_survives_what_runs_leave() {
        let line = |points: &[(f64, f64)]| Line {
            label: "TKS".into(),
            class: "tks".into(),
            points: points.to_vec(),
        };
        assert_eq!(draw("t", &[], Scale::Log), "");
        assert_eq!(draw("t", &[line(&[(1.0, 0.0)])], Scale::Log), "");
        for points in [&[(1.0, 70.0)][..], &[(1.0, 70.0), (2.0, f64::NAN), (3.0, 70.0)]] {
            for scale in [Scale::Linear, Scale::Log] {
                let svg = draw("t", &[line(points)], scale);
                assert!(
                    svg.contains("</svg>") && !svg.contains("NaN") && !svg.contains("inf"),
                    "{svg}"
                );
            }
        }
    }

    #[test]
    fn labels_keep_apart_inside_the_chart() {
        let line = Line { label: String::new(), class: String::new(), points: Vec::new() };
        let placed = spread(vec![(198.0, &line), (199.0, &line), (30.0, &line), (199.5, &line)]);
        let at: Vec<f64> = placed.iter().map(|(at, _)| *at).collect();
        assert_eq!(at, [30.0, 176.0, 188.0, 200.0]);
    }
}
