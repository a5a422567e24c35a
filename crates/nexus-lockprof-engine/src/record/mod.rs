//! What a thread writes: its shard, the shard's records, and the decision which acquisitions to
//! measure.

pub(crate) mod chain;
pub(crate) mod cold_counts;
pub(crate) mod collection_clock;
pub(crate) mod edges;
pub(crate) mod governor;
pub(crate) mod growth;
pub(crate) mod histogram;
pub(crate) mod hot;
pub(crate) mod instances;
pub(crate) mod lease;
pub(crate) mod loss;
pub(crate) mod memory;
pub(crate) mod most_readers;
pub(crate) mod order;
pub(crate) mod owner;
pub(crate) mod pending;
pub(crate) mod pool;
pub(crate) mod random;
pub(crate) mod reading;
pub(crate) mod registry;
pub(crate) mod reservoir;
pub(crate) mod sampler;
pub(crate) mod shard;
pub(crate) mod slow_log;
pub(crate) mod slow_record;
pub(crate) mod sole;
pub(crate) mod statistics;
pub(crate) mod table;
pub(crate) mod tally;
pub(crate) mod task_slot;
pub(crate) mod thread_info;
pub(crate) mod thread_start;
pub(crate) mod versioned;
pub(crate) mod wait_log;
pub(crate) mod waiting;
