//! `lockprof set` and `lockprof reset`: change what a process measures, and since when.

use crate::target::Target;
use anyhow::Result;

pub(crate) const EXAMPLES: &str = "\
Examples:
  lockprof set 4711 mode=exact
  lockprof set 4711 mode=sampled budget=2%
  lockprof set http://127.0.0.1:9464 mode=off";

pub(crate) const RESET_EXAMPLES: &str = "\
Examples:
  lockprof reset 4711
  lockprof reset /run/user/1000/lockprof/4711.sock";

#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    /// Process: a number, a socket or a URL.
    pub(crate) target: Target,
    /// mode=off, counts, sampled or exact; budget=SHARE of each thread's time that sampling may
    /// take.
    #[arg(required = true, value_name = "NAME=VALUE", value_parser = change)]
    pub(crate) changes: Vec<String>,
}

/// A name and a value. The process knows which ones are valid.
fn change(text: &str) -> Result<String, String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() && !text.contains('&') => {
            Ok(text.to_owned())
        }
        _ => Err("expected NAME=VALUE, such as mode=exact or budget=2%".to_owned()),
    }
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let mut source = options.target.connect()?;
    source.set(&options.changes.join("&"))
}

pub(crate) fn reset(target: &Target) -> Result<()> {
    target.connect()?.reset()
}
