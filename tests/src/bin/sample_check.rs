//! Compares the profile of `tests/sample` with the program's own counts: `sample_check COUNTS
//! PROFILE`.

use nexus_lockprof_snapshot::{AcquireMode, Point, Snapshot};
use std::process::ExitCode;

type Error = Box<dyn std::error::Error>;

/// Crates that must be in the profile. The last two use other versions of parking_lot than the
/// rest: 0.13 and 0.11.
const CRATES: [&str; 8] = [
    "dashmap",
    "tokio",
    "moka",
    "r2d2",
    "prometheus",
    "quick_cache",
    "scheduled-thread-pool",
    "sled",
];

/// The program's counts, their place in the profile, and whether they cover everything there.
const COUNTS: [(&str, &str, AcquireMode, bool); 6] = [
    ("dashmap.entry", "/dashmap-", AcquireMode::Exclusive, true),
    (
        "prometheus.with_label_values",
        "/prometheus-",
        AcquireMode::Shared,
        true,
    ),
    (
        "quick_cache.get",
        "/quick_cache-",
        AcquireMode::Shared,
        true,
    ),
    ("r2d2.get", "/r2d2-", AcquireMode::Exclusive, true),
    (
        "moka.run_pending_tasks",
        "/moka-",
        AcquireMode::Exclusive,
        true,
    ),
    ("tokio.permits", "/tokio-", AcquireMode::Exclusive, false),
];

#[allow(clippy::print_stdout, reason = "what it is for")]
fn main() -> Result<ExitCode, Error> {
    let mut args = std::env::args().skip(1);
    let (Some(counts), Some(profile)) = (args.next(), args.next()) else {
        return Err("sample_check COUNTS PROFILE".into());
    };
    let counts = std::fs::read_to_string(counts)?;
    let snapshot = Snapshot::from_json(&std::fs::read_to_string(profile)?)?;
    let mut wrong = Vec::new();

    for name in CRATES {
        let of_crate = |point: &&Point| is_of(point, name);
        let points = snapshot.points().iter().filter(of_crate).count();
        println!("{name}: {points} points");
        if points == 0 {
            wrong.push(format!("{name} is not in the profile"));
        }
    }
    for (count, place, mode, exact) in COUNTS {
        let line = counts.lines().find_map(|line| line.strip_prefix(count));
        let counted: u64 = line.ok_or(format!("no {count}"))?.trim().parse()?;
        let seen: Vec<u64> = snapshot
            .points()
            .iter()
            .filter(|point| point.mode == mode && point.site.file.contains(place))
            .map(|point| point.acquisitions)
            .collect();
        let agrees = if exact {
            seen.contains(&counted)
        } else {
            seen.iter().sum::<u64>() >= counted
        };
        println!("{count}: {counted}, the profile has {seen:?}");
        if !agrees {
            wrong.push(format!("{count}: {counted} is not in {seen:?}"));
        }
    }
    if !snapshot.losses().is_empty() {
        wrong.push(format!("losses: {:?}", snapshot.losses()));
    }
    for message in &wrong {
        println!("FAILED: {message}");
    }
    Ok(ExitCode::from(u8::from(!wrong.is_empty())))
}

/// Whether a point's line is in a crate: in `NAME-VERSION/`.
fn is_of(point: &Point, name: &str) -> bool {
    let mut rest = point.site.file.as_str();
    let start = format!("/{name}-");
    while let Some(at) = rest.find(&start) {
        rest = &rest[at + start.len()..];
        if rest.starts_with(|c: char| c.is_ascii_digit()) {
            return true;
        }
    }
    false
}
