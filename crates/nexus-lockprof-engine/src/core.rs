//! All state of one engine.

use crate::acquire::calibrate;
use crate::acquire::since_off::SinceOff;
use crate::clock::Clock;
use crate::collect::aggregate::Aggregator;
use crate::config::{self, Config, Mode};
use crate::control::{Control, ModeKind};
use crate::event::Handlers;
use crate::process::once::Once;
use crate::record::collection_clock::CollectionClock;
use crate::record::collection_clock::OpenCollection;
use crate::record::edges::EdgeLimits;
use crate::record::governor::{self, Costs};
use crate::record::hot;
use crate::record::loss::{Loss, Losses};
use crate::record::memory::try_box;
use crate::record::order::OrderTable;
use crate::record::registry::{Claim, Registry};
use crate::record::shard::{Limits, Shard};
use crate::record::slow_log::SlowLog;
use crate::stacks;
use arc_swap::ArcSwapOption;
use nexus_lockprof_snapshot::Snapshot;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};

use Ordering::Relaxed;

/// The engine to which locks report by default.
pub(crate) static GLOBAL: Core = Core::new(Scope::Global, GLOBAL_NUMBER, Clock::counter());

enum Scope {
    Global,
    Local(Weak<Core>),
}

/// Number of the global engine.
pub(crate) const GLOBAL_NUMBER: u64 = 0;

/// All state of one engine.
pub struct Core {
    /// The word that controls the hot path. It has its own cache line, because acquisitions read
    /// it.
    pub(crate) control: CacheLine<AtomicU64>,
    kind: Scope,
    /// No other engine ever has this number. An address could be used again.
    pub(crate) number: u64,
    pub(crate) clock: Clock,
    pub(crate) costs: Costs,
    /// Whether the clock and the costs are ready.
    prepared: AtomicBool,
    /// The bits of an f64.
    budget: AtomicU64,
    /// Budget that ended threads left or owed, in nanoseconds. Then the spacing of the last one, as
    /// the bits of an f64.
    left_ns: AtomicI64,
    spacing: AtomicU64,
    pub(crate) shards: Registry<Shard>,
    pub(crate) shard_count: AtomicUsize,
    /// Number of shards that no thread will have again.
    unusable_shards: AtomicUsize,
    next_shard: AtomicU64,
    /// Number of records in all shards, and of edges.
    records: AtomicUsize,
    edges: AtomicUsize,
    /// Number of threads that gave a shard up. Then how many had done so when their leftovers were
    /// last taken over.
    exits: AtomicU64,
    exits_seen: AtomicU64,
    /// Which collection is open, and how many resets there were. Changes under the aggregator's
    /// lock.
    pub(crate) collections: CollectionClock,
    reservoir: AtomicUsize,
    pub(crate) losses: Losses,
    pub(crate) slow: SlowLog,
    pub(crate) order: OrderTable,
    pub(crate) stacks: stacks::Switch,
    pub(crate) since_off: SinceOff,
    /// `None` until the first use configures the global engine.
    pub(crate) config: ArcSwapOption<Config>,
    /// Number of mode changes so far. The lock serialises them.
    pub(crate) changes: Mutex<u64>,
    pub(crate) handlers: Handlers,
    pub(crate) published: ArcSwapOption<Snapshot>,
    pub(crate) aggregator: Mutex<Option<Box<Aggregator>>>,
    /// Lets one thread configure an engine that was not used before.
    pub(crate) configuring: Once,
    pub(crate) environment_read: AtomicBool,
    /// Whether the engine is off for good.
    pub(crate) disabled: AtomicBool,
}

#[repr(align(64))]
pub(crate) struct CacheLine<T>(pub(crate) T);

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core")
            .field("global", &self.is_global())
            .field("config", &self.config())
            .field("shards", &self.shard_count.load(Relaxed))
            .field("records", &self.records.load(Relaxed))
            .finish_non_exhaustive()
    }
}

impl Core {
    const fn new(kind: Scope, number: u64, clock: Clock) -> Self {
        Core {
            control: CacheLine(AtomicU64::new(Control::UNCONFIGURED.0)),
            kind,
            number,
            clock,
            costs: Costs::assumed(),
            prepared: AtomicBool::new(false),
            budget: AtomicU64::new(0),
            left_ns: AtomicI64::new(0),
            spacing: AtomicU64::new(0),
            shards: Registry::new(),
            shard_count: AtomicUsize::new(0),
            unusable_shards: AtomicUsize::new(0),
            next_shard: AtomicU64::new(0),
            records: AtomicUsize::new(0),
            edges: AtomicUsize::new(0),
            exits: AtomicU64::new(0),
            exits_seen: AtomicU64::new(0),
            collections: CollectionClock::new(),
            reservoir: AtomicUsize::new(config::RESERVOIR),
            losses: Losses::new(),
            slow: SlowLog::new(),
            order: OrderTable::new(),
            stacks: stacks::Switch::new(),
            since_off: SinceOff::new(),
            config: ArcSwapOption::const_empty(),
            changes: Mutex::new(0),
            handlers: Handlers::new(),
            published: ArcSwapOption::const_empty(),
            aggregator: Mutex::new(None),
            configuring: Once::new(),
            environment_read: AtomicBool::new(false),
            disabled: AtomicBool::new(false),
        }
    }

    /// A part of the engine to which `me` points.
    pub(crate) fn new_local(me: Weak<Core>, number: u64, clock: Clock) -> Self {
        Core::new(Scope::Local(me), number, clock)
    }

    #[inline]
    pub(crate) fn is_global(&self) -> bool {
        matches!(self.kind, Scope::Global)
    }

    pub(crate) fn weak(&self) -> Option<Weak<Core>> {
        match &self.kind {
            Scope::Global => None,
            Scope::Local(me) => Some(Weak::clone(me)),
        }
    }

    /// The control word. Relaxed: the word stands alone, and other accesses order what depends on
    /// it.
    #[inline(always)]
    pub(crate) fn control(&self) -> Control {
        Control(self.control.0.load(Relaxed))
    }

    /// Applies valid settings.
    pub(crate) fn apply(&self, config: Config, changes: &mut u64) {
        let old = self.config.load_full();
        self.reservoir.store(config.reservoir, Relaxed);
        self.stacks.set(config.stacks);
        self.slow.set(config.slow_ns(), config.slow_rate as u64);
        let mode = config.mode;
        self.config.store(Some(Arc::new(config)));
        if old.is_none_or(|old| old.mode != mode) || self.control() == Control::UNCONFIGURED {
            if let Mode::Sampled { budget } = mode {
                self.budget.store(budget.to_bits(), Relaxed);
            }
            *changes += 1;
            let caches = self.shards.iter().map(|shard| &shard.hot);
            hot::switch(&self.control.0, Control::new(*changes, mode), caches);
            if mode == Mode::Off {
                self.since_off.clear();
            }
        }
    }

    /// Whether it records nothing.
    #[inline(always)]
    pub(crate) fn is_off(&self) -> bool {
        self.control().0 == 0
    }

    /// The share of a thread's time that measuring may take in `Sampled` mode.
    #[inline]
    pub(crate) fn budget(&self) -> f64 {
        f64::from_bits(self.budget.load(Relaxed))
    }

    /// Opens a new thread's account, with what earlier threads left or owed.
    pub(crate) fn open_account(&self, shard: &Shard) {
        // Relaxed: an amount, of which no part is taken twice.
        let left = self.left_ns.swap(0, Relaxed);
        let budget = self.budget();
        let mine = governor::bounded(left as f64, budget);
        // The next thread gets what this one may not have.
        self.left_ns
            .fetch_add(left.saturating_sub(mine as i64).max(0), Relaxed);
        let is_sampled = self.control().kind() == ModeKind::Sampled;
        let now = is_sampled.then(|| self.clock.raw());
        shard.governor.begin(mine, now);
        shard.begin();
    }

    /// Notes that a thread has given a shard up.
    pub(crate) fn note_exit(&self) {
        // Release: a thread that sees the count sees that nobody has the shard. Pairs with
        // `see_exits`.
        self.exits.fetch_add(1, Ordering::Release);
    }

    /// Whether threads have ended since leftovers were last taken over.
    pub(crate) fn has_leavings(&self) -> bool {
        self.exits.load(Relaxed) != self.exits_seen.load(Relaxed)
    }

    /// Notes that the leftovers of all threads that have ended are about to be taken over. The
    /// caller holds the aggregator's lock.
    pub(crate) fn see_exits(&self) {
        // Acquire: this thread sees that nobody has the shards of the counted threads. Pairs with
        // `note_exit`.
        let exits = self.exits.load(Ordering::Acquire);
        self.exits_seen.store(exits, Relaxed);
    }

    pub(crate) fn new_aggregator(&self) -> Box<Aggregator> {
        Box::new(Aggregator::new(self.clock.started_ns()))
    }

    /// Closes the account of a thread that ends. Only the owner calls this.
    pub(crate) fn close_account(&self, shard: &Shard) {
        let (left, spacing) =
            shard
                .governor
                .end(|| self.clock.raw(), &self.clock, self.budget(), &self.costs);
        // A sum that nobody takes stays within the limits of one thread.
        let all = self.left_ns.load(Relaxed) as f64 + left;
        if governor::bounded(all, self.budget()) == all {
            self.left_ns.fetch_add(left as i64, Relaxed);
        }
        self.spacing.store(spacing.to_bits(), Relaxed);
    }

    /// Calibrates the clock and the costs of the profiler's own work, unless that was done before.
    #[inline]
    pub(crate) fn prepare(&self) {
        if !self.prepared.load(Relaxed) {
            self.prepare_now();
        }
    }

    /// Whether [`prepare`](Self::prepare) has nothing left to do.
    pub(crate) fn is_prepared(&self) -> bool {
        self.prepared.load(Relaxed) && self.clock.is_calibrated()
    }

    #[cold]
    fn prepare_now(&self) {
        self.clock.prepare();
        // Relaxed: it only lets one thread calibrate. Meanwhile the others use the assumed costs.
        if !self.prepared.swap(true, Relaxed) && self.clock.is_real() {
            calibrate::calibrate(&self.clock, &self.costs);
        }
    }

    /// The current settings, or the defaults if nothing was configured.
    pub(crate) fn config(&self) -> Arc<Config> {
        self.config.load_full().unwrap_or_default()
    }

    #[inline]
    pub(crate) fn open_collection(&self) -> OpenCollection {
        self.collections.now(self.reservoir.load(Relaxed))
    }

    pub(crate) fn limits(&self) -> Limits<'_> {
        let config = self.config.load();
        let (max_points, max_records) = config
            .as_ref()
            .map_or((config::MAX_POINTS, config::MAX_RECORDS), |c| {
                (c.max_points, c.max_records)
            });
        Limits {
            max_points,
            max_records,
            records: &self.records,
        }
    }

    pub(crate) fn edge_limits(&self) -> EdgeLimits<'_> {
        let config = self.config.load();
        let (most, most_in_all) = config
            .as_ref()
            .map_or((config::MAX_POINTS, config::MAX_EDGES), |c| {
                (c.max_points, c.max_edges)
            });
        EdgeLimits {
            most,
            most_in_all,
            in_all: &self.edges,
        }
    }

    /// A shard for the thread with this token, and the shard's place. It is one that an exited
    /// thread left, or a new one.
    pub(crate) fn lease_shard(&self, token: u64) -> Result<(usize, &Shard), Loss> {
        // The aggregator empties one shard at a time, and does so quickly.
        const TURNS: usize = 10_000;
        for _ in 0..TURNS {
            let mut is_emptied = false;
            let left = self.shards.claim(|shard| {
                if !shard.lease.try_take(token) {
                    is_emptied = true;
                    return Claim::Leave;
                }
                if shard.is_whole() {
                    return Claim::Take;
                }
                // The shard keeps its lease, and its counts appear in snapshots.
                self.unusable_shards.fetch_add(1, Relaxed);
                Claim::Retire
            });
            if let Some(left) = left {
                return Ok(left);
            }
            let made = self.new_shard(token);
            if made.is_err() {
                self.shard_count.fetch_sub(1, Relaxed);
            }
            if !is_emptied || !matches!(made, Err(Loss::ShardsFull)) {
                return made;
            }
            std::thread::yield_now();
        }
        Err(Loss::ShardsFull)
    }

    /// Makes a shard. Counts it even if it cannot be made.
    fn new_shard(&self, token: u64) -> Result<(usize, &Shard), Loss> {
        let before = self.shard_count.fetch_add(1, Relaxed);
        let retired = self.unusable_shards.load(Relaxed);
        if before.saturating_sub(retired) >= self.config().max_shards {
            return Err(Loss::ShardsFull);
        }
        let id = self.next_shard.fetch_add(1, Relaxed);
        let shard = Shard::try_new(id, self.clock.seed()).and_then(try_box);
        let shard = shard.ok_or(Loss::Memory)?;
        let spacing = f64::from_bits(self.spacing.load(Relaxed));
        shard.governor.inherit(spacing);
        // No other thread has seen the shard, so this succeeds.
        shard.lease.try_take(token);
        self.shards.insert(shard).ok_or(Loss::Memory)
    }

    pub(crate) fn shard_count(&self) -> u64 {
        self.shard_count.load(Relaxed) as u64
    }
}
