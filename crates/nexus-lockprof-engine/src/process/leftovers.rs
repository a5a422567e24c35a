//! What servers leave behind: socket files when the process ends, listening sockets in a child that is forked off.

use crate::process::exclusive::lock;
use crate::process::sockets::Socket;
use crate::process::stderr::say;
use std::os::fd::RawFd;
use std::sync::{Mutex, MutexGuard};

/// A file that goes with the process.
pub trait Cleanup: Send {
    /// Whether there still is something to remove.
    fn is_needed(&self) -> bool;

    /// Removes the file, if this is the process that made it. Called at exit.
    fn run(&self);
}

/// What is done at exit.
struct AtExit {
    /// The socket files of servers that have not been dropped.
    files: Vec<Box<dyn Cleanup>>,
    is_set: bool,
}

static AT_EXIT: Mutex<AtExit> = Mutex::new(AtExit {
    files: Vec::new(),
    is_set: false,
});

/// Held where `SOCKETS` changes.
static CHANGES: Mutex<()> = Mutex::new(());

/// The locks of this file, held while the process forks: the child may start a server.
pub(crate) struct ForkGuard {
    _at_exit: MutexGuard<'static, AtExit>,
    _changes: MutexGuard<'static, ()>,
}

/// Called in a fork handler.
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
        // SAFETY: `remove_files` does not unwind, and is there until the process ends.
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
    // Not waited for: a thread that has it locked may have been interrupted by this very exit. What stays is removed by
    // the next server.
    if let Ok(at_exit) = AT_EXIT.try_lock() {
        at_exit.files.iter().for_each(|file| file.run());
    }
}

/// Sockets that listen, for a handler that may neither lock nor allocate. Servers beyond these are not closed in children.
static SOCKETS: [Socket; 16] = [const { Socket::new() }; 16];

fn remember_socket(socket: RawFd) {
    let _changes = lock(&CHANGES);
    if let Some(free) = SOCKETS.iter().find(|socket| !socket.is_open()) {
        free.remember(socket);
    }
}

/// The child has no thread that accepts: who connects to a copy of the socket would wait forever, and a port would stay in use
/// after the parent's end. Called in a fork handler.
pub(crate) fn after_fork() {
    for socket in &SOCKETS {
        socket.close();
    }
}
