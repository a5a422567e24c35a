//! The waiting of a point, by call stack.

use nexus_lockprof_snapshot::{Point, Stack};

/// A part of a point's contentions and waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share<'a> {
    /// The call stack; `None` for the part without a known stack.
    pub(crate) stack: Option<&'a Stack>,
    pub(crate) contentions: u64,
    pub(crate) wait_ns: u64,
}

/// Splits a point's contentions and waiting among its stacks. The rest comes last: short waits, and
/// long ones without a recorded stack. The shares add up to the point's totals, to the unit.
///
/// The wait of a stack is an estimate, while the point counts exactly. If the stacks add up to more
/// than the point, one common factor scales them down.
pub(crate) fn shares(point: &Point) -> Vec<Share<'_>> {
    let sum = |of: fn(&Stack) -> u64| point.callers.iter().map(|s| u128::from(of(s))).sum();
    let (waits, wait_ns): (u128, u128) = (sum(|s| s.waits), sum(|s| s.wait_ns));
    let mut rest = Share {
        stack: None,
        contentions: point.contentions,
        wait_ns: point.wait.total_ns,
    };
    let mut shares = Vec::with_capacity(point.callers.len() + 1);
    for stack in &point.callers {
        let share = Share {
            stack: Some(stack),
            contentions: part(stack.waits, waits, point.contentions),
            wait_ns: part(stack.wait_ns, wait_ns, point.wait.total_ns),
        };
        rest.contentions = rest.contentions.saturating_sub(share.contentions);
        rest.wait_ns = rest.wait_ns.saturating_sub(share.wait_ns);
        shares.push(share);
    }
    shares.push(rest);
    shares
}

/// Scales `value`, one of several that add up to `sum`, so that together they stay within `total`.
/// Rounds down.
fn part(value: u64, sum: u128, total: u64) -> u64 {
    if sum <= u128::from(total) {
        return value;
    }
    let scaled = u128::from(value) * u128::from(total) / sum;
    // At most `total`, since the value is at most the sum.
    u64::try_from(scaled).unwrap_or(total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nexus_lockprof_snapshot::{AcquireMode, Durations, Lock, Site};

    fn point(contentions: u64, total_ns: u64, stacks: &[(u64, u64)]) -> Point {
        let stack = |&(waits, wait_ns): &(u64, u64)| Stack {
            waits,
            wait_ns,
            ..Stack::default()
        };
        Point {
            contentions,
            wait: Durations {
                total_ns,
                ..Durations::default()
            },
            callers: stacks.iter().map(stack).collect(),
            ..Point::new(Lock::Anonymous, AcquireMode::Shared, Site::new("a", 1, 1))
        }
    }

    #[test]
    fn shares_are_together_the_point() {
        const MAX: u64 = u64::MAX;
        type Case<'a> = (u64, u64, &'a [(u64, u64)], &'a [(u64, u64)]);
        let cases: [Case<'_>; 5] = [
            (5, 100, &[], &[(5, 100)]),
            (5, 100, &[(1, 30), (2, 20)], &[(1, 30), (2, 20), (2, 50)]),
            // The stacks have twice the point's totals.
            (3, 100, &[(4, 150), (2, 50)], &[(2, 75), (1, 25), (0, 0)]),
            (
                2,
                100,
                &[(1, 70), (1, 70), (1, 70)],
                &[(0, 33), (0, 33), (0, 33), (2, 1)],
            ),
            (
                MAX,
                MAX,
                &[(MAX, MAX), (MAX, 0)],
                &[(MAX / 2, MAX), (MAX / 2, 0), (1, 0)],
            ),
        ];
        for (contentions, total_ns, stacks, expected) in cases {
            let point = point(contentions, total_ns, stacks);
            let shares = shares(&point);
            let found: Vec<_> = shares.iter().map(|s| (s.contentions, s.wait_ns)).collect();
            assert_eq!(found, expected);
            assert_eq!(shares.iter().filter(|s| s.stack.is_none()).count(), 1);
        }
    }
}
