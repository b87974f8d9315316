//! One number for many.

/// The middle one of some numbers, or the mean of the two in the middle; `None`
/// without any.
pub fn median(numbers: impl IntoIterator<Item = f64>) -> Option<f64> {
    let sorted = sorted(numbers);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        return Some(sorted[middle]);
    }
    let lower = sorted.get(middle.checked_sub(1)?)?;
    Some(f64::midpoint(*lower, sorted[middle]))
}

/// The smallest of some numbers that at least this share of them, above 0 and at
/// most 1, does not exceed (the nearest-rank percentile); `None` without any.
pub fn percentile(numbers: impl IntoIterator<Item = f64>, share: f64) -> Option<f64> {
    let sorted = sorted(numbers);
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied()
}

/// The median of the ratios of pairs: each within its own round, so that what
/// disturbs a whole round disturbs no ratio.
pub fn median_ratio(pairs: impl IntoIterator<Item = (f64, f64)>) -> Option<f64> {
    median(pairs.into_iter().map(|(number, limit)| number / limit))
}

fn sorted(numbers: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut sorted: Vec<f64> = numbers.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests {
    use super::{median, median_ratio, percentile};

    #[test]
    fn the_median_is_in_the_middle_whatever_the_order() {
        for (numbers, expected) in [
            (&[][..], None),
            (&[3.0], Some(3.0)),
            (&[4.0, 1.0], Some(2.5)),
            (&[9.0, 1.0, 2.0], Some(2.0)),
            (&[9.0, 1.0, 2.0, 4.0], Some(3.0)),
        ] {
            assert_eq!(median(numbers.iter().copied()), expected, "{numbers:?}");
        }
    }

    #[test]
    fn a_percentile_is_the_number_of_the_nearest_rank() {
        let hundred = || (1..=100).rev().map(f64::from);
        for (share, expected) in [(0.99, 99.0), (0.5, 50.0), (0.991, 100.0), (1.0, 100.0)] {
            assert_eq!(percentile(hundred(), share), Some(expected), "{share}");
        }
        assert_eq!(percentile([7.0], 0.01), Some(7.0));
        assert_eq!(percentile([], 0.99), None);
    }

    #[test]
    fn a_round_in_which_all_was_slow_does_not_move_the_ratio() {
        let pairs = [(2.0, 1.0), (20.0, 10.0), (2.2, 1.0)];

        assert_eq!(median_ratio(pairs), Some(2.0));
        assert_eq!(median_ratio([]), None);
    }
}
