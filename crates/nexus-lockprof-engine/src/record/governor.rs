//! The budget: what a thread may spend on measuring, and how it keeps to it.
//!
//! Each thread has an account. It earns a share of the processor time that the thread uses, the *budget*, and pays for
//! each timed acquisition, each timed wait and each look at the thread's clock. The unit costs begin with what was
//! measured at the start ([`Costs`]). After that one timed acquisition in [`LEARN`] measures itself: in a program with
//! much data each one finds its cache lines cold, and takes several times as long as in a loop.
//!
//! The governor steers with one number, the *spacing*: the time from one measured event of a point to the next.
//! [`sampler`](crate::record::sampler) turns it into a probability. Now and then the governor reads the thread's processor clock,
//! balances the account, and changes the spacing. Three rules keep it from winding up:
//!
//! - A change is seen before the next one is made. The schedules that were drawn under the old spacing are over after
//!   about that time, so no change follows another sooner.
//! - The spacing, the debt and the credit have bounds.
//! - A schedule that lies too far ahead is drawn again: see [`Governor::is_late`].
//!
//! A thread that ends leaves its balance to those that come after it, so threads too short to be steered keep to the
//! budget together.

use crate::record::sampler::{EventRate, STEP, Schedule};
use crate::sync::{AtomicU64, Ordering::Relaxed, OwnLoad, bump};

/// Unit costs in nanoseconds. Written once, after they were measured.
#[derive(Debug)]
pub(crate) struct Costs {
    /// Reading the clock twice.
    pub(crate) clock_ns: AtomicU64,
    /// Reading the thread's processor time.
    pub(crate) processor_ns: AtomicU64,
    /// A timed acquisition: two clock reads and their bookkeeping.
    pub(crate) timed_ns: AtomicU64,
    /// Finding or making a record that the cache does not know.
    pub(crate) looked_up_ns: AtomicU64,
    /// Counting an acquisition, in picoseconds; where no lock hides it.
    pub(crate) counted_ps: AtomicU64,
}

impl Costs {
    /// Before anything was measured, and with a manual clock, on which nothing takes time.
    pub(crate) const fn assumed() -> Self {
        Costs {
            clock_ns: AtomicU64::new(20),
            processor_ns: AtomicU64::new(200),
            timed_ns: AtomicU64::new(40),
            looked_up_ns: AtomicU64::new(80),
            // 0, so that what is told of it never shrinks.
            counted_ps: AtomicU64::new(0),
        }
    }
}

/// Where the governor gets its time from.
pub(crate) trait Time {
    /// Nanoseconds between two readings of the clock, in ticks.
    fn nanos(&self, start: u64, end: u64) -> u64;

    /// Nanoseconds that the calling thread has had a processor, from some fixed moment on.
    fn processor_ns(&self) -> u64;
}

/// The account is balanced once in so long, unless it is overdrawn before.
const WINDOW_NS: u64 = 1_000_000;
/// The same for a thread that earns next to nothing.
const LONGEST_WINDOW_NS: u64 = 64_000_000;
/// The thread's clock is read when so many times its cost were spent: reading it must not be what the budget goes to.
const READS: u64 = 4;
/// Timed acquisitions that are few enough not to be looked at early.
const BURST: u64 = 16;
/// The spacing is lowered when what was earned would pay for so many timed acquisitions: less tells too little.
const ENOUGH: u64 = 16;
/// Share of what is earned that is aimed at, beside what is left over.
const AIM: f64 = 0.9;
/// The same while there is a debt.
const REPAY: f64 = 0.5;
/// Share of the credit that is aimed at in a window.
const SPEND: f64 = 0.125;
/// Processor time whose unspent budget is kept.
const CREDIT_NS: f64 = 2.5e8;
/// Processor time whose budget may be owed. What was spent beyond that is forgiven.
const DEBT_NS: f64 = 5e7;
/// Debt, as processor time, at which new points lose their growth allowance.
const DEEP_NS: f64 = 5e6;
/// The largest spacing: each point is measured some times a second.
const MAX_SPACING_NS: f64 = 2.5e8;
/// The most that a spacing grows in one change.
const RAISE: f64 = 4.0;
/// The least that is left of it in one.
const LOWER: f64 = 0.125;
/// Long waits that are timed whatever they cost, before the budget counts.
const FREE_LONG_WAITS: f64 = 64.0;
/// The rarest that long waits are timed: one in so many.
const MOST_LONG_WAITS: u64 = 1 << 16;
/// How far back the spacing looks.
const HORIZON_NS: f64 = 1e8;
/// A spacing of which only such a share of the budget is spent is lowered after that share of its time.
const SEEN: f64 = 0.25;
/// A schedule is late after so many spacings without a measured event.
const LATE: f64 = 8.0;

/// One in so many timed acquisitions is one of those that are learnt from.
const LEARN: u64 = 8;
/// What one of them may count for, as a multiple of what was expected: an interrupt is not the profiler's.
const SURPRISE: u64 = 8;

/// An f64 that one thread writes.
#[derive(Debug)]
struct Number(AtomicU64);

impl Number {
    const fn zero() -> Self {
        Number(AtomicU64::new(0))
    }

    fn get(&self) -> f64 {
        f64::from_bits(self.0.own_load())
    }

    fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Relaxed);
    }

    fn add(&self, value: f64) {
        self.set(self.get() + value);
    }
}

/// One thread's account. Its thread alone writes it; the aggregator reads what was spent.
// The first cache line is what a timed acquisition touches.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Governor {
    /// 16ths of a nanosecond that a timed acquisition takes; 0 while none was measured in this thread.
    cost: AtomicU64,
    turn: AtomicU64,
    spent_ns: AtomicU64,
    /// Clock ticks at the last balance; 0 before the first event.
    balanced: AtomicU64,
    /// Nanoseconds from that until the next one.
    window_ns: AtomicU64,
    /// `spent_ns` then.
    booked_ns: AtomicU64,
    /// Nanoseconds that may be spent.
    balance: Number,
    /// Nanoseconds.
    spacing: Number,

    /// What was spent and no spacing would have saved: long waits, first events of points, and looks at the thread's clock.
    fixed_ns: AtomicU64,
    /// That at the last balance.
    booked_fixed_ns: AtomicU64,
    /// The thread's processor time then; 0 before the first reading.
    processor_ns: AtomicU64,
    /// What look-ups took. It does not depend on what is timed, and is not the budget's.
    looked_up_ns: AtomicU64,
    /// The control word that the account was opened under.
    control: AtomicU64,

    /// Nanoseconds since the last change of the spacing, and what was earned and spent in them, by all threads.
    since: Number,
    earned: Number,
    spent: Number,
    fixed: Number,
    /// What of it went to long waits.
    waits: Number,
    /// Processor time before that, and what was then spent on fixed costs and on what is spaced: each counts the less
    /// the longer ago it was, and the last as if the spacing had been what it is now.
    used_before: Number,
    fixed_before: Number,
    spaced_before: Number,
    /// Nanoseconds that may be spent on them.
    waits_balance: Number,
    /// One in so many of those is timed, a power of two; 0 is 1.
    long_waits: AtomicU64,
}

impl Governor {
    pub(crate) const fn new() -> Self {
        Governor {
            cost: AtomicU64::new(0),
            turn: AtomicU64::new(0),
            spent_ns: AtomicU64::new(0),
            fixed_ns: AtomicU64::new(0),
            looked_up_ns: AtomicU64::new(0),
            control: AtomicU64::new(0),
            balanced: AtomicU64::new(0),
            window_ns: AtomicU64::new(WINDOW_NS),
            processor_ns: AtomicU64::new(0),
            booked_ns: AtomicU64::new(0),
            booked_fixed_ns: AtomicU64::new(0),
            balance: Number::zero(),
            since: Number::zero(),
            earned: Number::zero(),
            spent: Number::zero(),
            fixed: Number::zero(),
            waits: Number::zero(),
            used_before: Number::zero(),
            fixed_before: Number::zero(),
            spaced_before: Number::zero(),
            waits_balance: Number::zero(),
            long_waits: AtomicU64::new(0),
            spacing: Number::zero(),
        }
    }

    /// Nanoseconds of the budget spent so far, by all threads that had the shard. Any thread's call.
    pub(crate) fn spent_ns(&self) -> u64 {
        self.spent_ns.load(Relaxed)
    }

    /// Nanoseconds that look-ups took so far. Any thread's call.
    pub(crate) fn looked_up_ns(&self) -> u64 {
        self.looked_up_ns.load(Relaxed)
    }

    /// A new thread begins, with the balance that it inherits. What was learnt of the points is kept.
    pub(crate) fn begin(&self, balance: f64) {
        self.open();
        self.balance.set(balance);
    }

    /// The spacing of threads before it, for a thread whose shard is new.
    pub(crate) fn inherit(&self, spacing: f64) {
        self.spacing.set(spacing);
    }

    /// Opens the account anew if the mode was changed: what another mode spent is no debt.
    pub(crate) fn follow(&self, control: u64) {
        if self.control.own_load() != control {
            self.control.store(control, Relaxed);
            self.open();
            self.balance.set(0.0);
        }
    }

    fn open(&self) {
        self.balanced.store(0, Relaxed);
        self.window_ns.store(WINDOW_NS, Relaxed);
        self.processor_ns.store(0, Relaxed);
        self.booked_ns.store(self.spent_ns.own_load(), Relaxed);
        self.booked_fixed_ns
            .store(self.fixed_ns.own_load(), Relaxed);
    }

    /// The thread ends: the balance and the spacing, for those that come after it. `now` is read if it is needed.
    pub(crate) fn end(
        &self,
        now: impl FnOnce() -> u64,
        time: &impl Time,
        budget: f64,
        costs: &Costs,
    ) -> (f64, f64) {
        let balanced = self.balanced.own_load();
        if balanced != 0 {
            let now = now();
            let elapsed = time.nanos(balanced, now);
            if elapsed < WINDOW_NS {
                // Not worth a look at its clock: as if it had not paused.
                self.book(now, elapsed, elapsed, budget);
                self.consider(false, self.timed_ns(costs) as f64, budget);
            } else {
                self.balance(now, elapsed, time, budget, costs);
            }
        }
        let left = self.balance.get();
        self.balance.set(0.0);
        self.open();
        (left, self.spacing.get())
    }

    /// Nanoseconds that a timed acquisition takes in this thread.
    #[inline]
    pub(crate) fn timed_ns(&self, costs: &Costs) -> u64 {
        match self.cost.own_load() {
            0 => costs.timed_ns.load(Relaxed),
            cost => cost / 16,
        }
    }

    /// Whether the timed acquisition that begins is to be learnt from.
    #[inline]
    pub(crate) fn is_self_timed(&self) -> bool {
        let turn = self.turn.own_load() + 1;
        self.turn.store(turn, Relaxed);
        turn.is_multiple_of(LEARN)
    }

    /// A timed acquisition took so long.
    pub(crate) fn learn(&self, ns: u64, costs: &Costs) {
        let known = match self.cost.own_load() {
            0 => 16 * costs.timed_ns.load(Relaxed),
            known => known,
        };
        let ns = (16 * ns).min(SURPRISE * known);
        self.cost.store((7 * known + ns).div_ceil(8), Relaxed);
    }

    /// Books a cost.
    #[inline]
    pub(crate) fn charge(&self, ns: u64) {
        bump(&self.spent_ns, ns);
    }

    /// Books a cost that no spacing would have saved.
    #[inline]
    pub(crate) fn charge_fixed(&self, ns: u64) {
        self.charge(ns);
        bump(&self.fixed_ns, ns);
    }

    /// Books a long wait.
    #[inline]
    pub(crate) fn charge_long_wait(&self, ns: u64) {
        self.charge_fixed(ns);
        self.waits.add(ns as f64);
    }

    /// One in so many long waits is timed: each, as long as they take half of the budget at most, or are few.
    #[inline]
    pub(crate) fn long_waits(&self) -> u64 {
        self.long_waits.own_load().max(1)
    }

    /// Books a look-up.
    #[inline]
    pub(crate) fn charge_look_up(&self, ns: u64) {
        bump(&self.looked_up_ns, ns);
    }

    /// The schedule after `done` events at this rate, of which one costs `ns`. One in `least` is measured at most.
    pub(crate) fn next(
        &self,
        done: u64,
        rate: &EventRate,
        least: u64,
        (budget, ns): (f64, u64),
        rng: &mut fastrand::Rng,
    ) -> Schedule {
        let mut mean = rate.events_in(self.spacing.get());
        let most = (done / STEP).max(1);
        if mean > most && self.balance.get() >= -DEEP_NS * budget {
            mean = most;
            bump(&self.fixed_ns, ns);
        }
        Schedule::after(done, mean.max(least), rng)
    }

    /// Whether a point that had events, and none measured for so long, should have had one: then it is used much more
    /// rarely than when its schedule was drawn.
    pub(crate) fn is_late(&self, ns: u64) -> bool {
        ns as f64 > LATE * self.spacing.get().max(WINDOW_NS as f64)
    }

    /// It is `now`, in ticks: balances the account, if it is time to. Whether it did.
    #[inline]
    pub(crate) fn steer(&self, now: u64, time: &impl Time, budget: f64, costs: &Costs) -> bool {
        let balanced = self.balanced.own_load();
        if balanced == 0 {
            self.balanced.store(now, Relaxed);
            return false;
        }
        let elapsed = time.nanos(balanced, now);
        let spent = self.spent_ns.own_load() - self.booked_ns.own_load();
        let due = elapsed >= self.window_ns.own_load()
            && spent >= READS * costs.processor_ns.load(Relaxed);
        if due || spent as f64 > self.allowance(elapsed, budget, costs) {
            self.balance(now, elapsed, time, budget, costs);
            return true;
        }
        false
    }

    /// What may be spent in so long before the account is looked at early.
    #[inline]
    fn allowance(&self, elapsed: u64, budget: f64, costs: &Costs) -> f64 {
        let burst = (BURST * self.timed_ns(costs)) as f64;
        burst + self.balance.get().max(0.0) + 2.0 * budget * elapsed as f64
    }

    #[cold]
    fn balance(&self, now: u64, elapsed: u64, time: &impl Time, budget: f64, costs: &Costs) {
        let spent = self.spent_ns.own_load() - self.booked_ns.own_load();
        let over = spent as f64 > self.allowance(elapsed, budget, costs);
        let processor_ns = time.processor_ns();
        self.charge_fixed(costs.processor_ns.load(Relaxed));
        // Before the first reading that is all that the thread ever used: never more than the time that has passed.
        let used = processor_ns - self.processor_ns.own_load().min(processor_ns);
        self.processor_ns.store(processor_ns, Relaxed);
        self.book(now, elapsed, used.min(elapsed), budget);
        let enough = self.consider(over, self.timed_ns(costs) as f64, budget);
        let window = match (enough, over) {
            (true, _) => WINDOW_NS,
            (false, true) => self.window_ns.own_load(),
            (false, false) => (2 * self.window_ns.own_load()).min(LONGEST_WINDOW_NS),
        };
        self.window_ns.store(window, Relaxed);
    }

    /// Balances the account, after so long, of which the thread had a processor for `used_ns`.
    fn book(&self, now: u64, elapsed: u64, used_ns: u64, budget: f64) {
        let (spent, fixed) = (self.spent_ns.own_load(), self.fixed_ns.own_load());
        let newly_spent = (spent - self.booked_ns.own_load()) as f64;
        let newly_fixed = (fixed - self.booked_fixed_ns.own_load()) as f64;
        let earned = budget * used_ns as f64;
        self.booked_ns.store(spent, Relaxed);
        self.booked_fixed_ns.store(fixed, Relaxed);
        self.balanced.store(now, Relaxed);
        self.balance
            .set(bounded(self.balance.get() + earned - newly_spent, budget));
        self.since.add(elapsed as f64);
        self.earned.add(earned);
        self.spent.add(newly_spent);
        self.fixed.add(newly_fixed);
    }

    /// Changes the spacing if the last change was seen, and enough was earned since to tell more. Whether it was.
    fn consider(&self, over: bool, cost: f64, budget: f64) -> bool {
        let enough = self.earned.get() >= ENOUGH as f64 * cost;
        let since = self.since.get();
        let spacing = self.spacing.get();
        // What is late is drawn again, so that a lower spacing is seen sooner than a higher one.
        let lowers = self.spent.get() < SEEN * self.earned.get();
        let seen = since >= if lowers { SEEN * spacing } else { spacing };
        if seen && (over || (enough && since >= WINDOW_NS as f64)) {
            self.change_spacing(over, cost, budget);
        }
        enough
    }

    fn change_spacing(&self, over: bool, cost: f64, budget: f64) {
        let share = if self.balance.get() < 0.0 { REPAY } else { AIM };
        let credit = SPEND * self.balance.get().max(0.0);
        let (earned, fixed) = (self.earned.get(), self.fixed.get());
        let spaced = (self.spent.get() - fixed).max(0.0);
        let aim = |earned: f64| (share * earned + credit).max(1.0);
        self.space_long_waits(aim(earned) / 2.0, cost, budget);
        // What cannot be spaced leaves less for what can, but never nothing: there must be something to steer by.
        let excess = |earned: f64, fixed: f64, spaced: f64| {
            let aim = aim(earned);
            spaced / (aim - fixed).max(aim / 4.0)
        };
        let recent = excess(earned, fixed, spaced);
        let keep = HORIZON_NS / (HORIZON_NS + self.since.get());
        let earned = earned + keep * budget * self.used_before.get();
        let fixed = fixed + keep * self.fixed_before.get();
        let spaced = spaced + keep * self.spaced_before.get();
        let mut excess = excess(earned, fixed, spaced);
        if over {
            excess = excess.max(recent);
        }
        // The spacing at which one point alone spends it all.
        let least = cost / (share * budget);
        let before = self.spacing.get();
        let spacing = if excess > 1.0 {
            if before < least {
                least
            } else {
                (before * excess.min(RAISE)).min(MAX_SPACING_NS)
            }
        } else {
            let spacing = before * excess.max(LOWER);
            if spacing < least / 8.0 { 0.0 } else { spacing }
        };
        self.spacing.set(spacing);
        // If everything was measured, or is to be, nothing tells what another spacing would have cost.
        let (used, fixed, spaced) = if before > 0.0 && spacing > 0.0 {
            (earned / budget, fixed, spaced * before / spacing)
        } else {
            (0.0, 0.0, 0.0)
        };
        self.used_before.set(used);
        self.fixed_before.set(fixed);
        self.spaced_before.set(spaced);
        for number in [
            &self.since,
            &self.earned,
            &self.spent,
            &self.fixed,
            &self.waits,
        ] {
            number.set(0.0);
        }
    }

    /// Long waits may take half of what is earned, and `half` of what is aimed at now. Some are always timed: who waits rarely
    /// wants to see each.
    fn space_long_waits(&self, half: f64, cost: f64, budget: f64) {
        let waits = self.waits.get();
        let balance = self.waits_balance.get() + self.earned.get() / 2.0 - waits;
        let balance = bounded(balance, budget / 2.0);
        self.waits_balance.set(balance);
        let mean = self.long_waits();
        let excess = waits / half;
        // Within what can be owed at all.
        let free = (FREE_LONG_WAITS * 2.0 * cost).min(DEBT_NS * budget / 4.0);
        let mean = if excess > 1.0 && balance < -free {
            let raise = excess.min(RAISE).log2().ceil().exp2();
            (mean * raise as u64).min(MOST_LONG_WAITS)
        } else if excess < 0.25 || balance > 0.0 {
            (mean / 2).max(1)
        } else {
            mean
        };
        self.long_waits.store(mean, Relaxed);
    }
}

/// A balance within what may be owed, and what is kept.
pub(crate) fn bounded(balance: f64, budget: f64) -> f64 {
    balance.clamp(-DEBT_NS * budget, CREDIT_NS * budget)
}

#[cfg(test)]
#[cfg(not(lockprof_loom))]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::cmp::Reverse;
    use std::collections::BinaryHeap;

    /// Simulated time: ticks are nanoseconds.
    #[derive(Default)]
    struct Simulated {
        processor_ns: Cell<u64>,
    }

    impl Time for Simulated {
        fn nanos(&self, start: u64, end: u64) -> u64 {
            end.saturating_sub(start)
        }

        fn processor_ns(&self) -> u64 {
            self.processor_ns.get()
        }
    }

    /// A thread that uses points at given intervals of time.
    struct Thread {
        governor: Governor,
        costs: Costs,
        budget: f64,
        time: Simulated,
        now: f64,
        /// Share of the time in which it has a processor.
        busy: f64,
        rng: fastrand::Rng,
        points: Vec<Point>,
    }

    struct Point {
        every_ns: f64,
        at: f64,
        done: u64,
        rate: EventRate,
        schedule: Schedule,
        measured: u64,
        /// Of those, which stand for themselves alone.
        alone: u64,
    }

    impl Point {
        fn new(every_ns: f64) -> Self {
            Point {
                every_ns,
                at: 1.0,
                done: 0,
                rate: EventRate::default(),
                schedule: Schedule { next: 1, weight: 1 },
                measured: 0,
                alone: 0,
            }
        }
    }

    impl Thread {
        fn new(budget: f64, points: &[f64]) -> Self {
            Thread {
                governor: Governor::new(),
                costs: Costs::assumed(),
                budget,
                time: Simulated::default(),
                now: 1.0,
                busy: 1.0,
                rng: fastrand::Rng::with_seed(1),
                points: points
                    .iter()
                    .map(|&every_ns| Point::new(every_ns))
                    .collect(),
            }
        }

        fn pass(&mut self, ns: f64, busy: f64) {
            self.now += ns;
            let processor_ns = self.time.processor_ns.get() as f64 + busy * ns;
            self.time.processor_ns.set(processor_ns.round() as u64);
        }

        fn measure(&mut self, index: usize) {
            let cost = self.costs.timed_ns.load(Relaxed);
            let at = self.now as u64;
            self.pass(cost as f64, 1.0);
            let point = &mut self.points[index];
            point.measured += 1;
            point.alone += u64::from(point.schedule.weight == 1);
            point.schedule = self.governor.next(
                point.done,
                &point.rate,
                1,
                (self.budget, cost),
                &mut self.rng,
            );
            point.rate.note(point.done, at, |a, b| b - a);
            self.governor.charge(cost);
            let balanced = self
                .governor
                .steer(at, &self.time, self.budget, &self.costs);
            // As `Core::steer` does, for all points instead of some.
            for point in self.points.iter_mut().filter(|_| balanced) {
                let Some((events, last)) = point.rate.since_last(point.done) else {
                    continue;
                };
                let ns = at.saturating_sub(last);
                if events > 0 && self.governor.is_late(ns) {
                    point.rate.replace(events, ns);
                    let (rate, rng) = (&point.rate, &mut self.rng);
                    point.schedule = self
                        .governor
                        .next(point.done, rate, 1, (self.budget, 0), rng);
                }
            }
        }

        /// Runs for a time; the share of its processor time that was spent.
        fn run(&mut self, ns: f64) -> f64 {
            let (start, spent) = (self.now, self.governor.spent_ns());
            let processor_ns = self.time.processor_ns.get();
            // Whole nanoseconds have an order.
            let points = self.points.iter().enumerate();
            let mut next: BinaryHeap<_> = points
                .map(|(index, point)| Reverse((point.at as u64, index)))
                .collect();
            while self.now < start + ns {
                let Some(Reverse((_, index))) = next.pop() else {
                    break;
                };
                let pause = (self.points[index].at - self.now).max(0.0);
                self.pass(pause, self.busy);
                let point = &mut self.points[index];
                point.at = self.now + point.every_ns;
                next.push(Reverse((point.at as u64, index)));
                point.done += 1;
                if point.done >= point.schedule.next {
                    self.measure(index);
                }
            }
            let used = self.time.processor_ns.get() - processor_ns;
            (self.governor.spent_ns() - spent) as f64 / used as f64
        }

        fn measured(&self) -> u64 {
            self.points.iter().map(|point| point.measured).sum()
        }
    }

    const SECOND: f64 = 1e9;

    #[test]
    fn the_budget_holds_and_is_spent_at_every_rate() {
        for budget in [0.005, 0.01, 0.05] {
            for every_ns in [20.0, 100.0, 1e3, 1e4, 1e5, 1e6] {
                for busy in [1.0, 0.2] {
                    let mut thread = Thread::new(budget, &[every_ns]);
                    thread.busy = busy;
                    let share = thread.run(0.2 * SECOND);
                    let case =
                        format!("budget {budget}, every {every_ns} ns, busy {busy}: {share}");
                    assert!(share < budget * 1.2, "{case}");
                    // What is allowed is used, or all are measured.
                    let all = thread.measured() as f64 >= 0.95 * thread.points[0].done as f64;
                    assert!(share > budget * 0.5 || all, "{case}");
                }
            }
        }
    }

    #[test]
    fn rare_points_beside_hot_ones_are_measured_every_time() {
        let mut points = vec![1_000.0; 40];
        points.push(1e6);
        let mut thread = Thread::new(0.01, &points);
        thread.run(0.1 * SECOND);
        let share = thread.run(0.1 * SECOND);
        assert!((0.005..0.012).contains(&share), "{share}");
        let rare = thread.points.last().unwrap();
        assert_eq!(rare.schedule.weight, 1, "a thousand times a second");
        assert!(thread.points[0].schedule.weight > 20);
    }

    /// New points are all measured at first, however many there are: that must not put off those that go on.
    #[test]
    fn many_points_used_in_turn_are_each_measured_all_the_time() {
        for n in [40, 100, 200, 400, 2_000] {
            // In all one acquisition in 400 ns.
            let mut thread = Thread::new(0.01, &vec![400.0 * n as f64; n]);
            let mut before = vec![0; n];
            for window in 0..4 {
                let share = thread.run(0.25 * SECOND);
                let now: Vec<u64> = thread.points.iter().map(|point| point.measured).collect();
                let least = now
                    .iter()
                    .zip(&before)
                    .map(|(now, before)| now - before)
                    .min();
                assert!(least >= Some(1), "{n} points, quarter {window} of a second");
                assert!(share < 0.012, "{n} points: {share}");
                assert!(share > 0.005, "{n} points: {share}");
                before = now;
            }
        }
    }

    #[test]
    fn what_was_used_at_the_start_does_not_put_off_what_is_used_now() {
        for n in [80, 150, 2_000] {
            let mut thread = Thread::new(0.01, &vec![100.0 * n as f64; n]);
            thread.run(1_000.0 * n as f64);
            // All but five fall silent.
            for (index, point) in thread.points.iter_mut().enumerate() {
                (point.every_ns, point.at) = match index {
                    0..5 => (2_000.0, thread.now),
                    _ => (f64::INFINITY, f64::INFINITY),
                };
            }
            for second in 0..2 {
                let before = thread.measured();
                let share = thread.run(0.5 * SECOND);
                // At first there is a debt.
                let least = if second == 0 { 0.003 } else { 0.005 };
                assert!(share > least, "{n} points, half second {second}: {share}");
                assert!(thread.measured() - before > 1_000, "{n} points");
            }
        }
    }

    #[test]
    fn a_point_that_becomes_rare_beside_others_is_soon_measured_each_time() {
        let mut thread = Thread::new(0.01, &vec![100_000.0; 200]);
        thread.run(0.3 * SECOND);
        assert!(thread.points[0].schedule.weight > 4);
        thread.points[0].every_ns = 5e7;
        thread.run(0.5 * SECOND);
        let (done, measured) = (thread.points[0].done, thread.points[0].measured);
        thread.run(SECOND);
        let (done, measured) = (
            thread.points[0].done - done,
            thread.points[0].measured - measured,
        );
        assert_eq!(done, measured, "twenty times a second");
    }

    #[test]
    fn a_change_of_rate_or_budget_is_followed() {
        let mut thread = Thread::new(0.01, &[1e5]);
        thread.run(0.02 * SECOND);
        assert_eq!(thread.points[0].schedule.weight, 1);
        thread.points[0].every_ns = 20.0;
        thread.run(0.1 * SECOND);
        let share = thread.run(0.02 * SECOND);
        assert!((0.004..0.012).contains(&share), "a burst: {share}");
        thread.budget = 0.05;
        thread.governor.follow(1);
        thread.run(0.005 * SECOND);
        let share = thread.run(0.02 * SECOND);
        assert!((0.02..0.06).contains(&share), "a larger budget: {share}");
        thread.budget = 0.001;
        thread.governor.follow(2);
        thread.run(0.05 * SECOND);
        let share = thread.run(0.05 * SECOND);
        assert!(share < 0.0012, "a smaller budget: {share}");
    }

    #[test]
    fn time_asleep_earns_nothing() {
        let mut thread = Thread::new(0.01, &[20.0]);
        thread.run(0.3 * SECOND);
        for _ in 0..5 {
            thread.pass(10.0 * SECOND, 0.0);
            let share = thread.run(0.02 * SECOND);
            assert!(share < 0.012, "{share}");
        }
    }

    #[test]
    fn time_at_work_between_locks_does() {
        // In bursts: a hundred acquisitions, then ten milliseconds of work.
        let mut thread = Thread::new(0.01, &[30.0]);
        for _ in 0..100 {
            thread.run(3_000.0);
            thread.pass(1e7, 1.0);
            thread.points[0].at = thread.now;
        }
        let (done, measured) = (thread.points[0].done, thread.points[0].measured);
        assert!(measured >= done * 95 / 100, "{measured} of {done}");
    }

    #[test]
    fn what_a_long_computation_earns_is_not_spent_at_once() {
        let mut thread = Thread::new(0.01, &[1_000.0]);
        let spell = |thread: &mut Thread| {
            thread.run(8e6);
            thread.pass(5e6, 1.0);
            thread.points[0].at = thread.now;
        };
        (0..50).for_each(|_| spell(&mut thread));
        let (measured, alone) = (thread.points[0].measured, thread.points[0].alone);
        (0..100).for_each(|_| spell(&mut thread));
        let (measured, alone) = (
            thread.points[0].measured - measured,
            thread.points[0].alone - alone,
        );
        // In all, one in three could be measured.
        assert!(
            alone < measured / 20,
            "{alone} of {measured} stand for themselves alone"
        );
    }

    #[test]
    fn threads_that_are_too_short_to_be_steered_keep_to_the_budget_together() {
        let mut thread = Thread::new(0.01, &[500.0]);
        let mut left = 0.0;
        let (start, spent) = (thread.now, thread.governor.spent_ns());
        for _ in 0..3_000 {
            thread.governor.begin(left);
            thread.run(3e4);
            let now = thread.now as u64;
            (left, _) = thread
                .governor
                .end(|| now, &thread.time, 0.01, &thread.costs);
            left = bounded(left, 0.01);
        }
        let share = (thread.governor.spent_ns() - spent) as f64 / (thread.now - start);
        assert!((0.005..0.012).contains(&share), "{share}");
    }

    #[test]
    fn long_waits_are_all_timed_until_they_take_half_of_the_budget() {
        for (every_ns, all) in [(1e6, true), (2e4, true), (4e3, false), (1e3, false)] {
            let mut thread = Thread::new(0.01, &[1e3]);
            let cost = 2 * thread.costs.timed_ns.load(Relaxed);
            let (mut waits, mut timed, mut spent) = (0, 0, 0);
            for step in 0..(3e8 / every_ns) as u64 {
                thread.run(every_ns);
                let mean = thread.governor.long_waits();
                if thread.rng.u64(..mean) == 0 {
                    thread.governor.charge_long_wait(cost);
                    (timed, spent) = (timed + 1, spent + cost);
                }
                waits += 1;
                if step == (1e8 / every_ns) as u64 {
                    (waits, timed, spent) = (0, 0, 0);
                }
            }
            assert_eq!(
                timed == waits,
                all,
                "every {every_ns} ns: {timed} of {waits}"
            );
            let share = spent as f64 / 2e8;
            assert!(share < 0.008, "every {every_ns} ns: {share}");
            assert!(all || share > 0.001, "every {every_ns} ns: {share}");
            let (start, before) = (thread.now, thread.governor.spent_ns());
            thread.run(1e8);
            let share = (thread.governor.spent_ns() - before) as f64 / (thread.now - start);
            assert!(share > 0.005 && share < 0.012, "{share}");
        }
    }

    #[test]
    fn another_mode_leaves_no_debt() {
        let mut thread = Thread::new(0.01, &[200.0]);
        thread.run(0.5 * SECOND);
        let before = thread.measured();
        thread.run(SECOND);
        let usual = thread.measured() - before;
        thread.governor.charge(1_000_000_000);
        thread.governor.follow(7);
        let before = thread.measured();
        thread.run(SECOND);
        let after = thread.measured() - before;
        assert!(after > usual * 9 / 10, "{after}, not {usual}");
    }

    #[test]
    fn what_it_takes_is_learnt() {
        let (governor, costs) = (Governor::new(), Costs::assumed());
        assert_eq!(governor.timed_ns(&costs), 40);
        let self_timed = (0..800).filter(|_| governor.is_self_timed()).count();
        assert_eq!(self_timed, 100);
        for _ in 0..100 {
            governor.learn(280, &costs);
        }
        assert_eq!(governor.timed_ns(&costs), 280);
        // An interrupt.
        governor.learn(1_000_000, &costs);
        assert!(governor.timed_ns(&costs) < 2 * 280);
    }
}
