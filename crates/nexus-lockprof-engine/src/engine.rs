//! The engine as its users see it.

use crate::clock::ManualClock;
use crate::collect::aggregate::Aggregator;
use crate::config::{Config, ConfigError, Mode};
use crate::core::{Core, GLOBAL};
use crate::event::{Event, HandlerId};
use crate::process::exclusive::lock;
use nexus_lockprof_snapshot::Snapshot;
use std::sync::Arc;

/// A statistics engine: what locks report to and snapshots come from.
///
/// A handle: clones are the same engine. [`Engine::global`] is the process-wide one that locks use by
/// default; [`Engine::new`] and [`Engine::with_clock`] make engines of their own, any number of which live side by side.
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
    /// Of a lock that was made from a constant: profiles nothing.
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

    /// An engine of its own, on the counter clock, with the default settings.
    #[must_use]
    pub fn new() -> Self {
        Engine(Inner::Local(Core::local(None)))
    }

    /// An engine of its own, on a clock that the caller moves.
    #[must_use]
    pub fn with_clock(clock: &ManualClock) -> Self {
        Engine(Inner::Local(Core::local(Some(clock))))
    }

    /// A detached engine has no state of its own to read or change: these calls then act on the global one.
    pub(crate) fn state(&self) -> &Core {
        match &self.0 {
            Inner::Local(core) => core,
            Inner::Detached | Inner::Global => &GLOBAL,
        }
    }

    /// Changes the settings, live. A change of mode takes effect at each thread's next acquisition;
    /// locks that are held across it keep what was begun: nothing bogus is recorded.
    ///
    /// # Errors
    /// [`ConfigError`] names the setting that makes no sense; nothing is changed then.
    pub fn configure(&self, config: Config) -> Result<(), ConfigError> {
        self.state().configure(config)
    }

    /// Of a program that was built without locks that report to this engine: it is off, the environment is not looked at, and nobody is let
    /// switch it on from outside. To be called before anything else.
    pub fn disable_permanently(&self) {
        self.state().disable_permanently();
    }

    /// What is measured now.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.config().mode
    }

    /// Changes the mode as somebody outside the program asks for it, and keeps the other settings.
    ///
    /// # Errors
    /// [`ConfigError`] if the mode makes no sense, or the program was built without profiled locks.
    pub fn change_mode(&self, mode: Mode) -> Result<(), ConfigError> {
        if self.state().is_disabled() {
            return Err(ConfigError::NoLocks);
        }
        self.state().reconfigure(|config| config.mode(mode))
    }

    /// The settings now; of the global engine before its first use, those that the environment asks for.
    #[must_use]
    pub fn config(&self) -> Config {
        self.state().config_or_environment()
    }

    /// Everything since the start or the last reset, merged from all threads; also ends an interval:
    /// thresholds are compared and handlers called, on this thread.
    ///
    /// Never waits for a thread that uses locks; concurrent collections wait for one another.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.collect(|_, _, snapshot| snapshot)
    }

    /// Ends an interval: thresholds are compared, handlers called, and the snapshot is [`published`](Self::published).
    pub fn tick(&self) {
        let core = self.state();
        let snapshot = self.collect(|_, _, snapshot| {
            let snapshot = Arc::new(snapshot);
            core.published.store(Some(Arc::clone(&snapshot)));
            snapshot
        });
        core.handlers.call(&[Event::Published(snapshot)]);
    }

    /// The snapshot of the last [`tick`](Self::tick): for any number of readers, at no cost to anyone.
    #[must_use]
    pub fn published(&self) -> Option<Arc<Snapshot>> {
        self.state().published.load_full()
    }

    /// Starts anew from 0, and returns what there was: each event is in this snapshot or in later ones.
    pub fn reset(&self) -> Snapshot {
        self.collect(|aggregator, core, snapshot| {
            aggregator.reset(core, &snapshot);
            snapshot
        })
    }

    /// The same as [`snapshot`](Self::snapshot), of an interval that goes on: nothing is compared, and no handler called.
    ///
    /// For whoever looks in from outside, as often as he likes: thresholds, ticks and their percentiles are as they would
    /// be without it. Its [`collection`](Snapshot::collection) is the one that the next snapshot or tick will have.
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
        let mut aggregator = lock(&core.aggregator);
        let aggregator = aggregator.get_or_insert_with(|| core.new_aggregator());
        aggregator.peek(core)
    }

    fn collect<T>(&self, finish: impl FnOnce(&mut Aggregator, &Core, Snapshot) -> T) -> T {
        let core = self.state();
        // So that the snapshot tells the mode that the environment asks for, also before the first lock.
        core.control_or_configure();
        core.forget_parent();
        let mut events = Vec::new();
        let out = {
            let mut aggregator = lock(&core.aggregator);
            let aggregator = aggregator.get_or_insert_with(|| core.new_aggregator());
            let snapshot = aggregator.collect(core, &mut events);
            finish(aggregator, core, snapshot)
        };
        // After the lock is released: handlers may take snapshots themselves.
        core.handlers.call(&events);
        out
    }

    /// Calls `handler` with every event, on the thread whose snapshot, tick or reset found it.
    ///
    /// Handlers may use profiled locks and this engine. One that panics is reported on stderr and kept.
    /// If its drop panics, that is reported, too, and goes no further.
    pub fn on_event(&self, handler: impl Fn(&Event) + Send + Sync + 'static) -> HandlerId {
        self.state().handlers.add(handler)
    }

    /// Removes a handler. `false` if it was not there any more.
    pub fn remove_handler(&self, id: HandlerId) -> bool {
        self.state().handlers.remove(id)
    }

    /// Calibrates the counter clock now, instead of at the first timed acquisition: some milliseconds, once in a process.
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
