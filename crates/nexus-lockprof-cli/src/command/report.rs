//! `lockprof report`: shows a snapshot as a table.

use crate::files;
use crate::output;
use crate::select::{self, Selection};
use crate::size;
use crate::target::Target;
use crate::terminal::Color;
use crate::values::{at_least_one, seconds};
use anyhow::Result;
use nexus_lockprof_command::names;
use nexus_lockprof_command::terminal::stdout_width;
use nexus_lockprof_export::csv;
use nexus_lockprof_export::text::{self, SortKey};
use std::time::Duration;

pub(crate) const EXAMPLES: &str = "\
Examples:
  lockprof report run.lockprof
  lockprof report 4711 --seconds 10 --sort caused --top 5
  lockprof report run.lockprof --filter 'cache shared' --format csv > cache.csv
  lockprof report run.lockprof --format freebsd";

/// Output format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// A table as wide as the terminal, with percentiles and callers.
    #[default]
    Table,
    /// The columns of FreeBSD's LOCK_PROFILING(9).
    Freebsd,
    /// One row per point, for a spreadsheet.
    Csv,
    /// The snapshot's own JSON.
    Json,
}

#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    /// Process, socket, URL or file to show
    pub(crate) target: Target,
    /// Sort order. Formats other than `table` use it to choose rows, and keep the snapshot's order,
    /// by total wait.
    #[arg(short, long, value_parser = select::sort(), value_name = "KEY", default_value = "wait")]
    pub(crate) sort: SortKey,
    /// Number of rows to show [default: 25 for tables, all otherwise].
    #[arg(short = 'n', long, value_name = "ROWS", value_parser = at_least_one())]
    pub(crate) top: Option<usize>,
    /// Output format.
    #[arg(short, long, value_enum, default_value = "table")]
    pub(crate) format: Format,
    /// Width of the table in columns [default: $COLUMNS, or the terminal's; 160 without
    /// either].
    #[arg(long, value_name = "COLUMNS", value_parser = at_least_one())]
    pub(crate) width: Option<usize>,
    /// Number of callers to show for each point that waited.
    #[arg(long, value_name = "CALLERS", default_value_t = 3)]
    pub(crate) callers: usize,
    /// Number of findings to show above the table.
    #[arg(long, value_name = "FINDINGS", default_value_t = 5)]
    pub(crate) findings: usize,
    /// Look up the functions at addresses in call stacks. Opens the program's files that the
    /// profile names, so use it for profiles that you trust.
    #[arg(long)]
    pub(crate) symbols: bool,
    /// Show only the lock of this name.
    #[arg(long, value_name = "NAME")]
    pub(crate) lock: Option<String>,
    /// Show only points that contain all these words in the lock's name, the place or the mode.
    #[arg(long, value_name = "WORDS")]
    pub(crate) filter: Option<String>,
    /// Cover only the next SECONDS, not everything since the start or the last reset.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) seconds: Option<Duration>,
}

pub(crate) fn run(options: &Options, color: Color) -> Result<()> {
    const ROWS: usize = 25;
    let selection = Selection {
        lock: options.lock.as_deref(),
        filter: options.filter.as_deref(),
        sort: options.sort,
        // A table says how many rows it hides, so it gets all of them.
        top: options.top.filter(|_| options.format != Format::Table),
    };
    let mut snapshot = options.target.snapshot(options.seconds)?;
    if options.symbols {
        snapshot = names::named(snapshot);
    }
    // JSON is the snapshot unchanged. All other formats shorten paths, and points that look alike
    // afterwards become one.
    let snapshot = match options.format {
        Format::Json => snapshot,
        Format::Table | Format::Freebsd | Format::Csv => snapshot.portable(),
    };
    // Findings rest on all points of a lock.
    let whole = match options.format {
        Format::Table if selection.is_some() => Some(snapshot.clone()),
        _ => None,
    };
    let snapshot = selection.of(snapshot)?;
    if options.format != Format::Table {
        size::check(&snapshot)?;
    }
    match options.format {
        Format::Table => {
            let table = text::table(&snapshot)
                .live(!options.target.is_static())
                .selected_from(whole.as_ref().unwrap_or(&snapshot))
                .findings(options.findings)
                .sort(options.sort)
                .top(options.top.unwrap_or(ROWS))
                .callers(options.callers)
                .width(options.width.unwrap_or_else(stdout_width));
            output::print(color, &table)
        }
        Format::Freebsd => output::print(color, &text::freebsd(&snapshot)),
        Format::Csv => output::write(None, |out| write!(out, "{}", csv::csv(&snapshot))),
        Format::Json => files::write_json(&snapshot, None),
    }
}
