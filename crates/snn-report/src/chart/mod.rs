//! Charts as inline SVG. Colours and dashes come from the page's style sheet, by the place of the series.

mod axis;
mod confusion;
mod lines;
mod scatter;

pub use axis::Scale;
pub(crate) use confusion::confusion;
pub use lines::{Line, LineChart, Point};
pub use scatter::{Dot, scatter};
