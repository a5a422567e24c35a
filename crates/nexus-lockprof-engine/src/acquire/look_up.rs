//! Finding the record of a point, and when its next holds and waits are measured.

use crate::acquire::signal::{self, Attempt};
use crate::acquire::thread;
use crate::control::{Control, ModeKind};
use crate::core::Core;
use crate::identity::{PointKey, SiteKey};
use crate::record::owner::Owner;
use crate::record::random::with_rng;
use crate::record::sampler::Schedule;
use crate::record::shard::Shard;
use crate::record::statistics::Record;
use crate::sync::Ordering::Relaxed;

/// Weight of a schedule that is worth a look at the clock.
const FAR: u64 = 64;

impl Core {
    /// Makes the records that signal handlers could not make.
    #[cold]
    #[inline(never)]
    pub(crate) fn make_wanted(&self, shard: &Shard, owner: &Owner) {
        for key in shard.take_wanted() {
            self.record(shard, owner, key, Attempt::Waits);
        }
        signal::forget_refusals();
    }

    /// The record of `key`, in the cache and scheduled under `control`.
    #[inline]
    pub(crate) fn look_up<'a>(
        &'a self,
        shard: &'a Shard,
        owner: &Owner,
        key: PointKey,
        control: Control,
        attempt: Attempt,
    ) -> Option<&'a Record> {
        let known = shard.hot.find(key);
        if let Some(record) = known
            && record.control.load(Relaxed) == control.0
        {
            return known;
        }
        // What the cache knew was noted when it came into it, under the same word. A blocker is
        // there already.
        self.since_off.note(key);
        let record = self.record(shard, owner, key, attempt)?;
        if record.control.load(Relaxed) != control.0 {
            // New, or not used since the mode was changed.
            let kind = control.kind();
            let now = || (kind == ModeKind::Sampled).then(|| self.clock.raw());
            shard.governor.follow(control.0, now);
            record.control.store(control.0, Relaxed);
            record.set_timing(owner, kind != ModeKind::Counts);
            let done = record.acquisitions.load(Relaxed);
            record
                .holds
                .set(Schedule::of(kind, || self.next_hold(shard, record, done)));
            let done = record.contentions.load(Relaxed);
            record
                .waits
                .set(Schedule::of(kind, || self.next_wait(shard, record, done)));
        }
        if record.holds.weight() >= FAR
            && control.kind() == ModeKind::Sampled
            && self.clock.is_calibrated()
        {
            // It may be here because it is stuck.
            self.review(shard, record, self.clock.raw());
        }
        // At the rest of a point the hot path would look in vain.
        if record.key == key {
            shard
                .hot
                .remember(record, thread::bits(), control, || self.control());
        }
        Some(record)
    }

    /// The schedule of a record's waits after `done` contentions.
    pub(crate) fn next_wait(&self, shard: &Shard, record: &Record, done: u64) -> Schedule {
        with_rng(&shard.rng, |rng| {
            let rate = &record.wait_rate;
            let price = (self.budget(), 2 * shard.governor.timed_ns(&self.costs));
            shard.governor.next(done, rate, 1, price, rng)
        })
    }

    /// Who can be blamed by a waiter at the point `waiter`, when the lock publishes `site`.
    #[inline]
    pub(crate) fn known_holder(&self, waiter: PointKey, site: SiteKey) -> Option<PointKey> {
        // Of a waiter at the rest nobody knows which class's site it is.
        let current =
            site == SiteKey::readers() || waiter.is_rest() || self.since_off.has(waiter.at(site));
        current.then(|| waiter.at(site.known_holder()))
    }
}
