//! Reads callgrind's profiles: how often the instruction at each address was executed.
//!
//! They must be written with `--dump-instr=yes --dump-line=no --compress-strings=no
//! --compress-pos=no`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::read;

/// Executions by code file and address.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Profile {
    pub(crate) executions: BTreeMap<PathBuf, BTreeMap<u64, u64>>,
}

impl Profile {
    pub(crate) fn of(file: &Path) -> Result<Self, String> {
        parse(&read(file)?).map_err(|error| format!("{}: {error}", file.display()))
    }

    /// The total number of executed instructions.
    pub(crate) fn total(&self) -> u64 {
        self.executions.values().flat_map(BTreeMap::values).sum()
    }
}

fn parse(text: &str) -> Result<Profile, String> {
    let mut profile = Profile::default();
    let mut object = PathBuf::new();
    let mut total = None;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("ob=") {
            object = PathBuf::from(name);
        } else if line.starts_with("calls=") {
            // The next line is the cost of the callee, which is counted where it is spent.
            lines.next();
        } else if let Some(cost) = line.strip_prefix("totals: ") {
            total = cost.parse().ok();
        } else if line.starts_with("0x") {
            let (address, count) =
                cost_line(line).ok_or_else(|| format!("not understood: {line}"))?;
            *profile
                .executions
                .entry(object.clone())
                .or_default()
                .entry(address)
                .or_default() += count;
        }
    }
    // Checks against callgrind's own sum, in case a line was misread.
    if total != Some(profile.total()) {
        return Err(format!(
            "the lines add up to {}, its last line says {total:?}",
            profile.total()
        ));
    }
    Ok(profile)
}

fn cost_line(line: &str) -> Option<(u64, u64)> {
    let mut fields = line.split_whitespace();
    let address = fields.next()?.strip_prefix("0x")?;
    let address = u64::from_str_radix(address, 16).ok()?;
    let count = fields.next()?.parse().ok()?;
    fields.next().is_none().then_some((address, count))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
positions: instr
events: Ir

ob=/bin/a
fn=f
0x10 5
cob=/lib/c
cfn=g
calls=5 0x99
0x14 50
fi=x.rs
0x10 2

ob=/lib/c
fn=g
0x99 50
totals: 57
";

    #[test]
    fn the_cost_of_a_call_is_counted_where_it_is_spent() {
        let profile = parse(TEXT).unwrap();
        assert_eq!(profile.total(), 57);
        assert_eq!(profile.executions[Path::new("/bin/a")][&0x10], 7);
        assert_eq!(profile.executions[Path::new("/lib/c")][&0x99], 50);
    }

    #[test]
    fn a_profile_that_does_not_add_up_is_refused() {
        let text = TEXT.replace("totals: 57", "totals: 58");
        assert!(parse(&text).unwrap_err().contains("57"));
    }
}
