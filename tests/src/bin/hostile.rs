//! A thousand hostile requests to a program's endpoint, on a port and on a Unix socket. Afterwards
//! the endpoint answers as before, the process has the same threads and files, and its statistics
//! equal the program's own counts.
//!
//! `hostile [REQUESTS] [SEED]`

use nexus_lockprof::{Limits, Listen, Mutex, Snapshot};
use nexus_lockprof_tests::http::At;
use std::fs;
use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

/// More at a time than the server accepts.
const ATTACKERS: usize = 48;

static WORK: Mutex<u64> = Mutex::named("work", 0);
static STOP: AtomicBool = AtomicBool::new(false);
static DONE: AtomicU64 = AtomicU64::new(0);

type Attack = fn(&At, &mut fastrand::Rng) -> io::Result<()>;

const ATTACKS: [(&str, Attack); 12] = [
    ("a byte at a time", slowly),
    ("nothing at all", idle),
    ("headers without end", large_head),
    ("a body without end", large_body),
    ("half a request", truncated),
    ("noise", noise),
    ("requests that are not there", wrong),
    ("answers that nobody reads", unread),
    ("a client that does not wait", early_close),
    ("a minute that nobody waits for", waits),
    ("two lengths for one body", smuggled),
    ("a line in another protocol", other_protocol),
];

#[allow(clippy::print_stdout, reason = "what it is for")]
fn main() {
    let mut args = std::env::args().skip(1);
    let mut number = |default: u64| {
        args.next()
            .and_then(|arg| arg.parse().ok())
            .unwrap_or(default)
    };
    let (requests, seed) = (number(1000) as usize, number(7));

    let folder = std::env::temp_dir().join(format!("lp-{}-hostile", std::process::id()));
    must(fs::create_dir(&folder), "a folder");
    let path = folder.join("s");
    let limits = Limits {
        idle: Duration::from_millis(200),
        body: Duration::from_millis(200),
        answer: Duration::from_millis(200),
        ..Limits::default()
    };
    let serve = |place: &Listen| {
        must(
            nexus_lockprof::serve_within(place, limits.clone()),
            "a server",
        )
    };
    let loopback = must("127.0.0.1:0".parse(), "an address");
    let servers = [serve(&loopback), serve(&Listen::UnixAt(path.clone()))];
    let Some(address) = servers[0].local_addr() else {
        panic!("{servers:?} has no port")
    };
    let places = [At::Tcp(address), At::Unix(path)];
    let workers: Vec<_> = (0..2).map(|_| thread::spawn(work)).collect();
    for at in &places {
        must(at.get("/snapshot"), "a snapshot before");
    }
    let before = settled(None);
    println!("before: {before:?}");

    let begin = Instant::now();
    attack(&places, requests, seed);
    println!(
        "{requests} hostile requests in {:.1} s",
        begin.elapsed().as_secs_f64()
    );

    for at in &places {
        without_files(at);
    }

    // At once, not after a deadline of the last attackers.
    for at in &places {
        let begin = Instant::now();
        must(at.get("/snapshot"), "a snapshot after");
        println!(
            "answered after {:.1} ms",
            begin.elapsed().as_secs_f64() * 1e3
        );
    }
    let after = settled(Some(before));
    println!("after: {after:?}");
    assert_eq!(after, before, "threads or files are left");

    STOP.store(true, Relaxed);
    for worker in workers {
        assert!(worker.join().is_ok());
    }
    for at in &places {
        let snapshot = must(at.get("/snapshot"), "a snapshot in the end");
        let snapshot = must(Snapshot::from_json_slice(&snapshot), "JSON");
        let counted: u64 = snapshot
            .points_of("work")
            .map(|point| point.acquisitions)
            .sum();
        println!(
            "{counted} acquisitions, {} counted by the program",
            DONE.load(Relaxed)
        );
        assert_eq!(counted, DONE.load(Relaxed));
        assert_eq!((snapshot.resets(), snapshot.losses().total()), (0, 0));
        assert_eq!(
            snapshot.profiler_mode(),
            nexus_lockprof::Mode::DEFAULT.into()
        );
    }
    drop(servers);
    let _ = fs::remove_dir_all(&folder);
    println!("ok");
}

/// Sends a request when the process has no file descriptor left for the connection. The answer
/// comes once there is one.
fn without_files(at: &At) {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the call fills in the struct.
    let failed = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
    assert_eq!(failed, 0);
    let set = |current| {
        let changed = libc::rlimit {
            rlim_cur: current,
            ..limit
        };
        // SAFETY: the call reads the struct.
        let failed = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const changed) };
        assert_eq!(failed, 0);
    };
    // The client's own descriptor is the last one available.
    let next = must(fs::File::open("/dev/null"), "/dev/null");
    let number = std::os::fd::AsRawFd::as_raw_fd(&next);
    drop(next);
    set(number as u64 + 1);
    let stream = at.connect();
    thread::sleep(Duration::from_millis(300));
    set(limit.rlim_cur);
    let mut stream = must(stream, "a connection");
    let request = b"GET /config HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    must(stream.write_all(request), "a request");
    let mut answer = String::new();
    must(stream.read_to_string(&mut answer), "an answer");
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}

/// Steady, counted work.
fn work() {
    while !STOP.load(Relaxed) {
        *WORK.lock() += 1;
        DONE.fetch_add(1, Relaxed);
        thread::sleep(Duration::from_micros(100));
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Figures {
    threads: usize,
    files: usize,
}

impl Figures {
    fn now() -> Self {
        let count = |path| must(fs::read_dir(path), path).count();
        Figures {
            threads: count("/proc/self/task"),
            files: count("/proc/self/fd"),
        }
    }
}

/// The figures once they equal `expected`, or after a timeout. Without an expectation, once they
/// have not changed for a moment. The last connections end when their threads notice that the
/// clients are gone.
fn settled(expected: Option<Figures>) -> Figures {
    const LOOK: Duration = Duration::from_millis(50);
    let mut last = Figures::now();
    let mut same = 0;
    for _ in 0..200 {
        if expected == Some(last) || expected.is_none() && same > 5 {
            break;
        }
        thread::sleep(LOOK);
        let now = Figures::now();
        same = if now == last { same + 1 } else { 0 };
        last = now;
    }
    last
}

#[allow(clippy::print_stdout, reason = "what it is for")]
fn attack(places: &[At], requests: usize, seed: u64) {
    let next = AtomicUsize::new(0);
    let tally: Vec<AtomicUsize> = ATTACKS.iter().map(|_| AtomicUsize::new(0)).collect();
    thread::scope(|scope| {
        for _ in 0..ATTACKERS {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Relaxed);
                    if number >= requests {
                        return;
                    }
                    let mut rng = fastrand::Rng::with_seed(seed.wrapping_add(number as u64));
                    let kind = number % ATTACKS.len();
                    let at = &places[number / ATTACKS.len() % places.len()];
                    // The server may do anything to an attacker: answer, close or break the
                    // connection.
                    let _ = ATTACKS[kind].1(at, &mut rng);
                    tally[kind].fetch_add(1, Relaxed);
                }
            });
        }
    });
    for ((name, _), count) in ATTACKS.iter().zip(&tally) {
        println!("{:5} x {name}", count.load(Relaxed));
    }
}

fn slowly(at: &At, _: &mut fastrand::Rng) -> io::Result<()> {
    let mut stream = at.connect()?;
    for byte in b"GET /snapshot HTTP/1.1\r\nHost: localhost\r\nX: "
        .iter()
        .chain([b'x'].iter().cycle().take(1000))
    {
        stream.write_all(&[*byte])?;
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// Sends nothing until the server hangs up.
fn idle(at: &At, _: &mut fastrand::Rng) -> io::Result<()> {
    at.connect()?.read_to_end(&mut Vec::new()).map(drop)
}

fn large_head(at: &At, rng: &mut fastrand::Rng) -> io::Result<()> {
    let mut stream = at.connect()?;
    stream.write_all(b"GET /snapshot HTTP/1.1\r\nHost: localhost\r\n")?;
    for number in 0..10_000 {
        if rng.bool() {
            write!(stream, "X-{number}: y\r\n")?;
        } else {
            stream.write_all(&[b'a'; 997])?;
        }
    }
    stream.read_to_end(&mut Vec::new()).map(drop)
}

fn large_body(at: &At, rng: &mut fastrand::Rng) -> io::Result<()> {
    let mut stream = at.connect()?;
    let chunked = rng.bool();
    let length = if chunked {
        "Transfer-Encoding: chunked"
    } else {
        "Content-Length: 99999999"
    };
    write!(
        stream,
        "POST /config HTTP/1.1\r\nHost: localhost\r\n{length}\r\n\r\n"
    )?;
    for _ in 0..10_000 {
        if chunked {
            stream.write_all(b"3e8\r\n")?;
        }
        stream.write_all(&[b'm'; 1000])?;
        if chunked {
            stream.write_all(b"\r\n")?;
        }
    }
    stream.read_to_end(&mut Vec::new()).map(drop)
}

fn truncated(at: &At, rng: &mut fastrand::Rng) -> io::Result<()> {
    let whole = b"POST /config HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nmode=exac";
    at.connect()?.write_all(&whole[..rng.usize(..whole.len())])
}

fn noise(at: &At, rng: &mut fastrand::Rng) -> io::Result<()> {
    let mut stream = at.connect()?;
    let length = rng.usize(1..20_000);
    let bytes: Vec<u8> = std::iter::repeat_with(|| rng.u8(..)).take(length).collect();
    stream.write_all(&bytes)?;
    stream.read_to_end(&mut Vec::new()).map(drop)
}

fn wrong(at: &At, rng: &mut fastrand::Rng) -> io::Result<()> {
    let methods = [
        "PUT", "DELETE", "BREW", "CONNECT", "TRACE", "PATCH", "get", "",
    ];
    let paths = [
        "/snapshot",
        "/reset",
        "/config",
        "/../../etc/passwd",
        "*",
        "/%00",
        "//",
        "http://evil.example/",
        "/snapshot?seconds=-1",
    ];
    let (method, path) = (
        rng.choice(methods).unwrap_or_default(),
        rng.choice(paths).unwrap_or_default(),
    );
    at.ask(method, path, "mode=exact").map(drop)
}

/// Sends until nothing more fits, because it reads no answers.
fn unread(at: &At, _: &mut fastrand::Rng) -> io::Result<()> {
    let mut stream = at.connect()?;
    let many = "GET /snapshot HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(100);
    for _ in 0..100 {
        stream.write_all(many.as_bytes())?;
    }
    Ok(())
}

fn early_close(at: &At, _: &mut fastrand::Rng) -> io::Result<()> {
    at.connect()?
        .write_all(b"GET /snapshot HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

fn waits(at: &At, rng: &mut fastrand::Rng) -> io::Result<()> {
    let mut stream = at.connect()?;
    stream.write_all(b"GET /snapshot?seconds=60 HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    if rng.bool() {
        // More than the server reads while it waits.
        stream.write_all(&[b'x'; 50_000])?;
    }
    thread::sleep(Duration::from_millis(rng.u64(..50)));
    Ok(())
}

fn smuggled(at: &At, _: &mut fastrand::Rng) -> io::Result<()> {
    let mut stream = at.connect()?;
    stream.write_all(
        b"POST /snapshot HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n\
          ffffffffffffffffff\r\nPOST /reset HTTP/1.1\r\nHost: evil.example\r\nOrigin: http://evil.example\r\n\r\n",
    )?;
    stream.read_to_end(&mut Vec::new()).map(drop)
}

fn other_protocol(at: &At, rng: &mut fastrand::Rng) -> io::Result<()> {
    let mut stream = at.connect()?;
    let hello: &[u8] = rng
        .choice([
            &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..],
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"SSH-2.0-OpenSSH_9.9\r\n",
            b"EHLO localhost\r\n",
        ])
        .unwrap_or_default();
    stream.write_all(hello)?;
    stream.read_to_end(&mut Vec::new()).map(drop)
}

#[track_caller]
fn must<T, E: std::fmt::Display>(result: Result<T, E>, what: &str) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{what}: {error}"),
    }
}
