//! Quantiles: the definition against brute force, and its edges.

use nexus_lockprof_snapshot::{Durations, Sample};

use crate::support::{Random, measured};

fn durations(pairs: &[(u64, f64)]) -> Durations {
    let sample = |&(value_ns, weight)| Sample { value_ns, weight };
    Durations {
        reservoir: pairs.iter().map(sample).collect(),
        ..Durations::default()
    }
}

#[track_caller]
fn check(pairs: &[(u64, f64)], cases: &[(f64, Option<u64>)]) {
    let durations = durations(pairs);
    for &(q, expected) in cases {
        assert_eq!(durations.quantile(q), expected, "q = {q}");
    }
}

#[test]
fn edges() {
    check(&[], &[(0.0, None), (0.5, None), (1.0, None)]);
    check(
        &[(7, 3.0)],
        &[(0.0, Some(7)), (0.5, Some(7)), (1.0, Some(7))],
    );
    let three = [(10, 1.0), (20, 1.0), (30, 2.0)];
    check(
        &three,
        &[
            (0.0, Some(10)),
            (0.25, Some(10)),
            (0.250001, Some(20)),
            (0.5, Some(20)),
            (0.500001, Some(30)),
            (1.0, Some(30)),
            (-3.0, Some(10)),
            (7.0, Some(30)),
            (f64::INFINITY, Some(30)),
            (f64::NEG_INFINITY, Some(10)),
            (f64::NAN, None),
        ],
    );
}

#[test]
fn samples_without_a_weight_count_for_nothing() {
    check(
        &[
            (1, 0.0),
            (2, -5.0),
            (3, f64::NAN),
            (4, f64::INFINITY),
            (5, 1.0),
        ],
        &[(0.0, Some(5)), (1.0, Some(5))],
    );
    check(&[(1, f64::NAN)], &[(0.5, None)]);
}

/// The k-th of n equal samples is the k/n-quantile, for every k and n: q * n causes no rounding
/// error.
#[test]
fn shares_of_whole_weights_are_exact() {
    for n in 1..=150_u32 {
        let all = measured(&(1..=u64::from(n)).collect::<Vec<_>>());
        for k in 1..=n {
            let q = f64::from(k) / f64::from(n);
            assert_eq!(all.quantile(q), Some(u64::from(k)), "{k} of {n}");
        }
    }
}

/// With whole weights, a sample of weight w equals w samples of weight 1.
#[test]
fn weighted_equals_repeated() {
    let mut random = Random(0x5EED);
    for _ in 0..100 {
        let mut pairs = Vec::new();
        let mut repeated = Vec::new();
        for _ in 0..=random.below(40) {
            let (value, weight) = (random.below(50), 1 + random.below(9));
            pairs.push((value, weight as f64));
            repeated.extend((0..weight).map(|_| value));
        }
        pairs.sort_by_key(|&(value, _)| value);
        repeated.sort_unstable();
        let durations = durations(&pairs);
        for percent in 0..=100_usize {
            // The smallest value v with (number of values <= v) / n >= percent / 100, in integers.
            let n = repeated.len();
            let reaches =
                |v: u64| 100 * repeated.iter().filter(|&&x| x <= v).count() >= percent * n;
            let expected = repeated.iter().copied().find(|&v| reaches(v));
            assert_eq!(
                durations.quantile(percent as f64 / 100.0),
                expected,
                "{percent} % of {pairs:?}"
            );
        }
    }
}

#[test]
fn several_at_once_are_each_alone() {
    let mut random = Random(0xBEEF);
    let mut pairs: Vec<_> = (0..200)
        .map(|_| (random.next(), 1.0 + random.below(1_000) as f64 / 7.0))
        .collect();
    pairs.sort_by_key(|&(value, _)| value);
    let mut durations = durations(&pairs);
    let qs = [0.99, 0.0, f64::NAN, 0.5, 0.5, 1.0];
    assert_eq!(durations.quantiles(qs), qs.map(|q| durations.quantile(q)));
    assert_eq!(durations.quantiles([]), []);
    let [p50, p95, p99] = durations.quantiles([0.5, 0.95, 0.99]);
    assert_eq!(
        [p50, p95, p99],
        [durations.p50_ns(), durations.p95_ns(), durations.p99_ns()]
    );
    assert!(p50 < p95 && p95 < p99, "{p50:?} {p95:?} {p99:?}");

    durations.recent = durations.reservoir[100..].iter().copied().collect();
    durations.reservoir = durations.reservoir[..100].iter().copied().collect();
    assert_eq!(durations.recent_quantile(0.0), pairs.get(100).map(|p| p.0));
    assert_eq!(durations.quantile(1.0), pairs.get(99).map(|p| p.0));
}

#[test]
fn estimates() {
    let exact = measured(&[1, 2, 4]);
    assert!(!exact.is_estimate());
    assert_eq!((exact.standard_error_ns(), exact.mean_ns()), (0.0, Some(2)));

    let scaled = Durations {
        events: 4,
        ..exact.clone()
    };
    assert!(scaled.is_estimate(), "3 of 4 were measured");
    assert_eq!(scaled.mean_ns(), Some(1));
    assert_eq!(scaled.relative_standard_error(), Some(0.0));
    let varying = Durations {
        total_variance: 9.0,
        ..scaled
    };
    assert_eq!(varying.standard_error_ns(), 3.0);
    assert_eq!(varying.relative_standard_error(), Some(3.0 / 7.0));
    let each_for_more_than_itself = Durations {
        events: 3,
        ..varying.clone()
    };
    assert!(each_for_more_than_itself.is_estimate());
    let all = Durations {
        total_variance: 0.0,
        ..each_for_more_than_itself
    };
    assert!(!all.is_estimate());
    assert_eq!(all.relative_standard_error(), None);
    let instant = Durations {
        total_ns: 0,
        ..varying.clone()
    };
    assert_eq!(instant.relative_standard_error(), None);
    assert!(Durations::default().is_empty());
    assert!(!varying.is_empty());
}

#[test]
fn counted_and_not_measured() {
    let counted = Durations {
        events: 4,
        ..Durations::default()
    };
    assert!(!counted.is_estimate());
    assert_eq!(counted.mean_ns(), None);
    assert_eq!(counted.relative_standard_error(), None);
    assert!(!counted.is_empty());
}
