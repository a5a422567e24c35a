//! The folder for files, as `lockprof run` names it.

use std::sync::atomic::{
    AtomicU8, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};

/// Bytes of a path, including the final 0.
pub(super) const PATH: usize = 512;

/// A text that is set once, before the program starts.
struct Folder {
    bytes: [AtomicU8; PATH],
    len: AtomicUsize,
}

static FOLDER: Folder = Folder {
    bytes: [const { AtomicU8::new(0) }; PATH],
    len: AtomicUsize::new(0),
};

/// Copies the folder for files to `to`, and returns its length. It is empty if there is none (yet).
pub(super) fn copy_to(to: &mut [u8; PATH]) -> usize {
    // Acquire: a reader that sees the length sees the bytes; pairs with `set`.
    let len = FOLDER.len.load(Acquire);
    for (to, byte) in to.iter_mut().zip(&FOLDER.bytes).take(len) {
        *to = byte.load(Relaxed);
    }
    len
}

/// Sets the folder, before there is a second thread. `path` has at most [`PATH`] bytes.
pub(super) fn set(path: &[u8]) {
    for (to, byte) in FOLDER.bytes.iter().zip(path) {
        to.store(*byte, Relaxed);
    }
    // Release: pairs with `copy_to`.
    FOLDER.len.store(path.len(), Release);
}
