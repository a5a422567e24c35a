//! What an operation executes. The number of locked instructions must equal the bare lock's. The
//! number of other instructions beyond the bare lock's is compared with a baseline.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::callgrind::Profile;
use crate::disassembly::{Disassembly, is_locked};
use crate::{Verdict, read};

/// A path in a mode.
type Row = (String, String);

/// The cost of a number of operations.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    instructions: u64,
    locked: u64,
    operations: u64,
}

/// One row of the result: the bare lock and ours.
#[derive(Clone, Copy, Debug, Default)]
struct Sides {
    bare: Cost,
    ours: Cost,
}

impl Cost {
    fn instructions_each(self) -> f64 {
        self.instructions as f64 / self.operations as f64
    }

    fn locked_each(self) -> f64 {
        self.locked as f64 / self.operations as f64
    }
}

impl Sides {
    /// Instructions of one operation beyond the bare lock's.
    fn over(self) -> f64 {
        self.ours.instructions_each() - self.bare.instructions_each()
    }
}

/// Rows of many points, used in turns. Where a point lies in the thread's cache depends on
/// addresses, and so on the build. So these rows have a bound in place of a baseline.
const MANY_POINTS: &str = "points-";
/// The bound, as a multiple of the cost of one point, which is the row [`ONE_POINT`].
const MANY_OVER_ONE: f64 = 1.3;
const ONE_POINT: &str = "mutex";

/// The allowed excess over the baseline. If each acquisition is timed, how many holds are among the
/// longest depends on the clock, and on what else the machine does: up to a quarter more was seen in
/// each of eight runs.
fn slack(mode: &str, baseline: f64) -> f64 {
    if mode == "exact" {
        baseline * 0.4
    } else if baseline < 200.0 {
        1.0_f64.max(baseline * 0.01)
    } else {
        baseline * 0.08
    }
}

/// Compares the least of these runs with the baseline.
pub(crate) fn compare(calls: &Path, baseline: &Path, runs: &[&str]) -> Result<Verdict, String> {
    let costs = least(calls, runs)?;
    let known = parse_baseline(&read(baseline)?)?;
    let (text, mut failures) = judge(&costs, &known);
    for row in known.keys().filter(|row| !costs.contains_key(row)) {
        failures.push(format!(
            "{} {}: in the baseline, but not measured",
            row.0, row.1
        ));
    }
    Ok(Verdict { text, failures })
}

/// Writes the least of these runs to the baseline.
pub(crate) fn bless(calls: &Path, baseline: &Path, runs: &[&str]) -> Result<Verdict, String> {
    let costs = least(calls, runs)?;
    let mut text = String::from(
        "# Instructions of one uncontended operation over those of the bare lock, executed under callgrind, where a reading of\n\
         # the processor's counter is one instruction. Written by `ci/gate-instructions.sh --bless`.\n",
    );
    for ((path, mode), sides) in &costs {
        if path.starts_with(MANY_POINTS) {
            continue;
        }
        // Writing to a String does not fail.
        let _ = writeln!(text, "{path} {mode} {:.1}", sides.over());
    }
    fs::write(baseline, text).map_err(|error| format!("{}: {error}", baseline.display()))?;
    compare(calls, baseline, runs)
}

/// The cheapest run of each row. What is not the code only adds: a thread that is preempted while it
/// times itself measures wrong costs and samples more often, and its holds look longer.
fn least(calls: &Path, runs: &[&str]) -> Result<BTreeMap<Row, Sides>, String> {
    let mut least: BTreeMap<Row, Sides> = BTreeMap::new();
    for profiles in runs {
        for (row, sides) in measure(calls, profiles)? {
            let before = least.entry(row).or_insert(sides);
            if sides.over() < before.over() {
                *before = sides;
            }
        }
    }
    Ok(least)
}

/// Joins the profiles with the calls they belong to, and with the code.
fn measure(calls: &Path, profiles: &str) -> Result<BTreeMap<Row, Sides>, String> {
    let mut code = BTreeMap::new();
    let mut costs: BTreeMap<Row, Sides> = BTreeMap::new();
    for (index, call) in read(calls)?.lines().enumerate() {
        let not_understood = || format!("{}: not understood: {call}", calls.display());
        let [mode, path, side, operations] = call.split('\t').collect::<Vec<_>>()[..] else {
            return Err(not_understood());
        };
        let profile = Profile::of(Path::new(&format!("{profiles}.{}", index + 1)))?;
        let cost = Cost {
            instructions: profile.total(),
            locked: locked(&profile, &mut code)?,
            operations: operations.parse().map_err(|_| not_understood())?,
        };
        let sides = costs.entry((path.to_owned(), mode.to_owned())).or_default();
        match side {
            "bare" => sides.bare = cost,
            "ours" => sides.ours = cost,
            _ => return Err(not_understood()),
        }
    }
    if costs.is_empty() {
        return Err(format!("{}: no calls", calls.display()));
    }
    Ok(costs)
}

fn locked(profile: &Profile, code: &mut BTreeMap<PathBuf, Disassembly>) -> Result<u64, String> {
    let mut locked = 0;
    for (object, executions) in &profile.executions {
        if !code.contains_key(object) {
            code.insert(object.clone(), Disassembly::of(object)?);
        }
        let code = &code[object];
        for (&address, &count) in executions {
            let instruction = code
                .at(address)
                .ok_or_else(|| format!("{}: no instruction at {address:#x}", object.display()))?;
            if is_locked(instruction) {
                locked += count;
            }
        }
    }
    Ok(locked)
}

fn parse_baseline(text: &str) -> Result<BTreeMap<Row, f64>, String> {
    text.lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .map(|line| {
            let fields: Vec<_> = line.split_whitespace().collect();
            match fields[..] {
                [path, mode, over] => over
                    .parse()
                    .ok()
                    .map(|over| ((path.into(), mode.into()), over)),
                _ => None,
            }
            .ok_or_else(|| format!("the baseline has a line that is not PATH MODE NUMBER: {line}"))
        })
        .collect()
}

fn judge(costs: &BTreeMap<Row, Sides>, known: &BTreeMap<Row, f64>) -> (String, Vec<String>) {
    let mut failures = Vec::new();
    let mut text = format!(
        "{:<16} {:<8} {:>10} {:>10} {:>8} {:>9} {:>12} {:>12}\n",
        "path",
        "mode",
        "bare instr",
        "ours instr",
        "over",
        "baseline",
        "bare locked",
        "ours locked"
    );
    for (row, sides) in costs {
        let (path, mode) = row;
        let Sides { bare, ours } = *sides;
        let bound = path.starts_with(MANY_POINTS).then(|| {
            let one = costs.get(&(ONE_POINT.to_owned(), mode.clone()));
            one.map_or(f64::NAN, |one| MANY_OVER_ONE * one.over())
        });
        let baseline = known.get(row).copied().or(bound);
        // Writing to a String does not fail.
        let _ = writeln!(
            text,
            "{path:<16} {mode:<8} {:>10.2} {:>10.2} {:>+8.2} {:>9} {:>12.2} {:>12.2}",
            bare.instructions_each(),
            ours.instructions_each(),
            sides.over(),
            baseline.map_or("-".into(), |baseline| format!("{baseline:+.1}")),
            bare.locked_each(),
            ours.locked_each(),
        );
        if bare.operations == 0 || ours.operations != bare.operations {
            failures.push(format!("{path} {mode}: not measured on both sides"));
            continue;
        }
        if ours.locked != bare.locked {
            failures.push(format!(
                "{path} {mode}: {} locked instructions in {} operations, the bare lock has {}",
                ours.locked, ours.operations, bare.locked
            ));
        }
        match (bound, baseline) {
            // So written, it also fails without the row of one point.
            (Some(bound), _) if sides.over() <= bound => {}
            (Some(bound), _) => failures.push(format!(
                "{path} {mode}: {:.1} instructions over the bare lock's, {MANY_OVER_ONE} times those of `{ONE_POINT}` are {bound:.1}",
                sides.over()
            )),
            (None, None) => failures.push(format!("{path} {mode}: not in the baseline")),
            (None, Some(baseline)) if sides.over() > baseline + slack(mode, baseline) => failures.push(format!(
                "{path} {mode}: {:.1} instructions over the bare lock's, the baseline is {baseline:.1}; \
                 if it must be, `ci/gate-instructions.sh --bless`",
                sides.over()
            )),
            (None, Some(_)) => {}
        }
    }
    (text, failures)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(instructions: u64, locked: u64) -> Cost {
        Cost {
            instructions,
            locked,
            operations: 10,
        }
    }

    fn failures(ours: Cost) -> Vec<String> {
        let row = ("mutex".to_owned(), "counts".to_owned());
        let sides = Sides {
            bare: cost(100, 20),
            ours,
        };
        let known = parse_baseline("# comment\nmutex counts 12.0\n").unwrap();
        judge(&BTreeMap::from([(row, sides)]), &known).1
    }

    #[test]
    fn as_in_the_baseline_is_good() {
        assert_eq!(failures(cost(220, 20)), Vec::<String>::new());
        assert_eq!(failures(cost(230, 20)), Vec::<String>::new());
    }

    #[test]
    fn more_than_the_slack_is_a_failure() {
        assert_eq!(failures(cost(231, 20)).len(), 1);
    }

    #[test]
    fn one_locked_instruction_in_all_operations_is_a_failure() {
        let failures = failures(cost(220, 21));
        assert!(failures[0].contains("21 locked"), "{failures:?}");
    }

    #[test]
    fn many_points_are_compared_with_one() {
        let row = |path: &str| (path.to_owned(), "counts".to_owned());
        let sides = |over: u64| Sides {
            bare: cost(100, 20),
            ours: cost(100 + over, 20),
        };
        let known = parse_baseline("mutex counts 10.0\n").unwrap();
        let failures = |many: u64| {
            let costs = [(row("mutex"), sides(100)), (row("points-16"), sides(many))];
            judge(&BTreeMap::from(costs), &known).1
        };
        assert_eq!(failures(130), Vec::<String>::new());
        assert_eq!(failures(131).len(), 1);
        let alone = BTreeMap::from([(row("points-16"), sides(1))]);
        assert_eq!(
            judge(&alone, &known).1.len(),
            1,
            "one point was not measured"
        );
    }

    #[test]
    fn a_crooked_baseline_is_refused() {
        assert!(parse_baseline("mutex 12").is_err());
        assert!(parse_baseline("mutex off many").is_err());
    }
}
