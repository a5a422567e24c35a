//! A timed acquisition in its usual form: of a point that the cache knows, not contended.
//!
//! Everything else about a timed acquisition is in `ticket`; what is here is that path again with
//! nothing in it that this case does not need, since in `Exact` mode it is all there is.

use crate::control::{Control, Kind};
use crate::core::Core;
use crate::host::Mine;
use crate::hot::Hit;
use crate::pending::{Pending, Stamp};
use crate::record::Owner;
use crate::reservoir::with_rng;
use crate::sampler::Schedule;
use crate::shard::Shard;
use crate::sync::{Ordering::Relaxed, bump};

/// A timed acquisition under way.
#[derive(Debug)]
pub struct Timing<'a> {
    core: &'a Core,
    shard: &'a Shard,
    hit: Hit<'a>,
    pending: &'a Pending,
    next: Option<Schedule>,
}

impl Core {
    /// Prepares to time the acquisition. Call it before the lock is tried. `None`: ask for a ticket.
    ///
    /// # Safety
    /// The hit is of this engine, and this thread has used no other profiled lock, and has not begun to exit, since it
    /// got it; nor does it until the acquisition is over.
    #[inline(always)]
    #[must_use]
    pub unsafe fn timing<'a>(&'a self, hit: Hit<'a>) -> Option<Timing<'a>> {
        let control = self.control();
        let shard = hit.cache.shard()?;
        let pending = shard.pool.take(hit.record)?;
        pending
            .hold_weight
            .store(hit.record.next_weight.load(Relaxed), Relaxed);
        let next = (control.kind() != Kind::Exact).then(|| draw(shard, hit.count, control));
        Some(Timing {
            core: self,
            shard,
            hit,
            pending,
            next,
        })
    }

    /// Records the hold of a released acquisition whose end was noted, if that is all its stamp has.
    /// `Err` gives the stamp back: to be settled.
    ///
    /// # Safety
    /// As for [`settle`](Self::settle).
    #[inline(always)]
    pub unsafe fn settle_hold(&self, mine: Option<Mine<'_>>, stamp: Stamp) -> Result<(), Stamp> {
        // SAFETY: the caller's.
        let (Some(pending), Some(Mine(shard, _))) = (unsafe { stamp.get() }, mine) else {
            return Err(stamp);
        };
        let weight = pending.hold_weight.load(Relaxed);
        if pending.more.load(Relaxed) || !pending.is_of(shard) || weight == 0 {
            return Err(stamp);
        }
        let record = pending.record.load(Relaxed);
        // SAFETY: the record that the pending acquisition was taken for, of this very shard.
        let record = unsafe { &*record };
        let ns = self.clock.nanos(
            pending.hold_start.load(Relaxed),
            pending.hold_end.load(Relaxed),
        );
        // SAFETY: a `Mine` is a shard that this thread has the lease of.
        let owner = unsafe { Owner::assume() };
        if !record.add_hold(&owner, ns, weight, self.era(), &shard.rng) {
            return Err(stamp);
        }
        shard.pool.give_back(pending);
        Ok(())
    }
}

#[cold]
fn draw(shard: &Shard, done: u64, control: Control) -> Schedule {
    with_rng(&shard.rng, |rng| Schedule::after(done, control, rng))
}

impl Timing<'_> {
    /// The lock is owned: a few plain stores and a clock read.
    #[inline(always)]
    pub fn acquired(self) -> Stamp {
        if let Some(next) = self.next {
            next.store(self.hit.record);
        }
        bump(&self.hit.record.timed, 1);
        // SAFETY: the caller's of `timing`.
        unsafe { self.hit.commit() };
        self.pending
            .hold_start
            .store(self.core.clock.raw(), Relaxed);
        Stamp::new(self.pending)
    }

    /// The lock was found taken.
    #[inline(always)]
    pub fn abandoned(self) {
        self.shard.pool.give_back(self.pending);
    }
}
