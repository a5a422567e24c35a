//! The table of pairs of locks.

use super::*;

fn sighting<'a>(held: usize, others: &'a [usize]) -> Sighting<'a> {
    Sighting {
        held: key(held),
        wanted: key(9),
        is_same_lock: false,
        passes_writers: false,
        others,
    }
}

fn this(n: u64) -> ThreadId {
    ThreadId {
        token: n,
        ..ThreadId::default()
    }
}

/// What the table has, each pair whole: the held key's number, gates and sightings.
fn read(table: &OrderTable) -> Vec<(u64, [usize; MOST_GATES], u64)> {
    let mut pairs = Vec::new();
    table.for_each(|pair| {
        assert_eq!(pair.wanted, key(9), "a pair that is not filled in");
        assert_ne!(pair.thread.token, 0, "a thread that is not filled in");
        pairs.push((pair.held.0, pair.gates, pair.sightings));
    });
    pairs.sort_unstable();
    pairs
}

/// A reader sees only whole pairs.
#[test]
fn a_pair_is_read_while_it_is_noted() {
    bounded(3, || {
        let table = Arc::new(OrderTable::new());
        let reader = thread::spawn({
            let table = Arc::clone(&table);
            move || read(&table).len()
        });
        assert!(table.note(&sighting(1, &[]), || this(1)).is_ok());
        assert!(reader.join().is_ok_and(|pairs| pairs <= 1));
        assert_eq!(read(&table), [(key(1).0, [0; MOST_GATES], 1)]);
    });
}

/// Each pair is there once, with all of its sightings.
#[test]
fn two_threads_note_one_pair() {
    bounded(3, || {
        let table = Arc::new(OrderTable::new());
        let note = |table: &OrderTable, n| table.note(&sighting(1, &[]), || this(n));
        let other = thread::spawn({
            let table = Arc::clone(&table);
            move || u64::from(note(&table, 2).is_ok())
        });
        let mut noted = u64::from(note(&table, 1).is_ok());
        noted += match other.join() {
            Ok(noted) => noted,
            Err(_) => panic!("it does not panic"),
        };
        assert!(noted != 0);
        assert_eq!(read(&table), [(key(1).0, [0; MOST_GATES], noted)]);
    });
}

/// What stays is what all sightings that were noted have in common.
#[test]
fn two_threads_leave_the_common_gates() {
    bounded(3, || {
        let table = Arc::new(OrderTable::new());
        let note = |table: &OrderTable, gates: [usize; 2], n| {
            table.note(&sighting(1, &gates), || this(n)).is_ok()
        };
        let other = thread::spawn({
            let table = Arc::clone(&table);
            move || note(&table, [8, 16], 2)
        });
        let mine = note(&table, [16, 32], 1);
        let others = match other.join() {
            Ok(others) => others,
            Err(_) => panic!("it does not panic"),
        };
        let pairs = read(&table);
        let [(_, mut gates, sightings)] = pairs[..] else {
            panic!("{pairs:?}")
        };
        gates.sort_unstable();
        let expected = match (mine, others) {
            (true, true) => ([0, 0, 0, 16], 2),
            (true, false) => ([0, 0, 16, 32], 1),
            (false, true) => ([0, 0, 8, 16], 1),
            (false, false) => panic!("nobody has noted it"),
        };
        assert_eq!((gates, sightings), expected);
    });
}

/// A reader never counts a sighting twice, while a thread hands its count to the table.
#[test]
fn a_count_is_handed_over_while_it_is_read() {
    bounded(3, || {
        let shared = Arc::new((OrderTable::new(), SeenPairs::new()));
        let pair = |held| SeenPair {
            held: key(held),
            wanted: key(9),
            others: 0,
        };
        let total = |shared: &(OrderTable, SeenPairs)| {
            let (table, seen) = shared;
            let pairs = read(table);
            let mut total = pairs.first().map_or(0, |pair| pair.2);
            seen.counts().for_each(|(_, count)| total += count);
            total
        };
        // The reader is the thread that is started: loom does not stop the one that starts it
        // before its next step.
        let reader = thread::spawn({
            let shared = Arc::clone(&shared);
            move || total(&shared)
        });
        let (table, seen) = &*shared;
        let Ok(place) = table.note(&sighting(1, &[]), || this(1)) else {
            panic!("there is room")
        };
        seen.remember(&pair(1), place);
        seen.count(&pair(1));
        // Loom's cache has one slot.
        if let Some((place, count)) = seen.remember(&pair(2), place + 1) {
            table.add(place, count);
        }
        assert!(reader.join().is_ok_and(|total| total <= 2), "counted twice");
        assert_eq!(total(&shared), 2);
    });
}
