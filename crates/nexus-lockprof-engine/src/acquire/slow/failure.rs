//! A slow acquisition that was not made: it failed, timed out, or was cancelled.

use super::{Recording, SlowAcquire};
use crate::acquire::blame::Wait;
use crate::acquire::shares::Blamed;
use crate::core::Core;
use crate::identity::{HolderWord, ThreadBits};
use crate::record::cold_counts::ColdCounts;
use crate::record::pending::Pending;
use crate::record::slow_record::SlowKind;
use crate::record::statistics::Delta;
use crate::record::tally::{Measure, Measured};
use crate::record::wait_log::{LockRef, Span};
use crate::record::waiting::WaitKind;
use crate::sync::bump;
use std::mem::ManuallyDrop;

impl SlowAcquire<'_> {
    /// `try_*` found the lock taken.
    pub fn try_failed(self) {
        let cold = ColdCounts {
            try_failures: 1,
            ..ColdCounts::default()
        };
        self.gave_up(cold, None);
    }

    /// A timed acquire gave up, while the lock publishes `holder`. Whoever held it has kept this
    /// thread waiting all the same.
    pub fn timed_out(self, holder: HolderWord) {
        let cold = ColdCounts {
            timeouts: 1,
            ..ColdCounts::default()
        };
        self.waited_in_vain(cold, holder);
    }

    /// A task that waited was dropped, while the lock publishes `holder`. Whoever held it has kept
    /// it waiting all the same.
    pub fn cancelled(self, holder: HolderWord) {
        let cold = ColdCounts {
            cancellations: 1,
            ..ColdCounts::default()
        };
        self.waited_in_vain(cold, holder);
    }

    /// It was not even tried, or there is nothing to tell of it.
    pub fn abandoned(self) {}

    fn waited_in_vain(self, cold: ColdCounts<u64>, holder: HolderWord) {
        let core = self.core;
        let vain = self.recording.as_ref().and_then(|recording| {
            recording.has_wait().then(|| {
                let end = core.clock.raw_cold();
                let measured = Measured {
                    kind: Measure::Wait,
                    ns: core.clock.between(recording.wait_start, end),
                    weight: recording.wait_weight,
                };
                let key = recording.record.key;
                let lock = recording.pending.map(Pending::parked_on);
                let wait = Wait {
                    span: Span {
                        lock: lock.unwrap_or(LockRef::from_address(0)),
                        engine: core.number,
                        key,
                        start: recording.wait_start,
                        end,
                    },
                    parked: lock.is_some(),
                    first: recording.blocker.map(|record| Blamed {
                        key: record.key,
                        thread: recording
                            .pending
                            .map_or(ThreadBits::UNKNOWN, Pending::blocking_thread),
                    }),
                    last: core.blamed_holder(key, holder),
                    still_held: true,
                    own: None,
                };
                (wait, measured)
            })
        });
        let upgrade = (self.recording.as_ref()).is_some_and(|r| r.ends == WaitKind::Upgrade);
        let cold = ColdCounts {
            upgrade_waits: u64::from(upgrade),
            abandoned_wait_ns: vain.map_or(0, |(_, wait)| wait.ns.saturating_mul(wait.weight)),
            ..cold
        };
        self.gave_up(cold, vain);
    }

    fn gave_up(self, cold: ColdCounts<u64>, vain: Option<(Wait, Measured)>) {
        let this = ManuallyDrop::new(self);
        let Some(recording) = &this.recording else {
            return;
        };
        recording.discard();
        if let Some(_entered) = recording.shard.enter() {
            let delta = Delta {
                cold,
                ..Delta::default()
            };
            recording.tell_of_failure(this.core, &delta, vain);
        }
        // After what is told of it: the record must not go away before.
        recording.shard.ends();
    }
}

impl Recording<'_> {
    /// Counts an acquisition that was given up. The shard is entered.
    fn tell_of_failure(&self, core: &Core, delta: &Delta, vain: Option<(Wait, Measured)>) {
        let recording = self;
        core.add(recording.shard, &recording.owner, recording.record, delta);
        if let Some(blocked) = recording.blocked
            && !recording.unbooked
        {
            bump(blocked, 1);
        }
        if let Some((wait, measured)) = vain {
            let ns = measured.ns;
            let shares = wait.shares();
            if !recording.watched {
                let resets = core.open_collection().resets;
                (recording.record).note_readers(&recording.owner, shares.readers, resets);
                let count = recording.unbooked;
                let waiting = Some(recording.record.key);
                core.blame(
                    recording.shard,
                    &recording.owner,
                    waiting,
                    &shares,
                    measured,
                    count,
                );
            }
            let kind = || SlowKind::AbandonedWait(core.slow_by(shares.largest(ns)));
            core.tell_if_slow(recording.shard, wait.span.key, ns, true, kind);
        }
    }
}
