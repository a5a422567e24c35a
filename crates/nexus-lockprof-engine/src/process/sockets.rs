//! Sockets of this process that a child must not keep.

use std::sync::atomic::{AtomicI32, AtomicU64, Ordering::Relaxed};

/// A socket's descriptor, for a fork handler, which may neither lock nor allocate. Also which
/// socket it was, because the descriptor may be another file's by now.
pub(crate) struct Socket {
    fd: AtomicI32,
    inode: AtomicU64,
}

impl Socket {
    pub(crate) const fn new() -> Self {
        Socket {
            fd: AtomicI32::new(-1),
            inode: AtomicU64::new(0),
        }
    }

    /// Remembers a socket. Only one thread may call this at a time.
    pub(crate) fn remember(&self, fd: i32) {
        let Some(inode) = inode(fd) else { return };
        // A child that is forked in between finds none: no socket matches before both values are
        // stored.
        self.fd.store(-1, Relaxed);
        self.inode.store(inode, Relaxed);
        self.fd.store(fd, Relaxed);
    }

    /// Whether the descriptor still is the remembered socket.
    pub(crate) fn is_open(&self) -> bool {
        self.still_open().is_some()
    }

    fn still_open(&self) -> Option<i32> {
        let fd = self.fd.load(Relaxed);
        (fd >= 0 && inode(fd) == Some(self.inode.load(Relaxed))).then_some(fd)
    }

    /// Closes a child's copy. A fork handler calls this.
    pub(crate) fn close(&self) {
        if let Some(fd) = self.still_open() {
            // SAFETY: the descriptor belongs to a value of the parent, which nobody drops in this
            // process.
            unsafe { libc::close(fd) };
        }
        self.fd.store(-1, Relaxed);
    }
}

fn inode(fd: i32) -> Option<u64> {
    let mut stat = std::mem::MaybeUninit::<libc::stat>::uninit();
    // SAFETY: the call fills in `stat` if it succeeds. An invalid `fd` is only an error.
    let stat = unsafe {
        if libc::fstat(fd, stat.as_mut_ptr()) != 0 {
            return None;
        }
        stat.assume_init()
    };
    Some(stat.st_ino as u64)
}
