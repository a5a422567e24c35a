//! Writes a snapshot's file in another format.
//!
//! ```text
//! LOCKPROF_OUT=locks.json ./server
//! cargo run --package nexus-lockprof-export --example convert -- block locks.json > block.pb.gz
//! go tool pprof -top block.pb.gz
//! ```

use std::error::Error;
use std::io::{self, Write};
use std::{env, process};

use nexus_lockprof_export::{csv, folded, html, pprof, prometheus};
use nexus_lockprof_snapshot::Snapshot;

const USAGE: &str =
    "convert prometheus|openmetrics|block|mutex|folded|csv|html FILE.json [TOP, for the first two]";

fn main() {
    if let Err(error) = convert() {
        eprintln!("convert: {error}");
        process::exit(1);
    }
}

fn convert() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let (format, file, top) = match args.as_slice() {
        [format, file] => (format, file, prometheus::Text::DEFAULT_TOP),
        [format, file, top] => (format, file, top.parse()?),
        _ => return Err(USAGE.into()),
    };
    let snapshot = Snapshot::read_json_file(file)?;
    let bytes = match format.as_str() {
        "prometheus" => prometheus::text(&snapshot)
            .top(top)
            .to_string()
            .into_bytes(),
        "openmetrics" => {
            let text = prometheus::text(&snapshot).top(top).open_metrics(true);
            text.to_string().into_bytes()
        }
        "block" => pprof::block(&snapshot),
        "mutex" => pprof::mutex(&snapshot),
        "folded" => folded::folded(&snapshot).to_string().into_bytes(),
        #[cfg(feature = "otlp")]
        "otlp" => nexus_lockprof_export::otlp::metrics(&snapshot)
            .top(top)
            .resource("service.name", "convert")
            .to_bytes(),
        "html" => html::page(&snapshot).to_string().into_bytes(),
        "csv" => csv::csv(&snapshot).to_string().into_bytes(),
        _ => return Err(format!("no format {format:?}: {USAGE}").into()),
    };
    io::stdout().write_all(&bytes)?;
    Ok(())
}
