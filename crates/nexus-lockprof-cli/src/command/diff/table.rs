//! A comparison for people.

use super::word;
use crate::diff::{Change, Comparison, Metric, Presence, Row, Rule, Verdict};
use crate::number;
use anstyle::{AnsiColor, Style};
use comfy_table::{CellAlignment, Table, presets};
use nexus_lockprof_export::text::pieces::Names;
use nexus_lockprof_snapshot::{AcquireMode, Snapshot, printable};

/// Columns of numbers.
const RIGHT: [usize; 4] = [5, 6, 7, 8];

/// One line for each figure that is worse or better, or of `all`, and what there is to say about them.
pub(super) fn table(
    comparison: &Comparison,
    sides: &[(String, &Snapshot); 2],
    rule: &Rule,
    all: bool,
) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "", "lock", "site", "m", "", "before", "after", "change", "z",
    ]);
    let mut styles = vec![Style::new().bold()];
    let names = Names::new(sides.iter().flat_map(|(_, side)| side.points()));
    for row in &comparison.rows {
        for change in &row.changes {
            let tells = matches!(change.verdict, Verdict::Worse | Verdict::Better);
            if all || tells {
                table.add_row(cells(row, change, &names));
                styles.push(style(change.verdict));
            }
        }
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if RIGHT.contains(&index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut lines = Vec::new();
    if table.row_count() > 0 {
        let styled = table.lines().zip(styles);
        lines.extend(styled.map(|(line, style)| format!("{style}{}{style:#}", line.trim_end())));
    }
    for (name, snapshot) in sides {
        lines.push(side(name, snapshot));
    }
    lines.push(summary(comparison, rule));
    let lost = sides.iter().filter(|(_, side)| !side.losses().is_empty());
    lines
        .extend(lost.map(|(name, side)| format!("LOST of {}: {}", printable(name), side.losses())));
    lines.join("\n")
}

fn style(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Worse => AnsiColor::Red.on_default(),
        Verdict::Better => AnsiColor::Green.on_default(),
        Verdict::Same => Style::new(),
        Verdict::Small => Style::new().dimmed(),
    }
}

fn cells(row: &Row, change: &Change, names: &Names) -> [String; 9] {
    let figure = |value| match change.metric {
        Metric::ContentionShare => number::percent(value),
        _ => number::duration(value),
    };
    let mode = match row.mode {
        AcquireMode::Exclusive => "ex",
        AcquireMode::Shared => "sh",
        AcquireMode::Upgradable => "up",
    };
    [
        word(change.verdict).to_owned(),
        names.lock(&row.lock),
        place(row, names),
        mode.to_owned(),
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
        // Ten times is easier to read than 900 %.
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

fn side(name: &str, snapshot: &Snapshot) -> String {
    let acquisitions: f64 = snapshot
        .points()
        .iter()
        .map(|point| point.acquisitions as f64)
        .sum();
    format!(
        "{}: {} points, {} acquisitions in {}, mode {}",
        printable(name),
        snapshot.points().len(),
        number::count(acquisitions),
        number::duration(snapshot.elapsed_ns() as f64),
        snapshot.mode(),
    )
}

fn summary(comparison: &Comparison, rule: &Rule) -> String {
    let small = match comparison.count(Verdict::Small) {
        0 => String::new(),
        small => format!(
            "; {small} more are about less than {} of the time",
            number::setting(rule.floor)
        ),
    };
    format!(
        "{} worse and {} better of {} figures compared{small}.\nThat is: changed by {} at least, and not by chance, which in {} of \
         diffs of equal runs looks like that.",
        comparison.count(Verdict::Worse),
        comparison.count(Verdict::Better),
        comparison.comparisons,
        number::setting(rule.threshold),
        number::setting(rule.significance),
    )
}
