//! A program whose metrics are scraped: `scraped SECONDS`.
//!
//! Prints its address, works for that long, then prints its own counts, one `NAME COUNT` per line.
//! It serves until its standard input ends. For each input line it does a little more work.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nexus_lockprof::{Mutex, RwLock};

type Error = Box<dyn std::error::Error>;

static SESSIONS: Mutex<u64> = Mutex::named("sessions", 0);
static QUEUE: Mutex<u64> = Mutex::named("queue", 0);
/// The length of the pause, in milliseconds.
static PAUSE: RwLock<u64> = RwLock::named("pause", 5);

/// The program's counts, by the name Prometheus must show.
#[derive(Default)]
struct Counts {
    sessions: AtomicU64,
    queue: AtomicU64,
    timeouts: AtomicU64,
}

#[allow(clippy::print_stdout, reason = "what it is for")]
fn main() -> Result<(), Error> {
    let seconds: u64 = std::env::args().nth(1).ok_or("scraped SECONDS")?.parse()?;
    let server = nexus_lockprof::serve(&"127.0.0.1:0".parse()?)?;
    println!("{}", server.local_addr().ok_or("no address")?);

    let counts = Counts::default();
    let end = Instant::now() + Duration::from_secs(seconds);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while Instant::now() < end {
                    work(&counts);
                }
            });
        }
    });
    for (name, count) in [
        ("sessions", &counts.sessions),
        ("queue", &counts.queue),
        ("timeouts", &counts.timeouts),
    ] {
        println!("{name} {}", count.load(Ordering::Relaxed));
    }
    for line in io::stdin().lines() {
        line?;
        work(&counts);
    }
    Ok(())
}

/// A few hundred short holds, one that others wait for, and one wait that may time out. Then a
/// pause, to leave the machine to others, which a writer waits for.
fn work(counts: &Counts) {
    for _ in 0..200 {
        *SESSIONS.lock() += 1;
    }
    counts.sessions.fetch_add(200, Ordering::Relaxed);
    {
        let mut queue = QUEUE.lock();
        thread::sleep(Duration::from_millis(2));
        *queue += 1;
    }
    counts.queue.fetch_add(1, Ordering::Relaxed);
    match QUEUE.try_lock_for(Duration::from_micros(100)) {
        Some(_) => counts.queue.fetch_add(1, Ordering::Relaxed),
        None => counts.timeouts.fetch_add(1, Ordering::Relaxed),
    };
    {
        let pause = PAUSE.read();
        thread::sleep(Duration::from_millis(*pause));
    }
    *PAUSE.write() = 5;
}
