//! Time: quanta's counter clock, or a manual one.

use crate::process::exclusive::{SETTING, lock};
use crate::record::governor::Time;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

/// An engine's source of time: raw ticks that are cheap to read, and their length in nanoseconds.
///
/// The counter clock is calibrated on first use, which blocks for some milliseconds, once in a
/// process. That use is the first *timed* acquisition, or an explicit [`Engine::warm_up`](crate::Engine::warm_up).
#[derive(Debug)]
pub(crate) struct Clock {
    ticks: OnceLock<quanta::Clock>,
    hands: Option<Hands>,
    /// As `coarse_ns`, and 1 more; 0 before the start.
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
        // A child that is forked off meanwhile would wait for ever, for this clock's or quanta's own calibration. A fork waits for this.
        let _setting = lock(&SETTING);
        self.ticks.get_or_init(quanta::Clock::new)
    }

    /// Calibrates it, if that was not done yet.
    #[inline]
    pub(crate) fn prepare(&self) {
        self.ticks();
    }

    /// Whether it can be read without being calibrated first.
    pub(crate) fn is_calibrated(&self) -> bool {
        self.ticks.get().is_some()
    }

    /// A seed for what is drawn: another one in each process, and with a manual clock always the same.
    pub(crate) fn seed(&self) -> u64 {
        if self.hands.is_some() {
            return 0;
        }
        // As good as random keys, and never in the way of a thread that exits.
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        now.map_or(0, |now| now.as_nanos() as u64)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }

    /// Whether it moves by itself.
    pub(crate) fn is_real(&self) -> bool {
        self.hands.is_none()
    }

    /// Ticks now: after all that the program did before, and not while a load of it is still under way.
    #[inline(always)]
    pub(crate) fn raw(&self) -> u64 {
        await_earlier();
        self.ticks().raw()
    }

    /// The same, of a clock that was read before: it need not be asked whether it is calibrated.
    ///
    /// # Safety
    /// [`raw`](Self::raw) has been called, and that happened before this.
    #[inline(always)]
    pub(crate) unsafe fn raw_again(&self) -> u64 {
        await_earlier();
        // SAFETY: the caller's.
        unsafe { self.ticks.get().unwrap_unchecked() }.raw()
    }

    /// The same, out of line: where it is rare, so that it stays inline where it is not.
    #[cold]
    #[inline(never)]
    pub(crate) fn raw_cold(&self) -> u64 {
        self.raw()
    }

    /// Nanoseconds between two readings; 0 if they are out of order (counters of two sockets may be).
    #[inline(always)]
    pub(crate) fn nanos(&self, start: u64, end: u64) -> u64 {
        self.ticks().delta_as_nanos(start, end)
    }

    /// Nanoseconds that the calling thread has had a processor. Where the system does not tell, all time is.
    ///
    /// May be called in a signal handler.
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
            // SAFETY: writes to `time`, and to nothing else.
            if unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) } == 0 {
                // Neither is negative.
                return (time.tv_sec as u64) * 1_000_000_000 + time.tv_nsec as u64;
            }
        }
        self.coarse_ns()
    }

    /// Nanoseconds since some fixed moment, without calibration: for what is rare.
    pub(crate) fn coarse_ns(&self) -> u64 {
        match &self.hands {
            Some(hands) => hands.now.value(),
            None => monotonic_ns(),
        }
    }

    /// When the engine started, as `coarse_ns`: the first call of this.
    pub(crate) fn started_ns(&self) -> u64 {
        let started = self.started.load(Relaxed);
        if started != 0 {
            return started - 1;
        }
        let now = self.coarse_ns();
        // Relaxed: a value of its own.
        match self.started.compare_exchange(0, now + 1, Relaxed, Relaxed) {
            Ok(_) => now,
            Err(started) => started - 1,
        }
    }
}

/// Keeps the processor from reading its counter before earlier instructions are complete.
///
/// It would: the counter is no memory, and nothing that the program loads is an input of it. A hold that ends with a load
/// that misses its caches was told without that miss, though the lock, whose release is a store, is held until it is over;
/// and the misses before an acquisition were told as a part of it. Kernels read the counter so, too.
#[inline(always)]
fn await_earlier() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86_64 processor has the instruction, and it has no effect but to wait.
    unsafe {
        std::arch::x86_64::_mm_lfence();
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: every aarch64 processor has the instruction, and it has no effect but to wait.
    unsafe {
        std::arch::asm!("isb", options(nostack, preserves_flags));
    }
}

/// Nanoseconds by the system's clock that never goes back.
#[cfg(unix)]
fn monotonic_ns() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: writes to `time`, and to nothing else.
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

/// What a manual clock shows.
#[derive(Clone, Debug)]
struct Hands {
    now: Arc<quanta::Mock>,
    /// How much of it passed while no thread had a processor.
    idle_ns: Arc<AtomicU64>,
}

impl Hands {
    fn busy_ns(&self) -> u64 {
        let idle_ns = self.idle_ns.load(Relaxed);
        self.now.value().saturating_sub(idle_ns)
    }
}

/// A clock that moves only when told to: for tests that assert on time.
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

    /// Moves it forward, as if every thread had been busy.
    pub fn advance(&self, by: Duration) {
        self.hands.now.increment(by);
    }

    /// Moves it forward, as if every thread had slept. Time asleep earns no budget in `Sampled` mode.
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

    /// Moves it back, to 0 at most: for tests of what becomes of a clock that jumps. One thread at a time.
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
