//! Makes a forked process forget its parent's counts.

use crate::acquire::signal::Attempt;
use crate::acquire::thread;
use crate::control::Control;
use crate::core::Core;
use crate::process::due;
use crate::process::exclusive::lock;
use crate::process::unwind::caught;
use std::sync::atomic::Ordering::Relaxed;

impl Core {
    /// Call it before a collection: a forked child does not report its parent's counts.
    pub(crate) fn forget_parent(&self) {
        if self.is_global() && due::has_parents_counts() {
            self.forget_parent_for(Attempt::Waits);
        }
    }

    /// Forgets the counts of this forked process's parent, once, because the parent reports them.
    /// Calls no handler. Returns whether that is done now.
    /// A thread that is already in the profiler does not do it, nor one that may not allocate.
    #[cold]
    #[inline(never)]
    pub(crate) fn forget_parent_for(&self, attempt: Attempt) -> bool {
        if thread::is_inside() || !attempt.may_allocate() {
            return false;
        }
        let _inside = thread::inside();
        // Other threads wait until it is done, so what they count afterwards is the child's own.
        let begun = caught(|| {
            let mut aggregator = lock(&self.aggregator);
            if due::has_parents_counts() {
                let aggregator = aggregator.get_or_insert_with(|| self.new_aggregator());
                let parents = aggregator.collect(self, &mut Vec::new());
                aggregator.begin_intervals_again();
                aggregator.reset(self, &parents);
                due::are_own_counts();
            }
        });
        if begun.is_none() {
            due::are_own_counts();
            crate::process::stderr::say(format_args!(
                "a forked child tells its parent's counts again"
            ));
        }
        self.call_no_more();
        true
    }

    /// In a forked child: the next acquisition of this thread, and of each thread that it starts,
    /// must miss the cache. So it checks [`due::is_due`], in `Off` too.
    #[cfg(unix)]
    pub(crate) fn call_at_next_lock(&self) {
        thread::forget_hot();
        let calling = Control::OFF_AND_CALLING.0;
        let _ = (self.control.0).compare_exchange(Control::OFF.0, calling, Relaxed, Relaxed);
    }

    /// Undoes [`call_at_next_lock`](Self::call_at_next_lock).
    pub(crate) fn call_no_more(&self) {
        let calling = Control::OFF_AND_CALLING.0;
        let _ = (self.control.0).compare_exchange(calling, Control::OFF.0, Relaxed, Relaxed);
    }
}
