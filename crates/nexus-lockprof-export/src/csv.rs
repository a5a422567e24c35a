//! Comma-separated values (RFC 4180), for spreadsheets and data frames.
//!
//! The first line names the columns, times with their unit: `_ns` are nanoseconds. Then comes a line for each point, with `point` in the column `record`,
//! and one for each cause of losses that occurred, with `loss` in it, the cause in `lock` and how many events in `losses`. What a line has no value for is empty:
//! a total that was not measured, the standard error of one that is no estimate.
//!
//! | columns | what they are |
//! | --- | --- |
//! | `record` | `point` or `loss` |
//! | `lock`, `file`, `line`, `column`, `mode` | the point |
//! | `acquisitions`, `contentions`, `try_failures`, `timeouts`, `cancellations`, `blocked` | counts |
//! | `vain_wait_ns`, `caused_wait_ns`, `caused_wait_standard_error_ns` | waited in vain; waited by others |
//! | `wait_total_ns`, `wait_standard_error_ns`, `wait_samples`, `wait_events`, `wait_unmeasured`, `wait_p50_ns`, `wait_p95_ns`, `wait_p99_ns`, `wait_max_ns` | the waits, see [`Durations`] |
//! | `hold_...` | the same of the holds |
//! | `losses` | events that were not recorded |
//!
//! # Texts
//!
//! Names and paths are as on a terminal: characters that cannot be shown are escaped ([`printable`]), so that each point is one line. A spreadsheet takes what begins
//! with `=`, `+`, `-` or `@` (or their wide forms) for a formula and would run it, so such a text has a `'` before it, and so has one that begins with `'`. To have the name again, take one
//! `'` off the begin of a text that has any. Numbers have none. A program that needs each byte of a name, whatever is in it, reads the JSON form.

use std::fmt;
use std::iter;

use ::csv::{Terminator, WriterBuilder};
use nexus_lockprof_snapshot::{Durations, Figure, Point, ProfilerMode, Snapshot, printable};

use crate::place;

/// The points of a snapshot as comma-separated values: see the [module](self). Each line has its end, CR LF.
///
/// ```
/// use nexus_lockprof_export::csv::csv;
/// use nexus_lockprof_snapshot::{Snapshot, SnapshotParts};
///
/// let snapshot = Snapshot::from_parts(SnapshotParts::default());
/// assert!(csv(&snapshot).to_string().starts_with("record,lock,file,line,column,mode,acquisitions,"));
/// ```
pub fn csv(snapshot: &Snapshot) -> impl fmt::Display + '_ {
    Csv(snapshot)
}

struct Csv<'a>(&'a Snapshot);

impl fmt::Display for Csv<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        line(f, header())?;
        for point in self.0.points() {
            line(f, of_point(point, self.0.mode() == ProfilerMode::Waits))?;
        }
        for (cause, losses) in self.0.losses().iter().filter(|&(_, losses)| losses > 0) {
            line(f, of_loss(cause, losses))?;
        }
        Ok(())
    }
}

/// Writes one line.
fn line(f: &mut fmt::Formatter<'_>, cells: impl Iterator<Item = String>) -> fmt::Result {
    // Into memory, and of strings: neither step fails.
    let bytes = to_bytes(cells).map_err(|_| fmt::Error)?;
    f.write_str(std::str::from_utf8(&bytes).map_err(|_| fmt::Error)?)
}

fn to_bytes(cells: impl Iterator<Item = String>) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let mut writer = WriterBuilder::new()
        .terminator(Terminator::CRLF)
        .from_writer(Vec::new());
    writer.write_record(cells)?;
    Ok(writer.into_inner()?)
}

type Column<T> = (&'static str, fn(&T) -> String);

/// What a point is, behind what kind of line it is.
const PLACE: [Column<Point>; 5] = [
    ("lock", |p| text(&place::lock(&p.lock, place::column))),
    ("file", |p| text(&printable(&p.site.file))),
    ("line", |p| p.site.line.to_string()),
    ("column", |p| p.site.column.to_string()),
    ("mode", |p| p.mode.to_string()),
];

/// What is said of it behind its figures.
const POINT: [Column<Point>; 1] = [("caused_wait_standard_error_ns", |p| {
    cell((p.caused_variance > 0.0).then(|| p.caused_standard_error_ns()))
})];

/// The figures of points, each with its place among them: counts, then times.
fn figures() -> impl Iterator<Item = (usize, Figure)> {
    let figures = || Point::FIGURES.into_iter().enumerate();
    let counts = figures().filter(|(_, figure)| figure.time().is_none());
    counts.chain(figures().filter(|(_, figure)| figure.time().is_some()))
}

/// What is said of its waits, then of its holds, behind `wait_` and `hold_`.
const DURATIONS: [Column<Durations>; 9] = [
    ("total_ns", |d| cell(is_measured(d).then_some(d.total_ns))),
    ("standard_error_ns", |d| {
        cell(d.is_estimate().then(|| d.standard_error_ns()))
    }),
    ("samples", |d| d.samples.to_string()),
    ("events", |d| d.events.to_string()),
    ("unmeasured", |d| d.unmeasured.to_string()),
    ("p50_ns", |d| cell(d.p50_ns())),
    ("p95_ns", |d| cell(d.p95_ns())),
    ("p99_ns", |d| cell(d.p99_ns())),
    ("max_ns", |d| cell(is_measured(d).then_some(d.max_ns))),
];

/// A text that no spreadsheet takes for a formula.
fn text(text: &str) -> String {
    // A lock's name comes from the program, or from whoever wrote the file.
    // Control characters are escaped already. A `'` gets another one, so that one can be taken off wherever there is one.
    const FORMULA: [char; 9] = ['=', '+', '-', '@', '＝', '＋', '－', '＠', '\''];
    match text.starts_with(FORMULA) {
        true => format!("'{text}"),
        false => text.to_owned(),
    }
}

fn header() -> impl Iterator<Item = String> {
    let durations = |of: &'static str| {
        DURATIONS
            .iter()
            .map(move |(name, _)| format!("{of}_{name}"))
    };
    let names = |columns: &'static [Column<Point>]| columns.iter().map(|(name, _)| *name);
    let point = names(&PLACE)
        .chain(figures().map(|(_, figure)| figure.name))
        .chain(names(&POINT));
    iter::once("record".to_owned())
        .chain(point.map(str::to_owned))
        .chain(durations("wait"))
        .chain(durations("hold"))
        .chain(iter::once("losses".to_owned()))
}

/// The figures that are known where only waits were recorded.
const OF_WAITS: [&str; 3] = ["contentions", "timeouts", "vain_wait_ns"];

fn of_point(point: &Point, only_waits: bool) -> impl Iterator<Item = String> {
    let is_known = move |name: &str| !only_waits || OF_WAITS.contains(&name);
    let cells = |columns: &'static [Column<Point>]| columns.iter().map(|(_, of)| of(point));
    let values = point.figures();
    let figures = figures()
        .map(move |(place, figure)| cell(values.get(place).filter(|_| is_known(figure.name))));
    let durations = |of| DURATIONS.iter().map(move |(_, cell)| cell(of));
    iter::once("point".to_owned())
        .chain(cells(&PLACE))
        .chain(figures)
        .chain(cells(&POINT))
        .chain(durations(&point.wait))
        .chain(durations(&point.hold))
        .chain(iter::once(String::new()))
}

fn of_loss(cause: &str, losses: u64) -> impl Iterator<Item = String> {
    let empty = PLACE.len() - 1 + Point::FIGURES.len() + POINT.len() + 2 * DURATIONS.len();
    iter::once("loss".to_owned())
        .chain(iter::once(cause.to_owned()))
        .chain(iter::repeat_n(String::new(), empty))
        .chain(iter::once(losses.to_string()))
}

/// Whether the sum says something: some were measured, or there was nothing to measure.
fn is_measured(durations: &Durations) -> bool {
    durations.samples > 0 || (durations.events == 0 && durations.unmeasured == 0)
}

fn cell(value: Option<impl ToString>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}
