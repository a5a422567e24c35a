//! What other threads see of a wait, and when.

use crate::acquire::engine_ref::EngineRef;
use crate::acquire::leased;
use crate::clock::ManualClock;
use crate::engine::Engine;
use crate::identity::{HoldMode, HolderWord, LockClass, SiteKey};
use crate::record::pending::PendingRef;
use crate::record::wait_log::LockRef;
use std::panic::Location;
use std::sync::atomic::AtomicUsize;

/// A thread that published itself while its wait was still seen would wait for itself: a deadlock.
#[test]
fn a_wait_that_succeeded_is_not_seen_any_more() {
    let engine = Engine::with_clock(&ManualClock::new());
    let core = engine.core().unwrap();
    let class = LockClass::named("slow");
    let site = SiteKey::new(Location::caller(), HoldMode::Exclusive);
    let waiting = || leased::shard(core).unwrap().waiting.read();
    let holder = AtomicUsize::new(0);
    for _ in 0..2 {
        // SAFETY: both are of one class, and the acquisition is used up.
        let mut slow = unsafe { core.slow_acquire(site, &class.word, class.len) };
        slow.contended(None);
        assert!(waiting().is_none());
        slow.parks(LockRef::of(&class.word), &holder);
        assert!(waiting().is_some());
        slow.succeeds(HolderWord::NOBODY);
        assert!(waiting().is_none());
        let pending_ref: PendingRef = slow.acquired();
        assert!(waiting().is_none(), "it ended twice");
        // SAFETY: the pending reference is of this engine, which is alive.
        unsafe { core.settle(pending_ref) };
    }
}
