//! Which cycles are found among pairs.

use super::*;
use crate::identity::{ClassTag, SiteKey};
use crate::record::order::MOST_GATES;
use crate::record::thread_info::ThreadId;
use HoldMode::{Exclusive, Shared, Upgradable};
use std::panic::Location;

type Pair = ((u32, HoldMode), (u32, HoldMode), &'static [usize]);

/// Exclusive, with no other lock.
fn plain(held: u32, wanted: u32) -> Pair {
    ((held, Exclusive), (wanted, Exclusive), &[])
}

/// The cycles: their classes, and whether they need a writer.
fn found(pairs: &[Pair]) -> Vec<(Vec<u32>, bool)> {
    let (cycles, unsearched) = search(pairs);
    assert_eq!(unsearched, 0);
    cycles
}

/// The same, and the number of pairs of classes from which not all cycles were seen.
fn search(pairs: &[Pair]) -> (Vec<(Vec<u32>, bool)>, usize) {
    search_in(readings(pairs))
}

fn search_in(readings: BTreeMap<usize, PairReading>) -> (Vec<(Vec<u32>, bool)>, usize) {
    let mut unsearched: HashSet<(u32, u32)> = HashSet::new();
    let cycles = cycles(&readings, &mut unsearched).into_iter();
    let cycles = cycles.map(|cycle| (cycle.classes, cycle.needs_writer));
    (cycles.collect(), unsearched.len())
}

fn readings(pairs: &[Pair]) -> BTreeMap<usize, PairReading> {
    let key = |(class, mode)| {
        let site = SiteKey::new(Location::caller(), mode);
        PointKey::new(site, ClassTag::new(class))
    };
    let pairs = pairs.iter().enumerate();
    let pairs = pairs.map(|(place, &(held, wanted, others))| {
        let mut gates = [0; MOST_GATES];
        gates[..others.len()].copy_from_slice(others);
        let pair = PairReading {
            place,
            held: key(held),
            wanted: key(wanted),
            is_same_lock: false,
            passes_writers: false,
            had_others: !others.is_empty(),
            gates,
            thread: ThreadId::default(),
            sightings: 1,
        };
        (place, pair)
    });
    pairs.collect()
}

#[test]
fn one_order_is_none() {
    let pairs = [plain(3, 4), plain(4, 5), plain(3, 5), plain(5, 5)];
    assert_eq!(found(&pairs), []);
}

#[test]
fn a_recursive_read_is_found_once() {
    let read = ((3, Shared), (3, Shared), &[][..]);
    let mut same_lock = readings(&[read, read]);
    for pair in same_lock.values_mut() {
        pair.is_same_lock = true;
    }
    assert_eq!(search_in(same_lock.clone()), (vec![(vec![3], true)], 0));
    // Who passes waiting writers waits for nobody there.
    for pair in same_lock.values_mut() {
        pair.passes_writers = true;
    }
    assert_eq!(search_in(same_lock), (vec![], 0));
}

#[test]
fn two_orders_are_one() {
    assert_eq!(found(&[plain(4, 3), plain(3, 4)]), [(vec![3, 4], false)]);
}

#[test]
fn longer_cycles_are_found_once() {
    let pairs = [plain(3, 4), plain(4, 5), plain(5, 3), plain(4, 6)];
    assert_eq!(found(&pairs), [(vec![3, 4, 5], false)]);
    let pairs = [
        plain(9, 3),
        plain(3, 4),
        plain(4, 5),
        plain(5, 6),
        plain(6, 9),
    ];
    assert_eq!(found(&pairs), [(vec![3, 4, 5, 6, 9], false)]);
}

#[test]
fn each_of_two_cycles_is_found() {
    let pairs = [
        plain(3, 4),
        plain(4, 5),
        plain(5, 3),
        plain(5, 6),
        plain(6, 5),
    ];
    assert_eq!(found(&pairs), [(vec![5, 6], false), (vec![3, 4, 5], false)]);
}

#[test]
fn a_common_gate_makes_it_harmless() {
    let with = |pair: Pair, gates: &'static [usize]| -> Pair { (pair.0, pair.1, gates) };
    let (there, back) = (plain(3, 4), plain(4, 3));
    assert_eq!(found(&[with(there, &[64]), with(back, &[32, 64])]), []);
    let apart = [with(there, &[64]), with(back, &[32])];
    assert_eq!(found(&apart), [(vec![3, 4], false)]);
    // It was also seen without.
    let without = [with(there, &[64]), with(back, &[64]), back];
    assert_eq!(found(&without), [(vec![3, 4], false)]);
    let long = [
        with(plain(3, 4), &[64]),
        plain(4, 5),
        with(plain(5, 3), &[64]),
    ];
    assert_eq!(found(&long), []);
}

#[test]
fn readers_need_a_writer() {
    let pair = |held, wanted| -> Pair { (held, wanted, &[]) };
    let readers = [
        pair((3, Shared), (4, Shared)),
        pair((4, Shared), (3, Shared)),
    ];
    assert_eq!(found(&readers), [(vec![3, 4], true)]);
    let upgradable = [
        pair((3, Upgradable), (4, Upgradable)),
        pair((4, Upgradable), (3, Upgradable)),
    ];
    assert_eq!(found(&upgradable), [(vec![3, 4], false)]);
    // A writer on each of the two, and none twice.
    let mixed = [
        pair((3, Shared), (4, Exclusive)),
        pair((4, Shared), (3, Exclusive)),
    ];
    assert_eq!(found(&mixed), [(vec![3, 4], false)]);
    let half = [
        pair((3, Exclusive), (4, Shared)),
        pair((4, Shared), (3, Shared)),
    ];
    assert_eq!(found(&half), [(vec![3, 4], true)]);
    // Other modes were seen too.
    let both = [readers[0], readers[1], mixed[0], mixed[1]];
    assert_eq!(found(&both), [(vec![3, 4], false)]);
}

#[test]
fn a_longer_cycle_behind_a_harmless_one_is_found() {
    let with = |pair: Pair| -> Pair { (pair.0, pair.1, &[64]) };
    // The shortest way back from 4 to 3 is harmless, and so is the next one.
    let pairs = [
        with(plain(3, 4)),
        with(plain(4, 5)),
        plain(5, 3),
        with(plain(4, 6)),
        plain(6, 3),
        plain(4, 7),
        plain(7, 8),
        plain(8, 3),
    ];
    assert_eq!(found(&pairs), [(vec![3, 4, 7, 8], false)]);
}

/// All pairs of these many classes, each under one and the same other lock.
fn dense(classes: u32) -> Vec<Pair> {
    let all = (3..3 + classes).flat_map(|a| (3..3 + classes).map(move |b| (a, b)));
    let pairs = all.filter(|(a, b)| a != b);
    pairs
        .map(|(a, b)| ((a, Exclusive), (b, Exclusive), &[64][..]))
        .collect()
}

#[test]
fn a_search_ends_and_says_what_it_did_not_see() {
    // Each of very many cycles is harmless, so a search for one that is not would take years.
    let (cycles, unsearched) = search(&dense(45));
    assert_eq!((cycles, unsearched), (vec![], 45 * 44));
    // Few are seen to the end.
    assert_eq!(search(&dense(4)), (vec![], 0));
}

#[test]
fn a_cycle_that_comes_later_is_found_too() {
    let mut pairs = vec![plain(3, 4), plain(4, 3)];
    let mut watch = OrderWatch::default();
    let told = |watch: &mut OrderWatch, changes, pairs: &[Pair]| {
        let (_, potential) = watch.collect((changes, readings(pairs)));
        let mut events = Vec::new();
        watch.tell(&potential, &mut events);
        (potential.len(), events.len())
    };
    assert_eq!(told(&mut watch, 1, &pairs[..1]), (0, 0));
    assert_eq!(told(&mut watch, 2, &pairs), (1, 1));
    pairs.extend([plain(5, 6), plain(6, 5)]);
    assert_eq!(told(&mut watch, 3, &pairs), (2, 1));
    assert_eq!(told(&mut watch, 3, &pairs), (2, 0));
}

/// A sighting that a thread is just adding to the table may be missing.
#[test]
fn sightings_only_grow() {
    let mut watch = OrderWatch::default();
    for (sightings, expected) in [(5, 5), (3, 5), (6, 6)] {
        let mut readings = readings(&[plain(3, 4)]);
        for pair in readings.values_mut() {
            pair.sightings = sightings;
        }
        let (pairs, _) = watch.collect((1, readings));
        let counts: Vec<u64> = pairs.iter().map(|pair| pair.count).collect();
        assert_eq!(counts, [expected]);
    }
}

#[test]
fn what_deadlocks_without_a_writer_is_told_again() {
    let read = |held, wanted| -> Pair { ((held, Shared), (wanted, Shared), &[]) };
    let mut pairs = vec![read(3, 4), read(4, 3)];
    let mut watch = OrderWatch::default();
    let mut events = Vec::new();
    for (changes, more) in [(1, None), (2, Some(plain(3, 4))), (3, Some(plain(4, 3)))] {
        pairs.extend(more);
        let (_, potential) = watch.collect((changes, readings(&pairs)));
        watch.tell(&potential, &mut events);
    }
    let needs_writer = events.iter().map(|event| match event {
        Event::Order(potential) => potential.needs_writer,
        other => panic!("{other:?}"),
    });
    assert_eq!(needs_writer.collect::<Vec<_>>(), [true, false]);
}

#[test]
fn who_passes_writers_waits_for_writers_only() {
    let found = |held| {
        let mut pairs = readings(&[((3, held), (4, Shared), &[]), ((4, held), (3, Shared), &[])]);
        for pair in pairs.values_mut() {
            pair.passes_writers = true;
        }
        search_in(pairs).0.len()
    };
    assert_eq!([Shared, Upgradable, Exclusive].map(found), [0, 0, 1]);
}

#[test]
fn a_cycle_of_eight_is_the_longest() {
    let ring = |classes: u32| -> Vec<Pair> {
        let next = |class: u32| 3 + (class - 2) % classes;
        (3..3 + classes)
            .map(|class| plain(class, next(class)))
            .collect()
    };
    assert_eq!(found(&ring(8)), [((3..11).collect(), false)]);
    assert_eq!(found(&ring(9)), []);
}

#[test]
fn only_pairs_that_lead_back_are_searched() {
    let pairs = [(3, 4), (3, 7), (4, 3), (4, 5), (6, 3), (7, 8), (8, 7)];
    let search = Search::new(pairs.iter().copied());
    assert_eq!(search.pairs(), [(3, 4), (4, 3), (7, 8), (8, 7)]);
}
