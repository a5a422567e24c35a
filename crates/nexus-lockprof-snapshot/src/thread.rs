//! Threads of the profiled process.

use serde::{Deserialize, Serialize};

use crate::Text;
use crate::json::is_default;

/// A thread of the process.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Thread {
    /// The system's number of the thread, as debuggers show it. On systems other than Linux, the
    /// profiler's own number, counted from 1.
    pub id: u64,
    /// The name; `None` if it has none. Linux keeps its first 15 bytes.
    #[serde(default, skip_serializing_if = "is_default")]
    pub name: Option<Text>,
}
