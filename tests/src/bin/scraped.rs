//! A program whose metrics are scraped: `scraped SECONDS`.
//!
//! Prints the address that it serves on, works for so long, then prints what it has counted itself, `NAME COUNT` a line, and goes on
//! serving until its standard input ends.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nexus_lockprof::Mutex;
use nexus_lockprof_export::prometheus::{self, Scrapes};

type Error = Box<dyn std::error::Error>;

static SESSIONS: Mutex<u64> = Mutex::named("sessions", 0);
static QUEUE: Mutex<u64> = Mutex::named("queue", 0);

/// What the program counts, by what Prometheus must say.
#[derive(Default)]
struct Counts {
    sessions: AtomicU64,
    queue: AtomicU64,
    timeouts: AtomicU64,
}

#[allow(clippy::print_stdout, reason = "what it is for")]
fn main() -> Result<(), Error> {
    let seconds: u64 = std::env::args().nth(1).ok_or("scraped SECONDS")?.parse()?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("{}", listener.local_addr()?);
    thread::spawn(move || serve(&listener));

    let counts = Arc::new(Counts::default());
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
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// Some hundred short holds, one that others wait for, and one wait that may be given up; then a pause, since the machine is not ours alone.
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
    thread::sleep(Duration::from_millis(5));
}

fn serve(listener: &TcpListener) {
    let mut scrapes = Scrapes::new();
    for stream in listener.incoming() {
        // A client that goes away is its own affair.
        if let Err(error) = stream.and_then(|stream| answer(stream, &mut scrapes)) {
            eprintln!("scraped: {error}");
        }
    }
}

/// One request, whatever it asks for, and no other on its connection.
fn answer(stream: TcpStream, scrapes: &mut Scrapes) -> io::Result<()> {
    let mut open_metrics = false;
    for line in BufReader::new(&stream).lines() {
        let line = line?.to_ascii_lowercase();
        match line.as_str() {
            "" => break,
            line => open_metrics |= line.starts_with("accept:") && line.contains("openmetrics"),
        }
    }
    let snapshot = nexus_lockprof::snapshot();
    let text = scrapes
        .text(&snapshot)
        .open_metrics(open_metrics)
        .to_string();
    let kind = match open_metrics {
        true => prometheus::OPEN_METRICS_CONTENT_TYPE,
        false => prometheus::CONTENT_TYPE,
    };
    let length = text.len();
    let head = "HTTP/1.1 200 OK\r\nConnection: close\r\n";
    write!(
        &stream,
        "{head}Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{text}"
    )
}
