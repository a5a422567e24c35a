//! With the feature `profile` off our locks are parking_lot's and std's: the same machine code, the
//! same sizes.

use std::fmt::Write as _;
use std::path::Path;

use nexus_lockprof_benches::paths;

use crate::disassembly::{Disassembly, Function};
use crate::{Verdict, read};

pub(crate) fn compare(program: &Path, sizes: &Path) -> Result<Verdict, String> {
    let code = Disassembly::of(program)?;
    let mut verdict = Verdict {
        text: String::new(),
        failures: Vec::new(),
    };
    for path in paths::all() {
        compare_path(&code, &path.name.replace('-', "_"), &mut verdict)?;
    }
    compare_sizes(&read(sizes)?, &mut verdict)?;
    Ok(verdict)
}

fn compare_path(code: &Disassembly, name: &str, verdict: &mut Verdict) -> Result<(), String> {
    let normalised = |side: &str| {
        let symbol = format!("lockprof_{side}_{name}");
        let function = code
            .function(&symbol)
            .ok_or_else(|| format!("no function {symbol}"))?;
        Ok::<_, String>(normalise(function))
    };
    let (bare, again, ours) = (
        normalised("bare")?,
        normalised("again")?,
        normalised("ours")?,
    );
    // Two copies of one source: if even they differ, the comparison is useless.
    if bare != again {
        return Err(format!(
            "{name}: two copies of the bare lock's code differ:\n{}",
            difference(&bare, &again)
        ));
    }
    let same = bare == ours;
    // Writing to a String does not fail.
    let _ = writeln!(
        verdict.text,
        "{name:<26} {:>3} instructions, {}",
        ours.len(),
        if same { "identical" } else { "different" }
    );
    if !same {
        verdict.failures.push(format!(
            "{name}: not the bare lock's machine code:\n{}",
            difference(&bare, &ours)
        ));
    }
    Ok(())
}

fn compare_sizes(sizes: &str, verdict: &mut Verdict) -> Result<(), String> {
    for line in sizes.lines() {
        let fields: Vec<_> = line.split('\t').collect();
        let [name, ours, bare] = fields[..] else {
            return Err(format!("not NAME OURS BARE: {line}"));
        };
        let _ = writeln!(
            verdict.text,
            "{name:<26} {ours:>3} bytes, the bare one {bare}"
        );
        if ours != bare {
            verdict
                .failures
                .push(format!("{name} takes {ours} bytes, the bare one {bare}"));
        }
    }
    Ok(())
}

/// The code without position-dependent parts. A jump inside the function becomes an offset, a call
/// becomes its symbol, and data is identified by how it is reached, not where it is.
fn normalise(function: &Function) -> Vec<String> {
    let start = function.instructions.first().map_or(0, |first| first.0);
    let mut lines: Vec<String> = function
        .instructions
        .iter()
        .map(|(address, text)| {
            // `mov 0x2cd1(%rip),%rax        # 61f60 <LOCK>`
            if let Some((before, _)) = text.split_once(" # ") {
                return format!(
                    "{:x}: {}",
                    address - start,
                    without_displacement(before.trim_end())
                );
            }
            // `jne 1014a <lockprof_ours_mutex+0x2a>`, `call 5f2a0 <lock_slow>`
            if let Some((before, symbol)) = text.split_once(" <") {
                let (mnemonic, target) = before
                    .split_once(char::is_whitespace)
                    .unwrap_or((before, ""));
                let symbol = symbol.trim_end_matches('>');
                let inside = symbol.split('+').next() == Some(function.name.as_str());
                let target = match u64::from_str_radix(target.trim(), 16) {
                    Ok(target) if inside => format!("+{:x}", target.wrapping_sub(start)),
                    _ => symbol.to_owned(),
                };
                return format!("{:x}: {mnemonic} {target}", address - start);
            }
            format!("{:x}: {text}", address - start)
        })
        .collect();
    // Padding up to the next function does not belong to this one.
    while lines.last().is_some_and(|line| is_padding(line)) {
        lines.pop();
    }
    lines
}

fn without_displacement(instruction: &str) -> String {
    match (instruction.find("0x"), instruction.find("(%rip)")) {
        (Some(from), Some(to)) if from < to => {
            // The displacement is right before `(%rip)`; an immediate may stand before it.
            let from = instruction[..to].rfind("0x").unwrap_or(from);
            format!(
                "{}DATA{}",
                &instruction[..from].trim_end_matches('-'),
                &instruction[to..]
            )
        }
        _ => instruction.to_owned(),
    }
}

fn is_padding(line: &str) -> bool {
    let instruction = line.split_once(": ").map_or(line, |line| line.1);
    ["int3", "nop", "xchg %ax,%ax", "data16", "cs nop"]
        .iter()
        .any(|filler| instruction.starts_with(filler))
}

/// The first lines that differ.
fn difference(bare: &[String], ours: &[String]) -> String {
    let none = String::from("(end)");
    let length = bare.len().max(ours.len());
    (0..length)
        .map(|i| (bare.get(i).unwrap_or(&none), ours.get(i).unwrap_or(&none)))
        .filter(|(bare, ours)| bare != ours)
        .take(8)
        .fold(String::new(), |mut text, (bare, ours)| {
            let _ = writeln!(text, "    bare {bare}\n    ours {ours}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(name: &str, start: u64, lines: &[&str]) -> Function {
        Function {
            name: name.to_owned(),
            instructions: (start..)
                .zip(lines.iter().map(|line| (*line).to_owned()))
                .collect(),
        }
    }

    #[test]
    fn the_same_code_elsewhere_is_the_same() {
        let one = function(
            "one",
            0x1000,
            &[
                "lea    0x2cd1(%rip),%rax        # 3cd8 <A>",
                "lock cmpxchg %cl,(%rax)",
                "jne    1001 <one+0x1>",
                "call   5000 <slow>",
                "ret",
                "int3",
            ],
        );
        let two = function(
            "two",
            0x2000,
            &[
                "lea    -0x11(%rip),%rax        # 1ff6 <B+0x8>",
                "lock cmpxchg %cl,(%rax)",
                "jne    2001 <two+0x1>",
                "call   5000 <slow>",
                "ret",
            ],
        );
        assert_eq!(normalise(&one), normalise(&two));
    }

    #[test]
    fn other_code_is_not() {
        let start = [
            "cmpb   $0x0,0x2cd1(%rip)        # 3cd8 <A>",
            "jne    1001 <f+0x1>",
            "call   5000 <slow>",
        ];
        let same = normalise(&function("f", 0x1000, &start));
        assert_eq!(same[0], "0: cmpb   $0x0,DATA(%rip)");
        for (line, other) in [
            (0, "cmpb   $0x1,0x2cd1(%rip)        # 3cd8 <A>"),
            (1, "jne    1002 <f+0x2>"),
            (2, "call   5100 <slower>"),
        ] {
            let mut lines = start;
            lines[line] = other;
            assert_ne!(normalise(&function("f", 0x1000, &lines)), same);
        }
    }

    #[test]
    fn a_size_that_differs_is_a_failure() {
        let mut verdict = Verdict {
            text: String::new(),
            failures: Vec::new(),
        };
        compare_sizes("Mutex\t16\t16\nRwLock\t24\t16", &mut verdict).unwrap();
        assert_eq!(verdict.failures, ["RwLock takes 24 bytes, the bare one 16"]);
    }
}
