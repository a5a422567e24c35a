//! A comparison as a table.

use super::side::{Side, word};
use crate::diff::{Change, Comparison, Presence, Row, Rule, Verdict};
use anstyle::{AnsiColor, Style};
use nexus_lockprof_export::readable::columns::Columns;
use nexus_lockprof_export::readable::names::{self, Names};
use nexus_lockprof_export::readable::{fit, number};
use nexus_lockprof_snapshot::printable;

const HEAD: [&str; 9] = [
    "", "lock", "site", "m", "", "before", "after", "change", "z",
];

fn is_number(column: usize) -> bool {
    column >= 5
}

/// The maximum number of figures to list: nobody reads more, and all of them are in memory.
const MOST: usize = 10_000;
/// The maximum width of a name, in columns.
const WIDEST: usize = 160;

/// One line per figure that got worse or better (or per figure, with `all`), and notes about them.
pub(super) fn table(comparison: &Comparison, sides: &[Side; 2], rule: &Rule, all: bool) -> String {
    let mut table = Columns::new(HEAD, is_number);
    let mut styles = vec![Style::new().bold()];
    let hidden = list(comparison, sides, all, |row, change, names| {
        table.push(cells(row, change, names));
        styles.push(style(change.verdict));
    });
    let mut lines = Vec::new();
    if !table.is_empty() {
        let styled = table.lines().zip(styles);
        lines.extend(styled.map(|(line, style)| format!("{style}{line}{style:#}")));
    }
    lines.extend(hidden_line(hidden));
    lines.extend(sides.iter().map(line));
    lines.push(summary(comparison, rule, sides));
    lines.extend(notes(comparison, sides));
    lines.join("\n")
}

/// The same as a comment on a pull request: the verdict, a table that GitHub renders, and the rest.
pub(super) fn markdown(
    comparison: &Comparison,
    sides: &[Side; 2],
    rule: &Rule,
    all: bool,
) -> String {
    let head = HEAD.map(|head| if head.is_empty() { "verdict" } else { head });
    let head = [&head[..3], &["mode", "figure"], &head[5..]].concat();
    let head = head.try_into().unwrap_or(HEAD);
    let mut table = Columns::new(head, is_number);
    let hidden = list(comparison, sides, all, |row, change, names| {
        let [verdict, lock, site, mode, figure, rest @ ..] = cells(row, change, names);
        let verdict = match change.verdict {
            Verdict::Worse => format!("**{verdict}**"),
            _ => verdict,
        };
        let [before, after, relative, z] = rest;
        let (lock, site) = (code(&lock), code(&site));
        table.push([
            verdict, lock, site, mode, figure, before, after, relative, z,
        ]);
    });
    let verdict = match comparison.count(Verdict::Worse) {
        0 => "no lock is worse".to_owned(),
        1 => "1 figure is worse".to_owned(),
        worse => format!("{worse} figures are worse"),
    };
    let mut lines = vec![format!("**Locks: {verdict}**"), String::new()];
    if !table.is_empty() {
        lines.extend(table.markdown());
        lines.push(String::new());
    }
    lines.extend(hidden_line(hidden));
    let summary = summary(comparison, rule, sides);
    let text = sides.iter().map(line);
    let text = text.chain(summary.lines().map(str::to_owned));
    let text = text.chain(notes(comparison, sides));
    lines.extend(text.map(|line| format!("- {}", escaped(&line))));
    lines.join("\n")
}

/// Text in which nothing is markup.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        if matches!(
            c,
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '~' | '&'
        ) {
            escaped.push('\\');
        }
        escaped.push(c);
        if c == '@' {
            // A word joiner, so that it names nobody.
            escaped.push('\u{2060}');
        }
    }
    escaped
}

/// Text as code in a cell of a Markdown table: nothing in it is markup, or names a user.
fn code(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    // One space at each end is not shown, and keeps the text's own back-ticks apart.
    let space = if longest > 0 { " " } else { "" };
    format!("{fence}{space}{}{space}{fence}", text.replace('|', "\\|"))
}

/// Calls `each` with each figure to list. Returns how many there are beyond [`MOST`].
fn list(
    comparison: &Comparison,
    sides: &[Side; 2],
    all: bool,
    mut each: impl FnMut(&Row, &Change, &Names),
) -> usize {
    let runs = sides.iter().flat_map(|side| &side.runs);
    let names = Names::new(runs.flat_map(|run| run.points()));
    let changes = comparison
        .rows
        .iter()
        .flat_map(|row| row.changes.iter().map(move |change| (row, change)));
    let mut listed = changes.filter(|(_, change)| {
        let tells = matches!(
            change.verdict,
            Verdict::Worse | Verdict::Better | Verdict::Load
        );
        all || tells
    });
    for (row, change) in listed.by_ref().take(MOST) {
        each(row, change, &names);
    }
    listed.count()
}

fn hidden_line(hidden: usize) -> Option<String> {
    (hidden > 0).then(|| format!("... and {hidden} more: --format json has them all"))
}

/// Notes on losses, on how busy the machine was, and on how to learn more.
fn notes(comparison: &Comparison, sides: &[Side; 2]) -> Vec<String> {
    let mut lines = Vec::new();
    for side in sides {
        for (target, run) in side.targets.iter().zip(&side.runs) {
            if !run.losses().is_empty() {
                lines.push(format!("LOST of {}: {}", printable(target), run.losses()));
            }
        }
    }
    lines.extend(load(comparison));
    lines.extend(advice(sides).map(str::to_owned));
    lines
}

fn style(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Worse => AnsiColor::Red.on_default(),
        Verdict::Better => AnsiColor::Green.on_default(),
        Verdict::Load => AnsiColor::Yellow.on_default(),
        Verdict::Same => Style::new(),
        Verdict::Small => Style::new().dimmed(),
    }
}

fn cells(row: &Row, change: &Change, names: &Names) -> [String; 9] {
    let figure = |value| match change.metric.is_time() {
        true => number::duration(f64::round(value) as u64),
        false => number::share(value),
    };
    [
        word(change.verdict).to_owned(),
        fit::middle(&names.lock(&row.lock), WIDEST),
        fit::middle(&place(row, names), WIDEST),
        names::mode(row.mode).to_owned(),
        change.metric.head().to_owned(),
        figure(change.before.value),
        figure(change.after.value),
        relative(change),
        z(change.z),
    ]
}

fn place(row: &Row, names: &Names) -> String {
    let site = names.site(&row.site);
    if row.together {
        let file = site.trim_end_matches(|c: char| c == ':' || c.is_ascii_digit());
        return format!("{file}:*");
    }
    match (row.presence, &row.was) {
        (Presence::New, _) => format!("{site} (new)"),
        (Presence::Gone, _) => format!("{site} (gone)"),
        (Presence::Both, Some(was)) => format!("{site} (was :{})", was.line),
        (Presence::Both, None) => site,
    }
}

fn relative(change: &Change) -> String {
    match change.relative() {
        None => "from 0".to_owned(),
        // x10 reads more easily than +900 %.
        Some(share) if share >= 9.0 => format!("x{:.0}", share + 1.0),
        Some(share) => format!("{:+.0}%", 100.0 * share),
    }
}

fn z(z: f64) -> String {
    const SURE: f64 = 99.95;
    if z.abs() < SURE {
        format!("{z:+.1}")
    } else {
        format!("{}{:.0}", if z > 0.0 { ">" } else { "<-" }, SURE)
    }
}

fn line(side: &Side) -> String {
    let points = side
        .runs
        .iter()
        .map(|run| run.points().len())
        .max()
        .unwrap_or(0);
    let acquisitions = side
        .runs
        .iter()
        .flat_map(|run| run.points())
        .fold(0_u64, |sum, point| sum.saturating_add(point.acquisitions));
    let runs = match side.runs.len() {
        1 => String::new(),
        runs => format!("{runs} runs, "),
    };
    let mut modes: Vec<String> = side
        .runs
        .iter()
        .map(|run| run.profiler_mode().to_string())
        .collect();
    modes.dedup();
    format!(
        "{}: {runs}{}, {} acquisitions in {}, mode {}",
        printable(&side.name),
        number::plural(points as u64, "point"),
        number::count(acquisitions),
        number::duration(side.elapsed_ns()),
        modes.join(", "),
    )
}

fn summary(comparison: &Comparison, rule: &Rule, sides: &[Side; 2]) -> String {
    let small = match comparison.count(Verdict::Small) {
        0 => String::new(),
        small => format!(
            "; {small} more are about less than {} of the time",
            number::setting(rule.floor)
        ),
    };
    let against = match sides {
        [before, after] if before.runs.len() == 1 && after.runs.len() == 1 => "",
        _ => " against the spread between runs",
    };
    format!(
        "{} worse and {} better of {} figures compared{small}.\n\
         Listed: changes of at least {}, significant at {}{against}.",
        comparison.count(Verdict::Worse),
        comparison.count(Verdict::Better),
        comparison.comparisons,
        number::setting(rule.threshold),
        number::setting(rule.significance),
    )
}

/// Which side had less processor time.
fn load(comparison: &Comparison) -> Option<String> {
    let load = comparison.load.filter(|load| load.differs)?;
    let (busier, more, less) = match load.after > load.before {
        true => ("after", load.after, load.before),
        false => ("before", load.before, load.after),
    };
    Some(format!(
        "The machine was busier in the runs of `{busier}`: a hold took {more:.1} times as long as a typical one, against {less:.1} times on \
         the other side.\nWhat may come from that is listed as `load` and is not worse or better. Run both sides by turns.",
    ))
}

/// Advice to take more runs.
fn advice(sides: &[Side; 2]) -> Option<&'static str> {
    let fewest = sides.iter().map(|side| side.runs.len()).min()?;
    let most = sides.iter().map(|side| side.runs.len()).max()?;
    match (fewest, most) {
        (_, 1) => Some(
            "One run a side cannot tell a change from a busy machine. Compare several: --before A1 A2 A3 --after B1 B2 B3.",
        ),
        (0..3, _) => Some("With fewer than three runs a side, only large changes stand out."),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_no_markup() {
        assert_eq!(code("a|b"), "`a\\|b`");
        assert_eq!(code("a``b@c"), "``` a``b@c ```");
    }
}
