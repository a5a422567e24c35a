//! `lockprof selftest`: checks that this build profiles.
//!
//! It links the locks and the engine, and follows the whole path of a profile. A lock is made hot,
//! and the event must arrive. The snapshot must survive being written and read, and must appear in
//! the report.

use crate::exit::Outcome;
use crate::files;
use crate::output;
use crate::terminal::Color;
use anyhow::{Context, Result, ensure};
use nexus_lockprof::{Config, Event, Mode, Mutex};
use nexus_lockprof_export::text;
use nexus_lockprof_snapshot::{Hot, Snapshot};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

/// Enough for a 95th percentile.
const HOLDS: u64 = 100;
const NAME: &str = "selftest";
/// Minimum length of each hold.
const HOLD: Duration = Duration::from_micros(20);
/// Holds longer than this are hot.
const THRESHOLD: Duration = Duration::from_micros(1);

static LOCK: Mutex<u64> = Mutex::named(NAME, 0);

/// Prints its findings. The outcome is bad if one is.
pub(crate) fn run(color: Color) -> Result<Outcome> {
    match on().and_then(|()| output::print(color, &"lockprof: on")) {
        Ok(()) => {}
        Err(error) if error.is::<output::Closed>() => return Err(error),
        Err(error) => return failed(color, "lockprof: OFF", &error),
    }
    match lock_hot() {
        Ok(()) => output::print(color, &"SELFTEST: lock hot ok")?,
        Err(error) => return failed(color, "SELFTEST: lock hot FAILED", &error),
    }
    Ok(Outcome::Good)
}

fn failed(color: Color, what: &str, error: &anyhow::Error) -> Result<Outcome> {
    output::print(color, &format_args!("{what}: {error:#}"))?;
    Ok(Outcome::Bad)
}

/// Checks that acquisitions are counted.
fn on() -> Result<()> {
    // Ignores LOCKPROF, because this tests the build.
    let config = Config::default().mode(Mode::Exact).hot_hold(THRESHOLD);
    nexus_lockprof::configure(config).context("it cannot be turned on")?;
    nexus_lockprof::reset();
    *LOCK.lock() += 1;
    let snapshot = nexus_lockprof::snapshot();
    let point = snapshot.point(NAME).context("the acquisition is missing")?;
    ensure!(
        point.acquisitions == 1,
        "{} acquisitions were counted instead of 1",
        point.acquisitions
    );
    Ok(())
}

/// Checks that a hot lock is reported with the right figures, and survives the whole path.
fn lock_hot() -> Result<()> {
    let heard: Arc<std::sync::Mutex<Option<Hot>>> = Arc::default();
    let handler = nexus_lockprof::on_event({
        let heard = Arc::clone(&heard);
        move |event| {
            if let Event::Hot(hot) = event {
                let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
                heard.get_or_insert_with(|| hot.clone());
            }
        }
    });
    for _ in 0..HOLDS {
        let mut count = LOCK.lock();
        *count += 1;
        let begin = Instant::now();
        while begin.elapsed() < HOLD {
            std::hint::spin_loop();
        }
    }
    let snapshot = nexus_lockprof::snapshot();
    nexus_lockprof::remove_handler(handler);
    let heard = heard.lock().unwrap_or_else(PoisonError::into_inner).take();
    let hot = heard.context("no lock.hot event came")?;
    ensure!(
        hot.to_string().starts_with("lock.hot lock=selftest "),
        "the event is of another lock: {hot}"
    );
    check(&snapshot)?;
    let read = files::parse(&snapshot.to_bytes()?).context("the snapshot cannot be read")?;
    ensure!(read == snapshot, "the snapshot changed in a file");
    let report = text::table(&read).to_string();
    ensure!(report.contains(NAME), "the lock is not in the report");
    Ok(())
}

fn check(snapshot: &Snapshot) -> Result<()> {
    let held = snapshot
        .points_of(NAME)
        .max_by_key(|point| point.acquisitions)
        .context("the lock is not in the snapshot")?;
    ensure!(
        held.acquisitions == HOLDS,
        "{} of {HOLDS} acquisitions were counted",
        held.acquisitions
    );
    let least = u64::try_from(HOLD.as_nanos())? * HOLDS;
    ensure!(
        held.hold.total_ns >= least,
        "the lock was held for {least} ns at least, and {} were measured",
        held.hold.total_ns
    );
    Ok(())
}
