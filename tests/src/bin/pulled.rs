//! A program with steady lock work. Every other second, its endpoint is asked 200 times a second.
//! It shows what that costs in throughput, and whether memory and open files stay constant.
//!
//! Throughput is measured in wall-clock time, including whatever else the machine does. Beside it
//! is the threads' processor time, which shows what a pull costs anywhere. It has the endpoint's
//! part, and the client's, which is here only because this is a test.
//!
//! `pulled [SECONDS] [PER SECOND] [POINTS] [ANSWER]`, where ANSWER is `snapshot`, `json` or
//! `metrics`. Exits with 1 only beyond a wide margin, because other load on the machine is not the
//! program's fault.

use nexus_lockprof::{Listen, Mutex};
use nexus_lockprof_tests::http::At;
use std::fs;
use std::hint::black_box;
use std::io::{BufRead, BufReader, Read, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

/// The accepted loss of throughput, and the loss that fails whatever the machine was doing.
const TARGET: f64 = 0.02;
const MARGIN: f64 = 0.15;
/// The accepted growth of memory from the 10th second on.
const GROWTH_KIB: u64 = 4096;
/// The share of one processor that 200 pulls a second may take.
const PROCESSOR: f64 = 0.01;
const POINTS: u64 = 8;
/// Longer than it takes to use up what the endpoint saves, if an answer takes a tenth of a
/// millisecond.
const SAVINGS: Duration = Duration::from_secs(60);
/// What a client can ask for: its name, its path, and what the client accepts.
const ANSWERS: [[&str; 3]; 3] = [
    ["snapshot", "/snapshot", "application/vnd.lockprof"],
    ["json", "/snapshot", "application/json"],
    ["metrics", "/metrics", "text/plain"],
];

static STOP: AtomicBool = AtomicBool::new(false);
static PULLING: AtomicBool = AtomicBool::new(false);
/// Whether the endpoint has given an answer again: it has used up what it had saved for new ones.
static REPEATS: AtomicBool = AtomicBool::new(false);
static DONE: AtomicU64 = AtomicU64::new(0);
static WORK_NS: [AtomicU64; 2] = [const { AtomicU64::new(0) }; 2];
static PULL_NS: AtomicU64 = AtomicU64::new(0);
static PULLED: AtomicU64 = AtomicU64::new(0);
static LATE: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);

#[allow(clippy::print_stdout, reason = "what it is for")]
fn main() {
    let mut args = std::env::args().skip(1);
    let mut number = |default: u64| {
        args.next()
            .and_then(|arg| arg.parse().ok())
            .unwrap_or(default)
    };
    let (seconds, per_second, points) = (number(120), number(200), number(POINTS));
    let answer = args.next().unwrap_or_else(|| ANSWERS[0][0].to_owned());
    let known = ANSWERS.into_iter().find(|[name, ..]| *name == answer);
    let answer = must(known.ok_or("snapshot, json or metrics"), "the answer");
    let folder = std::env::temp_dir().join(format!("lp-{}-pulled", std::process::id()));
    must(fs::create_dir(&folder), "a folder");
    let path = folder.join("s");
    let server = must(
        nexus_lockprof::serve(&Listen::UnixAt(path.clone())),
        "a server",
    );

    let locks: Vec<_> = (0..points)
        .map(|number| Mutex::named(name(number), 0_u64))
        .collect();
    let locks: &'static [Mutex<u64>] = Vec::leak(locks);
    let workers = [0, 1].map(|id| thread::spawn(move || work(locks, id)));
    let puller = thread::spawn(move || pull(&At::Unix(path), per_second, answer));

    let mut ratios = Vec::new();
    let (mut with, mut without) = (Vec::new(), Vec::new());
    let mut served_ns = 0;
    let mut early = None;
    // The first second creates points and reservoirs, and calibrates the clock.
    thread::sleep(Duration::from_secs(1));
    // The long run begins when nothing is saved.
    PULLING.store(true, Relaxed);
    let begin = Instant::now();
    while !REPEATS.load(Relaxed) && begin.elapsed() < SAVINGS {
        thread::sleep(Duration::from_millis(10));
    }
    PULLING.store(false, Relaxed);
    thread::sleep(Duration::from_millis(100));
    for figure in [&PULLED, &LATE, &BYTES] {
        figure.store(0, Relaxed);
    }
    let pull_ns = PULL_NS.load(Relaxed);
    for pair in 0..seconds / 2 {
        // The order alternates, so that a trend in the machine's load favours neither.
        let first_pulled = pair % 2 == 0;
        let one = second(first_pulled);
        let two = second(!first_pulled);
        let (pulled, alone) = if first_pulled { (one, two) } else { (two, one) };
        with.push(pulled.throughput);
        without.push(alone.throughput);
        ratios.push(pulled.throughput / alone.throughput);
        served_ns += pulled.others_ns.saturating_sub(alone.others_ns);
        if pair == 5 {
            early = Some(Figures::now());
        }
    }
    PULLING.store(false, Relaxed);
    thread::sleep(Duration::from_millis(200));
    let late = Figures::now();
    STOP.store(true, Relaxed);
    for thread in workers.into_iter().chain([puller]) {
        assert!(thread.join().is_ok());
    }
    drop(server);
    let _ = fs::remove_dir_all(&folder);

    let pulled = PULLED.load(Relaxed);
    println!(
        "{points} points, {}: {pulled} answers of {} bytes in {} s of pulling, {} of them later than the next was due",
        answer[0],
        BYTES.load(Relaxed) / pulled.max(1),
        seconds / 2,
        LATE.load(Relaxed)
    );
    let (with, without, ratio) = (median(with), median(without), median(ratios));
    println!(
        "operations a second: {:.3} M with pulling, {:.3} M without",
        with / 1e6,
        without / 1e6
    );
    println!(
        "ratio, median of {} pairs of seconds: {ratio:.4}",
        seconds / 2
    );
    let microseconds = |ns: u64| ns as f64 / 1e3 / pulled.max(1) as f64;
    let processors = thread::available_parallelism().map_or(1, usize::from);
    println!(
        "processor time of a pull: {:.0} us of the endpoint, {:.0} us of the client",
        microseconds(served_ns),
        microseconds(PULL_NS.load(Relaxed) - pull_ns),
    );
    let share = microseconds(served_ns) * per_second as f64 / 1e6;
    println!(
        "the endpoint takes {:.2} % of one of {processors} processors, at most {:.0} %: {}",
        share * 100.0,
        PROCESSOR * 100.0,
        if share <= PROCESSOR { "PASS" } else { "missed" }
    );
    let fall = 1.0 - ratio;
    let word = if fall <= TARGET { "PASS" } else { "missed" };
    println!(
        "throughput falls by {:.2} %, at most {:.0} %: {word}",
        fall * 100.0,
        TARGET * 100.0
    );
    let mut failed = fall > MARGIN;

    if let Some(early) = early {
        println!("second 12: {early:?}; end: {late:?}");
        let grown = late.memory_kib.saturating_sub(early.memory_kib);
        println!(
            "memory grows by {grown} KiB, at most {GROWTH_KIB}: {}",
            pass(grown <= GROWTH_KIB)
        );
        println!("files: {}", pass(late.files == early.files));
        println!("threads: {}", pass(late.threads == early.threads));
        failed |= grown > GROWTH_KIB || late.files != early.files || late.threads != early.threads;
    }
    // Most of the planned pulls happened.
    let due = per_second * (seconds / 2);
    println!("{pulled} of {due} pulls: {}", pass(pulled * 10 >= due * 9));
    std::process::exit(i32::from(failed));
}

fn pass(passed: bool) -> &'static str {
    if passed { "PASS" } else { "FAILED" }
}

fn name(number: u64) -> &'static str {
    format!("shard {number}").leak()
}

/// Steady work: a lock every few hundred nanoseconds, seldom the same as the other thread's.
fn work(locks: &[Mutex<u64>], id: usize) {
    let mut rng = fastrand::Rng::with_seed(id as u64);
    while !STOP.load(Relaxed) {
        for _ in 0..1000 {
            *locks[rng.usize(..locks.len())].lock() += 1;
            for step in 0..100_u64 {
                black_box(step);
            }
        }
        DONE.fetch_add(1000, Relaxed);
        WORK_NS[id].store(cpu_ns(libc::CLOCK_THREAD_CPUTIME_ID), Relaxed);
    }
}

/// The work of one second.
struct Second {
    /// Operations.
    throughput: f64,
    /// Processor time of all threads except the workers and the puller.
    others_ns: u64,
}

fn second(pulled: bool) -> Second {
    PULLING.store(pulled, Relaxed);
    // Lets earlier work finish.
    thread::sleep(Duration::from_millis(20));
    let known = || {
        WORK_NS
            .iter()
            .chain([&PULL_NS])
            .map(|ns| ns.load(Relaxed))
            .sum::<u64>()
    };
    let others = || cpu_ns(libc::CLOCK_PROCESS_CPUTIME_ID).saturating_sub(known());
    let (begin, before, others_before) = (Instant::now(), DONE.load(Relaxed), others());
    thread::sleep(Duration::from_secs(1));
    let (done, others_ns) = (
        DONE.load(Relaxed) - before,
        others().saturating_sub(others_before),
    );
    Second {
        throughput: done as f64 / begin.elapsed().as_secs_f64(),
        others_ns,
    }
}

/// Processor time of the calling thread, or of the process.
fn cpu_ns(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the call fills in the struct.
    let failed = unsafe { libc::clock_gettime(clock, &raw mut time) };
    assert_eq!(failed, 0);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Pulls on request, on connections that stay open as long as the server allows.
fn pull(at: &At, per_second: u64, [_, path, accept]: [&str; 3]) {
    let pause = Duration::from_secs(1) / u32::try_from(per_second.max(1)).unwrap_or(u32::MAX);
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\n\r\n");
    let mut connection = None;
    let mut next = Instant::now();
    while !STOP.load(Relaxed) {
        PULL_NS.store(cpu_ns(libc::CLOCK_THREAD_CPUTIME_ID), Relaxed);
        if !PULLING.load(Relaxed) {
            thread::sleep(Duration::from_millis(1));
            next = Instant::now();
            continue;
        }
        let stream =
            connection.get_or_insert_with(|| BufReader::new(must(at.connect(), "a connection")));
        let closes = ask(stream, &request);
        if closes {
            connection = None;
        }
        if !REPEATS.load(Relaxed) {
            continue;
        }
        next += pause;
        match next.checked_duration_since(Instant::now()) {
            Some(time) => thread::sleep(time),
            None => {
                LATE.fetch_add(1, Relaxed);
            }
        }
    }
}

/// Reads one answer, and returns whether the server closes the connection after it.
fn ask(stream: &mut BufReader<Box<dyn nexus_lockprof_tests::http::Stream>>, request: &str) -> bool {
    must(stream.get_mut().write_all(request.as_bytes()), "a request");
    let (mut length, mut closes) = (0, false);
    let mut line = String::new();
    loop {
        line.clear();
        must(stream.read_line(&mut line), "a header");
        match line.trim_end().split_once(": ") {
            Some(("content-length", value)) => length = value.parse().unwrap_or(0),
            Some(("connection", "close")) => closes = true,
            Some(("age", _)) => REPEATS.store(true, Relaxed),
            Some(_) => {}
            None if line == "\r\n" => break,
            None => assert_eq!(line, "HTTP/1.1 200 OK\r\n"),
        }
    }
    let mut body = vec![0; length];
    must(stream.read_exact(&mut body), "a body");
    PULLED.fetch_add(1, Relaxed);
    BYTES.fetch_add(length as u64, Relaxed);
    closes
}

#[derive(Clone, Copy, Debug)]
struct Figures {
    memory_kib: u64,
    files: usize,
    threads: usize,
}

impl Figures {
    fn now() -> Self {
        let count = |path| must(fs::read_dir(path), path).count();
        let status = must(fs::read_to_string("/proc/self/status"), "/proc/self/status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        Figures {
            memory_kib: kib.unwrap_or(0),
            files: count("/proc/self/fd"),
            threads: count("/proc/self/task"),
        }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[track_caller]
fn must<T, E: std::fmt::Display>(result: Result<T, E>, what: &str) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{what}: {error}"),
    }
}
