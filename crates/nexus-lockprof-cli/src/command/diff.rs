//! `lockprof diff`: what got worse.

use crate::diff::{self, Choice, Comparison, Metric, Rule};
use crate::exit::Outcome;
use crate::output;
use crate::size;
use crate::target::Target;
use crate::terminal::Color;
use crate::values::{percent, seconds};
use anyhow::{Result, ensure};
use std::time::Duration;

mod json;
mod side;
mod table;

use side::Side;

pub(crate) const EXAMPLES: &str = "\
Examples:
  lockprof diff main.lockprof branch.lockprof
  lockprof diff before.lockprof 4711
  lockprof diff before.lockprof 4711 --seconds 30
  lockprof diff main.lockprof branch.lockprof --metric wait-per-acquisition --format json
  lockprof diff --before main-?.lockprof --after branch-?.lockprof --fail-on worse=25%

A figure is worse or better if it changed by --threshold, chance does not explain it, and it is about more time than
--floor. With several runs a side, chance is how much the runs of a side differ. With one, a busy machine looks like a
change. A point whose line has moved is found again by its lock, mode and file. Of two snapshots of one process, the
second covers only what came after the first.";

/// Default of --significance: the chance of finding anything between equal programs.
const SIGNIFICANCE: f64 = 0.05;
/// The default with one run a side, which shows only the chance within a run, not between runs.
const SIGNIFICANCE_OF_ONE: f64 = 0.01;

/// Output format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// A table to read.
    #[default]
    Table,
    /// Markdown with the verdict first, for a comment on a pull request.
    Markdown,
    /// Everything that was compared, as JSON.
    Json,
}

#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    /// The old profile: a file, process, socket or URL.
    #[arg(required_unless_present = "before_runs", requires = "after")]
    pub(crate) before: Option<Target>,
    /// The new profile.
    pub(crate) after: Option<Target>,
    /// Several runs of the old program, at least three.
    #[arg(long = "before", value_name = "RUN", num_args = 1.., requires = "after_runs", conflicts_with_all = ["before", "after"])]
    pub(crate) before_runs: Vec<Target>,
    /// Several runs of the new program.
    #[arg(long = "after", value_name = "RUN", num_args = 1.., requires = "before_runs", conflicts_with_all = ["before", "after"])]
    pub(crate) after_runs: Vec<Target>,
    /// Exit with 1 if anything is worse, or worse by at least PERCENT: `worse` or `worse=25%`.
    #[arg(long, value_name = "WHAT", value_parser = fail_on)]
    pub(crate) fail_on: Option<f64>,
    /// Smallest change to report.
    #[arg(long, value_name = "PERCENT", value_parser = percent, default_value = "10%")]
    pub(crate) threshold: f64,
    /// Chance of finding anything between equal programs, over all comparisons [default: 5%; 1%
    /// with one run a side].
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub(crate) significance: Option<f64>,
    /// Ignore points that wait (or hold) less than this share of the time: 0.1% is 1 ms in each
    /// second.
    #[arg(long, value_name = "PERCENT", value_parser = percent, default_value = "0.1%")]
    pub(crate) floor: f64,
    /// Figures to compare [default: steady; with one run a side the four from wait-per-second to
    /// contention-ratio].
    #[arg(long, value_enum, value_name = "METRIC", value_delimiter = ',')]
    pub(crate) metric: Vec<Choice>,
    /// Lock whose acquisitions count units of work [default: all locks].
    #[arg(long, value_name = "LOCK")]
    pub(crate) work: Option<String>,
    /// Also list what got neither worse nor better.
    #[arg(short, long)]
    pub(crate) all: bool,
    /// Output format.
    #[arg(short, long, value_enum, default_value = "table")]
    pub(crate) format: Format,
    /// Cover only the next SECONDS of each process, one process after the other.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) seconds: Option<Duration>,
}

/// The share by which something must be worse to fail.
fn fail_on(text: &str) -> Result<f64, String> {
    match text.split_once('=') {
        None if text == "worse" => Ok(0.0),
        Some(("worse", by)) => percent(by),
        _ => Err("expected worse or worse=PERCENT".to_owned()),
    }
}

pub(crate) fn run(options: &Options, color: Color) -> Result<Outcome> {
    let [before, after] = sides(options)?;
    let is_single = before.runs.len() == 1 && after.runs.len() == 1;
    let rule = Rule {
        significance: options.significance.unwrap_or(if is_single {
            SIGNIFICANCE_OF_ONE
        } else {
            SIGNIFICANCE
        }),
        threshold: options.threshold,
        floor: options.floor,
        work: options.work.clone(),
        metrics: match options.metric.as_slice() {
            [] if is_single => Metric::OF_ONE_RUN.to_vec(),
            [] => Metric::STEADY.to_vec(),
            choices => Choice::metrics(choices),
        },
    };
    check_work(&[&before, &after], rule.work.as_deref())?;
    let comparison = diff::compare(&before.runs, &after.runs, &rule);
    let sides = [before, after];
    match options.format {
        Format::Table => {
            output::print(
                color,
                &table::table(&comparison, &sides, &rule, options.all),
            )?;
        }
        Format::Markdown => {
            let text = table::markdown(&comparison, &sides, &rule, options.all);
            output::write(None, |out| writeln!(out, "{text}"))?;
        }
        Format::Json => {
            for run in sides.iter().flat_map(|side| &side.runs) {
                size::check(run)?;
            }
            output::write(None, |out| json::write(out, &comparison, &sides, &rule))?;
        }
    }
    Ok(outcome(&comparison, options.fail_on))
}

/// Reads both sides.
fn sides(options: &Options) -> Result<[Side; 2]> {
    let targets = match (&options.before, &options.after) {
        (Some(before), Some(after)) => [vec![before.clone()], vec![after.clone()]],
        _ => [options.before_runs.clone(), options.after_runs.clone()],
    };
    let is_stdin = |target: &&Target| **target == Target::Stdin;
    ensure!(
        targets.iter().flatten().filter(is_stdin).count() < 2,
        "only one of the runs can be standard input"
    );
    let of = |target: &Target| target.snapshot(options.seconds.filter(|_| !target.is_static()));
    let side = |name: &str, targets: &[Target]| -> Result<Side> {
        let names: Vec<String> = targets.iter().map(Target::to_string).collect();
        Ok(Side {
            name: match names.as_slice() {
                [name] => name.clone(),
                _ => name.to_owned(),
            },
            runs: targets.iter().map(of).collect::<Result<_>>()?,
            targets: names,
        })
    };
    let [before, after] = targets;
    let (before, mut after) = (side("before", &before)?, side("after", &after)?);
    if let ([earlier], [later]) = (before.runs.as_slice(), after.runs.as_mut_slice()) {
        // A later snapshot of a process includes the earlier one, so compare only the interval
        // between them.
        let between = later.since(earlier).ok();
        if let Some(between) = between.filter(|interval| interval.elapsed_ns() > 0) {
            *later = between;
            after.name.push_str(" since then");
        }
    }
    Ok([before, after])
}

/// A mistyped name would leave nothing to divide by, and so nothing to compare.
fn check_work(sides: &[&Side], work: Option<&str>) -> Result<()> {
    let Some(work) = work else { return Ok(()) };
    for side in sides {
        for (target, run) in side.targets.iter().zip(&side.runs) {
            ensure!(
                run.points_of(work).any(|point| point.acquisitions > 0),
                "{target}: the lock `{work}`, which --work names, was never acquired"
            );
        }
    }
    Ok(())
}

fn outcome(comparison: &Comparison, fail_on: Option<f64>) -> Outcome {
    match fail_on {
        Some(worse) if comparison.is_worse(worse) => Outcome::Bad,
        _ => Outcome::Good,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_fails_on() {
        assert_eq!(fail_on("worse"), Ok(0.0));
        assert_eq!(fail_on("worse=25%"), Ok(0.25));
        for bad in ["", "better", "worse=", "worse=x", "worse25"] {
            assert!(fail_on(bad).is_err(), "{bad}");
        }
    }
}
