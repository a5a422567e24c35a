//! How the account is balanced, and how the spacing follows.

use super::{Costs, DEBT_NS, Governor, MAX_SPACING_NS, Time, WINDOW_NS, bounded};
use crate::sync::{Ordering::Relaxed, OwnLoad};

/// The same for a thread that earns next to nothing.
const LONGEST_WINDOW_NS: u64 = 64_000_000;
/// The account is balanced when so many times the cost of that were spent: it must not be what the
/// budget goes to.
const BALANCES: u64 = 4;
/// Or when the budget of a thread that never pauses has so many times that cost: where little is
/// measured, little is spent, and only a balance can change it.
const UNSPENT_BALANCES: u64 = 16;
/// Timed acquisitions that are few enough not to be looked at early.
const BURST: u64 = 16;
/// The spacing is lowered when what was earned would pay for so many timed acquisitions: less tells
/// too little.
const ENOUGH: u64 = 16;
/// Share of what is earned that is aimed at, beside what is left over.
const AIM: f64 = 0.9;
/// The same while there is a debt.
const REPAY: f64 = 0.5;
/// Share of the credit that is aimed at in a window.
const SPEND: f64 = 0.125;
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
/// A spacing of which only such a share of the budget is spent is lowered after that share of its
/// time.
const SEEN: f64 = 0.25;

impl Governor {
    /// It is `now`, in ticks: balances the account, if it is time to. Returns when it began to, in
    /// ticks.
    #[inline]
    pub(crate) fn steer(
        &self,
        now: u64,
        time: &impl Time,
        budget: f64,
        costs: &Costs,
    ) -> Option<u64> {
        let balance_if_due = || {
            let balanced = self.balanced.own_load();
            if balanced == 0 {
                self.balanced.store(now, Relaxed);
                return None;
            }
            let elapsed = time.nanos(balanced, now);
            let spent = self.not_booked();
            let due = elapsed >= self.window_ns.own_load()
                && (spent >= BALANCES * self.balance_ns(costs)
                    || self.pays_for(UNSPENT_BALANCES, elapsed, budget, costs));
            let balances = due || spent as f64 > self.allowance(elapsed, budget, costs);
            balances.then(|| {
                let begun = time.ticks();
                self.balance(now, elapsed, time, budget, costs);
                begun
            })
        };
        self.alone(balance_if_due).flatten()
    }

    /// Whether a balance is worth it for a thread that ends, and that has not paused for this long.
    pub(super) fn pays_for_a_balance(&self, elapsed: u64, budget: f64, costs: &Costs) -> bool {
        self.pays_for(BALANCES, elapsed, budget, costs)
    }

    /// Whether a thread that has not paused for this long has earned the price of this many
    /// balances.
    #[inline]
    fn pays_for(&self, balances: u64, elapsed: u64, budget: f64, costs: &Costs) -> bool {
        budget * elapsed as f64 >= (balances * self.balance_ns(costs)) as f64
    }

    /// Nanoseconds that were spent since the last balance.
    fn not_booked(&self) -> u64 {
        // A signal handler may have booked what the interrupted charge overwrote.
        self.spent_ns
            .own_load()
            .saturating_sub(self.booked_ns.own_load())
    }

    /// What may be spent in so long before the account is looked at early.
    #[inline]
    fn allowance(&self, elapsed: u64, budget: f64, costs: &Costs) -> f64 {
        let burst = (BURST * self.timed_ns(costs)) as f64;
        burst + self.balance.get().max(0.0) + 2.0 * budget * elapsed as f64
    }

    #[cold]
    pub(super) fn balance(
        &self,
        now: u64,
        elapsed: u64,
        time: &impl Time,
        budget: f64,
        costs: &Costs,
    ) {
        let over = self.not_booked() as f64 > self.allowance(elapsed, budget, costs);
        let processor_ns = time.processor_ns();
        self.charge_fixed(self.balance_ns(costs));
        // Before the first reading that is all that the thread ever used: never more than the time
        // that has passed.
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
    pub(super) fn book(&self, now: u64, elapsed: u64, used_ns: u64, budget: f64) {
        let (spent, fixed) = (self.spent_ns.own_load(), self.fixed_ns.own_load());
        let newly_spent = spent.saturating_sub(self.booked_ns.own_load()) as f64;
        let newly_fixed = fixed.saturating_sub(self.booked_fixed_ns.own_load()) as f64;
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

    /// Changes the spacing if the last change was seen, and enough was earned since to tell more.
    /// Whether it was.
    pub(super) fn consider(&self, over: bool, cost: f64, budget: f64) -> bool {
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
        // What cannot be spaced leaves less for what can, but never nothing: there must be
        // something to steer by.
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
        // If everything was measured, or is to be, nothing tells what another spacing would have
        // cost.
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

    /// Long waits may take half of what is earned, and `half` of what is aimed at now. Some are
    /// always timed: who waits rarely wants to see each.
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
