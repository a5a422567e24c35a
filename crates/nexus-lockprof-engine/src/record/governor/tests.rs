//! The governor in simulated time.

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

    fn ticks(&self) -> u64 {
        0
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
    /// What a balance takes, if it is not what was measured at the start.
    balance_ns: Option<u64>,
    /// What measured acquisitions and such balances have taken.
    really_spent: u64,
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
            balance_ns: None,
            really_spent: 0,
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
        self.really_spent += cost;
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
            .steer(at, &self.time, self.budget, &self.costs)
            .is_some();
        if let Some(ns) = self.balance_ns.filter(|_| balanced) {
            self.pass(ns as f64, 1.0);
            self.really_spent += ns;
            self.governor.learn_balance(ns, &self.costs);
        }
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
                let case = format!("budget {budget}, every {every_ns} ns, busy {busy}: {share}");
                assert!(share < budget * 1.2, "{case}");
                // What is allowed is used, or all are measured.
                let all = thread.measured() as f64 >= 0.95 * thread.points[0].done as f64;
                assert!(share > budget * 0.5 || all, "{case}");
            }
        }
    }
}

/// On a virtual machine, a look at the thread's clock may take a microsecond, and more where its
/// code is cold.
#[test]
fn the_budget_holds_where_a_balance_is_dear() {
    for budget in [0.005, 0.01, 0.05] {
        for every_ns in [200.0, 1e4, 1e5] {
            for balance_ns in [1_000, 4_000] {
                let mut thread = Thread::new(budget, &[every_ns]);
                thread.balance_ns = Some(balance_ns);
                // Enough to learn.
                let _ = thread.run(0.2 * SECOND);
                let (before, measured) = (thread.really_spent, thread.measured());
                let said = thread.run(0.5 * SECOND);
                let really = (thread.really_spent - before) as f64 / (0.5 * SECOND);
                let case = format!(
                    "budget {budget}, every {every_ns} ns, balance {balance_ns} ns: {said}, really {really}"
                );
                assert!(said < budget * 1.05 && really < budget * 1.05, "{case}");
                // Most of it goes to what is measured, or all are.
                let measured = thread.measured() - measured;
                let spent = measured * thread.costs.timed_ns.load(Relaxed);
                let all = measured as f64 >= 0.95 * 0.5 * SECOND / every_ns;
                assert!(spent as f64 > budget * 0.4 * 0.5 * SECOND || all, "{case}");
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

/// New points are all measured at first, however many there are: that must not put off those that
/// go on.
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
    thread.governor.follow(1, || None);
    thread.run(0.005 * SECOND);
    let share = thread.run(0.02 * SECOND);
    assert!((0.02..0.06).contains(&share), "a larger budget: {share}");
    thread.budget = 0.001;
    thread.governor.follow(2, || None);
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
        thread.governor.begin(left, None);
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

/// Others before them have found that little can be measured.
#[test]
fn threads_in_which_nothing_is_measured_lower_the_spacing() {
    for life_ns in [1e5, 2e6, 1e7] {
        let mut thread = Thread::new(0.01, &[]);
        thread.governor.inherit(MAX_SPACING_NS);
        let mut left = 0.0;
        for _ in 0..(SECOND / life_ns) as u64 {
            let now = thread.now as u64;
            thread.governor.begin(left, Some(now));
            thread.pass(life_ns, 1.0);
            let end = thread.now as u64;
            (left, _) = thread
                .governor
                .end(|| end, &thread.time, 0.01, &thread.costs);
            left = bounded(left, 0.01);
        }
        let spacing = thread.governor.spacing.get();
        assert!(spacing < 1e6, "lives of {life_ns} ns: {spacing}");
    }
}

#[test]
fn another_budget_is_seen_soon() {
    let mut thread = Thread::new(0.01, &[500.0]);
    thread.run(1e6);
    for mode in 1..20 {
        thread.governor.inherit(MAX_SPACING_NS);
        thread.governor.follow(mode, || None);
        // As `Core::look_up` does.
        let point = &mut thread.points[0];
        let price = (thread.budget, 40);
        point.schedule = thread
            .governor
            .next(point.done, &point.rate, 1, price, &mut thread.rng);
        let before = thread.measured();
        thread.run(2e7);
        let measured = thread.measured() - before;
        assert!(measured >= 10, "{measured} in mode {mode}");
    }
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
    thread.governor.follow(7, || None);
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

/// Time that a signal handler measures something in, whenever it is read.
struct Interrupted<'a> {
    governor: &'a Governor,
    time: Simulated,
    costs: &'a Costs,
    handled: Cell<u64>,
}

impl Interrupted<'_> {
    const COST: u64 = 100;

    fn handle(&self) {
        self.handled.set(self.handled.get() + 1);
        self.governor.charge(Self::COST);
        let now = 1_000_000_000;
        let balanced = self
            .governor
            .steer(now, &self.time, 0.01, self.costs)
            .is_some();
        assert!(!balanced, "it was balanced in the middle of that");
    }
}

impl Time for Interrupted<'_> {
    fn nanos(&self, start: u64, end: u64) -> u64 {
        self.handle();
        self.time.nanos(start, end)
    }

    fn processor_ns(&self) -> u64 {
        self.handle();
        self.time.processor_ns()
    }

    fn ticks(&self) -> u64 {
        self.time.ticks()
    }
}

#[test]
fn a_signal_handler_leaves_a_balance_that_is_under_way_alone() {
    let (governor, twin, costs) = (Governor::new(), Governor::new(), Costs::assumed());
    let interrupted = Interrupted {
        governor: &governor,
        time: Simulated::default(),
        costs: &costs,
        handled: Cell::new(0),
    };
    let undisturbed = Simulated::default();
    for now in (1..100).map(|window| window * 2 * WINDOW_NS) {
        for time in [&interrupted.time, &undisturbed] {
            time.processor_ns.set(now);
        }
        governor.charge(50_000);
        governor.steer(now, &interrupted, 0.01, &costs);
        twin.charge(50_000);
        twin.steer(now, &undisturbed, 0.01, &costs);
    }
    assert!(interrupted.handled.get() > 100);
    let charged = interrupted.handled.get() * Interrupted::COST;
    assert_eq!(governor.spent_ns(), twin.spent_ns() + charged);
    assert_eq!(governor.since.get(), twin.since.get());
    assert_eq!(
        governor.processor_ns.own_load(),
        twin.processor_ns.own_load()
    );
}
