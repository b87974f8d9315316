//! How a cost grows with the size.

/// Exponent `e` of the cost `a * size^e` that comes nearest to the points, by least
/// squares of the logarithms; `None` without two sizes, or where a number is not above 0.
pub(crate) fn exponent(points: &[(f64, f64)]) -> Option<f64> {
    if points.iter().any(|(size, cost)| *size <= 0.0 || *cost <= 0.0) {
        return None;
    }
    let logs: Vec<_> = points.iter().map(|(size, cost)| (size.ln(), cost.ln())).collect();
    let count = logs.len() as f64;
    let mean_size = logs.iter().map(|(size, _)| size).sum::<f64>() / count;
    let mean_cost = logs.iter().map(|(_, cost)| cost).sum::<f64>() / count;
    let spread: f64 = logs.iter().map(|(size, _)| (size - mean_size).powi(2)).sum();
    let common: f64 = logs.iter().map(|(size, cost)| (size - mean_size) * (cost - mean_cost)).sum();
    (spread > 0.0).then(|| common / spread)
}

#[cfg(test)]
mod tests {
    use super::exponent;

    fn near(points: &[(f64, f64)], expected: f64) {
        let found = exponent(points).expect("an exponent");
        assert!((found - expected).abs() < 1e-9, "{found} {expected}");
    }

    #[test]
    fn a_power_is_found_whatever_its_factor() {
        for expected in [0.0, 1.0, 1.15, 2.0] {
            let cost = |size: f64| 0.3 * size.powf(expected);
            near(&[1e3, 3e3, 1e4].map(|size| (size, cost(size))), expected);
        }
    }

    #[test]
    fn what_lies_beside_is_evened_out() {
        near(&[(1.0, 2.0), (1.0, 0.5), (10.0, 20.0), (10.0, 5.0)], 1.0);
    }

    #[test]
    fn less_than_two_sizes_have_none() {
        for points in [&[][..], &[(1.0, 1.0)], &[(2.0, 1.0), (2.0, 3.0)], &[(1.0, 0.0), (2.0, 1.0)]]
        {
            assert_eq!(exponent(points), None, "{points:?}");
        }
    }
}
