//! A shard: its lease, its table, its cache and its pool.

use super::*;

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

/// A record that leaves its table is counted once, whatever the walk sees of it, and is not used
/// again before that is over.
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

/// A record of a thread that has ended goes away: not while a guard leads to it, and not while the
/// shard has its next owner.
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
            let is_pinned = |record: &Record| record.leave.is_pinned(mark);
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
        cache.remember(&record, ThreadBits::UNKNOWN, control, now);
        assert!(switcher.join().is_ok());
        let found = cache.find(record.key).is_some();
        assert!(!found || control == Control(2), "of the old mode");
    });
}
