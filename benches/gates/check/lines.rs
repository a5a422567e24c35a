//! Which cache lines two threads share that one of them writes, from the addresses of a run: those
//! that valgrind's lackey prints.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::BufRead;
use std::path::Path;

use crate::{Verdict, read};

/// Bytes of a cache line, as a power of two.
const LINE_BITS: u32 = 6;

/// The cache lines that a thread touches in a part, by number.
#[derive(Debug, Default, PartialEq, Eq)]
struct Touched {
    read: BTreeSet<u64>,
    written: BTreeSet<u64>,
}

impl Touched {
    /// The lines that one writes and the other reads or writes.
    fn shared_with(&self, other: &Self) -> BTreeSet<u64> {
        let has = |part: &Self, line: &u64| part.written.contains(line) || part.read.contains(line);
        let ours = self.written.iter().filter(|line| has(other, line));
        let theirs = other.written.iter().filter(|line| has(self, line));
        ours.chain(theirs).copied().collect()
    }
}

/// One access to memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Access {
    address: u64,
    size: u64,
    reads: bool,
    writes: bool,
}

impl Access {
    /// Parses ` S 1ffeff8b0,8`. `None` for other lines, such as those of instructions.
    fn parse(line: &str) -> Option<Self> {
        let (kind, place) = line.strip_prefix(' ')?.split_at_checked(2)?;
        let (reads, writes) = match kind {
            "L " => (true, false),
            "S " => (false, true),
            "M " => (true, true),
            _ => return None,
        };
        let (address, size) = place.split_once(',')?;
        Some(Access {
            address: u64::from_str_radix(address, 16).ok()?,
            size: size.trim().parse().ok()?,
            reads,
            writes,
        })
    }

    fn lines(self) -> impl Iterator<Item = u64> {
        let last = self.address.saturating_add(self.size.saturating_sub(1));
        self.address >> LINE_BITS..=last >> LINE_BITS
    }
}

/// Compares what the two threads of each case touched. `cases` is the program's output, which is
/// complete when the trace is. `mark` is the address of its marks.
pub(crate) fn compare(mark: &str, cases: &Path, trace: impl BufRead) -> Result<Verdict, String> {
    let digits = mark.strip_prefix("0x").unwrap_or(mark);
    let address = u64::from_str_radix(digits, 16);
    let parts = parts(trace, address.map_err(|error| format!("{mark}: {error}"))?)?;
    let text = read(cases)?;
    let mut verdict = Verdict {
        text: String::new(),
        failures: Vec::new(),
    };
    let mut left = &parts[..];
    for case in text.lines() {
        let not_understood = || format!("{}: not understood: {case}", cases.display());
        let (name, times) = case.rsplit_once(' ').ok_or_else(not_understood)?;
        let times: usize = times.parse().map_err(|_| not_understood())?;
        let (own, others) = left.split_at_checked(2 * times).ok_or_else(|| {
            format!(
                "{name}: {} marked parts are missing",
                2 * times - left.len()
            )
        })?;
        judge(name, own, &mut verdict);
        left = others;
    }
    match (verdict.text.is_empty(), left.len()) {
        (false, 0) => Ok(verdict),
        (_, left) => Err(format!("{left} marked parts belong to no case")),
    }
}

/// Judges one case: the parts of one thread, each followed by one of the other.
fn judge(name: &str, parts: &[Touched], verdict: &mut Verdict) {
    let least = |number: usize| {
        let parts = parts.iter().skip(number).step_by(2);
        parts.map(|part| part.written.len()).min().unwrap_or(0)
    };
    // Writing to a String does not fail.
    let _ = writeln!(
        verdict.text,
        "{name}: one thread writes {} cache lines, the other {}",
        least(0),
        least(1)
    );
    if least(0) == 0 || least(1) == 0 {
        let nothing = format!("{name}: a thread wrote nothing");
        verdict.failures.push(nothing);
    }
    // A thread that is still falling asleep touches lines in one part, but not in every part.
    let mut shared: Option<BTreeSet<u64>> = None;
    for pair in parts.chunks(2) {
        if let [first, second] = pair {
            let now = first.shared_with(second);
            shared = Some(match shared {
                None => now,
                Some(before) => before.intersection(&now).copied().collect(),
            });
        }
    }
    for line in shared.into_iter().flatten() {
        verdict.failures.push(format!(
            "{name}: one thread writes the line at {:#x}, and the other touches it",
            line << LINE_BITS
        ));
    }
}

/// What was touched between each two stores to the mark.
fn parts(trace: impl BufRead, mark: u64) -> Result<Vec<Touched>, String> {
    let mut parts = Vec::new();
    let mut part: Option<Touched> = None;
    for line in trace.lines() {
        let line = line.map_err(|error| error.to_string())?;
        let Some(access) = Access::parse(&line) else {
            continue;
        };
        if access.writes && access.address == mark {
            match part.take() {
                None => part = Some(Touched::default()),
                Some(done) => parts.push(done),
            }
        } else if let Some(part) = &mut part {
            for line in access.lines() {
                if access.reads {
                    part.read.insert(line);
                }
                if access.writes {
                    part.written.insert(line);
                }
            }
        }
    }
    match part {
        None => Ok(parts),
        Some(_) => Err("the trace ends in a marked part".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The failures of one case whose two threads make these accesses, in turns.
    fn failures(name: &str, parts: &[&str]) -> Vec<String> {
        let file = std::env::temp_dir().join(format!("lp-{}-{name}", std::process::id()));
        std::fs::write(&file, format!("exact mutex {}\n", parts.len() / 2)).unwrap();
        let mark = " S 1000,8";
        let marked = |part| format!("{mark}\n{part}\n{mark}\nI  40,3\n S 5000,8\n");
        let trace: String = parts.iter().map(marked).collect();
        let verdict = compare("0x1000", &file, trace.as_bytes()).unwrap();
        std::fs::remove_file(&file).unwrap();
        verdict.failures
    }

    #[test]
    fn lines_of_one_thread_are_no_failure() {
        let none: [&str; 0] = [];
        let both_read = [" S 5000,8\n L 7000,8", " M 6000,4\n L 7000,8"];
        assert_eq!(failures("read", &both_read), none);
        let next = [" S 503f,1", " S 5040,8"];
        assert_eq!(failures("next", &next), none);
    }

    #[test]
    fn a_line_that_both_touch_is_found() {
        let shared = |line| {
            format!("exact mutex: one thread writes the line at {line}, and the other touches it")
        };
        let written = [" S 5008,8", " M 5030,8"];
        assert_eq!(failures("written", &written), [shared("0x5000")]);
        // The last byte of the store is in the second line.
        let across = [" S 5039,8", " S 9000,1\n L 5048,8"];
        assert_eq!(failures("across", &across), [shared("0x5040")]);
        let nothing = [" L 5000,8", " S 9000,8"];
        assert_eq!(
            failures("nothing", &nothing),
            ["exact mutex: a thread wrote nothing"]
        );
    }

    #[test]
    fn a_line_that_is_shared_in_one_part_alone_is_another_threads() {
        let none: [&str; 0] = [];
        let parts = [
            " S 5000,8",
            " S 5000,8\n S 6000,8",
            " S 5000,8",
            " S 6000,8",
        ];
        assert_eq!(failures("once", &parts), none);
    }

    #[test]
    fn a_run_that_stopped_is_an_error() {
        assert!(parts(" S 1000,8\n S 2000,8\n".as_bytes(), 0x1000).is_err());
    }
}
