//! Points that became a part of the rest.

use super::*;

/// A point of the rest at `site`.
fn rest(site: Site, acquisitions: u64) -> Point {
    Point {
        acquisitions,
        ..Point::new(Lock::rest(), AcquireMode::Exclusive, site)
    }
}

fn at(lock: &str, line: u32, acquisitions: u64) -> Point {
    let lock = Lock::Named(lock.into());
    Point {
        acquisitions,
        ..Point::new(lock, AcquireMode::Exclusive, Site::new("a.rs", line, 1))
    }
}

fn counts(interval: &Snapshot) -> Vec<(String, u64)> {
    let points = interval.points().iter();
    let mut counts: Vec<_> = points
        .map(|point| (format!("{} {}", point.lock, point.site), point.acquisitions))
        .collect();
    counts.sort();
    counts
}

#[test]
fn a_point_that_became_a_part_of_the_rest_is_subtracted_there() -> TestResult {
    let earlier = make(1, vec![at("a", 1, 10), at("b", 2, 20), at("c", 3, 30)]);
    let later = make(
        2,
        vec![
            // The rest at `b`'s site has `b` and 4 others. `a` is in the rest without a site. `c`
            // came back with 5.
            rest(Site::new("a.rs", 2, 1), 24),
            rest(Site::rest(), 10 + 30 + 1),
            at("c", 3, 5),
        ],
    );
    let interval = later.since(&earlier)?;
    let expected = [("(rest) (rest)", 1), ("(rest) a.rs:2", 4), ("c a.rs:3", 5)];
    assert_eq!(
        counts(&interval),
        expected.map(|(name, n)| (name.to_owned(), n))
    );
    // If the rest lacks the figures, the point went backwards after all.
    let less = make(2, vec![rest(Site::rest(), 59)]);
    assert!(matches!(
        less.since(&earlier),
        Err(SinceError::Backwards {
            earlier: 60,
            later: 59,
            ..
        })
    ));
    Ok(())
}
