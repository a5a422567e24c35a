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

#[cfg(test)]
mod tests {
    use super::Owner;

    /// A type that is `Send` or `Sync` has two implementations, so a call is ambiguous and does not
    /// compile.
    trait StaysHere<Which> {
        fn stays_here() {}
    }
    struct IsSend;
    struct IsSync;
    impl<T> StaysHere<()> for T {}
    impl<T: Send> StaysHere<IsSend> for T {}
    impl<T: Sync> StaysHere<IsSync> for T {}

    #[test]
    fn it_stays_in_its_thread() {
        <Owner as StaysHere<_>>::stays_here();
    }
}
