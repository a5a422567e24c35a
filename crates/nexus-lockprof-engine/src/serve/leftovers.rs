//! What servers leave behind: socket files when the process ends, listening sockets in a child that is forked off.

use crate::exclusive::lock;
use crate::process::watch_forks;
use crate::say;
use nexus_lockprof_export::serve::{Leftover, Server};
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, Once};

/// The socket files of servers that have not been dropped.
static FILES: Mutex<Vec<Leftover>> = Mutex::new(Vec::new());

/// Removes the server's file at the process's exit, should it still be there, and closes its socket in children.
pub(super) fn remember(server: &Server) {
    let leftover = server.leftover();
    remember_socket(&leftover);
    watch_forks();
    if !leftover.has_file() {
        return;
    }
    let mut files = lock(&FILES);
    files.retain(Leftover::has_file);
    files.push(leftover);
    drop(files);
    static AT_EXIT: Once = Once::new();
    AT_EXIT.call_once(|| {
        // SAFETY: `remove_files` does not unwind, and is there until the process ends.
        if unsafe { libc::atexit(remove_files) } != 0 {
            say(format_args!(
                "exit handlers are full: socket files will stay"
            ));
        }
    });
}

extern "C" fn remove_files() {
    // Not waited for: a thread that has it locked may have been interrupted by this very exit. What stays is removed by
    // the next server.
    if let Ok(files) = FILES.try_lock() {
        files.iter().for_each(Leftover::remove);
    }
}

/// Sockets that listen, for a handler that may neither lock nor allocate. Servers beyond these are not closed in children.
static SOCKETS: [Socket; 16] = [const { Socket::new() }; 16];

/// A file descriptor, and which socket it was: it may be another by now.
struct Socket {
    fd: AtomicI32,
    inode: AtomicU64,
}

impl Socket {
    const fn new() -> Self {
        Socket {
            fd: AtomicI32::new(-1),
            inode: AtomicU64::new(0),
        }
    }

    /// The descriptor, if it still is the socket that was remembered.
    fn still_open(&self) -> Option<i32> {
        let fd = self.fd.load(Relaxed);
        (fd >= 0 && inode(fd) == Some(self.inode.load(Relaxed))).then_some(fd)
    }
}

fn remember_socket(leftover: &Leftover) {
    let fd = leftover.socket();
    let Some(inode) = inode(fd) else { return };
    static CHANGES: Mutex<()> = Mutex::new(());
    let _changes = lock(&CHANGES);
    if let Some(free) = SOCKETS.iter().find(|socket| socket.still_open().is_none()) {
        // A child that is forked off in between finds none: not before both are there does one match.
        free.fd.store(-1, Relaxed);
        free.inode.store(inode, Relaxed);
        free.fd.store(fd, Relaxed);
    }
}

/// The child has no thread that accepts: who connects to a copy of the socket would wait forever, and a port would stay in use
/// after the parent's end. Called in a fork handler.
pub(crate) fn after_fork() {
    for socket in &SOCKETS {
        if let Some(fd) = socket.still_open() {
            // SAFETY: its owner is a thread of the parent's, which is not in this process.
            unsafe { libc::close(fd) };
            socket.fd.store(-1, Relaxed);
        }
    }
}

fn inode(fd: i32) -> Option<u64> {
    let mut stat = std::mem::MaybeUninit::<libc::stat>::uninit();
    // SAFETY: the call fills in what it is given, if it succeeds; an `fd` that is none is an error.
    let stat = unsafe {
        if libc::fstat(fd, stat.as_mut_ptr()) != 0 {
            return None;
        }
        stat.assume_init()
    };
    Some(stat.st_ino as u64)
}
