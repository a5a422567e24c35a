//! The two banks of a reservoir.

use super::*;

/// The reader of a closed collection must be done with its bank before the writer begins the bank
/// anew, two collections later: `read[c]` is touched by the reader of `c` and, later, by that
/// writer.
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
                    let reading = reservoir.read(closed, 0);
                    read[closed as usize].touch();
                    let Some(reading) = reading else { continue };
                    assert_eq!(reading.samples.len() as u64, reading.offered.min(2));
                    for sample in reading.samples {
                        assert_eq!(sample.value_ns, closed, "of another collection");
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

/// The bank of a collection that was closed just now, to which its writer is still offering, and
/// which gets its tail.
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
                let reading = reservoir.read(1, 0).unwrap_or_else(|| unreachable!());
                for sample in &reading.samples {
                    assert!([5, 6].contains(&sample.value_ns), "{sample:?}");
                    assert!(sample.weight >= 0.0);
                }
                // All of the weight is somewhere: but for what is counted in one stratum and not
                // yet in the other.
                let weight: f64 = reading.samples.iter().map(|sample| sample.weight).sum();
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
