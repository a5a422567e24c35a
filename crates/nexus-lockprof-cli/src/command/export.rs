//! `lockprof export`: a snapshot for other tools.

use crate::command_line::seconds;
use crate::files;
use crate::output;
use crate::size;
use crate::target::Target;
use crate::terminal;
use anyhow::{Context, Result, bail};
use nexus_lockprof_export::{csv, folded, html, pprof, prometheus};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

mod flame;

pub(crate) const EXAMPLES: &str = "\
Examples:
  lockprof export 4711 --format pprof -o mutex.pb.gz && go tool pprof -top mutex.pb.gz
  lockprof export run.lockprof -o waiting.svg
  lockprof export 4711 -o profile.html
  lockprof export run.lockprof --format prometheus --top 50
  lockprof export 4711 --seconds 30 --format pprof --kind block -o block.pb.gz";

/// What it is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Prometheus's text format.
    Prometheus,
    /// OpenMetrics 1.0.
    Openmetrics,
    /// A gzipped profile for pprof, Pyroscope and Parca; see --kind.
    Pprof,
    /// Stacks of waiting, one a line, as flame graph tools read them.
    Folded,
    /// A flame graph of waiting, as SVG.
    Flamegraph,
    /// One page for a browser, with findings, tables and charts; needs no network.
    Html,
    /// JSON.
    Json,
    /// Our own format.
    Lockprof,
    /// One row for each point, for a spreadsheet.
    Csv,
}

impl Format {
    /// What a file of this name is.
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

    /// Whether its bytes are nothing for a terminal.
    const fn is_binary(self) -> bool {
        matches!(self, Self::Pprof | Self::Lockprof)
    }
}

/// Whose time it is, of a pprof profile; as in Go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// At who held the lock: the time that others waited for it.
    #[default]
    Mutex,
    /// At who waited.
    Block,
}

#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    /// What is exported: a process, a socket, a URL or a file.
    pub(crate) target: Target,
    /// What it is written as [default: what the name of --output ends in].
    #[arg(short, long, value_enum)]
    pub(crate) format: Option<Format>,
    /// Where it goes. A file appears whole or not at all. - is standard output.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Of pprof: whose time it is.
    #[arg(short, long, value_enum, default_value = "mutex")]
    pub(crate) kind: Kind,
    /// Of prometheus and openmetrics: so many points have series of their own, the rest one together.
    #[arg(short = 'n', long, value_name = "POINTS", default_value_t = prometheus::Text::DEFAULT_TOP)]
    pub(crate) top: usize,
    /// Of the next SECONDS only, not of all since the start or the last reset.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) seconds: Option<Duration>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let path = options.output.as_deref();
    let format = match (options.format, path) {
        (Some(format), _) => format,
        (None, Some(path)) if !output::is_stdout(Some(path)) => {
            Format::of(path).with_context(|| {
                format!(
                    "{}: the name does not say which format it is: use --format",
                    path.display()
                )
            })?
        }
        (None, _) => bail!("in which format? Use --format"),
    };
    if format.is_binary() && output::is_stdout(path) && terminal::is_output() {
        bail!("this format is nothing for a terminal: use --output FILE, or a pipe");
    }
    let snapshot = options.target.snapshot(options.seconds)?;
    let snapshot = match format {
        // The snapshot as it is.
        Format::Json | Format::Lockprof => snapshot,
        // Paths are shortened, and what then looks alike is one point.
        _ => snapshot.portable(),
    };
    if format != Format::Lockprof {
        size::check(&snapshot)?;
    }
    let metrics = |open| {
        let text = prometheus::text(&snapshot);
        text.top(options.top).open_metrics(open)
    };
    let display = |text: &dyn fmt::Display| output::write(path, |out| write!(out, "{text}"));
    match format {
        Format::Prometheus => display(&metrics(false)),
        Format::Openmetrics => display(&metrics(true)),
        Format::Folded => display(&folded::folded(&snapshot)),
        Format::Html => display(&html::page(&snapshot)),
        Format::Csv => display(&csv::csv(&snapshot)),
        Format::Json => files::write_json(&snapshot, path),
        Format::Pprof => {
            let bytes = match options.kind {
                Kind::Mutex => pprof::mutex(&snapshot),
                Kind::Block => pprof::block(&snapshot),
            };
            output::write(path, |out| out.write_all(&bytes))
        }
        Format::Flamegraph => {
            let bytes = flame::graph(&snapshot)?;
            output::write(path, |out| out.write_all(&bytes))
        }
        Format::Lockprof => {
            let bytes = snapshot.to_bytes()?;
            output::write(path, |out| out.write_all(&bytes))
        }
    }
}
