//! The budget: what a thread may spend on measuring, and how it keeps to it.
//!
//! Each thread's governor adds up what its timed acquisitions, timed waits and look-ups cost. The unit costs begin
//! with what was measured at the start ([`Costs`]); then one timed acquisition in [`LEARN`] measures itself, since in a program with
//! much data each finds its cache lines cold, and takes several times as long as in a loop. In windows of its thread's time it compares the sum to the budget's share and
//! sets the spacing: the time from one measured event of a point to the next, which [`sampler`](crate::sampler) turns into a
//! probability. The time is that of the timed acquisitions: no clock is read for it.
//!
//! What was overspent is paid back: while there is a debt, the thread aims at half of its budget. A pause between two
//! measured events counts for [`IDLE_NS`] at most, and credit is kept for [`CREDIT_NS`], so that time in which the
//! thread slept does not pay for its busy times: the share is kept in those, too.

use crate::sampler::{Pace, STEP, Schedule};
use crate::sync::{AtomicU64, Ordering::Relaxed, OwnLoad, bump};

/// Unit costs in nanoseconds. Written once, after they were measured.
#[derive(Debug)]
pub(crate) struct Costs {
    /// Reading the clock twice.
    pub(crate) clock_ns: AtomicU64,
    /// A timed acquisition: two clock reads and their bookkeeping.
    pub(crate) timed_ns: AtomicU64,
    /// A timed wait: the same, and the holder's record.
    pub(crate) waited_ns: AtomicU64,
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
            timed_ns: AtomicU64::new(40),
            waited_ns: AtomicU64::new(80),
            looked_up_ns: AtomicU64::new(80),
            // 0, so that what is told of it never shrinks.
            counted_ps: AtomicU64::new(0),
        }
    }
}

/// A window is at least so long, unless the budget is overrun before.
const WINDOW_NS: u64 = 1_000_000;
/// Timed acquisitions that are few enough not to cut a window short.
const BURST: u64 = 64;
/// Share of the budget that is aimed at: what is above it is for what cannot be steered.
const AIM: f64 = 0.9;
/// Share of the budget that is aimed at while there is a debt.
const REPAY: f64 = 0.5;
/// Thread's time whose unspent budget is kept.
const CREDIT_NS: f64 = 1e6;
/// The most that the time between two measured events counts for, unless the budget is so small that they are further apart.
const IDLE_NS: f64 = 1e5;
/// Debt, in thread's time, at which new points lose their growth allowance.
const DEBT_NS: f64 = 5e6;

/// One in so many timed acquisitions is one of those that are learnt from.
const LEARN: u64 = 8;
/// What one of them may count for, as a multiple of what was expected: an interrupt is not the profiler's.
const SURPRISE: u64 = 8;

/// One thread's account. Written by its thread alone; the aggregator reads what was spent.
#[derive(Debug)]
pub(crate) struct Governor {
    /// 16ths of a nanosecond that a timed acquisition takes; 0 while none was measured in this thread.
    cost: AtomicU64,
    turn: AtomicU64,
    spent_ns: AtomicU64,
    /// What of it no spacing would have saved: look-ups, long waits, the first events of a point.
    fixed_ns: AtomicU64,
    /// Clock ticks at the last event; 0 before the first.
    last: AtomicU64,
    /// Nanoseconds of the window so far.
    window_ns: AtomicU64,
    /// `spent_ns` and `fixed_ns` at the start of the window.
    window_spent: AtomicU64,
    window_fixed: AtomicU64,
    /// Two f64's bits: nanoseconds.
    spacing: AtomicU64,
    balance: AtomicU64,
}

impl Governor {
    pub(crate) const fn new() -> Self {
        Governor {
            cost: AtomicU64::new(0),
            turn: AtomicU64::new(0),
            spent_ns: AtomicU64::new(0),
            fixed_ns: AtomicU64::new(0),
            last: AtomicU64::new(0),
            window_ns: AtomicU64::new(0),
            window_spent: AtomicU64::new(0),
            window_fixed: AtomicU64::new(0),
            spacing: AtomicU64::new(0),
            balance: AtomicU64::new(0),
        }
    }

    /// Nanoseconds spent so far, by all threads that had the shard. Any thread's call.
    pub(crate) fn spent_ns(&self) -> u64 {
        self.spent_ns.load(Relaxed)
    }

    /// A new thread begins. What was learnt of the points is kept, the account is not.
    pub(crate) fn begin(&self) {
        self.last.store(0, Relaxed);
        self.balance.store(0, Relaxed);
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
    pub(crate) fn is_lesson(&self) -> bool {
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

    /// The schedule after `done` events of this pace, of which one costs `ns`.
    pub(crate) fn next(
        &self,
        done: u64,
        pace: &Pace,
        budget: f64,
        ns: u64,
        rng: &mut fastrand::Rng,
    ) -> Schedule {
        let mut mean = pace.events_in(self.spacing_ns());
        let most = (done / STEP).max(1);
        if mean > most && self.balance_ns() >= -DEBT_NS * budget {
            mean = most;
            bump(&self.fixed_ns, ns);
        }
        Schedule::after(done, mean, rng)
    }

    /// It is `now`, in ticks, of which `nanos` measures the time between two: ends the window, if it is time to.
    #[inline]
    pub(crate) fn steer(
        &self,
        now: u64,
        nanos: impl Fn(u64, u64) -> u64,
        budget: f64,
        costs: &Costs,
    ) {
        let last = self.last.own_load();
        self.last.store(now, Relaxed);
        if last == 0 {
            self.open_window();
            return;
        }
        let cost_ns = self.timed_ns(costs);
        let idle_ns = (4.0 * cost_ns as f64 / budget).max(IDLE_NS) as u64;
        bump(&self.window_ns, nanos(last, now).min(idle_ns));
        let spent = self.spent_ns.own_load() - self.window_spent.own_load();
        let elapsed = self.window_ns.own_load();
        let over = spent > BURST * cost_ns && spent as f64 > 2.0 * budget * elapsed as f64;
        if elapsed >= WINDOW_NS || over {
            let fixed = self.fixed_ns.own_load() - self.window_fixed.own_load();
            self.open_window();
            self.end_window(elapsed as f64, spent as f64, fixed as f64, budget, costs);
        }
    }

    fn open_window(&self) {
        self.window_ns.store(0, Relaxed);
        self.window_spent.store(self.spent_ns.own_load(), Relaxed);
        self.window_fixed.store(self.fixed_ns.own_load(), Relaxed);
    }

    #[cold]
    fn end_window(&self, elapsed: f64, spent: f64, fixed: f64, budget: f64, costs: &Costs) {
        let elapsed = elapsed.max(1.0);
        let balance = (self.balance_ns() + budget * elapsed - spent).min(budget * CREDIT_NS);
        self.balance.store(balance.to_bits(), Relaxed);
        let aim = budget * if balance < 0.0 { REPAY } else { AIM };
        // What cannot be spaced leaves less for what can, but never nothing: there must be something to steer by.
        let left = (aim - fixed / elapsed).max(aim / 4.0);
        let excess = (spent - fixed).max(0.0) / elapsed / left;
        // The spacing at which one point alone spends it all.
        let least = self.timed_ns(costs) as f64 / aim;
        let spacing = self.spacing_ns();
        let spacing = if excess > 1.0 {
            if spacing < least {
                least
            } else {
                spacing * excess.min(16.0)
            }
        } else {
            // By half in a window's time: a pause is no reason to start anew.
            let spacing = spacing * excess.max(0.5_f64.powf(elapsed / WINDOW_NS as f64));
            if spacing < least / 8.0 { 0.0 } else { spacing }
        };
        self.spacing.store(spacing.to_bits(), Relaxed);
    }

    fn spacing_ns(&self) -> f64 {
        f64::from_bits(self.spacing.own_load())
    }

    fn balance_ns(&self) -> f64 {
        f64::from_bits(self.balance.own_load())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A thread that uses points at given intervals of time, in its own simulated time.
    struct Thread {
        governor: Governor,
        costs: Costs,
        budget: f64,
        now: f64,
        rng: fastrand::Rng,
        points: Vec<Point>,
        measured: u64,
    }

    struct Point {
        every_ns: f64,
        at: f64,
        done: u64,
        pace: Pace,
        schedule: Schedule,
    }

    impl Thread {
        fn new(budget: f64, points: &[f64]) -> Self {
            Thread {
                governor: Governor::new(),
                costs: Costs::assumed(),
                budget,
                now: 1.0,
                rng: fastrand::Rng::with_seed(1),
                points: points
                    .iter()
                    .map(|&every_ns| Point {
                        every_ns,
                        at: 1.0,
                        done: 0,
                        pace: Pace::default(),
                        schedule: Schedule { next: 1, weight: 1 },
                    })
                    .collect(),
                measured: 0,
            }
        }

        /// Runs for a time; the share of it that was spent.
        fn run(&mut self, ns: f64) -> f64 {
            let (start, spent) = (self.now, self.governor.spent_ns());
            let nanos = |start: u64, end: u64| end.saturating_sub(start);
            while self.now < start + ns {
                let Some(point) = self.points.iter_mut().min_by(|a, b| a.at.total_cmp(&b.at))
                else {
                    break;
                };
                self.now = self.now.max(point.at);
                point.at = self.now + point.every_ns;
                point.done += 1;
                if point.done >= point.schedule.next {
                    let cost = self.costs.timed_ns.load(Relaxed);
                    self.measured += 1;
                    let schedule = self.governor.next(
                        point.done,
                        &point.pace,
                        self.budget,
                        cost,
                        &mut self.rng,
                    );
                    point.schedule = schedule;
                    let at = self.now as u64;
                    self.now += cost as f64;
                    point.pace.note(point.done, at, nanos);
                    self.governor.charge(cost);
                    self.governor.steer(at, nanos, self.budget, &self.costs);
                }
            }
            (self.governor.spent_ns() - spent) as f64 / (self.now - start)
        }
    }

    const SECOND: f64 = 1e9;

    #[test]
    fn the_budget_holds_at_every_rate() {
        for budget in [0.005, 0.01, 0.05] {
            for every_ns in [20.0, 100.0, 1e3, 1e4, 1e5] {
                let mut thread = Thread::new(budget, &[every_ns]);
                let share = thread.run(0.05 * SECOND);
                assert!(
                    share < budget * 1.2,
                    "budget {budget}, every {every_ns} ns: {share}"
                );
                // What is allowed is used, down to the point where all are measured.
                let all = 40.0 / (every_ns + 40.0);
                assert!(
                    share > (budget * 0.5).min(all * 0.99),
                    "budget {budget}, every {every_ns} ns: only {share}"
                );
            }
        }
    }

    #[test]
    fn many_points_share_one_budget_and_rare_ones_are_measured_every_time() {
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

    #[test]
    fn a_change_of_rate_or_budget_is_followed() {
        let mut thread = Thread::new(0.01, &[1e5]);
        thread.run(0.02 * SECOND);
        assert_eq!(thread.points[0].schedule.weight, 1);
        thread.points[0].every_ns = 20.0;
        thread.run(0.005 * SECOND);
        let share = thread.run(0.02 * SECOND);
        assert!((0.004..0.012).contains(&share), "a burst: {share}");
        thread.budget = 0.05;
        thread.run(0.005 * SECOND);
        let share = thread.run(0.02 * SECOND);
        assert!((0.02..0.06).contains(&share), "a larger budget: {share}");
        thread.budget = 0.001;
        thread.run(0.05 * SECOND);
        let share = thread.run(0.05 * SECOND);
        assert!(share < 0.0012, "a smaller budget: {share}");
    }

    #[test]
    fn idle_time_is_no_credit_for_long() {
        let mut thread = Thread::new(0.01, &[20.0]);
        thread.run(0.01 * SECOND);
        for _ in 0..5 {
            thread.now += 10.0 * SECOND;
            let share = thread.run(0.02 * SECOND);
            assert!(share < 0.012, "{share}");
        }
    }

    #[test]
    fn what_it_takes_is_learnt() {
        let (governor, costs) = (Governor::new(), Costs::assumed());
        assert_eq!(governor.timed_ns(&costs), 40);
        let lessons = (0..800).filter(|_| governor.is_lesson()).count();
        assert_eq!(lessons, 100);
        for _ in 0..100 {
            governor.learn(280, &costs);
        }
        assert_eq!(governor.timed_ns(&costs), 280);
        // An interrupt.
        governor.learn(1_000_000, &costs);
        assert!(governor.timed_ns(&costs) < 2 * 280);
    }
}
