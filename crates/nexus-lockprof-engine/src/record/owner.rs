//! The proof that a thread may write a shard.

use std::marker::PhantomData;

/// Proof that the calling thread owns the shard: only then may its records be written.
///
/// Neither `Send` nor `Sync`, so that it cannot leave the thread.
#[derive(Debug)]
pub(crate) struct Owner(PhantomData<*mut ()>);

impl Owner {
    /// # Safety
    /// The calling thread holds the lease of the shard whose records it will write with this.
    #[inline(always)]
    pub(crate) unsafe fn assume() -> Self {
        Owner(PhantomData)
    }
}
