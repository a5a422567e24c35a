//! The actions of a round, drawn from its seed.

use nexus_lockprof::{Config, Mode};
use std::fmt;
use std::time::Duration;

/// The modes that count everything.
pub(crate) const COUNTING: [Mode; 3] = [Mode::Counts, Mode::DEFAULT, Mode::Exact];

/// Faults beyond those of every round. They test the newest promises.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    /// Forks while other threads start, end, and lock for the first time.
    pub(crate) forks: bool,
    /// A thread's first try at a point is in a signal handler.
    pub(crate) first_use_in_handler: bool,
    /// No event is lost when points or records run out.
    pub(crate) room: bool,
    /// There is no memory for what a thread's first lock needs.
    pub(crate) memory: bool,
}

impl Faults {
    /// Parses a list such as `forks,room`.
    pub(crate) fn parse(list: &str) -> Result<Self, String> {
        let mut faults = Faults::default();
        for name in list.split(',').filter(|name| !name.is_empty()) {
            match name {
                "forks" => faults.forks = true,
                "handlers" => faults.first_use_in_handler = true,
                "room" => faults.room = true,
                "memory" => faults.memory = true,
                _ => return Err(format!("no such fault: {name}")),
            }
        }
        Ok(faults)
    }
}

/// What a round does to the profiler besides locking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Everything that must not lose an event, all at once.
    Strict,
    /// The same, with tables that are too small, and locks late in a thread's exit.
    Full,
    /// The same, with signals whose handler locks.
    Signals,
    /// Small tables, and private locks for each thread: each missing event is one loss.
    Private,
    /// An engine whose clock jumps forwards and backwards.
    Clock,
    /// No memory for anything new.
    Memory,
    /// A full disk, and files that may not grow.
    Disk,
    /// Children forked while other threads lock for the first time.
    FirstUse,
}

const KINDS: [Kind; 13] = [
    Kind::Strict,
    Kind::Full,
    Kind::Strict,
    Kind::Signals,
    Kind::Strict,
    Kind::Private,
    Kind::Strict,
    Kind::Clock,
    Kind::Strict,
    Kind::Memory,
    Kind::Signals,
    Kind::Disk,
    Kind::FirstUse,
];

/// A round.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) kind: Kind,
    pub(crate) faults: Faults,
    /// Each act begins with all threads gone, and ends with a comparison.
    pub(crate) acts: u32,
    pub(crate) length: Duration,
    pub(crate) workers: usize,
    pub(crate) handlers: bool,
    pub(crate) forks: bool,
    pub(crate) endpoint: bool,
    pub(crate) max_points: usize,
    pub(crate) max_records: usize,
    pub(crate) max_shards: usize,
    pub(crate) reservoir: usize,
}

impl Plan {
    /// The round of a seed. The kinds take turns, so that even a short run has each of them.
    pub(crate) fn of(seed: u64, faults: Faults) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let kind = match KINDS[seed as usize % KINDS.len()] {
            Kind::Memory if !faults.memory => Kind::Strict,
            Kind::FirstUse if !faults.forks => Kind::Strict,
            kind => kind,
        };
        let small = matches!(kind, Kind::Full | Kind::Private);
        let mut cap = |small_cap: std::ops::Range<usize>, large: usize| {
            if small { rng.usize(small_cap) } else { large }
        };
        let (max_points, max_records, max_shards) =
            (cap(4..40, 4096), cap(16..200, 65_536), cap(3..12, 4096));
        Plan {
            seed,
            kind,
            faults,
            acts: 3,
            length: Duration::from_millis(rng.u64(300..900)),
            workers: rng.usize(2..7),
            handlers: rng.bool(),
            forks: kind == Kind::Strict && rng.bool() && faults.forks,
            endpoint: rng.u8(..3) == 0,
            max_points,
            max_records,
            max_shards,
            reservoir: [32, 512][rng.usize(..2)],
        }
    }

    /// The settings in `mode`.
    pub(crate) fn config(&self, mode: Mode) -> Config {
        let config = Config::default()
            .mode(mode)
            .max_points(self.max_points)
            .max_records(self.max_records)
            .max_shards(self.max_shards)
            .reservoir(self.reservoir);
        if self.handlers {
            let soon = Duration::from_nanos(1);
            return config.hot_hold(soon).hot_wait(soon).hot_min_samples(1);
        }
        config
    }

    /// Whether an event may be missing if it is counted as lost.
    pub(crate) fn may_lose(&self) -> bool {
        matches!(self.kind, Kind::Full | Kind::Signals | Kind::Private)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "seed {:<4} {:?}: {} acts of {:?}, {} workers{}{}{}",
            self.seed,
            self.kind,
            self.acts,
            self.length,
            self.workers,
            if self.handlers {
                ", hostile handlers"
            } else {
                ""
            },
            if self.forks { ", forks" } else { "" },
            if self.endpoint { ", endpoint" } else { "" },
        )?;
        if self.max_shards < 4096 {
            let (points, records, shards) = (self.max_points, self.max_records, self.max_shards);
            write!(f, ", {points} points, {records} records, {shards} shards")?;
        }
        Ok(())
    }
}
