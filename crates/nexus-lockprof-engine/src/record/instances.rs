//! Which locks of a class are waited for most: a sketch of bounded size.
//!
//! The Space-Saving algorithm (Metwally, Agrawal and El Abbadi, "Efficient Computation of Frequent
//! and Top-k Elements in Data Streams", 2005) with the waited time as the weight. A lock without an
//! entry takes that of the lock that was waited for least, and inherits its time as an error. So no
//! lock has waited longer than its entry says, and at least as long as its entry says minus the
//! error. A lock without an entry has waited at most as long as the least entry says.
//!
//! The shard's owner writes it when it records a long wait, after the release.

use crate::identity;
use crate::identity::PointKey;
use crate::record::memory::try_box;
use crate::record::owner::Owner;
use crate::record::versioned::Versioned;
use crate::sync::{AtomicPtr, AtomicU64, Ordering, OwnLoad, array, sized};
use Ordering::{Acquire, Relaxed, Release};

/// Locks that a shard keeps apart.
pub(crate) const ENTRIES: usize = sized(2, 32);
/// An address has at most this many bits. The upper ones have the number of the class.
const ADDRESS_BITS: u32 = 48;

/// A lock and its class in one word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct InstanceKey(u64);

impl InstanceKey {
    /// `None` for a lock that has no entry: its class has a number that another may get later, or
    /// its address is above those of user space.
    fn new(address: usize, point: PointKey) -> Option<Self> {
        let (address, number) = (address as u64, point.number());
        let fits = address >> ADDRESS_BITS == 0 && number >> 16 == 0;
        let is_sure = fits && !identity::may_change(number);
        is_sure.then_some(InstanceKey(address | u64::from(number) << ADDRESS_BITS))
    }

    pub(crate) fn address(self) -> u64 {
        self.0 & ((1 << ADDRESS_BITS) - 1)
    }

    /// The number of its class.
    pub(crate) fn number(self) -> u32 {
        (self.0 >> ADDRESS_BITS) as u32
    }
}

/// What an entry says of a lock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct InstanceReading {
    pub(crate) key: InstanceKey,
    /// Waits since it has its entry.
    pub(crate) waits: u64,
    /// The most that threads of this shard have waited for it, in nanoseconds.
    pub(crate) most_ns: u64,
    /// The part of that which may have been for other locks.
    pub(crate) error_ns: u64,
    /// Number of resets before this. 1 more, so that 0 is no entry.
    generation: u64,
}

const WORDS: usize = 5;

impl InstanceReading {
    fn of([key, waits, most_ns, error_ns, generation]: [u64; WORDS]) -> Self {
        InstanceReading {
            key: InstanceKey(key),
            waits,
            most_ns,
            error_ns,
            generation,
        }
    }

    fn words(&self) -> [u64; WORDS] {
        let Self {
            key: InstanceKey(key),
            waits,
            most_ns,
            error_ns,
            generation,
        } = *self;
        [key, waits, most_ns, error_ns, generation]
    }

    /// Whether the entry is from after this many resets.
    pub(crate) fn is_since(&self, resets: u64) -> bool {
        self.generation == resets + 1
    }
}

#[derive(Debug)]
struct Sketch {
    /// The keys of the entries, side by side. Only the owner uses them.
    keys: [AtomicU64; ENTRIES],
    entries: [Versioned<WORDS>; ENTRIES],
}

/// A shard's sketch. There is none before its first long wait.
#[derive(Debug, Default)]
pub(crate) struct Instances(AtomicPtr<Sketch>);

impl Instances {
    /// Adds a wait of `ns` that stands for `waits` waits for the lock at `address`. `false` if
    /// there is no memory. Only the owner calls this.
    pub(crate) fn add(
        &self,
        _owner: &Owner,
        (address, point): (usize, PointKey),
        (waits, ns): (u64, u64),
        resets: u64,
    ) -> bool {
        let Some(key) = InstanceKey::new(address, point) else {
            return true;
        };
        let Some(sketch) = self.own() else {
            return false;
        };
        let new = InstanceReading {
            key,
            generation: resets + 1,
            ..InstanceReading::default()
        };
        let known = sketch.keys.iter().position(|of| of.own_load() == key.0);
        let (place, before) = match known {
            Some(place) => {
                let entry = InstanceReading::of(sketch.entries[place].own());
                let is_since = entry.is_since(resets);
                (place, if is_since { entry } else { new })
            }
            None => {
                let (place, least_ns) = sketch.least(resets);
                let taken_over = InstanceReading {
                    most_ns: least_ns,
                    error_ns: least_ns,
                    ..new
                };
                sketch.keys[place].store(key.0, Relaxed);
                (place, taken_over)
            }
        };
        let entry = InstanceReading {
            waits: before.waits.saturating_add(waits),
            most_ns: before.most_ns.saturating_add(ns),
            ..before
        };
        sketch.entries[place].set(&entry.words());
        true
    }

    /// The sketch, made at the first call. `None` if there is no memory.
    fn own(&self) -> Option<&Sketch> {
        let mut sketch = self.0.own_load();
        if sketch.is_null() {
            sketch = Box::into_raw(try_box(Sketch {
                keys: array![AtomicU64::new(0); ENTRIES],
                entries: std::array::from_fn(|_| Versioned::default()),
            })?);
            // Release: whoever sees the pointer sees the empty entries. Pairs with `read`.
            self.0.store(sketch, Release);
        }
        // SAFETY: made by `Box::into_raw`, and lives as long as the shard.
        unsafe { sketch.as_ref() }
    }

    /// Reads all entries. One that its owner is writing is what it was in `last`. Any thread may
    /// call this.
    pub(crate) fn read(
        &self,
        last: Option<&[InstanceReading; ENTRIES]>,
    ) -> Option<[InstanceReading; ENTRIES]> {
        // Acquire: this thread sees the empty entries. Pairs with `own`.
        // SAFETY: null, or made by `Box::into_raw`, and lives as long as the shard.
        let sketch = unsafe { self.0.load(Acquire).as_ref() }?;
        Some(std::array::from_fn(|place| {
            let read = sketch.entries[place].read();
            let read = read.map(InstanceReading::of);
            read.or_else(|| last.map(|last| last[place]))
                .unwrap_or_default()
        }))
    }
}

impl Sketch {
    /// The entry that goes to a new lock, and the time that it says: one without a lock since the
    /// last reset, or the one that was waited for least.
    fn least(&self, resets: u64) -> (usize, u64) {
        let times = self.entries.iter().enumerate().map(|(place, entry)| {
            let entry = InstanceReading::of(entry.own());
            (
                place,
                if entry.is_since(resets) {
                    entry.most_ns
                } else {
                    0
                },
            )
        });
        times.min_by_key(|&(_, ns)| ns).unwrap_or_default()
    }
}

impl Drop for Instances {
    fn drop(&mut self) {
        let sketch = self.0.load(Relaxed);
        if !sketch.is_null() {
            // SAFETY: made by `Box::into_raw`, and nobody uses it any more.
            drop(unsafe { Box::from_raw(sketch) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::lock_class::number_of;
    use crate::identity::{HoldMode, SiteKey};
    use std::collections::HashMap;
    use std::panic::Location;

    #[track_caller]
    fn point(name: &'static str) -> PointKey {
        let site = SiteKey::new(Location::caller(), HoldMode::Exclusive);
        PointKey::new(site, number_of(name).unwrap())
    }

    fn entries(sketch: &Instances, resets: u64) -> Vec<InstanceReading> {
        let read = sketch.read(None).into_iter().flatten();
        read.filter(|entry| entry.is_since(resets)).collect()
    }

    /// Against the truth: 1,000 locks, of which two have most of the waiting.
    #[test]
    fn bounds_hold_for_each_lock() {
        // SAFETY: only this thread uses the sketch.
        let owner = unsafe { Owner::assume() };
        let (sketch, point) = (Instances::default(), point("a thousand"));
        let mut rng = fastrand::Rng::with_seed(7);
        let mut truth: HashMap<u64, (u64, u64)> = HashMap::new();
        for _ in 0..20_000 {
            let lock = match rng.u8(..10) {
                0..4 => 0,
                4..6 => 1,
                _ => rng.usize(2..1_000),
            };
            let ns = rng.u64(1..1_000);
            assert!(sketch.add(&owner, (64 * (lock + 1), point), (1, ns), 0));
            let (waits, waited) = truth.entry(64 * (lock as u64 + 1)).or_default();
            (*waits, *waited) = (*waits + 1, *waited + ns);
        }
        let entries = entries(&sketch, 0);
        assert_eq!(entries.len(), ENTRIES);
        let least = entries.iter().map(|entry| entry.most_ns).min().unwrap();
        for (&address, &(waits, ns)) in &truth {
            match entries.iter().find(|entry| entry.key.address() == address) {
                Some(entry) => {
                    assert!(entry.waits <= waits);
                    let least = entry.most_ns - entry.error_ns;
                    assert!(least <= ns && ns <= entry.most_ns, "{ns}: {entry:?}");
                }
                None => assert!(ns <= least, "{ns} without an entry"),
            }
        }
        // All of it is somewhere.
        let all: u64 = truth.values().map(|(_, ns)| ns).sum();
        assert_eq!(entries.iter().map(|entry| entry.most_ns).sum::<u64>(), all);
        // The two hot ones were never without an entry for long.
        for lock in [64, 128] {
            let entry = entries.iter().find(|entry| entry.key.address() == lock);
            let (_, ns) = truth[&lock];
            assert!(entry.is_some_and(|entry| entry.error_ns < ns / 100));
        }
    }

    #[test]
    fn one_address_of_two_classes_is_two_locks() {
        // SAFETY: only this thread uses the sketch.
        let owner = unsafe { Owner::assume() };
        let sketch = Instances::default();
        assert_eq!(entries(&sketch, 0), []);
        let (one, other) = (point("one class"), point("the other class"));
        for (point, ns) in [(one, 5), (other, 7), (one, 11)] {
            assert!(sketch.add(&owner, (4096, point), (1, ns), 0));
        }
        let all = entries(&sketch, 0);
        let of = |point: PointKey| {
            let entry = all
                .iter()
                .find(|entry| entry.key.number() == point.number());
            entry.map(|entry| {
                (
                    entry.key.address(),
                    entry.waits,
                    entry.most_ns,
                    entry.error_ns,
                )
            })
        };
        assert_eq!(of(one), Some((4096, 2, 16, 0)));
        assert_eq!(of(other), Some((4096, 1, 7, 0)));
    }

    #[test]
    fn a_reset_begins_again() {
        // SAFETY: only this thread uses the sketch.
        let owner = unsafe { Owner::assume() };
        let (sketch, point) = (Instances::default(), point("reset"));
        for lock in 1..=ENTRIES {
            assert!(sketch.add(&owner, (8 * lock, point), (1, 1_000), 0));
        }
        for lock in [8, 8, 8 * (ENTRIES + 1)] {
            assert!(sketch.add(&owner, (lock, point), (1, 3), 1));
        }
        let mut after: Vec<(u64, u64, u64)> = entries(&sketch, 1)
            .iter()
            .map(|entry| (entry.key.address(), entry.most_ns, entry.error_ns))
            .collect();
        after.sort_unstable();
        assert_eq!(after, [(8, 6, 0), (8 * (ENTRIES as u64 + 1), 3, 0)]);
    }
}
