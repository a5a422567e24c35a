//! A record, and the resets that its maxima belong to.

use super::*;

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

#[test]
fn a_long_wait_and_its_contention_are_read_together() {
    bounded(2, || {
        let record = Arc::new(Record::new(key(0)));
        let writer = thread::spawn({
            let record = Arc::clone(&record);
            move || {
                record.count_long_wait(&owner(), true);
                record.count_long_wait(&owner(), false);
            }
        });
        if let Some(reading) = record.read() {
            assert_eq!(reading.cold.long_waits, reading.contentions);
            assert!(reading.contentions <= reading.acquisitions);
        }
        assert!(writer.join().is_ok());
        let last = record.read().unwrap_or_default();
        assert_eq!((last.cold.long_waits, last.cold.upgrade_waits), (2, 1));
    });
}
