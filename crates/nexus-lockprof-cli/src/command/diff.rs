//! `lockprof diff`: what got worse.

use crate::command_line::{percent, seconds};
use crate::diff::{self, Comparison, Metric, Rule, Verdict};
use crate::exit::Outcome;
use crate::output;
use crate::target::Target;
use crate::terminal::Color;
use anyhow::{Result, ensure};
use std::time::Duration;

mod json;
mod table;

pub(crate) const EXAMPLES: &str = "\
Examples:
  lockprof diff main.lockprof branch.lockprof
  lockprof diff before.lockprof 4711
  lockprof diff before.lockprof 4711 --seconds 30
  lockprof diff main.lockprof branch.lockprof --fail-on worse=25%
  lockprof diff main.lockprof branch.lockprof --metric wait-per-acquisition --format json

A figure is worse or better if it changed by --threshold, is not explained by chance, and is about more time than
--floor. A point whose line has moved is found again by its lock, mode and file. Of two snapshots of one process, the
later one is taken without what was before the earlier one.";

/// How it is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Table,
    /// Everything that was compared, for programs.
    Json,
}

#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    /// What it was: a file, a process, a socket or a URL.
    pub(crate) before: Target,
    /// What it is.
    pub(crate) after: Target,
    /// Exit with 1 if anything is worse, or worse by PERCENT at least: `worse` or `worse=25%`.
    #[arg(long, value_name = "WHAT", value_parser = fail_on)]
    pub(crate) fail_on: Option<FailOn>,
    /// Least change that counts.
    #[arg(long, value_name = "PERCENT", value_parser = percent, default_value = "10%")]
    pub(crate) threshold: f64,
    /// Chance of finding anything between two runs that are alike, all comparisons together.
    #[arg(long, value_name = "PERCENT", value_parser = percent, default_value = "1%")]
    pub(crate) significance: f64,
    /// Least time that is waited (or held) at a point, as a share of the time that passes: 0.1% is 1 ms in each second.
    #[arg(long, value_name = "PERCENT", value_parser = percent, default_value = "0.1%")]
    pub(crate) floor: f64,
    /// What is compared [default: all].
    #[arg(long, value_enum, value_name = "METRIC", value_delimiter = ',')]
    pub(crate) metric: Vec<Metric>,
    /// Also what is neither worse nor better.
    #[arg(short, long)]
    pub(crate) all: bool,
    /// How it is written.
    #[arg(short, long, value_enum, default_value = "table")]
    pub(crate) format: Format,
    /// Of processes: of the next SECONDS only, one after the other.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) seconds: Option<Duration>,
}

/// What makes it fail.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct FailOn {
    /// Share by which it is worse.
    worse: f64,
}

fn fail_on(text: &str) -> Result<FailOn, String> {
    match text.split_once('=') {
        None if text == "worse" => Ok(FailOn { worse: 0.0 }),
        Some(("worse", by)) => percent(by).map(|worse| FailOn { worse }),
        _ => Err("it is not worse or worse=PERCENT".to_owned()),
    }
}

pub(crate) fn run(options: &Options, color: Color) -> Result<Outcome> {
    ensure!(
        options.before != Target::Stdin || options.after != Target::Stdin,
        "only one of the two can be standard input"
    );
    let of = |target: &Target| target.snapshot(options.seconds.filter(|_| !target.is_static()));
    let (before, after) = (of(&options.before)?, of(&options.after)?);
    // Of one process, the later one has all that the earlier one has: what came in between is what can be compared with it.
    let between = after.since(&before).ok();
    let between = between.filter(|interval| interval.elapsed_ns() > 0);
    let is_between = between.is_some();
    let after = between.unwrap_or(after);
    let rule = Rule {
        significance: options.significance,
        threshold: options.threshold,
        floor: options.floor,
        metrics: match options.metric.as_slice() {
            [] => Metric::ALL.to_vec(),
            metrics => metrics.to_vec(),
        },
    };
    let comparison = diff::compare(&before, &after, &rule);
    let sides = [
        (options.before.to_string(), &before),
        (name(&options.after, is_between), &after),
    ];
    match options.format {
        Format::Table => {
            output::print(
                color,
                &table::table(&comparison, &sides, &rule, options.all),
            )?;
        }
        Format::Json => {
            let json = json::json(&comparison, &sides, &rule)?;
            output::write(None, |out| writeln!(out, "{json}"))?;
        }
    }
    Ok(outcome(&comparison, options.fail_on))
}

fn name(after: &Target, is_between: bool) -> String {
    match is_between {
        true => format!("{after} since then"),
        false => after.to_string(),
    }
}

fn outcome(comparison: &Comparison, fail_on: Option<FailOn>) -> Outcome {
    match fail_on {
        Some(FailOn { worse }) if comparison.is_worse(worse) => Outcome::Bad,
        _ => Outcome::Good,
    }
}

/// What a verdict is called in a table.
fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Worse => "worse",
        Verdict::Better => "better",
        Verdict::Same => "same",
        Verdict::Small => "small",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_fails_on() {
        assert_eq!(fail_on("worse"), Ok(FailOn { worse: 0.0 }));
        assert_eq!(fail_on("worse=25%"), Ok(FailOn { worse: 0.25 }));
        for bad in ["", "better", "worse=", "worse=x", "worse25"] {
            assert!(fail_on(bad).is_err(), "{bad}");
        }
    }
}
