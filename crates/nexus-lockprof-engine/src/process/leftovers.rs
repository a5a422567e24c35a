//! What servers leave behind: socket files when the process ends, and listening sockets in a forked
//! child.

use crate::process::exclusive::lock;
use crate::process::sockets::Socket;
use crate::process::stderr::say;
use std::os::fd::AsRawFd;
use std::sync::{Mutex, MutexGuard};

/// A file that is removed when the process exits.
pub trait Cleanup: Send {
    /// Whether there still is something to remove.
    fn is_needed(&self) -> bool;

    /// Removes the file, if this is the process that made it. Called at exit.
    fn run(&self);
}

/// What to do at exit.
struct AtExit {
    /// The socket files of servers that have not been dropped.
    files: Vec<Box<dyn Cleanup>>,
    is_set: bool,
}

static AT_EXIT: Mutex<AtExit> = Mutex::new(AtExit {
    files: Vec::new(),
    is_set: false,
});

/// Held while `SOCKETS` changes.
static CHANGES: Mutex<()> = Mutex::new(());

/// The locks of this file, held while the process forks, because the child may start a server.
pub(crate) struct ForkGuard {
    _at_exit: MutexGuard<'static, AtExit>,
    _changes: MutexGuard<'static, ()>,
}

/// A fork handler calls this.
pub(crate) fn hold() -> ForkGuard {
    ForkGuard {
        _at_exit: lock(&AT_EXIT),
        _changes: lock(&CHANGES),
    }
}

/// Removes a server's file when the process exits.
pub fn remove_at_exit(file: Box<dyn Cleanup>) {
    let mut at_exit = lock(&AT_EXIT);
    at_exit.files.retain(|file| file.is_needed());
    at_exit.files.push(file);
    if !at_exit.is_set {
        at_exit.is_set = true;
        // SAFETY: `remove_files` does not unwind, and exists until the process ends.
        let failed = unsafe { libc::atexit(remove_files) } != 0;
        drop(at_exit);
        if failed {
            say(format_args!(
                "exit handlers are full: socket files will stay"
            ));
        }
    }
}

extern "C" fn remove_files() {
    // Does not wait: this very exit may have interrupted a thread that has it locked. The next
    // server removes what stays.
    if let Ok(at_exit) = AT_EXIT.try_lock() {
        at_exit.files.iter().for_each(|file| file.run());
    }
}

/// Listening sockets, for a handler that may neither lock nor allocate. Servers beyond these are
/// not closed in children.
static SOCKETS: [Socket; 16] = [const { Socket::new() }; 16];

/// See [`serving::close_on_fork`](crate::serving::close_on_fork). A child has no copy of a socket
/// that is not in `SOCKETS` yet, since the lock is held during the fork.
pub(crate) fn close_on_fork<S: AsRawFd, E>(open: impl FnOnce() -> Result<S, E>) -> Result<S, E> {
    let _changes = lock(&CHANGES);
    let socket = open()?;
    if let Some(free) = SOCKETS.iter().find(|socket| !socket.is_open()) {
        free.remember(socket.as_raw_fd());
    }
    Ok(socket)
}

/// Closes the sockets in a child, which has no thread that accepts. Otherwise clients would wait
/// for ever, and once the parent has ended, nobody could serve at its place, not even the child. A
/// fork handler calls this.
pub(crate) fn after_fork() {
    for socket in &SOCKETS {
        socket.close();
    }
}
