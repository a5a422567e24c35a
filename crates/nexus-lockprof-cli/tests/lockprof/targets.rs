//! Processes, sockets and URLs: the real endpoint, and impostors.

mod others;

use crate::support::{Folder, before, command, lockprof};
use nexus_lockprof_serve::{Listen, Serve, Server, Settings, Source};
use nexus_lockprof_snapshot::{ProfilerMode, Snapshot};
use rustix::net::{AddressFamily, SocketType, bind, getsockname, socket};
use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::process;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// What the server serves: a snapshot, and the requests so far.
struct Fixed {
    settings: Mutex<Settings>,
    resets: AtomicU64,
}

impl Source for &'static Fixed {
    fn snapshot(&self) -> Snapshot {
        snapshot()
    }

    fn reset(&self) {
        self.resets.fetch_add(1, Ordering::SeqCst);
    }

    fn settings(&self) -> Settings {
        *self.settings.lock().unwrap()
    }

    fn configure(&self, settings: &Settings) -> Result<(), String> {
        if settings.mode == ProfilerMode::Off {
            return Err("it stays on".into());
        }
        *self.settings.lock().unwrap() = *settings;
        Ok(())
    }
}

/// A snapshot of this process.
fn snapshot() -> Snapshot {
    let json = before().to_json().unwrap();
    let pid = format!(r#""pid":{}"#, process::id());
    Snapshot::from_json(&json.replacen(r#""pid":4711"#, &pid, 1)).unwrap()
}

fn served(place: &Listen) -> (Server, &'static Fixed) {
    let fixed: &Fixed = Box::leak(Box::new(Fixed {
        settings: Mutex::new(Settings {
            mode: ProfilerMode::Exact,
        }),
        resets: AtomicU64::new(0),
    }));
    (Serve::new(fixed).on(place).unwrap(), fixed)
}

/// Makes every request to the endpoint `target`, which error messages call `name`.
fn ask_everything(target: &str, name: &str, fixed: &Fixed) {
    let folder = Folder::new();
    let out = folder.text("out.json");
    lockprof(&["snapshot", target, "-o", &out]).good();
    let written = std::fs::read_to_string(&out).unwrap();
    assert_eq!(Snapshot::from_json(&written).unwrap(), snapshot());
    let json = lockprof(&["report", target, "--format", "json"]).good();
    assert_eq!(Snapshot::from_json(&json).unwrap(), snapshot());
    lockprof(&["reset", target]).good();
    assert_eq!(fixed.resets.load(Ordering::SeqCst), 1);
    lockprof(&["set", target, "mode=sampled", "budget=2%"]).good();
    let settings = *fixed.settings.lock().unwrap();
    assert_eq!(settings.mode, ProfilerMode::Sampled { budget: 0.02 });
    assert_eq!(
        lockprof(&["set", target, "mode=loud"]).failed(),
        format!(r#"{name}: mode="loud" is not one of off, counts, sampled, exact"#)
    );
    let error = lockprof(&["set", target, "mode=off"]).failed();
    assert!(
        error.starts_with(name) && error.ends_with("it stays on"),
        "{error}"
    );
}

#[test]
fn a_socket() {
    let folder = Folder::new();
    let path = folder.text("app.sock");
    let (_server, fixed) = served(&Listen::UnixAt(path.clone().into()));
    ask_everything(&path, &path, fixed);
    lockprof(&["reset", &format!("unix:{path}")]).good();
}

#[test]
fn a_url() {
    let (server, fixed) = served(&"127.0.0.1:0".parse().unwrap());
    let url = format!("http://{}", server.local_addr().unwrap());
    ask_everything(&url, &url, fixed);
    // However the user copied it.
    for end in ["/", "/snapshot"] {
        lockprof(&["reset", &format!("{url}{end}")]).good();
    }
    // As LOCKPROF_SERVE takes it.
    lockprof(&["reset", &server.local_addr().unwrap().to_string()]).good();
}

#[test]
fn a_process_and_the_list_of_them() {
    let folder = Folder::new();
    let runtime = folder.path("lockprof");
    std::fs::create_dir(&runtime).unwrap();
    fs::set_permissions(&runtime, Permissions::from_mode(0o700)).unwrap();
    let pid = process::id();
    let path = runtime.join(format!("{pid}.sock"));
    let (_server, fixed) = served(&Listen::UnixAt(path.clone()));
    let run = |args: &[&str]| -> crate::support::Run {
        let mut command = command(args);
        command.env("XDG_RUNTIME_DIR", folder.path(""));
        command.output().unwrap().into()
    };
    run(&["reset", &pid.to_string()]).good();
    assert_eq!(fixed.resets.load(Ordering::SeqCst), 1);

    // A silent endpoint of an existing process.
    let silent = std::os::unix::process::parent_id();
    let listener = UnixListener::bind(runtime.join(format!("{silent}.sock"))).unwrap();
    thread::spawn(move || listener.incoming().for_each(drop));
    // A socket without a listener, and a file that is no socket.
    drop(UnixListener::bind(runtime.join("4000000.sock")).unwrap());
    std::fs::write(runtime.join("notes.txt"), "").unwrap();
    let list = run(&["ps"]).good();
    let lines: Vec<&str> = list.lines().collect();
    let words: Vec<&str> = lines[0]
        .split("  ")
        .filter(|word| !word.is_empty())
        .map(str::trim)
        .collect();
    assert_eq!(
        words,
        [
            "pid",
            "program",
            "profiler mode",
            "profiled",
            "acquisitions",
            "uptime"
        ]
    );
    // Other processes of this user may serve elsewhere.
    let own = pid.to_string();
    let mut words = lines
        .iter()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    let words = words.find(|words| words[0] == own).unwrap();
    assert_eq!(words[2..5], ["exact", "20.0s", "280k"]);
    assert!(
        words[1].starts_with("lockprof-"),
        "this program's name: {list}"
    );
    let silent = silent.to_string();
    let line = lines
        .iter()
        .find(|line| line.split_whitespace().next() == Some(&silent));
    assert!(line.unwrap().contains("  no answer  "), "{list}");
    assert!(
        list.contains(" that do not answer: see --stale\n"),
        "{list}"
    );
    let list = run(&["ps", "--stale"]).good();
    assert!(
        list.contains("4000000.sock: nobody listens there"),
        "{list}"
    );

    let error = run(&["report", "4000000"]).failed();
    assert!(
        error.starts_with("process 4000000 (for a file, write ./4000000): ")
            && error
                .contains("4000000.sock: nobody listens there: the process that made it is gone"),
        "{error}"
    );
    let error = run(&["report", "1"]).failed();
    assert!(
        error.contains("it does not serve: there is no 1.sock or 1.url in "),
        "{error}"
    );
    let error = run(&["report", "3999999"]).failed();
    assert!(
        error.contains("there is no such process, and no 3999999.sock or 3999999.url in "),
        "{error}"
    );
}

/// A server on a port leaves a link in the runtime directory that tells where it is.
#[test]
fn a_process_that_serves_on_a_port() {
    let folder = Folder::new();
    let runtime = folder.path("lockprof");
    fs::create_dir(&runtime).unwrap();
    fs::set_permissions(&runtime, Permissions::from_mode(0o700)).unwrap();
    let (server, fixed) = served(&"127.0.0.1:0".parse().unwrap());
    let run = |args: &[&str]| -> crate::support::Run {
        let mut command = command(args);
        command.env("XDG_RUNTIME_DIR", folder.path(""));
        command.output().unwrap().into()
    };
    let pid = process::id();
    let link = |pid: u32| {
        let link = runtime.join(format!("{pid}.url"));
        std::os::unix::fs::symlink(server.to_string(), link).unwrap();
    };
    link(pid);
    // Left by an earlier process with this number.
    drop(UnixListener::bind(runtime.join(format!("{pid}.sock"))).unwrap());
    run(&["reset", &pid.to_string()]).good();
    assert_eq!(fixed.resets.load(Ordering::SeqCst), 1);
    assert!(run(&["ps"]).good().contains("280k"));
    // The port is another process's by now.
    let other = std::os::unix::process::parent_id();
    link(other);
    let error = run(&["report", &other.to_string()]).failed();
    let expected = format!("process {pid} serves at {server} now");
    assert!(error.ends_with(&expected), "{error}");
    let stale = |url: &str, expected: &str| {
        let link = runtime.join(format!("{other}.url"));
        let _ = fs::remove_file(&link);
        std::os::unix::fs::symlink(url, &link).unwrap();
        let list = run(&["ps", "--stale"]).good();
        let row = |line: &str| line.split_whitespace().next() == Some(&other.to_string());
        assert!(!list.lines().any(row), "{list}");
        let of = format!("{}: ", link.display());
        let said = |line: &str| line.contains(&of) && line.contains(expected);
        assert!(list.lines().any(said), "{list}");
    };
    stale(&server.to_string(), &expected);
    // Bound, and not listening.
    let silent = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&silent, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address: SocketAddr = getsockname(&silent).unwrap().try_into().unwrap();
    let expected = match cfg!(target_os = "linux") {
        true => "nobody listens there",
        false => "refused",
    };
    stale(&format!("http://{address}"), expected);
}

#[test]
fn urls_that_are_none() {
    for (url, error) in [
        (
            "https://localhost:1/",
            "the endpoint speaks http, not https",
        ),
        ("http://", "no URL: "),
        (
            "http://127.0.0.1:1/snapshot?seconds=5",
            "the URL is of the endpoint, not of one of its pages",
        ),
        ("http://127.0.0.1:1", "http://127.0.0.1:1: "),
    ] {
        let found = lockprof(&["report", url]).failed();
        assert!(found.contains(error), "{url}: {found}");
    }
}

#[test]
fn a_socket_that_nobody_listens_on() {
    let folder = Folder::new();
    let path = folder.text("app.sock");
    drop(UnixListener::bind(&path).unwrap());
    let error = lockprof(&["report", &path]).failed();
    assert!(
        error.starts_with(&format!("socket {path}: nobody listens there")),
        "{error}"
    );
    let error = lockprof(&["report", "unix:no/such.sock"]).failed();
    assert!(
        error.starts_with("socket no/such.sock: No such file"),
        "{error}"
    );
}

/// Gives this answer to any request.
fn posing(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 1 << 16];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(answer);
        }
    });
    url
}

#[test]
fn what_is_no_endpoint() {
    for (answer, error) in [
        (
            &b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"[..],
            ": the answer is not a snapshot: not valid JSON",
        ),
        (
            b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
            "there is no /snapshot: is this a lockprof endpoint?",
        ),
        (
            b"HTTP/1.1 500 Oh\r\nContent-Length: 4\r\n\r\n\x1b[2J",
            "was refused: 500 Internal Server Error \\u{1b}[2J",
        ),
        (
            b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
            "was refused: 302",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n{",
            ": ",
        ),
        (b"SSH-2.0-OpenSSH\r\n", ": "),
        (b"", ": "),
    ] {
        let url = posing(answer);
        let found = lockprof(&["report", &url]).failed();
        assert!(found.starts_with(&url) && found.contains(error), "{found}");
    }
}
