//! How often `lockprof diff --fail-on worse=25%` fails equal programs, and how often it finds a
//! lock that is held twice as long.
//!
//! The program of `work` runs some dozens of times, each time in its own process: unchanged, and
//! with one of its locks held twice as long. One run in three is beside a neighbour that keeps one
//! to three threads busy. Then runs are drawn for comparisons, three a side.
//!
//! ```text
//! cargo build --release -p nexus-lockprof-cli --bin lockprof
//! cargo bench -p nexus-lockprof-benches --bench diff
//! ```

// Its output is its purpose.
#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

mod work;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};

use nexus_lockprof_benches::results::{self, Args, verdict};
use serde_json::json;

/// The largest share of equal comparisons that may fail, and the smallest share of slowed ones that
/// must.
const TARGETS: [f64; 2] = [0.05, 0.9];

/// How much to run and compare.
struct Effort {
    jobs: u64,
    /// Runs of the unchanged program.
    equal: usize,
    /// Runs with a lock held twice as long, per such lock.
    slowed: usize,
    locks: &'static [&'static str],
    /// Comparisons of equal programs.
    comparisons: usize,
}

impl Effort {
    const FULL: Self = Self {
        jobs: 60_000,
        equal: 60,
        slowed: 16,
        locks: &work::SLOWED,
        comparisons: 1_000,
    };
    /// A run takes some tens of milliseconds; the rates then mean nothing.
    const SMOKE: Self = Self {
        jobs: 3_000,
        equal: 6,
        slowed: 3,
        locks: &["pool"],
        comparisons: 3,
    };
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["work", jobs, slowed] => work::run(jobs.parse().unwrap_or(0), slowed),
        ["neighbour", threads] => neighbour(threads.parse().unwrap_or(1)),
        _ => return results::main("diff", &["--lockprof", "--seed"], run),
    }
    ExitCode::SUCCESS
}

/// Keeps threads busy until it is killed.
fn neighbour(threads: usize) {
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    work::compute(1, 1_000_000);
                }
            });
        }
    });
}

/// A process that is killed when this value is dropped.
struct Neighbour(Child);

impl Drop for Neighbour {
    fn drop(&mut self) {
        // It may already have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A folder that is removed when this value is dropped.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn run(args: &Args) -> Result<(), String> {
    let effort = if args.smoke {
        Effort::SMOKE
    } else {
        Effort::FULL
    };
    let program = std::env::current_exe().map_err(|error| format!("this program: {error}"))?;
    // This is target/release/deps/diff-HASH; lockprof is built beside `deps`.
    let beside = program
        .parent()
        .and_then(Path::parent)
        .map(|folder| folder.join("lockprof"));
    let beside = beside.unwrap_or_default();
    let lockprof = PathBuf::from(args.text("--lockprof", &beside.to_string_lossy()));
    if !lockprof.is_file() {
        let named = lockprof.display();
        return Err(format!(
            "{named} is not there: cargo build --release -p nexus-lockprof-cli --bin lockprof"
        ));
    }
    let mut random = fastrand::Rng::with_seed(args.numbers("--seed", &[1])?[0]);
    let folder = Folder(std::env::temp_dir().join(format!("lockprof-diff-{}", std::process::id())));
    fs::create_dir_all(&folder.0).map_err(|error| format!("{}: {error}", folder.0.display()))?;
    let files = profiles(&program, &folder.0, &effort, &mut random)?;
    let Some((equal, slowed)) = files.split_first() else {
        return Err("no runs".to_owned());
    };
    println!("{}", results::processor());
    println!(
        "| three runs a side, figures | equal programs that fail | | a lock held twice as long that is found | |"
    );
    println!("| --- | ---: | --- | ---: | --- |");
    let mut rows = Vec::new();
    for metric in ["steady", "all"] {
        let compare = Compare {
            lockprof: &lockprof,
            runs: 3,
            metric,
        };
        let failed = rate(effort.comparisons, |_| {
            compare.of(equal, equal, None, &mut random)
        })?;
        let each = effort.comparisons.div_ceil(slowed.len() * 2);
        let mut found = Vec::new();
        for (lock, files) in effort.locks.iter().zip(slowed) {
            found.push(rate(each, |_| {
                compare.of(equal, files, Some(lock), &mut random)
            })?);
        }
        let all = found.iter().sum::<f64>() / found.len() as f64;
        let named: Vec<String> = effort
            .locks
            .iter()
            .zip(&found)
            .map(|(lock, rate)| format!("{lock} {}", percent(*rate)))
            .collect();
        println!(
            "| {metric} | {} of {} | {} | {} ({}) | {} |",
            percent(failed),
            effort.comparisons,
            verdict(failed <= TARGETS[0]),
            percent(all),
            named.join(", "),
            verdict(all >= TARGETS[1]),
        );
        rows.push(json!({"bench": "diff", "metric": metric, "runs": 3, "equal_failed": failed, "found": all}));
    }
    // This is why one makes several runs.
    let compare = Compare {
        lockprof: &lockprof,
        runs: 1,
        metric: "wait-per-second,wait-per-acquisition,hold-per-acquisition,contention-ratio",
    };
    let failed = rate(effort.comparisons / 3, |_| {
        compare.of(equal, equal, None, &mut random)
    })?;
    println!(
        "\nOne run a side, the figures it has by default: {} of equal programs fail.",
        percent(failed)
    );
    rows.push(json!({"bench": "diff", "metric": "one run", "runs": 1, "equal_failed": failed}));
    args.save(&rows)
}

/// Runs the program unchanged, then with each lock slowed. Returns the profiles of each.
fn profiles(
    program: &Path,
    folder: &Path,
    effort: &Effort,
    random: &mut fastrand::Rng,
) -> Result<Vec<Vec<PathBuf>>, String> {
    let mut plan: Vec<usize> = vec![0; effort.equal];
    for kind in 1..=effort.locks.len() {
        plan.extend(std::iter::repeat_n(kind, effort.slowed));
    }
    // Mixed, because the load of a shared machine varies over time.
    random.shuffle(&mut plan);
    let mut files = vec![Vec::new(); effort.locks.len() + 1];
    for (number, kind) in plan.into_iter().enumerate() {
        let slowed = kind
            .checked_sub(1)
            .and_then(|lock| effort.locks.get(lock))
            .copied()
            .unwrap_or("none");
        let file = folder.join(format!("{number}-{slowed}.lockprof"));
        let threads = if random.u32(..3) == 0 {
            random.u32(1..=3)
        } else {
            0
        };
        let _neighbour = (threads > 0)
            .then(|| start(program, ["neighbour", &threads.to_string()]).map(Neighbour))
            .transpose()?;
        let mut command = Command::new(program);
        command.args(["work", &effort.jobs.to_string(), slowed]);
        command.env_remove("LOCKPROF").env("LOCKPROF_OUT", &file);
        let status = command.status().map_err(|error| format!("work: {error}"))?;
        if !status.success() {
            return Err(format!("work: {status}"));
        }
        if let Some(files) = files.get_mut(kind) {
            files.push(file);
        }
    }
    Ok(files)
}

fn start<const N: usize>(program: &Path, args: [&str; N]) -> Result<Child, String> {
    let mut command = Command::new(program);
    command.args(args).stdout(Stdio::null());
    command
        .spawn()
        .map_err(|error| format!("{}: {error}", program.display()))
}

/// How to draw comparisons.
struct Compare<'a> {
    lockprof: &'a Path,
    runs: usize,
    metric: &'a str,
}

impl Compare<'_> {
    /// Whether a random comparison fails the gate. If a lock is named, the gate must name that
    /// lock.
    fn of(
        &self,
        before: &[PathBuf],
        after: &[PathBuf],
        lock: Option<&str>,
        random: &mut fastrand::Rng,
    ) -> Result<bool, String> {
        let draw = |files: &[PathBuf], number: usize, random: &mut fastrand::Rng| {
            let mut files = files.to_vec();
            random.shuffle(&mut files);
            files.truncate(number);
            files
        };
        // Equal programs share their files, so no run may be on both sides.
        let is_same = std::ptr::eq(before, after);
        let (before, after) = if is_same {
            let mut both = draw(before, 2 * self.runs, random);
            let after = both.split_off(self.runs.min(both.len()));
            (both, after)
        } else {
            (
                draw(before, self.runs, random),
                draw(after, self.runs, random),
            )
        };
        let mut command = Command::new(self.lockprof);
        command.arg("diff");
        for (side, files) in [("--before", &before), ("--after", &after)] {
            command
                .arg(side)
                .args(files.iter().map(|file| -> &OsStr { file.as_ref() }));
        }
        command.args([
            "--fail-on",
            "worse=25%",
            "--metric",
            self.metric,
            "--format",
            "json",
        ]);
        let output = command
            .output()
            .map_err(|error| format!("{}: {error}", self.lockprof.display()))?;
        let fails = match output.status.code() {
            Some(0) => false,
            Some(1) => true,
            _ => {
                return Err(format!(
                    "lockprof diff: {}",
                    String::from_utf8_lossy(&output.stderr)
                ));
            }
        };
        let Some(lock) = lock else { return Ok(fails) };
        let json: serde_json::Value = serde_json::from_slice(&output.stdout)
            .map_err(|error| format!("lockprof diff: {error}"))?;
        let is_worse = |change: &serde_json::Value| change["verdict"] == "worse";
        let points = json["points"].as_array().into_iter().flatten();
        let mut named = points.filter(|point| point["lock"]["named"] == lock);
        Ok(fails
            && named.any(|point| {
                point["changes"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .any(is_worse)
            }))
    }
}

/// The share of successful tries.
fn rate(tries: usize, mut one: impl FnMut(usize) -> Result<bool, String>) -> Result<f64, String> {
    let mut found = 0;
    for index in 0..tries {
        found += usize::from(one(index)?);
    }
    Ok(found as f64 / tries.max(1) as f64)
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}
