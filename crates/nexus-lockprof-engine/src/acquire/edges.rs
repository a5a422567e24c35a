//! Finding the edge between two points, and making room for it.
//!
//! It happens while the thread waits, or after its release. Where there is no room, the holding
//! point's record counts the wait, and which point waited is lost.

use crate::acquire::signal::Attempt;
use crate::core::Core;
use crate::identity::PointKey;
use crate::record::edges::Edge;
use crate::record::owner::Owner;
use crate::record::shard::Shard;

impl Core {
    /// The edge between two points that have records in this shard, or `None` if there is no room
    /// for it. The shard is entered. Only the owner calls this.
    #[inline]
    pub(crate) fn edge<'a>(
        &self,
        shard: &'a Shard,
        owner: &Owner,
        waiting: PointKey,
        holding: PointKey,
        attempt: Attempt,
    ) -> Option<&'a Edge> {
        let known = shard.edges.find(waiting, holding);
        known.or_else(|| self.new_edge(shard, owner, waiting, holding, attempt))
    }

    #[cold]
    #[inline(never)]
    fn new_edge<'a>(
        &self,
        shard: &'a Shard,
        owner: &Owner,
        waiting: PointKey,
        holding: PointKey,
        attempt: Attempt,
    ) -> Option<&'a Edge> {
        if !attempt.may_allocate() {
            return None;
        }
        let limits = self.edge_limits();
        let edge = shard.edges.insert(owner, waiting, holding, &limits);
        if edge.is_some() || !shard.edges.refuse() {
            return edge;
        }
        self.make_room_for_edges(shard, owner);
        shard.edges.insert(owner, waiting, holding, &limits)
    }

    fn make_room_for_edges(&self, shard: &Shard, owner: &Owner) {
        if self.has_leavings() {
            self.take_leavings();
        }
        // With several acquisitions in progress, more than one edge may be in use.
        if !shard.has_several_under_way() && shard.edges.evict_idle(owner) {
            self.take_over(shard);
        }
        shard.edges.reclaim(owner);
    }
}
