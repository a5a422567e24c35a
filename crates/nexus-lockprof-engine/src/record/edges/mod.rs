//! A shard's edges: which point waited behind which, how often and how long.
//!
//! An edge has the only count of its waits: what a point has blocked is the sum of the edges into
//! it. A record counts for itself only waits that no edge had room for. So the edges into a point
//! add up to its figures in every snapshot.
//!
//! The owner looks edges up by a hash table that nobody else reads. All edges are also in one list,
//! which the aggregator walks. An edge stays in that list as long as the thread has its shard. When
//! it leaves the hash table, the aggregator takes its counts over, and then the owner may use it
//! for other points. [`State`] says whose turn it is. `docs/protocol.md`, "An edge", explains why
//! no count is lost.
//!
//! Relaxed is enough for the counters: each is added up on its own.

mod edge;
mod table;

pub(crate) use edge::{Edge, EdgeLimits};
pub(crate) use table::EdgeTable;
