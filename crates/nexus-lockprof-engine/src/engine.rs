//! The engine's public interface.

use crate::clock::ManualClock;
use crate::collect::aggregate::Aggregator;
use crate::config::{Config, ConfigError, Mode};
use crate::core::{Core, GLOBAL};
use crate::event::{Event, HandlerId};
use crate::process::exclusive::lock;
use crate::process::slow_events;
use crate::process::stderr::say_line;
use nexus_lockprof_snapshot::Snapshot;
use std::sync::Arc;
use std::time::Duration;

/// A statistics engine. Locks report to it, and snapshots come from it.
///
/// This is a handle: clones are the same engine. [`Engine::global`] is the process-wide engine that
/// locks use by default. [`Engine::new`] and [`Engine::with_clock`] make separate engines. Any
/// number of them live side by side.
///
/// ```
/// use nexus_lockprof_engine::Engine;
///
/// let engine = Engine::new();
/// assert!(engine.snapshot().points().is_empty());
/// ```
#[derive(Clone, Debug)]
pub struct Engine(pub(crate) Inner);

#[derive(Clone, Debug)]
pub(crate) enum Inner {
    /// The engine of a lock that a constant created. It profiles nothing.
    Detached,
    Global,
    Local(Arc<Core>),
}

impl Engine {
    /// The process-wide engine.
    #[must_use]
    pub const fn global() -> Self {
        Engine(Inner::Global)
    }

    /// A separate engine with the counter clock and the default settings.
    #[must_use]
    pub fn new() -> Self {
        Engine(Inner::Local(Core::local(None)))
    }

    /// A separate engine with a clock that the caller moves.
    #[must_use]
    pub fn with_clock(clock: &ManualClock) -> Self {
        Engine(Inner::Local(Core::local(Some(clock))))
    }

    /// The engine's state. A detached engine has none, so its calls act on the global one.
    pub(crate) fn state(&self) -> &Core {
        match &self.0 {
            Inner::Local(core) => core,
            Inner::Detached | Inner::Global => &GLOBAL,
        }
    }

    /// Changes the settings of a running engine. A change of mode takes effect at each thread's
    /// next acquisition. Locks that are held meanwhile finish as they began, so nothing wrong is
    /// recorded.
    ///
    /// # Errors
    /// [`ConfigError`] names the invalid setting. Then nothing has changed.
    pub fn configure(&self, config: Config) -> Result<(), ConfigError> {
        self.state().configure(config)
    }

    /// Disables this engine for good and ignores the environment. Nobody can switch it on from
    /// outside. For programs that were built without locks that report to it. Call it before
    /// anything else.
    pub fn disable_permanently(&self) {
        self.state().disable_permanently();
    }

    /// The current mode.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.config().mode
    }

    /// Changes the mode on request from outside the program, and keeps the other settings.
    ///
    /// # Errors
    /// [`ConfigError`] if the mode is invalid, or if the program was built without profiled locks.
    pub fn change_mode(&self, mode: Mode) -> Result<(), ConfigError> {
        if self.state().is_disabled() {
            return Err(ConfigError::NoLocks);
        }
        self.state().reconfigure(|config| config.mode(mode))
    }

    /// The current settings. Before the global engine's first use, these come from the environment.
    #[must_use]
    pub fn config(&self) -> Config {
        self.state().config_or_environment()
    }

    /// Everything since the start or the last reset, merged from all threads. Also ends an
    /// interval. In an engine that has not [ticked](Self::tick) yet, it compares thresholds. Calls
    /// handlers, on this thread.
    ///
    /// Never waits for a thread that uses locks. Concurrent collections wait for one another.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.collect(|_, _, snapshot| snapshot)
    }

    /// Ends an interval: compares thresholds, calls handlers, and [publishes](Self::published) the
    /// snapshot. The thresholds are compared with all that was measured since the last tick, and
    /// from the first tick on with nothing else.
    pub fn tick(&self) {
        let core = self.state();
        let snapshot = self.collect_as(Aggregator::tick, |_, _, snapshot| {
            let snapshot = Arc::new(snapshot);
            core.published.store(Some(Arc::clone(&snapshot)));
            snapshot
        });
        core.handlers.call(&[Event::Published(snapshot)]);
    }

    /// The snapshot of the last [`tick`](Self::tick). Any number of threads can read it, at no cost
    /// to others.
    #[must_use]
    pub fn published(&self) -> Option<Arc<Snapshot>> {
        self.state().published.load_full()
    }

    /// Starts again from 0 and returns what there was. Each event is in this snapshot or in a later
    /// one.
    pub fn reset(&self) -> Snapshot {
        self.collect(|aggregator, core, snapshot| {
            aggregator.reset(core, &snapshot);
            snapshot
        })
    }

    /// The same as [`snapshot`](Self::snapshot), without ending the interval: compares nothing and
    /// calls no handler.
    ///
    /// Meant for observers from outside, who may call it as often as they like. Thresholds, ticks
    /// and their percentiles do not depend on it. Its [`collection`](Snapshot::collection) is that
    /// of the next snapshot or tick.
    ///
    /// ```
    /// use nexus_lockprof_engine::Engine;
    ///
    /// let engine = Engine::new();
    /// let seen = engine.peek().collection();
    /// assert_eq!(engine.peek().collection(), seen);
    /// assert_eq!(engine.snapshot().collection(), seen);
    /// assert_eq!(engine.snapshot().collection(), seen + 1);
    /// ```
    #[must_use]
    pub fn peek(&self) -> Snapshot {
        let core = self.state();
        core.control_or_configure();
        core.forget_parent();
        core.let_others_run();
        let mut aggregator = lock(&core.aggregator);
        let aggregator = aggregator.get_or_insert_with(|| core.new_aggregator());
        aggregator.peek(core)
    }

    /// A [`peek`](Self::peek) for observers that come often. Its counts, sums and histograms are
    /// exact and those of now. Its samples, and so its percentiles, may be those of the last peek,
    /// if that was less than `samples_behind` ago. That saves most of the cost.
    ///
    /// [`samples_behind_ns`](Snapshot::samples_behind_ns) says how old the samples are. The series
    /// of [`intervals`](Self::intervals) and the next snapshots are the same as without this call.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use nexus_lockprof_engine::{Engine, ManualClock};
    ///
    /// let clock = ManualClock::new();
    /// let engine = Engine::with_clock(&clock);
    /// let tenth = Duration::from_millis(100);
    /// assert_eq!(engine.light_peek(tenth).samples_behind_ns(), 0, "there was no peek before");
    /// clock.advance(Duration::from_millis(30));
    /// assert_eq!(engine.light_peek(tenth).samples_behind_ns(), 30_000_000);
    /// clock.advance(Duration::from_millis(70));
    /// assert_eq!(engine.light_peek(tenth).samples_behind_ns(), 0);
    /// ```
    #[must_use]
    pub fn light_peek(&self, samples_behind: Duration) -> Snapshot {
        let core = self.state();
        core.control_or_configure();
        core.forget_parent();
        core.let_others_run();
        let mut aggregator = lock(&core.aggregator);
        let aggregator = aggregator.get_or_insert_with(|| core.new_aggregator());
        aggregator.light_peek(core, samples_behind)
    }

    /// The snapshot at the end of the process. Calls no handler, because the exiting thread may
    /// hold locks that a handler wants. Stderr gets the lines of the events that handlers would
    /// get.
    pub(crate) fn last_snapshot(&self) -> Snapshot {
        let (snapshot, events) =
            self.collect_quietly(Aggregator::collect, |_, _, snapshot| snapshot);
        if self.state().handlers.has_some() {
            events.iter().for_each(say_line);
        }
        snapshot
    }

    fn collect<T>(&self, finish: impl FnOnce(&mut Aggregator, &Core, Snapshot) -> T) -> T {
        self.collect_as(Aggregator::collect, finish)
    }

    fn collect_as<T>(
        &self,
        collect: impl FnOnce(&mut Aggregator, &Core, &mut Vec<Event>) -> Snapshot,
        finish: impl FnOnce(&mut Aggregator, &Core, Snapshot) -> T,
    ) -> T {
        let (out, events) = self.collect_quietly(collect, finish);
        // Calls them after the lock is released, because handlers may take snapshots themselves.
        let core = self.state();
        core.deliver_slow();
        core.handlers.call(&events);
        out
    }

    /// Collects, and returns the events for the handlers.
    fn collect_quietly<T>(
        &self,
        collect: impl FnOnce(&mut Aggregator, &Core, &mut Vec<Event>) -> Snapshot,
        finish: impl FnOnce(&mut Aggregator, &Core, Snapshot) -> T,
    ) -> (T, Vec<Event>) {
        let core = self.state();
        // Configures first, so the snapshot shows the mode from the environment even before the
        // first lock.
        core.control_or_configure();
        core.forget_parent();
        core.let_others_run();
        let mut events = Vec::new();
        let mut aggregator = lock(&core.aggregator);
        let aggregator = aggregator.get_or_insert_with(|| core.new_aggregator());
        let snapshot = collect(aggregator, core, &mut events);
        (finish(aggregator, core, snapshot), events)
    }

    /// Calls `handler` with every event, on the thread whose snapshot, tick or reset found it. A
    /// thread of the profiler calls it with slow events of the global engine: see
    /// [`Config::slow`].
    ///
    /// Handlers may use profiled locks and this engine. If a handler panics, stderr reports it and
    /// the handler stays. If its drop panics, stderr reports that and the panic goes no further.
    pub fn on_event(&self, handler: impl Fn(&Event) + Send + Sync + 'static) -> HandlerId {
        let core = self.state();
        let id = core.handlers.add(handler);
        slow_events::settings_changed(core);
        id
    }

    /// Removes a handler. `false` if it was already gone.
    pub fn remove_handler(&self, id: HandlerId) -> bool {
        self.state().handlers.remove(id)
    }

    /// Calibrates the counter clock now, instead of at the first timed acquisition. Takes some
    /// milliseconds, once in a process.
    pub fn warm_up(&self) {
        let core = self.state();
        core.control_or_configure();
        core.prepare();
    }
}

impl Default for Engine {
    /// The global engine.
    fn default() -> Self {
        Self::global()
    }
}
