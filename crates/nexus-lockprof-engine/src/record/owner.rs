//! The proof that a thread may write a shard.

use std::marker::PhantomData;

/// Proof that the calling thread owns the shard. Only the owner may write its records.
///
/// Neither `Send` nor `Sync`, so it cannot leave the thread.
#[derive(Debug)]
pub(crate) struct Owner(PhantomData<*mut ()>);

impl Owner {
    /// # Safety
    /// The calling thread holds the lease of each shard whose records it writes with this proof.
    #[inline(always)]
    pub(crate) unsafe fn assume() -> Self {
        Owner(PhantomData)
    }
}
