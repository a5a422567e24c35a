//! What a process that was forked off does with its parent's counts.

use crate::acquire::signal::Attempt;
use crate::acquire::thread;
use crate::control::Control;
use crate::core::Core;
use crate::process::due;
use crate::process::exclusive::lock;
use crate::process::unwind::caught;
use std::sync::atomic::Ordering::Relaxed;

impl Core {
    /// Before anything is collected: a child that was forked off does not tell its parent's counts.
    pub(crate) fn forget_parent(&self) {
        if self.is_global() && due::has_parents_counts() {
            self.forget_parent_for(Attempt::Waits);
        }
    }

    /// In a child that was forked off: starts from 0 if that `is_due`, since its parent tells what it did. No handler is told.
    fn begin_anew(&self, is_due: impl Fn() -> bool, done: impl Fn()) {
        let begun = caught(|| {
            let mut aggregator = lock(&self.aggregator);
            if is_due() {
                let aggregator = aggregator.get_or_insert_with(|| self.new_aggregator());
                let parents = aggregator.collect(self, &mut Vec::new());
                aggregator.reset(self, &parents);
                done();
            }
        });
        if begun.is_none() {
            done();
            crate::process::stderr::say(format_args!(
                "a forked child tells its parent's counts again"
            ));
        }
    }

    /// Forgets the counts of the process that this one was forked off from, once. Whether that is done when it returns: not by a
    /// thread that is in the profiler already, nor where it may not allocate.
    #[cold]
    #[inline(never)]
    pub(crate) fn forget_parent_for(&self, attempt: Attempt) -> bool {
        if thread::is_inside() || !attempt.may_allocate() {
            return false;
        }
        let _inside = thread::inside();
        // Other threads wait until it is done: what they count then is the child's own.
        self.begin_anew(due::has_parents_counts, due::are_own_counts);
        self.call_no_more();
        true
    }

    /// In a child that was forked off: the next acquisition of this thread, and of threads that it starts, is not to be found
    /// in a cache, so that it goes by [`due::is_due`]. In `Off` too.
    #[cfg(unix)]
    pub(crate) fn call_at_next_lock(&self) {
        thread::forget_hot();
        let calling = Control::OFF_AND_CALLING.0;
        let _ = (self.control.0).compare_exchange(Control::OFF.0, calling, Relaxed, Relaxed);
    }

    /// Undoes that.
    pub(crate) fn call_no_more(&self) {
        let calling = Control::OFF_AND_CALLING.0;
        let _ = (self.control.0).compare_exchange(calling, Control::OFF.0, Relaxed, Relaxed);
    }
}
