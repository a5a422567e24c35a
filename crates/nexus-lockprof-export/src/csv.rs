//! Comma-separated values (RFC 4180), for spreadsheets and data frames.
//!
//! The first line names the columns; `_ns` in a name means nanoseconds. Then comes one line per
//! point, with `point` in the column `record`. One line per cause of losses follows, with `loss` in
//! `record`, the cause in `lock` and the number of events in `losses`. A cell without a value is
//! empty: a total that was not measured, or the standard error of an exact total.
//!
//! | columns | what they are |
//! | --- | --- |
//! | `record` | `point` or `loss` |
//! | `lock`, `file`, `line`, `column`, `mode` | the point |
//! | `acquisitions`, `contentions`, `try_failures`, `timeouts`, `cancellations`, `blocked` | counts |
//! | `abandoned_wait_ns`, `caused_wait_ns`, `caused_wait_standard_error_ns` | abandoned waits; the waits that the point caused |
//! | `wait_total_ns`, `wait_standard_error_ns`, `wait_samples`, `wait_events`, `wait_unmeasured`, `wait_p50_ns`, `wait_p95_ns`, `wait_p99_ns`, `wait_max_ns` | the waits, see [`Durations`] |
//! | `hold_...` | the same for the holds |
//! | `losses` | events that were not recorded |
//!
//! # Texts
//!
//! Names and paths appear as on a terminal: characters that cannot be shown are escaped
//! ([`printable`]), so each point is one line. A spreadsheet runs a text as a formula if it begins
//! with `=`, `+`, `-` or `@`, or their wide forms. Such a text gets a leading `'`, and so does one
//! that begins with `'`. To restore the name, remove the first `'` if there is one. Numbers never
//! get one. A program that needs the exact bytes of a name reads the JSON form.

use std::fmt;
use std::iter;

use ::csv::{Terminator, WriterBuilder};
use nexus_lockprof_snapshot::{Durations, Figure, Point, ProfilerMode, Snapshot, printable};

use crate::readable::place;

/// The points of a snapshot as comma-separated values: see the [module](self). Each line ends with
/// CR LF.
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
            line(
                f,
                of_point(point, self.0.profiler_mode() == ProfilerMode::Waits),
            )?;
        }
        for (cause, losses) in self.0.losses().iter().filter(|&(_, losses)| losses > 0) {
            line(f, of_loss(cause, losses))?;
        }
        Ok(())
    }
}

/// Writes one line.
fn line(f: &mut fmt::Formatter<'_>, cells: impl Iterator<Item = String>) -> fmt::Result {
    // Neither step fails: the target is memory, and the cells are strings.
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

/// The columns before the figures.
const PLACE: [Column<Point>; 5] = [
    ("lock", |p| text(&place::lock(&p.lock, place::column))),
    ("file", |p| text(&printable(&p.site.file))),
    ("line", |p| p.site.line.to_string()),
    ("column", |p| p.site.column.to_string()),
    ("mode", |p| p.mode.to_string()),
];

/// The columns after the figures.
const POINT: [Column<Point>; 1] = [("caused_wait_standard_error_ns", |p| {
    cell((p.caused_variance > 0.0).then(|| p.caused_standard_error_ns()))
})];

/// The figures of a point with their indices: counts, then times.
fn figures() -> impl Iterator<Item = (usize, Figure)> {
    let figures = || Point::FIGURES.into_iter().enumerate();
    let counts = figures().filter(|(_, figure)| figure.time().is_none());
    counts.chain(figures().filter(|(_, figure)| figure.time().is_some()))
}

/// The columns of the waits (`wait_`), then of the holds (`hold_`).
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

/// Escapes a text that a spreadsheet would run as a formula.
fn text(text: &str) -> String {
    // A lock's name comes from the program, or from whoever wrote the file. Control characters are
    // already escaped. A leading `'` gets another one, so a reader can always remove the first.
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

/// The figures that a profile of waits alone knows.
const OF_WAITS: [&str; 3] = ["contentions", "timeouts", "abandoned_wait_ns"];

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

/// Whether the total means something: something was measured, or there was nothing to measure.
fn is_measured(durations: &Durations) -> bool {
    durations.samples > 0 || (durations.events == 0 && durations.unmeasured == 0)
}

fn cell(value: Option<impl ToString>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}
