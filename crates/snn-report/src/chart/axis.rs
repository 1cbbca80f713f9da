//! The axes of a chart: where values lie, and the round numbers beside them.

use std::fmt::Write;

pub(crate) const WIDTH: f64 = 380.0;
pub(crate) const HEIGHT: f64 = 230.0;
const LEFT: f64 = 40.0;
const RIGHT: f64 = 10.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 34.0;

/// How values become heights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Equal steps are equally high.
    Linear,
    /// Equal ratios are equally high; values that are not positive are left out.
    Log,
}

impl Scale {
    /// Whether the scale has a place for that value.
    pub(crate) fn holds(self, value: f64) -> bool {
        value.is_finite() && (self == Self::Linear || value > 0.0)
    }
}

/// The frame of a chart.
pub(crate) struct Axes {
    scale: Scale,
    across: (f64, f64),
    bottom: f64,
    top: f64,
    ticks: Vec<f64>,
    marks: Vec<f64>,
}

impl Axes {
    /// Axes that hold all `points`; none where there is no point.
    pub(crate) fn around(points: &[(f64, f64)], scale: Scale) -> Option<Self> {
        let bounds = |f: fn(&(f64, f64)) -> f64| {
            points
                .iter()
                .map(f)
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)))
        };
        let (across, (low, high)) = (bounds(|p| p.0), bounds(|p| p.1));
        if points.is_empty() {
            return None;
        }
        let ticks = match scale {
            Scale::Linear => linear_ticks(low, high),
            Scale::Log => log_ticks(low, high),
        };
        let (bottom, top) = ends(&ticks, low, high);
        let marks = marks(points.iter().map(|p| p.0).collect());
        Some(Self { scale, across, bottom, top, ticks, marks })
    }

    pub(crate) fn x(&self, value: f64) -> f64 {
        let (first, last) = self.across;
        match last > first {
            true => LEFT + 8.0 + (value - first) / (last - first) * (WIDTH - LEFT - RIGHT - 16.0),
            false => (LEFT + WIDTH - RIGHT) / 2.0,
        }
    }

    pub(crate) fn y(&self, value: f64) -> f64 {
        let up = |v: f64| if self.scale == Scale::Log { v.ln() } else { v };
        let (bottom, top) = (up(self.bottom), up(self.top));
        HEIGHT - BOTTOM - (up(value) - bottom) / (top - bottom) * (HEIGHT - TOP - BOTTOM)
    }

    /// Title, grid, numbers and the name of what goes across.
    pub(crate) fn draw(&self, title: &str, across: &str) -> String {
        let mut svg = format!("<text class=\"title\" x=\"0\" y=\"14\">{title}</text>");
        for tick in &self.ticks {
            let at = self.y(*tick);
            let _ = write!(
                svg,
                "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{}\"/><text class=\"tick end\" x=\"{}\" y=\"{:.1}\">{tick}</text>",
                WIDTH - RIGHT,
                LEFT - 6.0,
                at + 4.0
            );
        }
        for mark in &self.marks {
            let (x, y) = (self.x(*mark), HEIGHT - 18.0);
            let _ = write!(svg, "<text class=\"tick mid\" x=\"{x:.1}\" y=\"{y}\">{mark}</text>");
        }
        let (middle, y) = ((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 4.0);
        let _ = write!(svg, "<text class=\"tick mid\" x=\"{middle}\" y=\"{y}\">{across}</text>");
        svg
    }
}

/// The first and the last tick, or the data where that reaches further.
fn ends(ticks: &[f64], low: f64, high: f64) -> (f64, f64) {
    let bottom = ticks.first().copied().unwrap_or(low).min(low);
    let top = ticks.last().copied().unwrap_or(high).max(high);
    if top > bottom { (bottom, top) } else { (bottom - 1.0, bottom + 1.0) }
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
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32 + 1);
    let all: Vec<f64> =
        (first..=last).flat_map(|e| [1.0, 2.0, 5.0].map(|m| round(m * 10f64.powi(e)))).collect();
    let from = all.iter().rposition(|v| *v <= low).unwrap_or(0);
    let to = all.iter().position(|v| *v >= high && *v > all[from]).unwrap_or(all.len() - 1);
    all[from..=to].to_vec()
}

/// The numbers below the chart: the data's own where they are few, else round ones.
fn marks(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values.dedup();
    let (Some(&first), Some(&last)) = (values.first(), values.last()) else { return Vec::new() };
    if values.len() <= 10 {
        return values;
    }
    linear_ticks(first, last).into_iter().filter(|tick| (first..=last).contains(tick)).collect()
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
        assert_eq!(log_ticks(1.0, 1.0), [1.0, 2.0]);
    }

    #[test]
    fn marks_are_the_datas_own_where_they_are_few() {
        assert_eq!(marks(vec![10.0, -6.0, 0.5, 10.0]), [-6.0, 0.5, 10.0]);
        let many = marks((1..=600).map(f64::from).collect());
        assert_eq!(many, [200.0, 400.0, 600.0]);
        assert!(marks(Vec::new()).is_empty());
    }

    #[test]
    fn one_value_lies_inside() {
        let axes = Axes::around(&[(3.0, 80.0)], Scale::Linear).unwrap();
        assert!((TOP..=HEIGHT - BOTTOM).contains(&axes.y(80.0)));
        assert!((LEFT..=WIDTH - RIGHT).contains(&axes.x(3.0)));
        assert!(Axes::around(&[], Scale::Log).is_none());
    }
}
