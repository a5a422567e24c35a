//! Loom models of the protocols, each named for the race it checks.
//!
//! `ci/loom.sh` runs them. `docs/protocol.md` has a table of the orderings, what they pair with, and
//! which of these models fails when one is weakened.
//!
//! Loom runs a program in every order that the memory model allows, but for one kind: a load never
//! sees a store that comes later in the run. So that "this read is over before that write" is
//! checked all the same, those models put a [`Witness`] beside the data.

use crate::acquire::wait_log::{Hold, LockRef, Span, WaitLog};
use crate::control::Control;
use crate::identity::PointKey;
use crate::identity::class::Class;
use crate::identity::late::Late;
use crate::identity::numbers::{class, number_of, unknown};
use crate::record::cold_counts::ColdCounts;
use crate::record::collection_clock::CollectionClock;
use crate::record::hot::{self, HotCache};
use crate::record::lease::Lease;
use crate::record::owner::Owner;
use crate::record::pending::{PendingRef, Pool};
use crate::record::registry::{Claim, Registry};
use crate::record::reservoir::{Packed, Reservoir};
use crate::record::statistics::{Delta, Measure, Measured, OpenCollection, Reading, Record};
use crate::record::table::Table;
use crate::sync::{
    AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
    bump,
};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;
use nexus_lockprof_snapshot::Lock;
use std::panic::Location;

/// Plain memory without content: loom fails the model when two threads touch it and nothing orders
/// the one before the other.
struct Witness(UnsafeCell<()>);

impl Witness {
    fn new() -> Self {
        Witness(UnsafeCell::new(()))
    }

    fn touch(&self) {
        self.0.with_mut(|_| ());
    }
}

/// Explores with at most this many forced switches of thread; what is not bounded is explored whole.
///
/// The models that write reservoirs or hand on a shard have too many orders to explore whole; two or three
/// switches find every failure in the table of `docs/protocol.md`.
fn bounded(switches: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(switches);
    builder.check(model);
}

/// Proof for the calling thread, which in a model is the only one that uses it at that time.
fn owner() -> Owner {
    // SAFETY: each model lets one thread at a time write the shard.
    unsafe { Owner::assume() }
}

fn key(i: usize) -> PointKey {
    PointKey(8 * (i as u64 + 1))
}

fn open_collection() -> OpenCollection {
    OpenCollection {
        collection: 1,
        resets: 0,
        reservoir: 1,
    }
}

/// A contended acquisition, the owner's two steps: counted when it is taken, the rest after the release.
fn acquire_contended(record: &Record, seed: &AtomicU64) {
    record.count(true);
    let delta = Delta {
        cold: ColdCounts {
            timeouts: 1,
            try_failures: 1,
            ..ColdCounts::default()
        },
        ..Delta::default()
    };
    record.add(&owner(), &delta, open_collection(), seed, || true);
}

fn all_or_nothing(reading: &Reading) {
    assert_eq!(
        reading.cold.timeouts, reading.cold.try_failures,
        "half an update"
    );
    assert!(
        reading.cold.timeouts <= reading.contentions,
        "an update before its contention"
    );
    assert!(
        reading.contentions <= reading.acquisitions,
        "a contention before its acquisition"
    );
}

#[test]
fn a_record_is_read_while_it_is_written() {
    bounded(2, || {
        let record = Arc::new(Record::new(key(0)));
        let writer = thread::spawn({
            let record = Arc::clone(&record);
            move || {
                let seed = AtomicU64::new(1);
                for _ in 0..2 {
                    acquire_contended(&record, &seed);
                }
            }
        });
        // `None` is a reader that gave up: it does not wait for the writer.
        if let Some(reading) = record.read() {
            all_or_nothing(&reading);
        }
        assert!(writer.join().is_ok());
        let last = record.read().unwrap_or_default();
        assert_eq!((last.acquisitions, last.contentions), (2, 2));
    });
}

#[test]
fn readings_of_one_record_never_go_backwards() {
    bounded(3, || {
        let record = Arc::new(Record::new(key(0)));
        acquire_contended(&record, &AtomicU64::new(1));
        let writer = thread::spawn({
            let record = Arc::clone(&record);
            move || {
                acquire_contended(&record, &AtomicU64::new(1));
            }
        });
        let first = record.read_or(None);
        let second = record.read_or(Some(first));
        for (earlier, later) in [
            (first.acquisitions, second.acquisitions),
            (first.contentions, second.contentions),
        ] {
            assert!(earlier <= later, "{first:?}, then {second:?}");
        }
        assert!(writer.join().is_ok());
    });
}

/// The reader of a closed collection must be done with its bank before the writer begins the bank
/// anew, two collections later: `read[c]` is touched by the reader of `c` and, later, by that writer.
#[test]
fn a_bank_is_read_while_the_writer_goes_on() {
    bounded(2, || {
        const COLLECTIONS: usize = 3;
        let shared = Arc::new((
            CollectionClock::new(),
            Reservoir::default(),
            [(); COLLECTIONS + 1].map(|()| Witness::new()),
        ));
        let aggregator = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                let (collections, reservoir, read) = &*shared;
                for _ in 0..COLLECTIONS {
                    let closed = collections.open_next();
                    let reading = reservoir.read(closed);
                    read[closed as usize].touch();
                    let Some(reading) = reading else { continue };
                    assert_eq!(reading.samples.len() as u64, reading.offered.min(2));
                    for (item, _) in reading.samples {
                        assert_eq!(item.value_ns(), closed, "of another collection");
                    }
                }
            }
        });
        let (collections, reservoir, read) = &*shared;
        let seed = AtomicU64::new(1);
        for _ in 0..3 {
            let collection = collections.now(2).collection;
            if let Some(before) = collection.checked_sub(2).and_then(|c| read.get(c as usize)) {
                before.touch();
            }
            reservoir.offer(collection, Packed::new(collection, 1), 2, &seed);
        }
        assert!(aggregator.join().is_ok());
    });
}

#[test]
fn a_table_grows_while_it_is_walked() {
    loom::model(|| {
        let table = Arc::new(Table::try_new().unwrap_or_else(|| unreachable!()));
        // There at the start of the walk: the walker's start is ordered after it by the spawn.
        let first = table.insert(&owner(), key(0));
        assert!(first.is_some_and(|record| {
            record.acquisitions.store(7, Relaxed);
            record.key == key(0)
        }));
        let walker = thread::spawn({
            let table = Arc::clone(&table);
            move || {
                // SAFETY: the models retire nothing before their end.
                let guard = unsafe { crossbeam_epoch::unprotected() };
                let mut seen = [0; 3];
                table.for_each(guard, |record| {
                    // Loom fails here on a record that is not seen filled in.
                    let reading = record.read_or(None);
                    assert_eq!(
                        reading.acquisitions,
                        if record.key == key(0) { 7 } else { 0 }
                    );
                    seen[(record.key.0 / 8 - 1) as usize] += 1;
                });
                assert_eq!(seen[0], 1, "there at the start");
                assert!(seen.iter().all(|&n| n <= 1), "seen twice");
            }
        });
        // The second makes it grow, from 2 slots to 4; the third goes into the new array.
        for i in 1..3 {
            assert!(table.insert(&owner(), key(i)).is_some());
        }
        assert!(walker.join().is_ok());
    });
}

/// What a shard's owners leave to one another.
struct Handed {
    lease: Lease,
    table: Table,
    seed: AtomicU64,
}

impl Handed {
    fn new() -> Self {
        let handed = Handed {
            lease: Lease::default(),
            table: Table::try_new().unwrap_or_else(|| unreachable!()),
            seed: AtomicU64::new(1),
        };
        assert!(handed.lease.try_take(1));
        handed
    }

    fn record(&self, i: usize) -> &Record {
        self.table
            .find(&owner(), key(i))
            .or_else(|| self.table.insert(&owner(), key(i)))
            .unwrap_or_else(|| unreachable!())
    }

    fn acquisitions(&self) -> (u64, u64) {
        // SAFETY: the models retire nothing before their end.
        let guard = unsafe { crossbeam_epoch::unprotected() };
        let mut sum = (0, 0);
        self.table.for_each(guard, |record| {
            let reading = record.read_or(None);
            all_or_nothing(&reading);
            sum.0 += reading.acquisitions;
            sum.1 += 1;
        });
        sum
    }
}

#[test]
fn a_shard_is_handed_on_while_it_is_walked() {
    bounded(2, || {
        let shard = Arc::new(Handed::new());
        let first = thread::spawn({
            let shard = Arc::clone(&shard);
            move || {
                acquire_contended(shard.record(0), &shard.seed);
                // Makes the table grow: its next owner must not see the array before.
                shard.record(1);
                shard.lease.release();
            }
        });
        let second = thread::spawn({
            let shard = Arc::clone(&shard);
            move || {
                if shard.lease.try_take(2) {
                    assert!(shard.lease.is_of(2));
                    acquire_contended(shard.record(0), &shard.seed);
                    return 1;
                }
                0
            }
        });
        let (acquisitions, records) = shard.acquisitions();
        let taken = second.join().unwrap_or_default();
        assert!(first.join().is_ok());
        let (last, last_records) = shard.acquisitions();
        assert!(acquisitions <= last && records <= last_records, "backwards");
        assert_eq!((last, last_records), (1 + taken, 2), "an update was lost");
    });
}

/// A thread that ends gives its shard back, and two that begin want it.
#[test]
fn a_free_shard_is_claimed_by_one() {
    loom::model(|| {
        let registry = Arc::new(Registry::new());
        assert!(registry.insert(Box::new(Witness::new())).is_some());
        let claim = {
            let registry = Arc::clone(&registry);
            move || {
                let claimed = registry.claim(|_| Claim::Take);
                claimed.map(|(_, used)| used.touch()).is_some()
            }
        };
        let others = [claim.clone(), claim.clone()].map(thread::spawn);
        // The one that has it from the start.
        registry.iter().for_each(Witness::touch);
        registry.give_back(0);
        let claimed = others.map(|other| other.join().unwrap_or_default());
        assert_ne!(claimed, [true; 2], "claimed twice");
        assert!(claimed.contains(&true) || claim(), "it is lost");
    });
}

/// An item of a registry, which its maker has written to.
fn item(number: usize) -> Box<UnsafeCell<usize>> {
    let item = UnsafeCell::new(usize::MAX);
    item.with_mut(|item| {
        // SAFETY: loom fails the model if another thread touches it and nothing orders the two.
        unsafe { *item = number };
    });
    Box::new(item)
}

/// Which items a walk sees, and how often.
fn walk(registry: &Registry<UnsafeCell<usize>>) -> [usize; 3] {
    let mut seen = [0; 3];
    for item in registry.iter() {
        // SAFETY: as above.
        seen[item.with(|number| unsafe { *number })] += 1;
    }
    seen
}

#[test]
fn a_shard_is_put_in_while_they_are_walked() {
    loom::model(|| {
        let registry = Arc::new(Registry::new());
        // The block is there: that it is seen orders nothing but what was before it.
        assert!(registry.insert(item(0)).is_some() && registry.insert(item(1)).is_some());
        let comer = thread::spawn({
            let registry = Arc::clone(&registry);
            move || registry.insert(item(2)).is_some()
        });
        let seen = walk(&registry);
        assert_eq!(seen[..2], [1, 1], "there at the start");
        assert!(seen[2] <= 1, "seen twice");
        assert!(comer.join().unwrap_or_default());
        assert_eq!(walk(&registry), [1; 3]);
    });
}

/// Two threads come at once, and the block that both need is not there yet.
#[test]
fn two_shards_are_put_in_while_they_are_walked() {
    bounded(3, || {
        let registry = Arc::new(Registry::new());
        assert!(registry.insert(item(0)).is_some());
        let comers = [1, 2].map(|number| {
            let registry = Arc::clone(&registry);
            thread::spawn(move || registry.insert(item(number)).map(|(place, _)| place))
        });
        let seen = walk(&registry);
        assert_eq!(seen[0], 1, "there at the start");
        assert!(seen.iter().all(|&n| n <= 1), "seen twice");
        let [one, other] = comers.map(|comer| comer.join().unwrap_or_default());
        assert!(one.is_some() && other.is_some() && one != other);
        assert_eq!(walk(&registry), [1; 3]);
    });
}

/// A record that leaves its table is counted once, whatever the walk sees of it, and is not used again before that is over.
#[test]
fn a_record_leaves_while_it_is_walked() {
    bounded(2, || {
        let shared = Arc::new((Handed::new(), Witness::new(), Witness::new()));
        acquire_contended(shared.0.record(0), &shared.0.seed);
        let aggregator = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                let (shard, read, written) = &*shared;
                let mut seen = None;
                let mut sum = 0;
                let mut take = |record: &Record| {
                    read.touch();
                    let reading = record.read_or(seen);
                    let before = seen.map_or(0, |seen| seen.acquisitions);
                    sum += reading.acquisitions - before;
                    seen = Some(reading);
                };
                for _ in 0..2 {
                    for record in shard.table.take_evicted() {
                        written.touch();
                        take(&record);
                        shard.table.give_spare(record);
                        return Some(sum);
                    }
                    // SAFETY: the models retire nothing before their end.
                    let guard = unsafe { crossbeam_epoch::unprotected() };
                    shard.table.for_each(guard, |record| {
                        if record.key == key(0) {
                            take(record);
                        }
                    });
                }
                None
            }
        });
        let (shard, read, written) = &*shared;
        acquire_contended(shard.record(0), &shard.seed);
        written.touch();
        assert_eq!(shard.table.evict(&owner(), usize::MAX, 1, |_| true), 1);
        if shard.table.has_spare()
            && let Some(record) = shard.table.insert(&owner(), key(1))
        {
            read.touch();
            assert_eq!(record.read_or(None), Reading::default(), "not as new");
        }
        if let Ok(Some(sum)) = aggregator.join() {
            assert_eq!(sum, 2, "lost, or counted twice");
        }
    });
}

/// A record of a thread that has ended goes away: not while a guard leads to it, and not while the shard has its next owner.
#[test]
fn an_ended_threads_records_are_taken_over() {
    bounded(3, || {
        let shared = Arc::new((
            Handed::new(),
            Pool::try_new(0).unwrap_or_else(|| unreachable!()),
            Witness::new(),
        ));
        let (shard, pool, record_is_there) = &*shared;
        let record = shard.record(0);
        assert!(pool.replenish(record, true, |_| ()));
        let Some(pending_ref) = pool.take(record).map(PendingRef::new) else {
            panic!("a new pool is not empty")
        };
        record.count(false);
        shard.lease.release();
        let guard = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                // SAFETY: the pool outlives the model.
                let Some(node) = (unsafe { pending_ref.get() }) else {
                    unreachable!()
                };
                shared.2.touch();
                node.give_back_to_other();
            }
        });
        let next = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                let (shard, ..) = &*shared;
                if !shard.lease.try_take(2) {
                    return 0;
                }
                shard.record(0).count(false);
                shard.lease.release();
                1
            }
        });
        let mut sum = 0;
        if shard.lease.try_take_over() {
            pool.collect_returned(|_| ());
            let mark = pool.pin_records();
            let is_pinned = |record: &Record| record.leave.pinned.load(Relaxed) == mark;
            let chain = shard.table.empty(&owner(), is_pinned);
            shard.lease.release();
            for record in chain.into_iter().flatten() {
                record_is_there.touch();
                sum += record.read_or(None).acquisitions;
            }
        }
        assert!(guard.join().is_ok());
        let counted = next.join().unwrap_or_default();
        assert_eq!(sum + shard.acquisitions().0, 1 + counted);
    });
}

/// The last record with a late number goes away while another class takes the number, if it can.
#[test]
fn a_late_number_goes_to_another_class() {
    loom::model(|| {
        let names = ["x", "y"];
        let class = |name: &'static str| Class {
            len: 1,
            data: name.as_ptr(),
        };
        let shared = Arc::new((Late::<2>::new(), [Witness::new(), Witness::new()]));
        let use_it = move |(late, used): &(Late<2>, [Witness; 2]), name: &'static str| {
            let Some(number) = late.number(class(name)) else {
                return;
            };
            assert_eq!(late.class(number.place).data, name.as_ptr(), "another's");
            used[number.place].touch();
        };
        // One of them had a number that no record has: it may find that, or the other class may take it.
        use_it(&shared, names[0]);
        let other = thread::spawn({
            let shared = Arc::clone(&shared);
            move || use_it(&shared, names[0])
        });
        use_it(&shared, names[1]);
        assert!(other.join().is_ok());
    });
}

#[test]
fn a_reset_races_a_writer() {
    bounded(2, || {
        let shared = Arc::new((CollectionClock::new(), Record::new(key(0))));
        let write = |(collections, record): &(CollectionClock, Record)| {
            bump(&record.acquisitions, 1);
            let open = collections.now(1);
            let delta = Delta {
                cold: ColdCounts {
                    timeouts: 1,
                    ..ColdCounts::default()
                },
                hold: Some(Measured {
                    kind: Measure::Hold,
                    // Says after which reset it was measured.
                    ns: 10 + open.resets,
                    weight: 1,
                }),
                ..Delta::default()
            };
            record.add(&owner(), &delta, open, &AtomicU64::new(1), || true);
        };
        write(&shared);
        let writer = thread::spawn({
            let shared = Arc::clone(&shared);
            move || write(&shared)
        });
        let (collections, record) = &*shared;
        let (mut base, mut last) = (Reading::default(), None);
        let mut sum = (0, 0, 0);
        let mut take = |reading: Reading| {
            let grown = |now: u64, before: u64| {
                now.checked_sub(before)
                    .unwrap_or_else(|| panic!("backwards: {base:?}, then {reading:?}"))
            };
            sum.0 += grown(reading.acquisitions, base.acquisitions);
            sum.1 += grown(reading.cold.timeouts, base.cold.timeouts);
            sum.2 += grown(reading.hold.samples, base.hold.samples);
            assert_eq!(
                reading.cold.timeouts, reading.hold.samples,
                "half an update"
            );
            if reading.hold.samples != 0 {
                assert_eq!(
                    reading.hold.max_ns,
                    10 + reading.hold.sum.reset_generation,
                    "a maximum from before the reset"
                );
            }
            base = reading;
        };
        for _ in 0..2 {
            let reading = record.read_or(last);
            last = Some(reading);
            take(reading);
            collections.count_reset();
        }
        assert!(writer.join().is_ok());
        take(record.read_or(last));
        assert_eq!(sum, (2, 2, 2), "lost, or counted twice");
    });
}

/// The thread that gives a node back must be done with it before the owner uses it again.
#[test]
fn a_pending_ref_is_given_back_by_another_thread() {
    loom::model(|| {
        let shared = Arc::new((
            Pool::try_new(0).unwrap_or_else(|| unreachable!()),
            Record::new(key(0)),
            Witness::new(),
        ));
        let (pool, record, used) = &*shared;
        let take = |end| {
            let node = match pool.take(record) {
                Some(node) => node,
                None if pool.replenish(record, true, |_| used.touch()) => pool.take(record)?,
                None => return None,
            };
            used.touch();
            assert_eq!(node.hold_weight.load(Relaxed), 0, "as it was left");
            assert_eq!(node.wait_weight.load(Relaxed), 0, "as it was left");
            node.hold_weight.store(1, Relaxed);
            node.more.store(true, Relaxed);
            node.wait_weight.store(1, Relaxed);
            node.hold_start.store(end, Relaxed);
            Some(PendingRef::new(node))
        };
        let Some(pending_ref) = take(5) else {
            panic!("a new pool is not empty")
        };
        let other = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                let (_, _, used) = &*shared;
                // SAFETY: the pool outlives the model.
                let Some(node) = (unsafe { pending_ref.get() }) else {
                    unreachable!()
                };
                node.hold_end.store(9, Relaxed);
                assert_eq!(node.hold_start.load(Relaxed), 5);
                used.touch();
                node.give_back_to_other();
            }
        });
        let again = take(6);
        assert!(other.join().is_ok());
        assert!(again.is_some() || take(7).is_some(), "it is lost");
        assert!(take(8).is_none(), "it was given out twice");
    });
}

/// An entry that was remembered under the old word must not outlive the change.
#[test]
fn a_change_of_mode_reaches_every_cache() {
    loom::model(|| {
        let record = Record::new(key(0));
        let shared = Arc::new((AtomicU64::new(1), HotCache::<()>::new()));
        let switcher = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                let (word, cache) = &*shared;
                hot::switch(word, Control(2), std::iter::once(cache));
            }
        });
        let (word, cache) = &*shared;
        let now = || Control(word.load(Relaxed));
        let control = now();
        cache.remember(&record, control, now);
        assert!(switcher.join().is_ok());
        let found = cache.find(record.key, |_| true, || false);
        assert!(!found || control == Control(2), "of the old mode");
    });
}

#[test]
fn two_threads_number_one_class() {
    // A static: of a literal there may be two copies, which would be two classes.
    static NAME: &str = "a";
    loom::model(|| {
        let numbered = || {
            let tag = number_of(NAME).unwrap_or_else(|| unreachable!());
            // What the number stands for is seen by whoever has it.
            let lock = class(tag.number()).to_lock();
            assert_eq!(lock, Lock::Named("a".into()));
            tag
        };
        let other = thread::spawn(numbered);
        let mine = numbered();
        let others = other.join().unwrap_or_else(|_| unreachable!());
        assert_eq!(others, mine);
    });
}

/// A lock of which nothing is known is known by one place, also if two threads are the first at two.
#[test]
fn two_threads_are_the_first_to_use_a_lock() {
    loom::model(|| {
        let (word, len) = unknown();
        let word = Arc::new(word);
        let other = thread::spawn({
            let word = Arc::clone(&word);
            move || word.number(len, Location::caller()).tag
        });
        let mine = word.number(len, Location::caller()).tag;
        let others = other.join().unwrap_or_else(|_| unreachable!());
        assert_eq!(others, mine);
        assert_eq!(word.tag(), mine);
        assert!(matches!(class(mine.number()).to_lock(), Lock::FirstUsed(_)));
    });
}

/// The bank of a collection that was closed just now, to which its writer is still offering, and which gets its tail.
#[test]
fn a_tail_begins_while_its_bank_is_read() {
    bounded(2, || {
        const SIZE: usize = 6;
        let reservoir = Arc::new(Reservoir::default());
        let seed = AtomicU64::new(1);
        let offer = |value| reservoir.offer(1, Packed::new(value, 1), SIZE, &seed);
        // The body is full with the next one.
        assert!(offer(5));
        let reader = thread::spawn({
            let reservoir = Arc::clone(&reservoir);
            move || {
                let reading = reservoir.read(1).unwrap_or_else(|| unreachable!());
                for (item, share) in &reading.samples {
                    assert!([5, 6].contains(&item.value_ns()), "{item:?}");
                    assert!(*share >= 0.0);
                }
                // All of the weight is somewhere: but for what is counted in one stratum and not yet in the other.
                let weight: f64 = reading.samples.iter().map(|(_, share)| share).sum();
                assert!(
                    (weight - reading.offered as f64).abs() <= 1.0,
                    "{reading:?}"
                );
            }
        });
        assert!(offer(6));
        assert!(reader.join().is_ok());
    });
}

const LOCK: usize = 64;

/// A hold that says the same in each of its fields.
fn hold(n: u64) -> Hold {
    Hold {
        lock: LockRef::from_address(LOCK),
        engine: 1,
        key: PointKey(8 * n),
        start: n,
        end: n + 1,
    }
}

/// What a waiter finds that waited all along. Loom's log has one entry.
fn found(log: &WaitLog) -> Option<Hold> {
    let span = Span {
        lock: LockRef::from_address(LOCK),
        engine: 1,
        key: PointKey(8),
        start: 0,
        end: u64::MAX,
    };
    let mut found = None;
    log.overlapping(&span, |hold| found = Some(hold));
    found
}

#[test]
fn a_hold_is_logged_while_a_waiter_reads() {
    loom::model(|| {
        let log = Arc::new(WaitLog::new());
        log.append(&hold(1));
        let holder = thread::spawn({
            let log = Arc::clone(&log);
            move || log.append(&hold(2))
        });
        if let Some(seen) = found(&log) {
            assert_eq!(seen, hold(seen.start), "parts of two holds");
        }
        assert!(holder.join().is_ok());
        assert_eq!(found(&log), Some(hold(2)));
    });
}

/// Two writers of one entry: one may drop its hold, and nobody's is mixed with another's.
#[test]
fn two_holds_are_logged_in_one_entry() {
    bounded(3, || {
        let log = Arc::new(WaitLog::new());
        let holders = [1, 2].map(|n| {
            let log = Arc::clone(&log);
            thread::spawn(move || log.append(&hold(n)))
        });
        if let Some(seen) = found(&log) {
            assert_eq!(seen, hold(seen.start), "parts of two holds");
        }
        for holder in holders {
            assert!(holder.join().is_ok());
        }
        let last = found(&log);
        assert!(last == Some(hold(1)) || last == Some(hold(2)), "{last:?}");
    });
}

/// Who owns the lock after a hold finds that hold in the log: the release comes after it.
#[test]
fn the_next_owner_finds_the_hold_before() {
    loom::model(|| {
        let shared = Arc::new((WaitLog::new(), AtomicU64::new(1)));
        let holder = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                let (log, lock) = &*shared;
                log.append(&hold(1));
                lock.store(0, Release);
            }
        });
        let (log, lock) = &*shared;
        if lock.load(Acquire) == 0 {
            assert_eq!(found(log), Some(hold(1)), "not seen");
        }
        assert!(holder.join().is_ok());
    });
}
