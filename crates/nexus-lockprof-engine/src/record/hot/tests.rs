use super::*;
use crate::identity::{ClassTag, SiteKey};

const NOW: Control = Control(2);

/// The key of a made-up site in a made-up class. Only its bits count here.
fn key(site: usize, mode: usize, class: u32) -> PointKey {
    // Sites are at least as far apart in a program.
    let site = size_of::<std::panic::Location<'static>>() * site;
    PointKey::new(
        SiteKey(0x5555_556A_0000 + site + mode),
        ClassTag::new(class),
    )
}

fn record(key: PointKey) -> Record {
    let record = Record::new(key);
    record.control.store(NOW.0, Relaxed);
    record
}

fn remember(cache: &HotCache<()>, record: &Record) {
    cache.remember(record, ThreadBits::UNKNOWN, NOW, || NOW);
}

/// A loop over all of these points: the shares of its acquisitions that find their point in the
/// second slot, and not at all.
fn shares(keys: impl IntoIterator<Item = PointKey>) -> (f64, f64) {
    const ROUNDS: usize = 100;
    let cache = HotCache::new();
    let records: Vec<_> = keys.into_iter().map(record).collect();
    let (mut second, mut missing, mut all) = (0_u32, 0_u32, 0_u32);
    for round in 0..ROUNDS {
        for record in &records {
            let found = match cache.probe(record.key, || false) {
                Probe::Cold => {
                    remember(&cache, record);
                    false
                }
                _ => true,
            };
            if round >= ROUNDS / 2 {
                all += 1;
                missing += u32::from(!found);
                second += u32::from(found && !holds(cache.first(record.key), record));
            }
        }
    }
    let share = |part: u32| f64::from(part) / f64::from(all);
    (share(second), share(missing))
}

#[test]
fn many_points_nearly_all_have_a_slot() {
    let mut rng = fastrand::Rng::with_seed(1);
    let mut random = |n| -> Vec<_> {
        let mut sites: Vec<_> = (0..20_000).collect();
        rng.shuffle(&mut sites);
        sites[..n].iter().map(|site| key(*site, 0, 3)).collect()
    };
    let grid = |sites: usize, apart: usize, classes: u32| -> Vec<_> {
        (0..sites)
            .flat_map(|site| (0..classes).map(move |class| key(apart * site, 0, 3 + class)))
            .collect()
    };
    let modes = |classes: u32| -> Vec<_> {
        (0..128)
            .flat_map(|site| [0, 1].map(|mode| key(site, mode, 3 + site as u32 % classes)))
            .collect()
    };
    // A point in its second slot costs some 8 instructions more than the 35 of a counted
    // acquisition, and one that has none some 300.
    for (name, keys, most_second, most_missing) in [
        ("16", random(16), 0.2, 0.0),
        ("64", random(64), 0.2, 0.0),
        ("256", random(256), 0.35, 0.02),
        ("256 again", random(256), 0.35, 0.02),
        ("neighbours", grid(256, 1, 1), 0.0, 0.0),
        ("classes at one site", grid(1, 1, 256), 0.0, 0.0),
        ("16 sites of 16 classes", grid(16, 1, 16), 0.35, 0.02),
        ("16 sites further apart", grid(16, 2, 16), 0.35, 0.02),
        ("4 sites of 64 classes", grid(4, 1, 64), 0.35, 0.02),
        ("64 sites of 4 classes", grid(64, 1, 4), 0.35, 0.02),
        ("both modes, one class", modes(1), 0.65, 0.02),
        ("both modes, each its class", modes(128), 0.65, 0.03),
    ] {
        let (second, missing) = shares(keys);
        assert!(
            second <= most_second && missing <= most_missing,
            "{name}: {second} in the second slot, {missing} missing"
        );
    }
}

/// Three records. The first slot of all is the same. The second slot of the third is that of the
/// second.
fn rivals(cache: &HotCache<()>) -> [Record; 3] {
    let same = |a: &Slot, b: &Slot| std::ptr::eq(a, b);
    let a = key(0, 0, 3);
    let keys: Vec<_> = (0..1_000_000)
        .map(|site| key(site, 0, 3))
        .filter(|key| same(cache.first(*key), cache.first(a)))
        .filter(|key| !same(cache.second(*key), cache.second(a)))
        .collect();
    let pairs = keys
        .iter()
        .enumerate()
        .flat_map(|(index, b)| keys[..index].iter().map(move |c| (*b, *c)));
    let mut pairs = pairs.filter(|(b, c)| same(cache.second(*b), cache.second(*c)));
    let (b, c) = pairs.next().expect("there are 512 slots");
    [a, b, c].map(record)
}

#[test]
fn a_record_moves_to_its_other_slot() {
    let cache = HotCache::new();
    let records = rivals(&cache);
    for record in &records {
        remember(&cache, record);
    }
    for record in &records {
        assert!(std::ptr::eq(cache.find(record.key).unwrap(), record));
        cache.forget_one(record);
        assert!(cache.find(record.key).is_none());
    }
    assert!(cache.slots.iter().all(is_empty), "a record had two slots");
}

#[test]
fn a_record_of_an_old_mode_does_not_move() {
    let cache = HotCache::new();
    let records = rivals(&cache);
    remember(&cache, &records[0]);
    remember(&cache, &records[1]);
    records[0].control.store(1, Relaxed);
    remember(&cache, &records[2]);
    assert!(cache.find(records[0].key).is_none(), "it outlives its mode");
    assert!(cache.find(records[2].key).is_some());
}

#[test]
fn nothing_stays_of_a_mode_that_is_over() {
    let cache = HotCache::new();
    let records = rivals(&cache);
    remember(&cache, &records[0]);
    remember(&cache, &records[1]);
    let over = || Control(NOW.0 + 1);
    cache.remember(&records[2], ThreadBits::UNKNOWN, NOW, over);
    let found = records
        .each_ref()
        .map(|record| cache.find(record.key).is_some());
    assert_eq!(found, [false, true, false], "the first one was moved");
}

#[test]
fn an_empty_cache_finds_nothing() {
    let cache = HotCache::<()>::new();
    assert!(matches!(cache.probe(key(1, 0, 3), || false), Probe::Cold));
    assert!(matches!(cache.probe(key(1, 0, 3), || true), Probe::Off));
    assert!(cache.find(key(1, 0, 3)).is_none());
}
