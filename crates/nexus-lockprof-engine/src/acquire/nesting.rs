//! Which locks a thread holds when it acquires another one.
//!
//! Each measured acquisition that the thread holds makes a pair with the lock that it wants. That
//! is noted before the lock is taken, so it is seen even if the thread then waits for ever.

use crate::acquire::thread;
use crate::core::Core;
use crate::identity::{HoldMode, PointKey};
use crate::record::loss::Loss;
use crate::record::order::{MOST_GATES, MOST_HELD, NotNoted, SeenPair, Sighting};
use crate::record::pending::PendingRef;
use crate::record::shard::Shard;
use crate::record::thread_info::ThreadId;
use crate::record::wait_log::LockRef;
use crate::sync::Ordering::Relaxed;

/// The locks that a thread holds when it begins to acquire another.
struct Nesting {
    held: [(PointKey, usize); MOST_HELD],
    count: usize,
}

impl Nesting {
    /// Lists the locks that this thread holds, except those that nobody could name.
    fn of(shard: &Shard) -> Self {
        let mut nesting = Nesting {
            held: [(PointKey(0), 0); MOST_HELD],
            count: 0,
        };
        for held in shard.pool.held() {
            // SAFETY: null, or a record of this shard, which stays as long as the node is in use.
            let record = unsafe { held.pending.record.load(Relaxed).as_ref() };
            if let Some(record) = record.filter(|record| !record.key.is_rest())
                && let Some(place) = nesting.held.get_mut(nesting.count)
            {
                *place = (record.key, held.lock);
                nesting.count += 1;
            }
        }
        nesting
    }

    fn held(&self) -> &[(PointKey, usize)] {
        self.held.get(..self.count).unwrap_or_default()
    }

    /// The pairs with a lock that is wanted.
    fn pairs(&self, wanted: PointKey, lock: LockRef) -> impl Iterator<Item = (SeenPair, usize)> {
        let mixed = self.held().iter().map(|&held| mix(held));
        let all = mixed.fold(0, u64::wrapping_add);
        let pairs = self.held().iter().filter(move |&&(held, address)| {
            // A change of a lock that the thread holds is no pair, unless it reads it again.
            let is_same = address == lock.address();
            !is_same || is_shared(held) && is_shared(wanted)
        });
        pairs.map(move |&(held, address)| {
            let others = all.wrapping_sub(mix((held, address)));
            let same = u64::from(address == lock.address());
            let pair = SeenPair {
                held,
                wanted,
                others: others.wrapping_add(same),
            };
            (pair, address)
        })
    }

    /// The other locks that are held exclusively.
    fn others(&self, held: usize, wanted: LockRef) -> ([usize; MOST_GATES], usize) {
        let (mut others, mut count) = ([0; MOST_GATES], 0);
        for &(key, address) in self.held() {
            if !is_shared(key)
                && address != held
                && address != wanted.address()
                && let Some(place) = others.get_mut(count)
            {
                *place = address;
                count += 1;
            }
        }
        (others, count)
    }
}

fn is_shared(key: PointKey) -> bool {
    key.site().mode() == HoldMode::Shared
}

/// One word for a lock that is held, with bit 0 free.
fn mix((key, lock): (PointKey, usize)) -> u64 {
    if is_shared(key) {
        return 0;
    }
    (lock as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) << 1
}

/// Whether this thread remembers all pairs that it makes with the lock that it wants. Then it
/// counts them. Allocates nothing.
#[cold]
#[inline(never)]
pub(crate) fn count_known(shard: &Shard, wanted: PointKey, lock: LockRef) -> bool {
    let nesting = Nesting::of(shard);
    let is_known = |(pair, _)| shard.pairs.has(&pair);
    if wanted.is_rest() || !nesting.pairs(wanted, lock).all(is_known) {
        return false;
    }
    for (pair, _) in nesting.pairs(wanted, lock) {
        shard.pairs.count(&pair);
    }
    true
}

impl Core {
    /// Notes the pairs that this thread makes with the lock that it wants. May allocate. Only the
    /// owner calls this, inside the cold path.
    #[cold]
    #[inline(never)]
    pub(crate) fn note_pairs(&self, shard: &Shard, wanted: PointKey, lock: LockRef) {
        if wanted.is_rest() {
            return;
        }
        let nesting = Nesting::of(shard);
        for (pair, address) in nesting.pairs(wanted, lock) {
            if shard.pairs.has(&pair) {
                shard.pairs.count(&pair);
                continue;
            }
            let (others, count) = nesting.others(address, lock);
            let sighting = Sighting {
                held: pair.held,
                wanted,
                is_same_lock: address == lock.address(),
                passes_writers: wanted.site().passes_writers(),
                others: others.get(..count).unwrap_or_default(),
            };
            let this = || ThreadId::current(thread::token());
            match self.order.note(&sighting, this) {
                Ok(place) => {
                    if let Some((place, count)) = shard.pairs.remember(&pair, place) {
                        self.order.add(place, count);
                    }
                }
                Err(NotNoted::Memory) => shard.losses.count_as_owner(Loss::Memory),
                Err(NotNoted::NoRoom) => shard.losses.count_as_owner(Loss::Order),
            }
        }
    }

    /// The measured acquisition may leave this thread before it is released, so that the thread
    /// cannot be said to hold it.
    ///
    /// # Safety
    /// As for [`settle`](Self::settle).
    #[cold]
    pub unsafe fn may_leave_thread(&self, pending_ref: &PendingRef) {
        // SAFETY: the caller guarantees that the acquisition's engine is alive.
        if let Some(pending) = unsafe { pending_ref.get() }
            && let Some(shard) = super::leased::shard(self)
            && pending.is_of(shard.id)
        {
            shard.pool.leave(pending);
        }
    }
}
