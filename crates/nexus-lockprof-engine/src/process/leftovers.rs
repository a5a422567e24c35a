//! What servers leave behind: socket files when the process ends, and listening sockets in a forked
//! child.

use crate::process::exclusive::lock;
use crate::process::sockets::Socket;
use crate::process::stderr::say;
use std::os::fd::RawFd;
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

/// See [`serving::remember`](crate::serving::remember).
pub(crate) fn remember(socket: RawFd, file: Option<Box<dyn Cleanup>>) {
    remember_socket(socket);
    let Some(file) = file else { return };
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

fn remember_socket(socket: RawFd) {
    let _changes = lock(&CHANGES);
    if let Some(free) = SOCKETS.iter().find(|socket| !socket.is_open()) {
        free.remember(socket);
    }
}

/// Closes the sockets in a child, which has no thread that accepts. Otherwise a client of the copy
/// would wait for ever, and a port would stay in use after the parent's end. A fork handler calls
/// this.
pub(crate) fn after_fork() {
    for socket in &SOCKETS {
        socket.close();
    }
}
