//! Who is blamed for a wait.
//!
//! A wait that parked is divided among those who held the lock meanwhile. The sources are the holds
//! in the [`wait_log`](crate::record::wait_log) and two holders that the waiter met. The lock
//! published the first before the waiter parked, and the last when the waiter got it.
//! [`Wait::shares`] computes who gets what. `docs/decisions/0022-blame.md` explains why.

use crate::acquire::shares::{Blamed, Shares};
use crate::acquire::signal::Attempt;
use crate::acquire::thread;
use crate::core::Core;
use crate::identity::{HoldMode, HolderWord, PointKey, ThreadBits};
use crate::record::edges::Edge;
use crate::record::owner::Owner;
use crate::record::shard::Shard;
use crate::record::statistics::{Delta, Record};
use crate::record::tally::Measured;
use crate::record::wait_log::{ENTRIES, Hold, LOG, LockRef, Span};
use crate::sync::{Ordering::Relaxed, bump};

/// A finished wait, and what is known of those who caused it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wait {
    pub(crate) span: Span,
    /// Whether the log may know more because the waiter parked.
    pub(crate) parked: bool,
    /// The holder that the waiter met first.
    pub(crate) first: Option<Blamed>,
    /// The holder that published itself last before the wait ended.
    pub(crate) last: Option<Blamed>,
    /// Whether the waiter gave up while that holder was still inside.
    pub(crate) still_held: bool,
    /// The waiter's own upgradable hold, if it has one during the wait: its point and its start.
    pub(crate) own: Option<(PointKey, u64)>,
}

impl Blamed {
    fn of(hold: &Hold) -> Self {
        let &Hold { key, thread, .. } = hold;
        Blamed { key, thread }
    }
}

impl Wait {
    /// Who gets which part.
    pub(crate) fn shares(&self) -> Shares {
        let mut holds = Holds::new();
        if self.parked {
            LOG.overlapping(&self.span, |hold| {
                if self.may_wait_for(&hold) {
                    holds.add(hold);
                }
            });
        }
        self.shares_of(holds.by_end())
    }

    /// Whether the hold can have kept this waiter out.
    fn may_wait_for(&self, hold: &Hold) -> bool {
        // An upgradable holder lets readers in and can enter beside them. But a reader may wait for
        // readers, if a writer that waits for them is queued before it.
        let beside = self.mode() == HoldMode::Upgradable && is_shared(hold.key);
        hold.start < hold.end && !beside && self.own != Some((hold.key, hold.start))
    }

    fn mode(&self) -> HoldMode {
        self.span.key.site().mode()
    }

    /// The same, from `holds`, sorted by end, the latest first.
    fn shares_of(&self, holds: &[Hold]) -> Shares {
        let Span { start, end, .. } = self.span;
        let mut shares = Shares::new();
        shares.readers = readers_at_once(holds);
        if holds.is_empty() {
            self.share_of_met(&mut shares);
            return shares;
        }
        // Goes backwards in time. Each hold gets what no later end covers, so among readers that
        // were inside together, the last to leave counts. Nothing before `reached` is given out
        // yet.
        let mut reached = end;
        let mut later: Option<&Hold> = None;
        for hold in holds {
            if let Some(gap) = reached.checked_sub(hold.end).filter(|&gap| gap != 0) {
                match later {
                    None => self.share_of_last(&mut shares, hold, gap),
                    // The later holder already owned the lock but did not run yet.
                    Some(later) if was_handed(hold, later) => shares.add(Blamed::of(later), gap),
                    // The lock was free, or its holders are unknown. All share this gap in
                    // proportion.
                    Some(_) => {}
                }
            }
            let from = hold.start.max(start);
            let to = hold.end.min(reached);
            if from < to {
                shares.add(Blamed::of(hold), to - from);
                shares.met = Some(hold.key);
                reached = from;
                later = Some(hold);
            }
        }
        if let Some(gap) = reached.checked_sub(start).filter(|&gap| gap != 0) {
            match later {
                Some(earliest) if earliest.lock.has(LockRef::HANDED) => {
                    shares.add(Blamed::of(earliest), gap);
                }
                _ => {
                    if let Some(first) = self.first {
                        shares.add(first, gap);
                        shares.met = Some(first.key);
                    }
                }
            }
        }
        shares
    }

    /// Gives out the time between the last known hold and the end.
    fn share_of_last(&self, shares: &mut Shares, latest: &Hold, gap: u64) {
        let Some(last) = self.last else { return };
        // Among readers, only the last to enter is known, and it need not be the last to leave.
        // Nobody gets the time that the waiter takes to wake up.
        let is_another = last.key != latest.key && !is_shared(last.key);
        if self.still_held || is_another {
            shares.add(last, gap);
        }
    }

    /// Only the holders that the waiter met are known. Each gets half.
    fn share_of_met(&self, shares: &mut Shares) {
        let ticks = self.span.end.saturating_sub(self.span.start).max(2);
        // Readers that let in a reader are no reason for it to wait.
        let beside = self.mode() == HoldMode::Shared && !self.still_held;
        let last = (self.last).filter(|last| !(beside && is_shared(last.key)));
        let halves = match (self.first, last) {
            (Some(first), Some(last)) => [Some(first), Some(last)],
            (known, None) | (None, known) => [known, known],
        };
        let parts = [ticks - ticks / 2, ticks / 2];
        for (holder, ticks) in halves.into_iter().flatten().zip(parts) {
            shares.add(holder, ticks);
        }
        shares.met = halves[0].map(|holder| holder.key);
    }
}

fn is_shared(key: PointKey) -> bool {
    key.site().mode() == HoldMode::Shared
}

/// The most readers that were inside at once, of `holds`, sorted by end, the latest first.
fn readers_at_once(holds: &[Hold]) -> u64 {
    let readers = || holds.iter().filter(|hold| is_shared(hold.key));
    let mut starts = [0; ENTRIES];
    for (known, hold) in readers().enumerate() {
        // The latest first again; they are nearly in order.
        let mut at = known;
        while at > 0 && starts[at - 1] < hold.start {
            starts[at] = starts[at - 1];
            at -= 1;
        }
        starts[at] = hold.start;
    }
    // Goes backwards in time: a reader comes in at its end, and leaves at its start.
    let (mut started, mut most) = (0, 0);
    for (ended, hold) in readers().enumerate() {
        while started < ended && starts[started] >= hold.end {
            started += 1;
        }
        most = most.max(ended + 1 - started);
    }
    most as u64
}

/// Whether the lock went from `hold` to `later` without being free in between.
fn was_handed(hold: &Hold, later: &Hold) -> bool {
    later.lock.has(LockRef::HANDED) || hold.lock.was_fair() && later.lock.has(LockRef::QUEUED)
}

/// The holds that overlap a wait.
struct Holds {
    holds: [Hold; ENTRIES],
    len: usize,
}

impl Holds {
    fn new() -> Self {
        let none = Hold {
            lock: LockRef::from_address(0),
            engine: 0,
            key: PointKey(0),
            thread: ThreadBits::UNKNOWN,
            start: 0,
            end: 0,
        };
        Holds {
            holds: [none; ENTRIES],
            len: 0,
        }
    }

    fn add(&mut self, hold: Hold) {
        if let Some(slot) = self.holds.get_mut(self.len) {
            *slot = hold;
            self.len += 1;
        }
    }

    /// Sorts by end, the latest first. The holds are nearly sorted already. Of equals, the one
    /// found first stays first.
    fn by_end(&mut self) -> &[Hold] {
        let holds = &mut self.holds[..self.len];
        for sorted in 1..holds.len() {
            let mut at = sorted;
            while at > 0 && holds[at - 1].end < holds[at].end {
                holds.swap(at - 1, at);
                at -= 1;
            }
        }
        holds
    }
}

impl Core {
    /// Charges `measured`, which was a wait, to those who have a share in it. With `count`, also
    /// counts that they blocked a thread. `waiting` is the point of this shard at which the wait
    /// was recorded.
    pub(crate) fn blame(
        &self,
        shard: &Shard,
        owner: &Owner,
        waiting: Option<PointKey>,
        shares: &Shares,
        measured: Measured,
        count: bool,
    ) {
        shares.divide(measured.ns, |share, ns| {
            if let Some(record) = self.blamed(shard, owner, share.key) {
                let caused = Measured { ns, ..measured };
                let edge = self.edge_to(shard, owner, waiting, record);
                if let Some(edge) = edge {
                    edge.add_ns(caused.total_ns());
                    // Nothing is left that the record would have.
                    if caused.weight == 1 {
                        return;
                    }
                }
                let delta = Delta {
                    caused: Some(caused),
                    has_edge: edge.is_some(),
                    ..Delta::default()
                };
                self.add(shard, owner, record, &delta);
            }
        });
        if count
            && let Some(met) = shares.met
            && let Some(record) = self.blamed(shard, owner, met)
        {
            let edge = self.edge_to(shard, owner, waiting, record);
            bump(edge.map_or(&record.blocked, |edge| &edge.waits), 1);
        }
    }

    /// The holder that a lock publishes, if a waiter at `waiter` can name it.
    pub(crate) fn blamed_holder(&self, waiter: PointKey, holder: HolderWord) -> Option<Blamed> {
        let site = holder.site()?;
        let key = self.known_holder(waiter, site)?;
        // Of several readers, the lock names the last to enter.
        let thread = match key.site() == site {
            true => holder.thread(),
            false => ThreadBits::UNKNOWN,
        };
        Some(Blamed { key, thread })
    }

    /// The edge to a record of this shard.
    fn edge_to<'a>(
        &self,
        shard: &'a Shard,
        owner: &Owner,
        waiting: Option<PointKey>,
        record: &Record,
    ) -> Option<&'a Edge> {
        self.edge(shard, owner, waiting?, record.key, Attempt::Waits)
    }

    /// This thread's own record of a point that is blamed.
    fn blamed<'a>(&self, shard: &'a Shard, owner: &Owner, key: PointKey) -> Option<&'a Record> {
        let known = shard.hot.find(key);
        known.or_else(|| self.record(shard, owner, key, Attempt::Waits))
    }

    /// A measured hold ends while a thread is parked on the lock. Logs whose hold it was.
    #[cold]
    #[inline(never)]
    pub(crate) fn log_hold(&self, lock: LockRef, pending: &crate::record::pending::Pending) {
        // SAFETY: null, or a record of an engine that the lock keeps alive.
        let Some(record) = (unsafe { pending.record.load(Relaxed).as_ref() }) else {
            return;
        };
        // The record's word names the thread that acquired the lock, or a later one that has taken
        // over its shard.
        let thread = ThreadBits::from_published(record.published.load(Relaxed));
        let is_mine = thread == thread::bits();
        LOG.append(&Hold {
            lock: lock.with(pending.how_acquired()),
            engine: self.number,
            key: record.key,
            thread: if is_mine { thread } else { ThreadBits::UNKNOWN },
            start: pending.hold_start.load(Relaxed),
            end: pending.hold_end.load(Relaxed),
        });
        if self.slow.is_on() {
            pending.note_waiters(LOG.waiters(lock));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::SiteKey;
    use crate::identity::lock_class::number_of;
    use std::panic::Location;

    #[track_caller]
    fn at(mode: HoldMode) -> PointKey {
        let class = number_of("blame").unwrap();
        PointKey::new(SiteKey::new(Location::caller(), mode), class)
    }

    fn by_nobody(key: PointKey) -> Blamed {
        let thread = ThreadBits::UNKNOWN;
        Blamed { key, thread }
    }

    fn wait(first: Option<PointKey>, last: Option<PointKey>) -> Wait {
        Wait {
            span: Span {
                lock: LockRef::from_address(64),
                engine: 1,
                key: at(HoldMode::Exclusive),
                start: 100,
                end: 200,
            },
            parked: true,
            first: first.map(by_nobody),
            last: last.map(by_nobody),
            still_held: false,
            own: None,
        }
    }

    fn hold(key: PointKey, start: u64, end: u64) -> Hold {
        Hold {
            lock: LockRef::from_address(64),
            engine: 1,
            key,
            thread: ThreadBits::UNKNOWN,
            start,
            end,
        }
    }

    /// The parts of a wait that lasts as many nanoseconds as ticks.
    fn parts(wait: &Wait, holds: &[Hold]) -> Vec<(PointKey, u64)> {
        let mut found = Holds::new();
        holds.iter().rev().for_each(|&hold| found.add(hold));
        let mut parts = Vec::new();
        let span = wait.span;
        let shares = wait.shares_of(found.by_end());
        shares.divide(span.end - span.start, |share, ns| {
            parts.push((share.key, ns))
        });
        parts.sort_by_key(|&(_, ns)| ns);
        parts
    }

    #[test]
    fn exclusive_holders_get_their_own_time() {
        let (a, b) = (at(HoldMode::Exclusive), at(HoldMode::Exclusive));
        let holds = [hold(a, 0, 130), hold(b, 130, 150), hold(a, 150, 200)];
        assert_eq!(parts(&wait(Some(a), Some(a)), &holds), [(b, 20), (a, 80)]);
    }

    #[test]
    fn of_readers_the_last_to_leave_comes_first() {
        let (slow, fast) = (at(HoldMode::Shared), at(HoldMode::Shared));
        let readers = PointKey::at(slow, SiteKey::readers());
        let holds = [
            hold(fast, 90, 120),
            hold(fast, 150, 160),
            hold(slow, 110, 200),
        ];
        let wait = wait(Some(readers), Some(readers));
        assert_eq!(parts(&wait, &holds), [(fast, 10), (slow, 90)]);
    }

    #[test]
    fn gaps_go_by_what_is_known_of_them() {
        let (a, b) = (at(HoldMode::Exclusive), at(HoldMode::Exclusive));
        let (c, d) = (at(HoldMode::Exclusive), at(HoldMode::Exclusive));
        // The first holder gets the front, the last one the end, and the gap in the middle is
        // shared in proportion.
        let known = wait(Some(c), Some(d));
        let holds = [hold(a, 120, 130), hold(b, 150, 180)];
        // 20 for c, 10 for a, 30 for b, 20 for d: 80 in all, which stand for 100.
        assert_eq!(parts(&known, &holds), [(a, 12), (d, 25), (c, 25), (b, 38)]);
        let mut handed = holds;
        handed[1].lock = handed[1].lock.with(LockRef::HANDED);
        assert_eq!(parts(&known, &handed), [(a, 10), (d, 20), (c, 20), (b, 50)]);
        // The last holder woke the waiter. Nobody gets the time that this takes.
        let known = wait(Some(c), Some(b));
        assert_eq!(parts(&known, &holds), [(a, 16), (c, 33), (b, 51)]);
    }

    #[test]
    fn with_nothing_in_the_log_it_is_half_and_half() {
        let (a, b) = (at(HoldMode::Exclusive), at(HoldMode::Exclusive));
        assert_eq!(parts(&wait(Some(a), Some(b)), &[]), [(a, 50), (b, 50)]);
        assert_eq!(parts(&wait(Some(a), Some(a)), &[]), [(a, 100)]);
        assert_eq!(parts(&wait(None, Some(b)), &[]), [(b, 100)]);
        assert_eq!(parts(&wait(None, None), &[]), []);
    }

    #[test]
    fn parts_add_up_to_the_nanosecond() {
        let (a, b) = (at(HoldMode::Exclusive), at(HoldMode::Exclusive));
        for third in 101..200 {
            let holds = [hold(a, 0, third), hold(b, third, 200)];
            let shares = wait(None, None);
            let mut found = Holds::new();
            holds.iter().for_each(|&hold| found.add(hold));
            for total in [0, 1, 7, 999_999_937, u64::MAX] {
                let mut sum = 0_u64;
                shares
                    .shares_of(found.by_end())
                    .divide(total, |_, ns| sum += ns);
                assert_eq!(sum, total);
            }
        }
    }

    #[test]
    fn no_time_at_all_is_still_somebodys() {
        let a = at(HoldMode::Exclusive);
        let mut wait = wait(Some(a), None);
        wait.span.end = wait.span.start;
        assert_eq!(parts(&wait, &[]), [(a, 0)]);
        let shares = wait.shares_of(&[]);
        assert_eq!(shares.met, Some(a));
    }
}
