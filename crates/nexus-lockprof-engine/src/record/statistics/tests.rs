use super::*;
use crate::record::collection_clock::CollectionClock;

/// A signal handler may update the record in the middle of an update.
#[test]
fn a_record_is_not_read_while_an_update_is_under_way() {
    let record = Record::new(PointKey(8));
    // SAFETY: no other thread has it.
    let owner = unsafe { Owner::assume() };
    let events = record.events();
    record.write(|| {
        record.write(|| assert_eq!(record.read(), None));
        record.forfeit(&owner, 3, 2);
        assert!(record.is_half_changed());
        assert_eq!(record.read(), None);
    });
    assert!(!record.is_half_changed());
    let reading = record.read().unwrap();
    assert_eq!((reading.unmeasured_holds, reading.unmeasured_waits), (3, 2));
    assert_eq!(reading.events(), record.events());
    assert_ne!(reading.events(), events);
}

/// The note for usual holds is right after any other hold, also after one that stands for several.
#[test]
fn a_usual_hold_finds_the_bounds_that_others_have_moved() {
    let records = [(); 2].map(|()| Record::new(PointKey(8)));
    let seeds = [(); 2].map(|()| AtomicU64::new(1));
    let clock = CollectionClock::new();
    // SAFETY: no other thread has them.
    let owner = unsafe { Owner::assume() };
    let mut rng = fastrand::Rng::with_seed(1);
    let mut usual = 0;
    for round in 0..400_u64 {
        // The lengths differ each time, so that the middle and the tail move.
        let longest_ns = rng.u64(10..4_000);
        for _ in 0..100 {
            let weight = if rng.bool() { 1 } else { rng.u64(2..70) };
            let ns = rng.u64(..longest_ns);
            for (place, (record, seed)) in records.iter().zip(&seeds).enumerate() {
                let hold = record.usual_hold(&owner, ns, clock.word());
                match hold.filter(|_| place == 0 && weight == 1) {
                    Some(hold) => {
                        record.add_usual_hold(hold);
                        usual += 1;
                    }
                    None => {
                        let hold = Some(Measured {
                            kind: Measure::Hold,
                            ns,
                            weight,
                        });
                        let delta = Delta {
                            hold,
                            ..Delta::default()
                        };
                        let refused = record.add(&owner, &delta, clock.now(224), seed, || true);
                        assert_eq!(refused, 0);
                    }
                }
            }
        }
        let read = |record: &Record| {
            let bank = record.reservoir(Measure::Hold).read(clock.collection(), 0);
            format!("{:?} {bank:?}", record.read().map(|reading| reading.hold))
        };
        assert_eq!(read(&records[0]), read(&records[1]), "round {round}");
        if round % 10 == 9 {
            clock.open_next();
        }
    }
    assert!(usual > 10_000, "{usual} were usual");
}
