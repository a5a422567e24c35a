//! The cost of a lock and unlock with our locks, with rivals, and bare, in one process at a time.
//! See the README beside this.

// Its output is its purpose.
#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

mod child;
mod memory;

use std::process::{Command, ExitCode};

use nexus_lockprof_benches::results::{self, Args};
use serde_json::{Value, json};

/// A rival, its environment, and the least factor by which ours must be cheaper.
const PEERS: [(&str, &str, Option<f64>); 5] = [
    ("std", "", None),
    ("hotpath", "full", Some(6.0)),
    ("hotpath", "sampled", Some(3.5)),
    ("locktick", "", None),
    ("tracing-mutex", "", None),
];
/// Share of the acquisitions that hotpath times in its sampled mode.
const HOTPATH_RATE: &str = "0.01";

fn main() -> ExitCode {
    let child: Vec<String> = std::env::args().skip(1).collect();
    if let [role, peer, size] = child.as_slice()
        && role == "child"
    {
        return child::run(peer, size == "smoke");
    }
    if let [role, case, size] = child.as_slice()
        && role == "memory"
    {
        return memory::run(case, size == "smoke");
    }
    results::main("peers", &[], run)
}

fn run(args: &Args) -> Result<(), String> {
    let size = if args.smoke { "smoke" } else { "full" };
    println!(
        "{}\n\n| lock | peer | bare ns | ours ns | peer ns | peer over bare | ours cheaper by | bare again | |\n| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
        results::processor()
    );
    let mut rows = Vec::new();
    for (peer, mode, target) in PEERS {
        let name = format!("{peer} {mode}").trim_end().to_owned();
        let rate = (mode == "sampled").then_some(HOTPATH_RATE);
        for measured in call(&["child", peer, size], rate)? {
            let figure = |field: &str| measured[field].as_f64().unwrap_or(f64::NAN);
            let lock = measured["lock"].as_str().unwrap_or("?");
            let (bare, ours, theirs) = (figure("bare"), figure("ours"), figure("peer"));
            let (factor, noise) = (figure("factor"), figure("noise"));
            let verdict = target.map_or("", |target| {
                results::verdict_within(noise, factor >= target)
            });
            println!(
                "| {lock} | {name} | {bare:.1} | {ours:.1} | {theirs:.1} | {:.1} | {factor:.1} | {noise:.3} | {verdict} |",
                theirs / bare
            );
            rows.push(json!({"bench": "peers", "lock": lock, "peer": name, "bare_ns": bare, "ours_ns": ours, "peer_ns": theirs, "factor": factor, "noise": noise}));
        }
    }
    println!(
        "\n| resident growth, KiB | 2,000 locks used once | operations | growth |\n| --- | ---: | ---: | ---: |"
    );
    for (case, rate) in [("ours", None), ("hotpath", None)] {
        for measured in call(&["memory", case, size], rate)? {
            println!(
                "| {case} | {} | {} | {} |",
                measured["once_kib"], measured["operations"], measured["steady_kib"]
            );
            rows.push(json!({"bench": "peers-memory", "peer": case, "once_kib": measured["once_kib"], "operations": measured["operations"], "steady_kib": measured["steady_kib"]}));
        }
    }
    args.save(&rows)
}

/// Runs this program again, and reads the JSON lines that it prints.
fn call(args: &[&str], hotpath_rate: Option<&str>) -> Result<Vec<Value>, String> {
    let me = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new(me);
    command.args(args).env("HOTPATH_METRICS_SERVER_OFF", "true");
    if let Some(rate) = hotpath_rate {
        command.env("HOTPATH_TIME_SAMPLING_RATE", rate);
    }
    let output = command.output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{args:?}: {}: {said}", output.status));
    }
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).map_err(|error| format!("{args:?}: {error}")))
        .collect()
}
