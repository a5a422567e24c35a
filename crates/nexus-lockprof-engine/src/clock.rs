//! Time: quanta's counter clock, or a manual one.

use crate::process::exclusive::{SETTING, lock};
use crate::record::governor::Time;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
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
    hands: Option<Hands>,
    /// The start as `coarse_ns`, plus 1. 0 before the start.
    started: AtomicU64,
}

impl Clock {
    pub(crate) const fn counter() -> Self {
        Clock {
            ticks: OnceLock::new(),
            hands: None,
            started: AtomicU64::new(0),
        }
    }

    pub(crate) fn manual(clock: &ManualClock) -> Self {
        Clock {
            ticks: OnceLock::from(clock.clock.clone()),
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
        self.ticks.get_or_init(quanta::Clock::new)
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
        await_earlier();
        self.ticks().raw()
    }

    /// The same for a clock that was read before, without the check whether it is calibrated.
    ///
    /// # Safety
    /// A call of [`raw`](Self::raw) happened before this one.
    #[inline(always)]
    pub(crate) unsafe fn raw_again(&self) -> u64 {
        await_earlier();
        // SAFETY: the caller guarantees an earlier call of `raw`, which sets `ticks`.
        unsafe { self.ticks.get().unwrap_unchecked() }.raw()
    }

    /// The same out of line, for rare uses, so that the compiler keeps inlining `raw` in the
    /// others.
    #[cold]
    #[inline(never)]
    pub(crate) fn raw_cold(&self) -> u64 {
        self.raw()
    }

    /// Nanoseconds between two readings. 0 if they are out of order, as counters of two sockets may
    /// be.
    #[inline(always)]
    pub(crate) fn nanos(&self, start: u64, end: u64) -> u64 {
        self.ticks().delta_as_nanos(start, end)
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
