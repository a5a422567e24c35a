//! Judges the rounds of all programs.

use nexus_lockprof_benches::results::{median, verdict};
use nexus_lockprof_benches::truth::compare::{Point, Round, Total};
use serde_json::{Value, json};

/// An estimated total may be off by this share.
const WITHIN: f64 = 0.3;
/// A 95th percentile may be off by this share of the ranks.
const POINT: f64 = 0.01;
/// This share of the rounds must be right, and this share of the points of all rounds.
const MOST: f64 = 0.9;
/// The default mode's budget.
const BUDGET: f64 = 0.01;
/// The profiler must spend this share of its budget, or time all holds. It may never spend more
/// than the next share.
const LEAST_SPENT: f64 = 0.5;
const MOST_SPENT: f64 = 1.2;
/// From this share of the holds on, all count as timed: a few happen before the clock is
/// calibrated.
const ALL: f64 = 0.999;

/// How many items are right, out of how many.
#[derive(Clone, Copy, Debug)]
struct Tally {
    right: usize,
    of: usize,
}

impl Tally {
    fn of<T>(items: &[T], is_right: impl Fn(&T) -> bool) -> Self {
        Tally {
            right: items.iter().filter(|&item| is_right(item)).count(),
            of: items.len(),
        }
    }

    fn share(self) -> f64 {
        self.right as f64 / self.of.max(1) as f64
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.right, self.of)
    }
}

fn is_near(total: &Total) -> bool {
    total.is_within(WITHIN)
}

fn is_right(total: &Total) -> bool {
    is_near(total) && total.is_inside()
}

fn is_exact(point: &Point) -> bool {
    point.acquisitions == point.holds
}

/// The first program with a point whose count is not exact.
pub(crate) fn miscounted<'a>(results: &[(&'a str, Vec<Round>)]) -> Option<&'a str> {
    let is_off = |rounds: &[Round]| {
        rounds
            .iter()
            .flat_map(|round| &round.points)
            .any(|point| !is_exact(point))
    };
    let mut found = results.iter().filter(|(_, rounds)| is_off(rounds));
    found.next().map(|&(name, _)| name)
}

fn timed(round: &Round) -> f64 {
    round.timed as f64 / round.holds as f64
}

fn spent(round: &Round) -> f64 {
    round.spent_ns as f64 / round.cpu_ns as f64 / BUDGET
}

fn uses_its_budget(round: &Round) -> bool {
    spent(round) >= LEAST_SPENT || timed(round) >= ALL
}

/// Prints the table and, with `misses`, what missed. Returns the rows.
pub(crate) fn show(results: &[(&str, Vec<Round>)], misses: bool) -> Vec<Value> {
    println!(
        "| program | points | holds | timed | counts | total over truth | worst | totals | totals of points | p95 of points | budget spent | most spent | |\n\
         | --- | ---: | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |"
    );
    let rows = results
        .iter()
        .map(|(name, rounds)| row(name, rounds))
        .collect();
    if misses {
        results.iter().for_each(|(name, rounds)| list(name, rounds));
    }
    rows
}

fn row(name: &str, rounds: &[Round]) -> Value {
    let points: Vec<&Point> = rounds
        .iter()
        .flat_map(|round| &round.points)
        .filter(|point| point.matters)
        .collect();
    let each = |figure: fn(&Round) -> f64| rounds.iter().map(figure).collect::<Vec<_>>();
    let most = |figures: Vec<f64>| figures.into_iter().fold(0.0, f64::max);
    let ratios = each(|round| round.whole.ratio());
    let worst = ratios.iter().copied().fold(1.0, |worst: f64, ratio| {
        let is_worse = (ratio - 1.0).abs() > (worst - 1.0).abs();
        if is_worse { ratio } else { worst }
    });
    let whole = Tally::of(rounds, |round| is_right(&round.whole));
    let totals = Tally::of(&points, |point| is_right(&point.total));
    let p95 = Tally::of(&points, |point| point.p95_off <= POINT);
    let used = Tally::of(rounds, uses_its_budget);
    let exact = Tally::of(rounds, |round| round.points.iter().all(is_exact));
    let most_spent = most(each(spent));
    let pass = [whole, totals, p95, used]
        .into_iter()
        .all(|tally| tally.share() >= MOST)
        && most_spent <= MOST_SPENT
        && exact.right == exact.of;
    let count = median(each(|round| round.points.len() as f64));
    let holds = median(each(|round| round.holds as f64));
    println!(
        "| {name} | {count} | {holds} | {:.1} % | {} | {:.2} | {worst:.2} | {whole} | {totals} | {p95} | {:.2} | {most_spent:.2} | {} |",
        median(each(timed)) * 100.0,
        if exact.right == exact.of {
            "exact"
        } else {
            "off"
        },
        median(ratios.clone()),
        median(each(spent)),
        verdict(pass),
    );
    json!({
        "bench": "programs",
        "program": name,
        "rounds": rounds.len(),
        "points": count,
        "holds": holds,
        "timed": median(each(timed)),
        "counts_exact": exact.share(),
        "ratio": median(ratios),
        "worst": worst,
        "whole_near": Tally::of(rounds, |round| is_near(&round.whole)).share(),
        "whole_inside": Tally::of(rounds, |round| round.whole.is_inside()).share(),
        "points_near": Tally::of(&points, |point| is_near(&point.total)).share(),
        "points_inside": Tally::of(&points, |point| point.total.is_inside()).share(),
        "p95": p95.share(),
        "spent": median(each(spent)),
        "most_spent": most_spent,
        "pass": pass,
    })
}

/// Prints the misses, one per line.
fn list(name: &str, rounds: &[Round]) {
    println!("\n{name}:");
    for (number, round) in rounds.iter().enumerate() {
        let number = number + 1;
        println!(
            "round {number}: {}, spent {:.2} of the budget in {:.2} s, {:.1} % timed",
            figures(&round.whole),
            spent(round),
            round.cpu_ns as f64 / 1e9,
            timed(round) * 100.0
        );
        for point in &round.points {
            let is_fine = is_right(&point.total) && point.p95_off <= POINT || !point.matters;
            if is_fine && is_exact(point) {
                continue;
            }
            println!(
                "    {}: {}; p95 {:?} ns, off by {:.1} points; {} timed of {} ({} counted)",
                point.site,
                figures(&point.total),
                point.p95,
                point.p95_off * 100.0,
                point.timed,
                point.holds,
                point.acquisitions
            );
        }
    }
}

fn figures(total: &Total) -> String {
    format!(
        "{:.2} ms, estimate {:.2} ± {:.2} ({:.2}{})",
        total.truth / 1e6,
        total.estimate / 1e6,
        total.error / 1e6,
        total.ratio(),
        if total.is_inside() { "" } else { ", outside" }
    )
}
