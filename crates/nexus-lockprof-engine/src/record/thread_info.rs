//! Who the thread is that has a shard.

use crate::identity::ThreadBits;
use crate::sync::{AtomicU64, Ordering, fence};
use Ordering::{Acquire, Relaxed, Release};
use nexus_lockprof_snapshot::Thread;

/// Longest name that the system keeps of a thread, in bytes.
const NAME: usize = 16;

/// What is known of a thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ThreadId {
    /// Its number in this process, from 1, which no other thread ever has.
    pub(crate) token: u64,
    /// The system's number, or 0 if there is none.
    pub(crate) system: u64,
    /// The name, filled up with zeros.
    pub(crate) name: [u8; NAME],
}

impl ThreadId {
    /// The calling thread.
    pub(crate) fn current(token: u64) -> Self {
        let (system, name) = system();
        ThreadId {
            token,
            system,
            name,
        }
    }

    /// Its number as locks publish it.
    pub(crate) fn bits(&self) -> ThreadBits {
        ThreadBits::of(self.token)
    }

    /// As a snapshot shows it.
    pub(crate) fn to_thread(self) -> Thread {
        Thread {
            id: match self.system {
                0 => self.token,
                system => system,
            },
            name: self.name().map(Into::into),
        }
    }

    /// As words, which [`from_words`](Self::from_words) reads.
    pub(crate) fn to_words(self) -> [u64; 4] {
        let name = u128::from_le_bytes(self.name);
        [self.token, self.system, name as u64, (name >> 64) as u64]
    }

    /// The thread in these words.
    pub(crate) fn from_words([token, system, low, high]: [u64; 4]) -> Self {
        ThreadId {
            token,
            system,
            name: (u128::from(high) << 64 | u128::from(low)).to_le_bytes(),
        }
    }

    /// The name, if it has one.
    pub(crate) fn name(&self) -> Option<String> {
        let name = self.name.split(|&byte| byte == 0).next()?;
        (!name.is_empty()).then(|| String::from_utf8_lossy(name).into_owned())
    }
}

/// The system's number and name of the calling thread. Allocates nothing.
#[cfg(target_os = "linux")]
fn system() -> (u64, [u8; NAME]) {
    let mut name = [0; NAME];
    // SAFETY: the call writes at most 16 bytes, with a zero at the end.
    unsafe { libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr()) };
    // SAFETY: both calls only return a number.
    let (thread, process) = unsafe { (libc::gettid(), libc::getpid()) };
    if thread == process {
        // The system calls it what the program is called, Rust calls it this.
        name = *b"main\0\0\0\0\0\0\0\0\0\0\0\0";
    }
    (u64::try_from(thread).unwrap_or_default(), name)
}

#[cfg(not(target_os = "linux"))]
fn system() -> (u64, [u8; NAME]) {
    (0, [0; NAME])
}

/// Flag of a slot's token: the thread has ended.
const ENDED: u64 = 1 << 63;

/// A shard's place for its thread. Only the owner writes it. The token, which no other thread has,
/// is also the sequence of a seqlock: 0 while the rest is written.
#[derive(Debug, Default)]
pub(crate) struct ThreadSlot {
    token: AtomicU64,
    system: AtomicU64,
    name: [AtomicU64; 2],
}

impl ThreadSlot {
    pub(crate) fn set(&self, thread: &ThreadId) {
        self.token.store(0, Relaxed);
        // Release fence: a reader that sees a store below, and then fences with Acquire, also sees
        // that the earlier token is gone. Pairs with the fence in `read`.
        fence(Release);
        self.system.store(thread.system, Relaxed);
        let (low, high) = thread.name.split_at(NAME / 2);
        for (place, part) in self.name.iter().zip([low, high]) {
            let part = <[u8; NAME / 2]>::try_from(part).unwrap_or_default();
            place.store(u64::from_ne_bytes(part), Relaxed);
        }
        // Release: whoever sees the token sees the rest. Pairs with the load in `read`.
        self.token.store(thread.token, Release);
    }

    /// No thread has the shard. Until the next one comes, [`read_last`](Self::read_last) knows who
    /// had it.
    pub(crate) fn clear(&self) {
        let token = self.token.load(Relaxed);
        if token != 0 {
            self.token.store(token | ENDED, Relaxed);
        }
    }

    /// The thread, if there is one, and it does not change meanwhile. Any thread may call this.
    pub(crate) fn read(&self) -> Option<ThreadId> {
        let has_ended = self.token.load(Relaxed) & ENDED != 0;
        self.read_last().filter(|_| !has_ended)
    }

    /// The same, and if there is none, the last that there was.
    pub(crate) fn read_last(&self) -> Option<ThreadId> {
        // Acquire: this thread sees the rest. Pairs with the Release store in `set`.
        let token = self.token.load(Acquire) & !ENDED;
        let mut thread = ThreadId {
            token,
            system: self.system.load(Relaxed),
            name: [0; NAME],
        };
        for (part, place) in thread.name.chunks_exact_mut(NAME / 2).zip(&self.name) {
            part.copy_from_slice(&place.load(Relaxed).to_ne_bytes());
        }
        // Acquire fence: if any load above saw a store of the next thread, the load below sees that
        // the token changed. Pairs with the Release fence in `set`.
        fence(Acquire);
        (token != 0 && self.token.load(Relaxed) & !ENDED == token).then_some(thread)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_known_until_it_leaves() {
        let slot = ThreadSlot::default();
        slot.clear();
        assert_eq!((slot.read(), slot.read_last()), (None, None));
        let thread = ThreadId::current(7);
        slot.set(&thread);
        assert_eq!(slot.read(), Some(thread));
        slot.clear();
        assert_eq!((slot.read(), slot.read_last()), (None, Some(thread)));
        let next = ThreadId::current(8);
        slot.set(&next);
        assert_eq!((slot.read(), slot.read_last()), (Some(next), Some(next)));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_system_knows_its_name() {
        let named = std::thread::Builder::new().name("a worker's long name".to_owned());
        let thread = named
            .spawn(|| ThreadId::current(1))
            .unwrap()
            .join()
            .unwrap();
        assert_eq!(thread.name().as_deref(), Some("a worker's long"));
        assert_ne!(thread.system, 0);
    }
}
