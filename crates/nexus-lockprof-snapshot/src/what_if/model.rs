//! The queueing model: a closed loop of threads, and one lock in it.
//!
//! Mean value analysis (Reiser and Lavenberg, 1980): a thread that comes to the lock finds the
//! queue that there would be on average with one thread fewer. With exponential holds, no handover
//! and no readers it is exact. `docs/explanation/what-if.md` explains the rest.

/// The most threads that the model should compute with: its time grows with them.
pub(super) const MOST_THREADS: u64 = 1_024;
/// Halvings of the interval in which the handover is searched.
const STEPS: u32 = 40;

/// Threads that do something else, then take the lock, and begin again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Threads {
    pub(super) count: u64,
    /// The time of one round without the lock, in nanoseconds.
    pub(super) between_ns: f64,
}

/// What a round asks of the lock. Times are in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Demand {
    /// The mean exclusive hold.
    pub(super) write_ns: f64,
    /// The squared coefficient of variation of exclusive holds: 0 if all are equal, 1 if they are
    /// exponential.
    pub(super) variation: f64,
    /// The mean shared hold.
    pub(super) read_ns: f64,
    /// The share of the rounds that acquire the lock shared.
    pub(super) reads: f64,
    /// What it takes to hand the lock to a thread that waits.
    pub(super) handover_ns: f64,
    /// Into how many locks it is split. Rounds are spread evenly over them.
    pub(super) ways: f64,
}

impl Demand {
    /// The rounds of all threads in a nanosecond.
    pub(super) fn throughput(&self, threads: Threads) -> f64 {
        let writes = 1.0 - self.reads;
        let (mut rounds, mut busy, mut writers, mut readers) = (0.0, 0.0_f64, 0.0, 0.0);
        for count in 1..=threads.count {
            let serve_ns = self.serve_ns(busy, readers / self.ways);
            let [mut write, read] =
                self.stays_ns(serve_ns, busy, [writers, readers].map(|q| q / self.ways));
            let round_ns = threads.between_ns + writes * write + self.reads * read;
            // No lock serves more than one writer at a time.
            let least_ns = count as f64 * writes * serve_ns / self.ways;
            if round_ns < least_ns {
                write += (least_ns - round_ns) / writes;
            }
            rounds = count as f64 / round_ns.max(least_ns);
            busy = rounds * writes * serve_ns / self.ways;
            writers = rounds * writes * write;
            readers = rounds * self.reads * read;
        }
        rounds
    }

    /// How long a writer keeps the lock from the next one that comes.
    fn serve_ns(&self, busy: f64, readers: f64) -> f64 {
        // Only who finds the lock taken has it handed over.
        self.write_ns + self.handover_ns * (busy + readers).min(1.0)
    }

    /// How long a writer and a reader wait and hold that find on average so many others at their
    /// lock, which writers have for the share `busy` of the time.
    fn stays_ns(&self, serve_ns: f64, busy: f64, [writers, readers]: [f64; 2]) -> [f64; 2] {
        // The rest of the hold under way is longer, the more the holds vary.
        let rest_ns = busy * self.write_ns * (self.variation - 1.0) / 2.0;
        // The last of several readers that hold together: the harmonic number, smoothed.
        let group_ns = self.read_ns * readers.ln_1p();
        let queue_ns = (serve_ns * writers + rest_ns).max(0.0);
        let write_ns = serve_ns + queue_ns + group_ns;
        // Readers queue behind a writer that waits for readers.
        let waiting = writers.min(1.0) * (1.0 - self.write_ns / write_ns.max(f64::MIN_POSITIVE));
        [write_ns, self.read_ns + queue_ns + group_ns * waiting]
    }

    /// What must be changed so that the model has the measured throughput: the handover, or, if the
    /// model is too slow without one, the length of the holds.
    pub(super) fn fit(&self, threads: Threads, rounds_per_ns: f64) -> Fit {
        let is_too_fast = |fit: Fit| self.with(fit).throughput(threads) > rounds_per_ns;
        let slower = |handover_ns| Fit {
            handover_ns,
            ..Fit::NONE
        };
        let faster = |hold_factor| Fit {
            hold_factor,
            ..Fit::NONE
        };
        if is_too_fast(Fit::NONE) {
            // As long as a whole round of all threads. Then nothing is fast enough.
            let most = threads.count as f64 / rounds_per_ns;
            slower(bisect(most, |ns| is_too_fast(slower(ns))))
        } else {
            faster(bisect(1.0, |factor| is_too_fast(faster(factor))))
        }
    }

    pub(super) fn with(&self, fit: Fit) -> Self {
        Self {
            write_ns: self.write_ns * fit.hold_factor,
            read_ns: self.read_ns * fit.hold_factor,
            handover_ns: fit.handover_ns,
            ..*self
        }
    }
}

/// How a model differs from its measured holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Fit {
    pub(super) handover_ns: f64,
    /// What the holds are multiplied by.
    pub(super) hold_factor: f64,
}

impl Fit {
    const NONE: Self = Self {
        handover_ns: 0.0,
        hold_factor: 1.0,
    };
}

/// The largest number from 0 to `most` for which `is_below` holds, if it holds up to some number.
fn bisect(most: f64, is_below: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, most);
    for _ in 0..STEPS {
        let middle = f64::midpoint(low, high);
        match is_below(middle) {
            true => low = middle,
            false => high = middle,
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    const MUTEX: Demand = Demand {
        write_ns: 1.0,
        variation: 1.0,
        read_ns: 0.0,
        reads: 0.0,
        handover_ns: 0.0,
        ways: 1.0,
    };

    fn threads(count: u64, between_ns: f64) -> Threads {
        Threads { count, between_ns }
    }

    #[track_caller]
    fn assert_near(found: f64, expected: f64) {
        assert!(
            (found / expected - 1.0).abs() < 1e-9,
            "{found} for {expected}"
        );
    }

    /// The machine repairman: with as much time between as holding, three threads leave the lock
    /// free for 1/16 of the time.
    #[test]
    fn a_mutex_is_exact() {
        assert_near(MUTEX.throughput(threads(1, 3.0)), 0.25);
        assert_near(MUTEX.throughput(threads(2, 1.0)), 0.8);
        assert_near(MUTEX.throughput(threads(3, 1.0)), 15.0 / 16.0);
        // Nothing between: always held.
        assert_near(MUTEX.throughput(threads(8, 0.0)), 1.0);
    }

    /// Two stations and no time between: Gordon and Newell's N / (N + K - 1) of each.
    #[test]
    fn a_split_lock_is_exact() {
        let split = Demand { ways: 2.0, ..MUTEX };
        for count in 1..6 {
            let expected = 2.0 * count as f64 / (count as f64 + 1.0);
            assert_near(split.throughput(threads(count, 0.0)), expected);
        }
    }

    #[test]
    fn equal_holds_make_shorter_queues_and_unequal_longer() {
        let of = |variation| Demand { variation, ..MUTEX }.throughput(threads(4, 6.0));
        assert!(of(0.0) > of(1.0) && of(1.0) > of(20.0));
    }

    #[test]
    fn a_lock_has_one_owner_at_a_time() {
        let equal = Demand {
            variation: 0.0,
            ..MUTEX
        };
        assert_near(equal.throughput(threads(8, 2.0)), 1.0);
        let split = Demand { ways: 4.0, ..equal };
        assert!(split.throughput(threads(64, 0.0)) <= 4.0);
    }

    #[test]
    fn readers_hold_together() {
        let reader = Demand {
            read_ns: 1.0,
            reads: 1.0,
            ..MUTEX
        };
        assert_near(reader.throughput(threads(8, 1.0)), 4.0);
        let some = |reads| Demand { reads, ..reader }.throughput(threads(8, 1.0));
        assert!(some(0.9) < some(1.0) && some(0.5) < some(0.9) && some(0.0) < some(0.5));
    }

    /// The fit gives back what the model was made with.
    #[test]
    fn a_fit_reproduces_what_was_measured() {
        let threads = threads(4, 2.0);
        for demand in [
            MUTEX,
            Demand {
                handover_ns: 0.7,
                ..MUTEX
            },
            Demand {
                read_ns: 0.5,
                reads: 0.6,
                handover_ns: 0.2,
                ..MUTEX
            },
        ] {
            let measured = demand.throughput(threads);
            let without = Demand {
                handover_ns: 0.0,
                ..demand
            };
            let fit = without.fit(threads, measured);
            assert!((fit.handover_ns - demand.handover_ns).abs() < 1e-6);
            assert_near(without.with(fit).throughput(threads), measured);
        }
        // Faster than the model: the holds must be shorter.
        let fast = MUTEX.throughput(threads) * 1.1;
        let fit = MUTEX.fit(threads, fast);
        assert_near(MUTEX.with(fit).throughput(threads), fast);
        assert!(fit.hold_factor < 1.0 && fit.handover_ns == 0.0);
    }
}
