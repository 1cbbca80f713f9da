//! Mean and spread of a figure over runs.

/// The mean; 0 of nothing.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// The sample standard deviation; 0 of fewer than two.
///
/// # Equation
/// ```text
/// sqrt( sum_i (v_i - mean)^2 / (n - 1) )
/// ```
pub fn deviation(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / (values.len().max(2) - 1) as f64).sqrt()
}

/// `71.20`, of several `71.20 ± 0.35`, of none a dash.
pub fn spread(values: &[f64]) -> String {
    match values {
        [] => "–".into(),
        [one] => format!("{one:.2}"),
        _ => format!("{:.2} ± {:.2}", mean(values), deviation(values)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_spread_have_the_hand_computed_values() {
        assert_eq!((mean(&[1.0, 3.0]), deviation(&[1.0, 3.0])), (2.0, 2f64.sqrt()));
        assert_eq!((mean(&[]), deviation(&[5.0])), (0.0, 0.0));
        assert_eq!((&*spread(&[]), &*spread(&[5.0])), ("–", "5.00"));
        assert_eq!(spread(&[1.0, 3.0]), "2.00 ± 1.41");
    }
}
