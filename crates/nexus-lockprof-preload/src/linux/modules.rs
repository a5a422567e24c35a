//! Notes which files the code comes from: lines of `/proc/self/maps`. It reads them when a stack
//! first contains code of an unknown file.
//!
//! The file is read line by line into a small buffer. `dladdr` would take the loader's lock, which
//! a thread that holds the program's lock must not wait for.

use super::layout::{self, head};
use super::mapping::WaitTable;
use super::sys::File;
use std::cell::UnsafeCell;
use std::sync::atomic::{
    AtomicU32, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};

/// Code of known files: begin and end.
static KNOWN: [[AtomicUsize; 2]; 512] = [const { [const { AtomicUsize::new(0) }; 2] }; 512];
static LEN: AtomicUsize = AtomicUsize::new(0);
/// Whether a thread is reading.
static READING: AtomicU32 = AtomicU32::new(0);

/// The longest line. Longer lines are ignored.
const LINE: usize = 4096;
/// Bytes per read.
const PIECE: usize = 4096;

/// Not on the stack, because a thread's stack may be small.
struct Buffers(UnsafeCell<([u8; LINE], [u8; PIECE])>);

// SAFETY: only the thread that set `READING` uses it.
unsafe impl Sync for Buffers {}

static BUFFERS: Buffers = Buffers(UnsafeCell::new(([0; LINE], [0; PIECE])));

/// Resets the state in a forked child.
pub(super) fn forget() {
    LEN.store(0, Relaxed);
    READING.store(0, Relaxed);
}

/// Notes the files that contain these addresses, unless they are known.
pub(super) fn note(table: WaitTable, frames: &[usize]) {
    if frames.iter().all(|&frame| is_known(frame)) {
        return;
    }
    // Acquire here and Release below: readers follow one another. A thread that comes meanwhile
    // need not wait, because the current reader sees the same files.
    if READING.swap(1, Acquire) != 0 {
        return;
    }
    read(table);
    READING.store(0, Release);
}

fn is_known(address: usize) -> bool {
    // Acquire: pairs with `add`.
    let len = LEN.load(Acquire);
    KNOWN
        .iter()
        .take(len)
        .any(|[begin, end]| (begin.load(Relaxed)..end.load(Relaxed)).contains(&address))
}

fn read(table: WaitTable) {
    let Some(maps) = File::open(c"/proc/self/maps") else {
        return;
    };
    // SAFETY: this thread set `READING`.
    let (line, piece) = unsafe { &mut *BUFFERS.0.get() };
    let mut len = 0;
    let mut is_whole = true;
    loop {
        let read = maps.read(piece);
        if read == 0 {
            return;
        }
        for &byte in piece.iter().take(read) {
            match line.get_mut(len) {
                Some(to) => {
                    *to = byte;
                    len += 1;
                }
                None => is_whole = false,
            }
            if byte == b'\n' {
                if is_whole && let Some(line) = line.get(..len) {
                    consider(table, line);
                }
                (len, is_whole) = (0, true);
            }
        }
    }
}

/// Notes a line like `55d0-55d8 r-xp 00002000 fe:00 1234    /usr/bin/x`, if it is a file's code.
fn consider(table: WaitTable, line: &[u8]) -> Option<()> {
    let (begin, rest) = hex(line)?;
    let (end, rest) = hex(rest.strip_prefix(b"-")?)?;
    let rights = rest.strip_prefix(b" ")?.get(..4)?;
    let path = line.iter().position(|&byte| byte == b'/')?;
    if path == 0 || line.get(path - 1) != Some(&b' ') {
        return None;
    }
    if rights.get(2) != Some(&b'x') || is_known(begin) {
        return None;
    }
    let used = table.word(head::MODULES).load(Relaxed) as usize;
    if used + line.len() > layout::MODULES {
        return None;
    }
    for (index, &byte) in line.iter().enumerate() {
        table
            .byte(layout::MODULES_AT + used + index)
            .store(byte, Relaxed);
    }
    // Release: a reader of the file that sees the length sees the line.
    table
        .word(head::MODULES)
        .store((used + line.len()) as u64, Release);
    add(begin, end);
    Some(())
}

fn add(begin: usize, end: usize) {
    let len = LEN.load(Relaxed);
    if let Some([known_begin, known_end]) = KNOWN.get(len) {
        known_begin.store(begin, Relaxed);
        known_end.store(end, Relaxed);
        // Release: pairs with `is_known`.
        LEN.store(len + 1, Release);
    }
}

/// A hexadecimal number, and the text after it.
fn hex(text: &[u8]) -> Option<(usize, &[u8])> {
    let digits = text
        .iter()
        .take_while(|byte| byte.is_ascii_hexdigit())
        .count();
    let (digits, rest) = text.split_at(digits);
    let number = digits.iter().try_fold(0_usize, |number, &digit| {
        let digit = char::from(digit).to_digit(16)?;
        number.checked_mul(16)?.checked_add(digit as usize)
    })?;
    Some((number, rest))
}
