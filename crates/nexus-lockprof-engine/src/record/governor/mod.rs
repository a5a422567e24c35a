//! The budget: what a thread may spend on measuring, and how it keeps to it.
//!
//! Each thread has an account. It earns a share of the processor time that the thread uses, the
//! *budget*, and pays for each timed acquisition, each timed wait and each look at the thread's
//! clock. The unit costs begin with what was measured at the start ([`Costs`]). After that one
//! timed acquisition in [`LEARN`] measures itself, and so does each balance: in a program with much
//! data each one finds its cache lines cold, and takes several times as long as in a loop. Neither
//! is a part of the other. Else, where acquisitions are measured so rarely that each is followed by
//! a balance, each would seem to cost as much as both, and would be measured more rarely still.
//!
//! The governor steers with one number, the *spacing*: the time from one measured event of a point
//! to the next. [`sampler`](crate::record::sampler) turns it into a probability. Now and then the
//! governor reads the thread's processor clock, balances the account, and changes the spacing.
//! Three rules keep it from winding up:
//!
//! - A change is seen before the next one is made. The schedules that were drawn under the old
//!   spacing are over after about that time, so no change follows another sooner.
//! - The spacing, the debt and the credit have bounds.
//! - A schedule that lies too far ahead is drawn again: see [`Governor::is_late`].
//!
//! A thread that ends leaves its balance to those that come after it, so threads too short to be
//! steered keep to the budget together.

mod costs;
mod spacing;
#[cfg(test)]
mod tests;

pub(crate) use costs::{Costs, Time};

use crate::record::sampler::{EventRate, STEP, Schedule};
use crate::sync::{AtomicBool, AtomicU64, Ordering::Relaxed, OwnLoad, bump, const_fn};
use std::sync::atomic::{Ordering::SeqCst, compiler_fence};

/// The account is balanced once in so long, unless it is overdrawn before.
const WINDOW_NS: u64 = 1_000_000;
/// Processor time whose unspent budget is kept.
const CREDIT_NS: f64 = 2.5e8;
/// Processor time whose budget may be owed. What was spent beyond that is forgiven.
const DEBT_NS: f64 = 5e7;
/// Debt, as processor time, at which new points lose their growth allowance.
const DEEP_NS: f64 = 5e6;
/// The largest spacing: each point is measured some times a second.
const MAX_SPACING_NS: f64 = 2.5e8;
/// A schedule is late after so many spacings without a measured event.
const LATE: f64 = 8.0;

/// One in so many timed acquisitions is one of those that are learnt from.
const LEARN: u64 = 8;
/// What one of them may count for, as a multiple of what was expected: an interrupt is not the
/// profiler's.
const SURPRISE: u64 = 8;

/// An f64 that one thread writes.
#[derive(Debug)]
struct Number(AtomicU64);

impl Number {
    const_fn! {
        fn zero() -> Self {
            Number(AtomicU64::new(0))
        }
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
    /// 16ths of a nanosecond that a timed acquisition takes; 0 while none was measured in this
    /// thread.
    cost: AtomicU64,
    turn: AtomicU64,
    spent_ns: AtomicU64,
    /// Nanoseconds to book for a timed acquisition of the usual kind in `Exact` mode.
    price_ns: AtomicU64,
    /// Clock ticks at the last balance, or when the account was opened; 0 if that is not known.
    balanced: AtomicU64,
    /// Nanoseconds from that until the next one.
    window_ns: AtomicU64,
    /// Nanoseconds that may be spent.
    balance: Number,
    /// Nanoseconds.
    spacing: Number,

    /// `spent_ns` at the last balance.
    booked_ns: AtomicU64,
    /// What was spent and no spacing would have saved: long waits, first events of points, and
    /// looks at the thread's clock.
    fixed_ns: AtomicU64,
    /// That at the last balance.
    booked_fixed_ns: AtomicU64,
    /// The thread's processor time then; 0 before the first reading.
    processor_ns: AtomicU64,
    /// What look-ups took. It does not depend on what is timed, and is not the budget's.
    looked_up_ns: AtomicU64,
    /// The control word that the account was opened under.
    control: AtomicU64,

    /// Nanoseconds since the last change of the spacing, and what was earned and spent in them, by
    /// all threads.
    since: Number,
    earned: Number,
    spent: Number,
    fixed: Number,
    /// What of it went to long waits.
    waits: Number,
    /// 16ths of a nanosecond that a balance takes; 0 while none was measured in this thread.
    balance_cost: AtomicU64,
    /// Processor time before that, and what was then spent on fixed costs and on what is spaced:
    /// each counts the less the longer ago it was, and the last as if the spacing had been what it
    /// is now.
    used_before: Number,
    fixed_before: Number,
    spaced_before: Number,
    /// Nanoseconds that may be spent on them.
    waits_balance: Number,
    /// One in so many of those is timed, a power of two; 0 is 1.
    long_waits: AtomicU64,
    /// Whether the thread is balancing or opening the account. A signal handler that comes then
    /// leaves it alone.
    in_hand: AtomicBool,
}

impl Governor {
    const_fn! {
        pub(crate) fn new() -> Self {
            Governor {
                cost: AtomicU64::new(0),
                turn: AtomicU64::new(0),
                spent_ns: AtomicU64::new(0),
                price_ns: AtomicU64::new(0),
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
                balance_cost: AtomicU64::new(0),
                used_before: Number::zero(),
                fixed_before: Number::zero(),
                spaced_before: Number::zero(),
                waits_balance: Number::zero(),
                long_waits: AtomicU64::new(0),
                in_hand: AtomicBool::new(false),
                spacing: Number::zero(),
            }
        }
    }

    /// Nanoseconds of the budget spent so far, by all threads that had the shard. Any thread's
    /// call.
    pub(crate) fn spent_ns(&self) -> u64 {
        self.spent_ns.load(Relaxed)
    }

    /// Nanoseconds that look-ups took so far. Any thread's call.
    pub(crate) fn looked_up_ns(&self) -> u64 {
        self.looked_up_ns.load(Relaxed)
    }

    /// Runs `work`, which changes several numbers together. `None` in a signal handler that has
    /// interrupted such work.
    #[inline]
    fn alone<T>(&self, work: impl FnOnce() -> T) -> Option<T> {
        if self.in_hand.load(Relaxed) {
            return None;
        }
        self.in_hand.store(true, Relaxed);
        // Compiler fences suffice, because a handler runs in this thread.
        compiler_fence(SeqCst);
        let out = work();
        compiler_fence(SeqCst);
        self.in_hand.store(false, Relaxed);
        Some(out)
    }

    /// A new thread begins, with the balance that it inherits. What was learnt of the points is
    /// kept. It earns from `now` on, in ticks, or else from its first measured event on.
    pub(crate) fn begin(&self, balance: f64, now: Option<u64>) {
        // The last thread may have ended in the middle of its work, without unwinding.
        self.in_hand.store(false, Relaxed);
        self.alone(|| {
            self.open(now);
            self.balance.set(balance);
        });
    }

    /// The spacing of threads before it, for a thread whose shard is new.
    pub(crate) fn inherit(&self, spacing: f64) {
        self.spacing.set(spacing);
    }

    /// Opens the account anew if the mode was changed: what another mode spent is no debt, and a
    /// spacing that another budget has made so long that this one would not be seen is none. `now`
    /// is as for [`begin`](Self::begin).
    pub(crate) fn follow(&self, control: u64, now: impl FnOnce() -> Option<u64>) {
        if self.control.own_load() != control {
            self.alone(|| {
                self.control.store(control, Relaxed);
                self.open(now());
                self.balance.set(0.0);
                self.spacing.set(self.spacing.get().min(WINDOW_NS as f64));
            });
        }
    }

    fn open(&self, now: Option<u64>) {
        self.balanced.store(now.unwrap_or(0), Relaxed);
        self.window_ns.store(WINDOW_NS, Relaxed);
        self.processor_ns.store(0, Relaxed);
        self.booked_ns.store(self.spent_ns.own_load(), Relaxed);
        self.booked_fixed_ns
            .store(self.fixed_ns.own_load(), Relaxed);
    }

    /// The thread ends: the balance and the spacing, for those that come after it. `now` is read if
    /// it is needed.
    pub(crate) fn end(
        &self,
        now: impl FnOnce() -> u64,
        time: &impl Time,
        budget: f64,
        costs: &Costs,
    ) -> (f64, f64) {
        let close = || {
            let balanced = self.balanced.own_load();
            if balanced != 0 {
                let now = now();
                let elapsed = time.nanos(balanced, now);
                if elapsed >= WINDOW_NS && self.pays_for_a_balance(elapsed, budget, costs) {
                    self.balance(now, elapsed, time, budget, costs);
                } else {
                    // Not worth a look at its clock: as if it had not paused in so little time.
                    self.book(now, elapsed, elapsed.min(WINDOW_NS), budget);
                    self.consider(false, self.timed_ns(costs) as f64, budget);
                }
            }
            let left = self.balance.get();
            self.balance.set(0.0);
            self.open(None);
            (left, self.spacing.get())
        };
        self.alone(close).unwrap_or((0.0, self.spacing.get()))
    }

    /// Nanoseconds that a timed acquisition takes in this thread.
    #[inline]
    pub(crate) fn timed_ns(&self, costs: &Costs) -> u64 {
        learnt(&self.cost, &costs.timed_ns) / 16
    }

    /// Nanoseconds that a balance takes in this thread, with the look at the thread's clock.
    #[inline]
    pub(super) fn balance_ns(&self, costs: &Costs) -> u64 {
        learnt(&self.balance_cost, &costs.processor_ns) / 16
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
        learn(&self.cost, &costs.timed_ns, ns);
    }

    /// A balance took so long, with the look at the records that followed.
    pub(crate) fn learn_balance(&self, ns: u64, costs: &Costs) {
        learn(&self.balance_cost, &costs.processor_ns, ns);
    }

    /// Notes what [`charge_usual`](Self::charge_usual) books from now on.
    #[inline]
    pub(crate) fn note_price(&self, costs: &Costs) {
        self.price_ns.store(self.timed_ns(costs), Relaxed);
    }

    /// Books a timed acquisition at the price that was noted last.
    #[inline(always)]
    pub(crate) fn charge_usual(&self) {
        self.charge(self.price_ns.own_load());
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

    /// One in so many long waits is timed: each, as long as they take half of the budget at most,
    /// or are few.
    #[inline]
    pub(crate) fn long_waits(&self) -> u64 {
        self.long_waits.own_load().max(1)
    }

    /// Books a look-up.
    #[inline]
    pub(crate) fn charge_look_up(&self, ns: u64) {
        bump(&self.looked_up_ns, ns);
    }

    /// The schedule after `done` events at this rate, of which one costs `ns`. One in `least` is
    /// measured at most.
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

    /// Whether a point that had events, and none measured for so long, should have had one: then it
    /// is used much more rarely than when its schedule was drawn.
    pub(crate) fn is_late(&self, ns: u64) -> bool {
        ns as f64 > LATE * self.spacing.get().max(WINDOW_NS as f64)
    }
}

/// What is known of a cost, in 16ths of a nanosecond: what was learnt, or else what was measured at
/// the start.
#[inline]
fn learnt(cost: &AtomicU64, at_start: &AtomicU64) -> u64 {
    match cost.own_load() {
        0 => 16 * at_start.load(Relaxed),
        known => known,
    }
}

/// It took so long this time.
fn learn(cost: &AtomicU64, at_start: &AtomicU64, ns: u64) {
    let known = learnt(cost, at_start);
    let ns = (16 * ns).min(SURPRISE * known);
    cost.store((7 * known + ns).div_ceil(8), Relaxed);
}

/// A balance within what may be owed, and what is kept.
pub(crate) fn bounded(balance: f64, budget: f64) -> f64 {
    balance.clamp(-DEBT_NS * budget, CREDIT_NS * budget)
}
