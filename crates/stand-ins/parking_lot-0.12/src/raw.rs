//! A raw lock of lock_api 0.4, profiled. Its guards carry nothing, so what is measured of an acquisition is kept here:
//! the exclusive or upgradable holder's in the lock, a reader's with its thread.

use nexus_lockprof_adaptor::{Profiled, ProfiledGuard, StampCell};
use std::panic::Location;

/// A raw lock `R` of lock_api 0.4 whose acquisitions are profiled.
///
/// It implements the traits of lock_api that `R` implements.
#[derive(Debug)]
pub struct Raw<R> {
    pub(crate) profiled: Profiled<R>,
    /// Of the exclusive or upgradable holder: there is one at a time.
    stamp: StampCell,
}

/// What a guard of lock_api 0.5 would carry.
pub(crate) type State = ProfiledGuard<()>;

/// Put in front of a fallible operation's result: lock_api 0.4 says `bool`.
#[inline(always)]
pub(crate) fn done(succeeded: bool) -> Result<(), ()> {
    if succeeded { Ok(()) } else { Err(()) }
}

impl<R> Raw<R> {
    /// `raw`, unlocked; nothing is known of where it was created.
    pub(crate) const fn of(raw: R) -> Self {
        Raw {
            profiled: Profiled::from_raw(raw),
            stamp: StampCell::new(),
        }
    }

    /// `raw`, unlocked, created at `site`.
    pub(crate) const fn created_at(raw: R, site: &'static Location<'static>) -> Self {
        Raw {
            profiled: Profiled::from_raw_created_at(raw, site),
            stamp: StampCell::new(),
        }
    }

    /// The lock is held exclusively or upgradably, by the caller.
    #[inline(always)]
    pub(crate) fn keep(&self, state: State) {
        self.stamp.put(state.into_parts().1);
    }

    /// What [`keep`](Self::keep) was given. The caller still holds the lock.
    #[inline(always)]
    pub(crate) fn kept(&self) -> State {
        State::new((), self.stamp.take())
    }

    /// Lends what was kept to `change`, which may unwind, and keeps it again.
    pub(crate) fn lend<T>(&self, change: impl FnOnce(&Profiled<R>, &mut State) -> T) -> T {
        struct Lent<'a, R>(&'a Raw<R>, State);
        impl<R> Drop for Lent<'_, R> {
            fn drop(&mut self) {
                let (_, stamp) = self.1.parts_mut();
                self.0.stamp.put(std::mem::take(stamp));
            }
        }
        let mut lent = Lent(self, self.kept());
        change(&self.profiled, &mut lent.1)
    }
}
