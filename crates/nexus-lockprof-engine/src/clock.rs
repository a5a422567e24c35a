//! Time: quanta's counter clock, or a manual one.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// An engine's source of time: raw ticks that are cheap to read, and their length in nanoseconds.
///
/// The counter clock is calibrated on first use, which blocks for some milliseconds, once in a
/// process. That use is the first *timed* acquisition, or an explicit [`Engine::warm_up`](crate::Engine::warm_up).
#[derive(Debug)]
pub(crate) struct Clock {
    ticks: OnceLock<quanta::Clock>,
    hands: Option<Arc<quanta::Mock>>,
    started_ns: OnceLock<u64>,
}

impl Clock {
    pub(crate) const fn counter() -> Self {
        Clock {
            ticks: OnceLock::new(),
            hands: None,
            started_ns: OnceLock::new(),
        }
    }

    pub(crate) fn manual(clock: &ManualClock) -> Self {
        Clock {
            ticks: OnceLock::from(clock.clock.clone()),
            hands: Some(Arc::clone(&clock.hands)),
            started_ns: OnceLock::new(),
        }
    }

    #[inline(always)]
    fn ticks(&self) -> &quanta::Clock {
        self.ticks.get_or_init(quanta::Clock::new)
    }

    /// Calibrates it, if that was not done yet.
    #[inline]
    pub(crate) fn prepare(&self) {
        self.ticks();
    }

    /// Whether it moves by itself.
    pub(crate) fn is_real(&self) -> bool {
        self.hands.is_none()
    }

    /// Ticks now.
    #[inline(always)]
    pub(crate) fn raw(&self) -> u64 {
        self.ticks().raw()
    }

    /// The same, of a clock that was read before: it need not be asked whether it is calibrated.
    ///
    /// # Safety
    /// [`raw`](Self::raw) has been called, and that happened before this.
    #[inline(always)]
    pub(crate) unsafe fn raw_again(&self) -> u64 {
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

    /// Nanoseconds since some fixed moment, without calibration: for what is rare.
    pub(crate) fn coarse_ns(&self) -> u64 {
        static ORIGIN: OnceLock<Instant> = OnceLock::new();
        match &self.hands {
            Some(hands) => hands.value(),
            None => u64::try_from(ORIGIN.get_or_init(Instant::now).elapsed().as_nanos())
                .unwrap_or(u64::MAX),
        }
    }

    /// When the engine started, as `coarse_ns`: the first call of this.
    pub(crate) fn started_ns(&self) -> u64 {
        *self.started_ns.get_or_init(|| self.coarse_ns())
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
    hands: Arc<quanta::Mock>,
}

impl ManualClock {
    /// A clock that stands at 0.
    #[must_use]
    pub fn new() -> Self {
        let (clock, hands) = quanta::Clock::mock();
        ManualClock { clock, hands }
    }

    /// Moves it forward.
    pub fn advance(&self, by: Duration) {
        self.hands.increment(by);
    }

    /// Nanoseconds since 0.
    #[must_use]
    pub fn now_ns(&self) -> u64 {
        self.hands.value()
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}
