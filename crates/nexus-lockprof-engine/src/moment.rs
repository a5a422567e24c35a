//! An acquisition that finds the lock taken, waits for a moment, and is not timed.
//!
//! Most contended acquisitions are of this kind where locks are held for a short time, and there each nanosecond
//! that a waiter or a new owner spends is missing in everybody's throughput: it needs no node, no clock and no look-up
//! outside the cache. Everything else about contended acquisitions is in `ticket`.

use crate::host::Mine;
use crate::hot::Hit;
use crate::identity::SiteKey;
use crate::record::Record;
use crate::sync::{Ordering::Relaxed, bump};

/// Such an acquisition, under way.
#[derive(Debug)]
pub struct Moment<'a> {
    hit: Hit<'a>,
    blocker: Option<&'a Record>,
}

impl<'a> Hit<'a> {
    /// The lock was found taken, and publishes `holder`. `None`: this wait is to be timed, or the cache does not know the holder;
    /// ask for a ticket.
    #[inline]
    pub fn moment(self, mine: Option<Mine<'a>>, holder: Option<SiteKey>) -> Option<Moment<'a>> {
        let record = self.record;
        if record.waits.is_due(record.contentions.load(Relaxed)) {
            return None;
        }
        let blocker = match holder {
            None => None,
            Some(site) => {
                let Mine(shard, _) = mine?;
                Some(shard.hot.find_either(record.key.at(site))?)
            }
        };
        Some(Moment { hit: self, blocker })
    }
}

impl Moment<'_> {
    /// The lock is owned: a few plain stores.
    ///
    /// # Safety
    /// As for [`Hit::commit`].
    #[inline]
    pub unsafe fn acquired(self) {
        self.hit.record.count(true);
        if let Some(blocker) = self.blocker {
            bump(&blocker.blocked, 1);
        }
    }
}
