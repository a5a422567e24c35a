//! `lockprof export`: converts a snapshot for other tools.

use crate::files;
use crate::output;
use crate::size;
use crate::target::Target;
use crate::terminal;
use crate::values::seconds;
use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use clap::error::ErrorKind;
use nexus_lockprof_export::{csv, folded, html, pprof, prometheus};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

mod flame;

pub(crate) const EXAMPLES: &str = "\
Examples:
  lockprof export 4711 --format pprof -o mutex.pb.gz && go tool pprof -top mutex.pb.gz
  lockprof export run.lockprof -o waiting.svg
  lockprof export run.lockprof --kind mutex -o holders.svg
  lockprof export 4711 -o profile.html
  lockprof export run.lockprof --format prometheus --top 50
  lockprof export 4711 --seconds 30 --format pprof --kind block -o block.pb.gz";

/// Output format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Prometheus's text format.
    Prometheus,
    /// OpenMetrics 1.0.
    Openmetrics,
    /// A gzipped profile for pprof, Pyroscope and Parca; see --kind.
    Pprof,
    /// One stack of waiting per line, for flame graph tools; see --kind.
    Folded,
    /// A flame graph of waiting, as SVG; see --kind.
    Flamegraph,
    /// One HTML page with findings, tables and charts; needs no network.
    Html,
    /// JSON.
    Json,
    /// Our own format.
    Lockprof,
    /// One row per point, for a spreadsheet.
    Csv,
}

impl Format {
    /// The format for a file of this name.
    fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let ends = [
            (".prom", Self::Prometheus),
            (".openmetrics", Self::Openmetrics),
            (".pb.gz", Self::Pprof),
            (".pprof", Self::Pprof),
            (".folded", Self::Folded),
            (".svg", Self::Flamegraph),
            (".html", Self::Html),
            (".json", Self::Json),
            (".lockprof", Self::Lockprof),
            (".csv", Self::Csv),
        ];
        let found = ends.into_iter().find(|(end, _)| name.ends_with(end));
        found.map(|(_, format)| format)
    }

    /// Whether it shows the time of one of two sides: see [`ProfileKind`].
    const fn has_kinds(self) -> bool {
        matches!(self, Self::Pprof | Self::Folded | Self::Flamegraph)
    }

    /// Whether each point has series of its own.
    const fn has_series(self) -> bool {
        matches!(self, Self::Prometheus | Self::Openmetrics)
    }

    /// Whether the format is unreadable on a terminal.
    const fn is_binary(self) -> bool {
        matches!(self, Self::Pprof | Self::Lockprof)
    }
}

/// Whose time is shown, as in Go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ProfileKind {
    /// The holder's: the time that others waited for it.
    Mutex,
    /// The waiter's.
    Block,
}

#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    /// Process, socket, URL or file to export
    pub(crate) target: Target,
    /// Output format [default: from the extension of --output].
    #[arg(short, long, value_enum)]
    pub(crate) format: Option<Format>,
    /// Output file, written whole or not at all; - is standard output.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// For pprof, folded and flamegraph: whose time to show [default: mutex for pprof, block for
    /// the others].
    #[arg(short, long, value_enum)]
    pub(crate) kind: Option<ProfileKind>,
    /// For prometheus and openmetrics: number of points with series of their own; the others share
    /// one [default: 200].
    #[arg(short = 'n', long, value_name = "POINTS")]
    pub(crate) top: Option<usize>,
    /// Look up the functions at addresses in call stacks. Opens the program's files that the
    /// profile names, so use it for profiles that you trust.
    #[arg(long)]
    pub(crate) symbols: bool,
    /// Cover only the next SECONDS, not everything since the start or the last reset.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) seconds: Option<Duration>,
}

/// Refuses an option of other formats, as an error of `usage`.
fn check(options: &Options, format: Format, mut usage: clap::Command) -> Result<(), clap::Error> {
    let kind = options.kind.filter(|_| !format.has_kinds());
    let top = options.top.filter(|_| !format.has_series());
    let others = (kind.map(|_| ("--kind", "pprof, folded and flamegraph")))
        .or(top.map(|_| ("--top", "prometheus and openmetrics")));
    let Some((option, of)) = others else {
        return Ok(());
    };
    let name = format.to_possible_value();
    let name = name.as_ref().map_or("", |name| name.get_name());
    let message = format!("{option} is only for {of}, not for {name}");
    Err(usage.error(ErrorKind::ArgumentConflict, message))
}

pub(crate) fn run(options: &Options, usage: clap::Command) -> Result<()> {
    let path = options.output.as_deref();
    let format = match (options.format, path) {
        (Some(format), _) => format,
        (None, Some(path)) if !output::is_stdout(Some(path)) => Format::of(path)
            .with_context(|| format!("{}: unknown extension: use --format", path.display()))?,
        (None, _) => bail!("no format given: use --format"),
    };
    check(options, format, usage)?;
    if format.is_binary() && output::is_stdout(path) && terminal::is_output() {
        bail!("refusing to write binary data to a terminal: use --output FILE or a pipe");
    }
    let mut snapshot = options.target.snapshot(options.seconds)?;
    if options.symbols {
        snapshot = nexus_lockprof_command::names::named(snapshot);
    }
    let snapshot = match format {
        // The snapshot unchanged.
        Format::Json | Format::Lockprof => snapshot,
        // Shortens paths. Points that look alike afterwards become one.
        _ => snapshot.portable(),
    };
    if format != Format::Lockprof {
        size::check(&snapshot)?;
    }
    let metrics = |open| {
        let text = prometheus::text(&snapshot);
        text.top(options.top.unwrap_or(prometheus::Text::DEFAULT_TOP))
            .open_metrics(open)
    };
    let display = |text: &dyn fmt::Display| output::write(path, |out| write!(out, "{text}"));
    match format {
        Format::Prometheus => display(&metrics(false)),
        Format::Openmetrics => display(&metrics(true)),
        Format::Folded if options.kind == Some(ProfileKind::Mutex) => {
            display(&folded::holders(&snapshot))
        }
        Format::Folded => display(&folded::folded(&snapshot)),
        Format::Html => display(&html::page(&snapshot)),
        Format::Csv => display(&csv::csv(&snapshot)),
        Format::Json => files::write_json(&snapshot, path),
        Format::Pprof => {
            let bytes = match options.kind {
                None | Some(ProfileKind::Mutex) => pprof::mutex(&snapshot),
                Some(ProfileKind::Block) => pprof::block(&snapshot),
            };
            output::write(path, |out| out.write_all(&bytes))
        }
        Format::Flamegraph => {
            let bytes = match options.kind {
                None | Some(ProfileKind::Block) => {
                    let title = "Time spent waiting for locks";
                    flame::graph(&folded::folded(&snapshot), title)?
                }
                Some(ProfileKind::Mutex) => {
                    let title = "Time that holders of locks kept others waiting";
                    flame::graph(&folded::holders(&snapshot), title)?
                }
            };
            output::write(path, |out| out.write_all(&bytes))
        }
        Format::Lockprof => {
            let bytes = snapshot.to_bytes()?;
            output::write(path, |out| out.write_all(&bytes))
        }
    }
}
