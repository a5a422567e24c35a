//! Time: quanta's counter clock, or a manual one.

use crate::process::exclusive::{SETTING, lock};
use crate::record::governor::Time;
use Ordering::{Relaxed, Release};
use std::hint::cold_path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

/// An engine's source of time: raw ticks that are cheap to read, and their length in nanoseconds.
///
/// The counter clock is calibrated at its first use, which blocks for some milliseconds, once in a
/// process. That use is the first *timed* acquisition, or an explicit
/// [`Engine::warm_up`](crate::Engine::warm_up).
#[derive(Debug)]
pub(crate) struct Clock {
    ticks: OnceLock<quanta::Clock>,
    /// Nanoseconds in 2^[`SCALE`] ticks; 0 before the calibration.
    scale: AtomicU64,
    /// Ticks that one reading takes; 0 before this was measured, and with a manual clock.
    reading: AtomicU64,
    /// Whether quanta reads the processor's counter. Then it is read here, without a call. Set
    /// last: whoever sees it sees the scale, too.
    is_counter: AtomicBool,
    hands: Option<Hands>,
    /// The start as `coarse_ns`, plus 1. 0 before the start.
    started: AtomicU64,
}

/// Binary logarithm of the number of ticks whose length is kept. quanta divides by a power of two,
/// too: by less than this one, since it calibrates for at most 0.2 s. So both round to the same.
const SCALE: u32 = 40;
/// The scale of a clock whose ticks are nanoseconds.
const NANOSECONDS: u64 = 1 << SCALE;

impl Clock {
    pub(crate) const fn counter() -> Self {
        Clock {
            ticks: OnceLock::new(),
            scale: AtomicU64::new(0),
            reading: AtomicU64::new(0),
            is_counter: AtomicBool::new(false),
            hands: None,
            started: AtomicU64::new(0),
        }
    }

    pub(crate) fn manual(clock: &ManualClock) -> Self {
        Clock {
            ticks: OnceLock::from(clock.clock.clone()),
            scale: AtomicU64::new(NANOSECONDS),
            reading: AtomicU64::new(0),
            is_counter: AtomicBool::new(false),
            hands: Some(clock.hands.clone()),
            started: AtomicU64::new(0),
        }
    }

    #[inline(always)]
    fn ticks(&self) -> &quanta::Clock {
        match self.ticks.get() {
            Some(ticks) => ticks,
            None => self.calibrated(),
        }
    }

    #[cold]
    #[inline(never)]
    fn calibrated(&self) -> &quanta::Clock {
        // A child forked during the calibration would wait for ever for it, this clock's or
        // quanta's own. A fork waits for this lock.
        let _setting = lock(&SETTING);
        // The scale is stored first, so a signal handler that sees the ticks need not calibrate.
        self.ticks.get_or_init(|| {
            let ticks = quanta::Clock::new();
            let scale = ticks.delta_as_nanos(0, 1 << SCALE);
            self.scale.store(scale, Relaxed);
            // quanta converts the ticks of the counter, and of no other clock.
            let is_counter = cfg!(target_arch = "x86_64") && scale != NANOSECONDS;
            // Release: publishes the scale. Pairs with the Acquire in `processor_counter`.
            self.is_counter.store(is_counter, Release);
            ticks
        })
    }

    /// Calibrates the clock, unless that was done before.
    #[inline]
    pub(crate) fn prepare(&self) {
        self.ticks();
    }

    /// Whether it can be read without a calibration first.
    pub(crate) fn is_calibrated(&self) -> bool {
        self.ticks.get().is_some()
    }

    /// A seed for random draws: different in each process, and always the same with a manual clock.
    pub(crate) fn seed(&self) -> u64 {
        if self.hands.is_some() {
            return 0;
        }
        // As good as random keys, and available to a thread that exits.
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        now.map_or(0, |now| now.as_nanos() as u64)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }

    /// Whether it moves by itself.
    pub(crate) fn is_real(&self) -> bool {
        self.hands.is_none()
    }

    /// Ticks now. All earlier instructions of the program are complete, including its loads.
    #[inline(always)]
    pub(crate) fn raw(&self) -> u64 {
        match self.processor_counter() {
            Some(counter) => counter.raw(),
            None => self.raw_of_other(),
        }
    }

    /// The ticks of an early reading, if it is of what this clock reads.
    #[inline(always)]
    pub(crate) fn early(&self, reading: EarlyReading) -> Option<u64> {
        self.processor_counter().map(|_| reading.0)
    }

    /// The same, or else ticks now.
    #[inline]
    pub(crate) fn early_or_now(&self, reading: EarlyReading) -> u64 {
        self.early(reading).unwrap_or_else(|| self.raw())
    }

    /// The processor's counter, if the ticks are known to be its.
    #[inline(always)]
    pub(crate) fn processor_counter(&self) -> Option<Counter> {
        // Acquire: whoever reads the counter sees the scale. Pairs with the Release in
        // `calibrated`.
        #[cfg(target_arch = "x86_64")]
        if self.is_counter.load(Ordering::Acquire) {
            return Some(Counter(()));
        }
        cold_path();
        None
    }

    /// Ticks now, if they are not the counter's, or not known yet.
    #[inline(never)]
    fn raw_of_other(&self) -> u64 {
        await_earlier();
        self.ticks().raw()
    }

    /// The same out of line, for rare uses, so that the compiler keeps inlining `raw` in the
    /// others.
    #[cold]
    #[inline(never)]
    pub(crate) fn raw_cold(&self) -> u64 {
        self.raw()
    }

    /// Nanoseconds between two readings: never fewer for a later end. 0 if they are out of order,
    /// as counters of two sockets may be. Wraps around after 584 years.
    // Whoever has two different readings has read the clock, so it is calibrated.
    #[inline(always)]
    pub(crate) fn nanos(&self, start: u64, end: u64) -> u64 {
        let ticks = u128::from(end.saturating_sub(start));
        let scale = self.scale.load(Relaxed);
        debug_assert!(ticks == 0 || scale != 0, "not calibrated");
        ((ticks * u128::from(scale)) >> SCALE) as u64
    }

    /// Nanoseconds that the program spent between two readings: without what a reading takes.
    /// 0 if that is more. Holds and waits are measured by this.
    #[inline(always)]
    pub(crate) fn between(&self, start: u64, end: u64) -> u64 {
        self.nanos(start.wrapping_add(self.reading.load(Relaxed)), end)
    }

    /// Sets how many ticks one reading takes.
    pub(crate) fn set_reading(&self, ticks: u64) {
        self.reading.store(ticks, Relaxed);
    }

    /// Nanoseconds for which the calling thread had a processor. All time counts if the system does
    /// not tell.
    ///
    /// A signal handler may call this.
    pub(crate) fn processor_ns(&self) -> u64 {
        if let Some(hands) = &self.hands {
            return hands.busy_ns();
        }
        #[cfg(unix)]
        {
            let mut time = libc::timespec {
                tv_sec: 0,
                tv_nsec: 0,
            };
            // SAFETY: the call writes to `time` and to nothing else.
            if unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) } == 0 {
                // Neither is negative.
                return (time.tv_sec as u64) * 1_000_000_000 + time.tv_nsec as u64;
            }
        }
        self.coarse_ns()
    }

    /// Nanoseconds since some fixed moment, without calibration, for rare uses.
    pub(crate) fn coarse_ns(&self) -> u64 {
        match &self.hands {
            Some(hands) => hands.now.value(),
            None => monotonic_ns(),
        }
    }

    /// When the engine started, as `coarse_ns`. The first call sets it.
    pub(crate) fn started_ns(&self) -> u64 {
        let started = self.started.load(Relaxed);
        if started != 0 {
            return started - 1;
        }
        let now = self.coarse_ns();
        // Relaxed: no other value depends on it.
        match self.started.compare_exchange(0, now + 1, Relaxed, Relaxed) {
            Ok(_) => now,
            Err(started) => started - 1,
        }
    }
}

/// The processor's counter, read for the end of a hold where the lock is released, before anything
/// else. A clock that reads something else ignores it.
///
/// The code that settles a timed release runs rarely, so it is cold. A clock that was read there
/// made holds 10 to 300 ns longer.
#[derive(Clone, Copy, Debug)]
pub struct EarlyReading(u64);

impl EarlyReading {
    /// A reading that says `ticks`.
    #[cfg(test)]
    pub(crate) fn of(ticks: u64) -> Self {
        EarlyReading(ticks)
    }

    /// Reads the counter. All earlier instructions of the program are complete.
    ///
    /// This is in the code of each release. To ask the clock first whether it reads the counter
    /// would cost every release a register, and so would `_rdtsc`, whose result is in `rdx`, too.
    #[inline(always)]
    #[must_use]
    pub fn now() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            let ticks;
            // SAFETY: every x86_64 processor has the instructions. They change two registers and
            // the flags, and no memory.
            unsafe {
                std::arch::asm!(
                    "mov {rdx}, rdx",
                    "lfence",
                    "rdtsc",
                    "shl rdx, 32",
                    "or rax, rdx",
                    "mov rdx, {rdx}",
                    rdx = out(reg) _,
                    out("rax") ticks,
                    options(nostack),
                );
            }
            EarlyReading(ticks)
        }
        #[cfg(not(target_arch = "x86_64"))]
        EarlyReading(0)
    }
}

/// The processor's counter, which gives a clock its ticks. It is read without a call.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counter(());

/// No clock gets its ticks from it.
#[cfg(not(target_arch = "x86_64"))]
#[derive(Clone, Copy, Debug)]
pub(crate) enum Counter {}

impl Counter {
    /// As [`Clock::raw`].
    #[inline(always)]
    pub(crate) fn raw(self) -> u64 {
        #[cfg(target_arch = "x86_64")]
        {
            await_earlier();
            // SAFETY: every x86_64 processor has the instruction. If the system forbids it to
            // programs, the calibration, after which this is made, has not come to its end.
            unsafe { std::arch::x86_64::_rdtsc() }
        }
        #[cfg(not(target_arch = "x86_64"))]
        match self {}
    }
}

/// Keeps the processor from reading its counter before earlier instructions are complete.
///
/// The processor would do that, because the counter is not memory and depends on nothing that the
/// program loads. Take a hold that ends with a load that misses its caches. The lock is held until
/// that load is complete, because its release is a store. But without the barrier, the miss would
/// be missing from the hold. Cache misses before an acquisition would count as a part of it.
/// Kernels read the counter in the same way.
#[inline(always)]
fn await_earlier() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86_64 processor has the instruction, whose only effect is to wait.
    unsafe {
        std::arch::x86_64::_mm_lfence();
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: every aarch64 processor has the instruction, whose only effect is to wait.
    unsafe {
        std::arch::asm!("isb", options(nostack, preserves_flags));
    }
}

/// Nanoseconds by the system's monotonic clock.
#[cfg(unix)]
fn monotonic_ns() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the call writes to `time` and to nothing else.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    // Neither is negative.
    (time.tv_sec as u64) * 1_000_000_000 + time.tv_nsec as u64
}

/// Nanoseconds since the first call.
#[cfg(not(unix))]
fn monotonic_ns() -> u64 {
    static ORIGIN: OnceLock<std::time::Instant> = OnceLock::new();
    let origin = ORIGIN.get_or_init(std::time::Instant::now);
    u64::try_from(origin.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

impl Time for Clock {
    fn nanos(&self, start: u64, end: u64) -> u64 {
        Clock::nanos(self, start, end)
    }

    fn processor_ns(&self) -> u64 {
        Clock::processor_ns(self)
    }

    fn ticks(&self) -> u64 {
        self.raw()
    }
}

/// The state of a manual clock.
#[derive(Clone, Debug)]
struct Hands {
    now: Arc<quanta::Mock>,
    /// The part of that time in which no thread had a processor.
    idle_ns: Arc<AtomicU64>,
}

impl Hands {
    fn busy_ns(&self) -> u64 {
        let idle_ns = self.idle_ns.load(Relaxed);
        self.now.value().saturating_sub(idle_ns)
    }
}

/// A clock that moves only when its user moves it, for tests that assert on time.
///
/// Clones share one time.
///
/// ```
/// use nexus_lockprof_engine::{Engine, ManualClock};
/// use std::time::{Duration, Instant};
///
/// let clock = ManualClock::new();
/// let engine = Engine::with_clock(&clock);
/// clock.advance(Duration::from_micros(3));
/// assert_eq!(engine.snapshot().elapsed_ns(), 3_000);
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock {
    clock: quanta::Clock,
    hands: Hands,
}

impl ManualClock {
    /// A clock that stands at 0.
    #[must_use]
    pub fn new() -> Self {
        let (clock, now) = quanta::Clock::mock();
        let hands = Hands {
            now,
            idle_ns: Arc::default(),
        };
        ManualClock { clock, hands }
    }

    /// Moves the clock forward, as if every thread had been busy.
    pub fn advance(&self, by: Duration) {
        self.hands.now.increment(by);
    }

    /// Moves the clock forward, as if every thread had slept. Time asleep earns no budget in
    /// `Sampled` mode.
    ///
    /// ```
    /// use nexus_lockprof_engine::ManualClock;
    /// use std::time::Duration;
    ///
    /// let clock = ManualClock::new();
    /// clock.advance_idle(Duration::from_secs(1));
    /// assert_eq!(clock.now_ns(), 1_000_000_000);
    /// ```
    pub fn advance_idle(&self, by: Duration) {
        let ns = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        self.hands.idle_ns.fetch_add(ns, Relaxed);
        self.hands.now.increment(by);
    }

    /// Moves the clock back, but not below 0, to test how a clock that jumps is handled. Only one
    /// thread may call this at a time.
    ///
    /// ```
    /// use nexus_lockprof_engine::ManualClock;
    /// use std::time::Duration;
    ///
    /// let clock = ManualClock::new();
    /// clock.advance(Duration::from_nanos(5));
    /// clock.set_back(Duration::from_nanos(2));
    /// assert_eq!(clock.now_ns(), 3);
    /// clock.set_back(Duration::from_secs(1));
    /// assert_eq!(clock.now_ns(), 0);
    /// ```
    pub fn set_back(&self, by: Duration) {
        let ns = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        self.hands.now.decrement(ns.min(self.now_ns()));
    }

    /// Nanoseconds since 0.
    #[must_use]
    pub fn now_ns(&self) -> u64 {
        self.hands.now.value()
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Durations of all lengths, in ticks.
    fn durations() -> impl Iterator<Item = u64> {
        let mut rng = fastrand::Rng::with_seed(1);
        (0..u64::BITS).flat_map(move |bits| {
            let longest = u64::MAX >> bits;
            let between = [(); 100].map(|()| rng.u64(..=longest));
            [longest, longest >> 1, longest - 1]
                .into_iter()
                .chain(between)
        })
    }

    #[test]
    fn it_converts_as_quanta_does() {
        let quanta = quanta::Clock::new();
        let clock = Clock::counter();
        clock.prepare();
        for ticks in durations() {
            for start in [0, 1, 1 << 20] {
                let end = u64::saturating_add(start, ticks);
                let expected = quanta.delta_as_nanos(start, end);
                assert_eq!(clock.nanos(start, end), expected, "{ticks} ticks");
            }
        }
        let mut all: Vec<u64> = durations().collect();
        all.sort_unstable();
        // Up to here, no conversion wraps around.
        let all = all.iter().filter(|&&ticks| ticks < 1 << 56);
        let all: Vec<u64> = all.map(|&ticks| clock.nanos(0, ticks)).collect();
        assert!(all.is_sorted(), "not monotone");
    }

    #[test]
    fn it_reads_what_quanta_reads() {
        let quanta = quanta::Clock::new();
        let clock = Clock::counter();
        // The first reading calibrates. quanta's calibration is one for the process.
        for _ in 0..1_000 {
            let (before, now, after) = (quanta.raw(), clock.raw(), quanta.raw());
            // Counters of two sockets may differ, but not by a second.
            let second = u64::pow(10, 10);
            assert!(now.saturating_add(second) >= before && now <= after.saturating_add(second));
        }
        assert_ne!(clock.scale.load(Relaxed), 0);
    }

    #[test]
    fn an_early_reading_is_one_of_the_counter() {
        let manual = Clock::manual(&ManualClock::new());
        assert_eq!(manual.early(EarlyReading::now()), None);
        assert_eq!(manual.early_or_now(EarlyReading::now()), 0);
        let clock = Clock::counter();
        clock.prepare();
        let (before, early, after) = (clock.raw(), EarlyReading::now(), clock.raw());
        // Counters of two sockets may differ, but not by a second.
        let second = u64::pow(10, 10);
        if let Some(early) = clock.early(early) {
            assert!(
                early.saturating_add(second) >= before && early <= after.saturating_add(second)
            );
            assert_eq!(clock.early_or_now(EarlyReading(early)), early);
        }
        assert!(clock.early_or_now(early).saturating_add(second) >= before);
    }

    #[test]
    fn the_time_between_two_readings_has_no_reading_in_it() {
        let clock = Clock::manual(&ManualClock::new());
        assert_eq!(clock.between(100, 130), 30);
        clock.set_reading(25);
        assert_eq!(clock.between(100, 130), 5);
        assert_eq!(clock.between(100, 120), 0, "shorter than a reading");
        assert_eq!(clock.between(130, 100), 0, "out of order");
        assert_eq!(clock.nanos(100, 130), 30);
    }

    #[test]
    fn a_manual_clocks_ticks_are_nanoseconds() {
        let hands = ManualClock::new();
        let clock = Clock::manual(&hands);
        let start = clock.raw();
        hands.advance(Duration::from_nanos(1_234_567_891));
        assert!(!clock.is_counter.load(Relaxed));
        assert_eq!(clock.nanos(start, clock.raw()), 1_234_567_891);
        for ticks in durations() {
            assert_eq!(clock.nanos(0, ticks), ticks);
        }
        assert_eq!(clock.nanos(7, 6), 0, "out of order");
        assert_eq!(clock.nanos(u64::MAX, 0), 0, "out of order");
    }
}
