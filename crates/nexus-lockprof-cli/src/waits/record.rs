//! Reads the file that a process has left.
//!
//! The process may have been killed at any time, and may write anything to the file. So all of it
//! is checked, and invalid parts are left out.

use super::layout::{self, head, slot};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The content of a process's file.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) pid: u32,
    pub(super) started_ns: u64,
    /// The program's file.
    pub(super) program: PathBuf,
    pub(super) modules: Vec<Module>,
    pub(super) stacks: Vec<Waits>,
    /// Waits that found no room.
    pub(super) lost: u64,
}

/// A file's code, and its place in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Module {
    pub(super) begin: u64,
    pub(super) end: u64,
    /// Its offset in the file.
    pub(super) offset: u64,
    pub(super) path: PathBuf,
}

/// The waits of one call stack.
#[derive(Debug)]
pub(super) struct Waits {
    /// Which function waited: see [`layout::call`].
    pub(super) call: u64,
    pub(super) address: u64,
    /// Whether it also waited for other addresses.
    pub(super) is_mixed: bool,
    /// Waits that had not ended when the process did.
    pub(super) unfinished: u64,
    pub(super) waits: u64,
    pub(super) wait_ns: u64,
    pub(super) max_ns: u64,
    pub(super) timeouts: u64,
    pub(super) timeout_ns: u64,
    /// Waits after which the thread woke others.
    pub(super) released: u64,
    pub(super) value: u64,
    /// Return addresses, innermost first.
    pub(super) frames: Vec<u64>,
    /// Durations, ascending, each with the number of waits that took about that long.
    pub(super) durations: Vec<(u64, u32)>,
}

/// `None` for an incomplete file, whose process had not got that far. `None` also for anything but
/// a regular file, which cannot be the library's.
pub(super) fn read(path: &Path) -> io::Result<Option<Record>> {
    let mut bytes = Vec::new();
    // The program can write to the folder. Opening a pipe there would block.
    if !std::fs::symlink_metadata(path)?.is_file() {
        return Ok(None);
    }
    let mut file = File::open(path)?;
    // Does not read unused slots: the rest of the file is a hole.
    (&mut file)
        .take(layout::SLOTS_AT as u64)
        .read_to_end(&mut bytes)?;
    let Some(head) = bytes.get(..layout::HEAD) else {
        return Ok(None);
    };
    if word(head, head::MAGIC) != layout::MAGIC {
        return Ok(None);
    }
    let slots = at_most(word(head, head::SLOTS), layout::SLOTS);
    file.take((slots * layout::SLOT) as u64)
        .read_to_end(&mut bytes)?;
    let slots = bytes.get(layout::SLOTS_AT..).unwrap_or_default();
    let path_len = at_most(word(&bytes, head::PATH_LEN), layout::PATH_BYTES);
    let program = bytes
        .get(head::PATH * 8..)
        .and_then(|path| path.get(..path_len));
    let modules_len = at_most(word(&bytes, head::MODULES), layout::MODULES);
    let modules = bytes
        .get(layout::MODULES_AT..)
        .and_then(|lines| lines.get(..modules_len));
    Ok(Some(Record {
        pid: u32::try_from(word(&bytes, head::PID)).unwrap_or(0),
        started_ns: word(&bytes, head::STARTED_NS),
        program: PathBuf::from(OsStr::from_bytes(program.unwrap_or_default())),
        modules: modules
            .unwrap_or_default()
            .split(|&byte| byte == b'\n')
            .filter_map(Module::parse)
            .collect(),
        stacks: slots
            .chunks_exact(layout::SLOT)
            .filter_map(Waits::read)
            .collect(),
        lost: word(&bytes, head::LOST),
    }))
}

fn at_most(number: u64, most: usize) -> usize {
    usize::try_from(number).unwrap_or(most).min(most)
}

/// A number of eight bytes, or 0.
fn word(bytes: &[u8], index: usize) -> u64 {
    let bytes = bytes.get(index * 8..).and_then(<[u8]>::first_chunk);
    bytes.map_or(0, |bytes| u64::from_ne_bytes(*bytes))
}

impl Module {
    /// Parses a line like `55d0-55d8 r-xp 00002000 fe:00 1234    /usr/bin/x`.
    fn parse(line: &[u8]) -> Option<Self> {
        let path = line.iter().position(|&byte| byte == b'/')?;
        let (front, path) = line.split_at(path);
        let mut words = std::str::from_utf8(front).ok()?.split_ascii_whitespace();
        let (begin, end) = words.next()?.split_once('-')?;
        let offset = words.nth(1)?;
        let hex = |text| u64::from_str_radix(text, 16).ok();
        Some(Module {
            begin: hex(begin)?,
            end: hex(end)?,
            offset: hex(offset)?,
            path: PathBuf::from(OsStr::from_bytes(path)),
        })
    }
}

impl Waits {
    fn read(bytes: &[u8]) -> Option<Self> {
        let len = at_most(word(bytes, slot::LEN), layout::FRAMES);
        if len == 0 {
            return None;
        }
        let get = |index| word(bytes, index);
        let (waits, timeouts) = (get(slot::WAITS), get(slot::TIMEOUTS));
        let max_ns = get(slot::MAX_NS);
        let counts = bytes.get(layout::COUNTS_AT..).unwrap_or_default();
        let counts = counts.chunks_exact(4).take(layout::COUNTS);
        let durations = counts.enumerate().filter_map(|(index, bytes)| {
            let count = u32::from_ne_bytes(*bytes.first_chunk()?);
            (count > 0).then(|| (middle(index).min(max_ns), count))
        });
        Some(Waits {
            call: get(slot::CALL),
            address: get(slot::ADDRESS),
            is_mixed: get(slot::MIXED) != 0,
            unfinished: get(slot::BEGUN)
                .saturating_sub(waits)
                .saturating_sub(timeouts),
            waits,
            wait_ns: get(slot::WAIT_NS),
            max_ns,
            timeouts,
            timeout_ns: get(slot::TIMEOUT_NS),
            released: get(slot::RELEASED),
            value: get(slot::VALUE),
            frames: (0..len).map(|index| get(slot::FRAMES + index)).collect(),
            durations: durations.collect(),
        })
    }
}

/// The middle of a count's durations.
fn middle(index: usize) -> u64 {
    if index < 16 {
        return index as u64;
    }
    let power = index / 16 + 3;
    let width = 1 << (power - 4);
    (16 + index as u64 % 16) * width + width / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_within_a_32nd_of_its_counts_middle() {
        for ns in [
            0,
            1,
            15,
            16,
            17,
            31,
            32,
            1_000,
            123_456_789,
            17_000_000_000_000,
        ] {
            let middle = middle(layout::count_of(ns));
            assert!(middle.abs_diff(ns) <= ns / 32, "{ns}: {middle}");
        }
        assert_eq!(layout::count_of(u64::MAX), layout::COUNTS - 1);
        assert_eq!(layout::count_of((1 << 44) - 1), layout::COUNTS - 1);
    }

    #[test]
    fn a_line_of_maps() {
        let line =
            b"7f00a000-7f00b000 r-xp 00002000 fe:00 1234                       /usr/lib/a b.so";
        let module = Module::parse(line).unwrap();
        assert_eq!(
            (module.begin, module.end, module.offset),
            (0x7f00_a000, 0x7f00_b000, 0x2000)
        );
        assert_eq!(module.path, Path::new("/usr/lib/a b.so"));
        assert!(Module::parse(b"7f00-7f01 r-xp 0 0:0 0 [vdso]").is_none());
    }
}
