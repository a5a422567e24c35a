//! Nothing from outside controls the terminal: not files and their names, arguments, the
//! environment, endpoints, or the names of programs.

use crate::support::{Folder, command, of, point};
use nexus_lockprof_serve::{Listen, Serve, Server, Settings, Source};
use nexus_lockprof_snapshot::{
    AcquireMode, Frame, Lock, Point, ProfilerMode, Site, Snapshot, Stack, is_printable, printable,
};
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{self, Command, Stdio};
use std::{fs, thread};

/// A title, a colour that no table uses, cursor movement, C1, line breaks, other writing
/// directions, and invisible characters.
const EVIL: &str = "x\u{1b}]0;OWNED\u{7}\u{1b}[5mevil\u{1b}[2J\u{9b}5m\u{9d}0;t\u{9c}\r\nfake line\t\u{7f}\u{8}\u{202e}dlrow\u{2066}i\u{2069}\
    \u{61c}\u{200e}\u{200b}\u{200d}\u{2060}\u{feff}\u{ad}\u{2028}\u{2029}\u{e0041}\u{fe0f}\u{3164}";

/// The same as a file name.
fn evil_name(end: &str) -> String {
    format!("{}{end}", EVIL.replace('/', ""))
}

/// Asserts that the output contains none of that, and is not empty. With colours it may contain the
/// program's own.
#[track_caller]
fn check(what: &str, command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    // CSV's lines end in CR LF.
    let out = match what.contains("csv") {
        true => out.replace("\r\n", "\n"),
        false => out,
    };
    for text in [&out, &err] {
        let text = match what.contains("always") {
            true => without_colours(text),
            false => text.clone(),
        };
        let bad = text.chars().find(|&c| c != '\n' && !is_printable(c));
        assert_eq!(bad, None, "{what}: {text:?}");
    }
    // It did not crash, either.
    assert!(
        output.status.code().is_some_and(|code| code < 101),
        "{what}: {:?} {err}",
        output.status
    );
    assert!(!err.contains("panicked"), "{what}: {err}");
    out + &err
}

/// Removes the colours of tables: bold, dim and four colours, but not the blinking one.
fn without_colours(text: &str) -> String {
    ["0", "1", "2", "31", "32", "33"]
        .iter()
        .fold(text.to_owned(), |text, code| {
            text.replace(&format!("\u{1b}[{code}m"), "")
        })
}

/// A snapshot with the hostile text in each of its texts. The events at `line` take `wait_ns`.
fn evil_snapshot(wait_ns: u64) -> Snapshot {
    let mut points = Vec::new();
    for (line, lock) in (10..).zip([
        Lock::Named(EVIL.into()),
        Lock::Created(Site::new(format!("src/{EVIL}.rs"), 7, 7)),
        Lock::Anonymous,
        Lock::Named(format!("={EVIL}").into()),
    ]) {
        let frame = |number| Frame {
            function: Some(format!("app::{EVIL}<{EVIL}>::f{number}").into()),
            file: Some(format!("/home/{EVIL}/src/{EVIL}.rs").into()),
            line: Some(number),
            address: number.into(),
        };
        points.push(Point {
            lock,
            site: Site::new(
                format!("/home/{EVIL}/.cargo/registry/src/{EVIL}/dep-1.0.0/{EVIL}.rs"),
                line,
                3,
            ),
            callers: vec![Stack {
                frames: vec![frame(1), frame(2)],
                waits: 9,
                wait_ns: 1_000_000,
                samples: 9,
            }],
            ..point(
                "",
                AcquireMode::Exclusive,
                line,
                [100_000, 5_000],
                [wait_ns, 1_000],
            )
        });
    }
    points.push(Point::new(
        Lock::Named("readers".into()),
        AcquireMode::Shared,
        Site::new(EVIL, 0, 0),
    ));
    of(points)
}

#[test]
fn every_text_of_a_snapshot() {
    let folder = Folder::new();
    let before = folder.with(&evil_name(".lockprof"), &evil_snapshot(20_000));
    let after = folder.with(&evil_name(" after.json"), &evil_snapshot(90_000));
    let mut shown = 0;
    for color in ["never", "always", "auto"] {
        for line in [
            "report IN",
            "report IN --width 1000 --callers 9",
            "report IN --sort lock --top 2",
            "report IN --filter evil",
            "report IN --format freebsd",
            "report IN --format csv",
            "diff IN AFTER",
            "diff IN AFTER --all --fail-on worse",
            "diff --before IN IN IN --after AFTER AFTER AFTER",
            "export IN --format csv",
            "export IN --format folded",
            "export IN --format prometheus",
            "export IN --format openmetrics",
            "export IN --format flamegraph",
            "merge IN AFTER -o OUT",
            "snapshot IN -o OUT",
        ] {
            let args = line.split(' ').map(|word| match word {
                "IN" => before.as_str(),
                "AFTER" => after.as_str(),
                "OUT" => "/dev/null",
                word => word,
            });
            let text = check(
                &format!("{line} {color}"),
                command(&["--color", color]).args(args),
            );
            shown += usize::from(text.contains("OWNED"));
        }
    }
    // All commands show the names, escaped, except those that write a file.
    assert!(shown >= 3 * 13, "{shown}");
}

/// JSON into a pipe or a file is byte for byte the same.
#[test]
fn json_is_not_changed() {
    let folder = Folder::new();
    let (snapshot, out) = (evil_snapshot(20_000), folder.text("out.json"));
    let file = folder.with("in.lockprof", &snapshot);
    for args in [
        &["report", &file, "--format", "json"][..],
        &["export", &file, "--format", "json"],
        &["merge", &file, "-o", "-"],
    ] {
        let json = crate::support::lockprof(args).good();
        let read = Snapshot::from_json(&json).unwrap();
        assert_eq!(read.points().len(), snapshot.points().len());
        assert!(
            read.points().iter().any(|point| point.lock.name() == EVIL),
            "{args:?}"
        );
    }
    crate::support::lockprof(&["snapshot", &file, "-o", &out]).good();
    assert_eq!(Snapshot::read_file(&out).unwrap(), snapshot);
}

#[test]
fn names_of_files_that_are_not_there_or_not_good() {
    let folder = Folder::new();
    let good = folder.with(&evil_name(".lockprof"), &evil_snapshot(20_000));
    let none = folder.text(&evil_name("none"));
    let write = |end: &str, bytes: &[u8]| {
        let path = folder.text(&evil_name(end));
        fs::write(&path, bytes).unwrap();
        path
    };
    let quoted = serde_json::to_string(EVIL).unwrap();
    // Not escaped as in JSON: an error quotes the file's text.
    let raw = EVIL.replace(|c: char| c.is_ascii_control(), "");
    let json = evil_snapshot(1).to_json().unwrap();
    let bad: Vec<String> = [
        format!(r#"{{"format": {quoted}, "schema": 1}}"#),
        format!(r#"{{"format": "{raw}", "schema": 1}}"#),
        format!(r#"{{"format": "lockprof-snapshot", "schema": {quoted}}}"#),
        json.replace(r#""exclusive""#, &quoted),
        json.replace(r#""exclusive""#, &format!("\"{raw}\"")),
        json.replace(r#""kind":"exact""#, &format!(r#""kind":{quoted}"#)),
        json.replace(r#""engine":""#, &format!(r#""engine":"{raw}"#)),
        json.replace(
            r#""acquisitions":100000"#,
            &format!(r#""acquisitions":{quoted}"#),
        ),
        json.replace(r#""anonymous""#, &quoted),
        json.replace(r#""line":"#, &format!(r#"{quoted}:1,"line":"#)),
        EVIL.to_owned(),
        String::new(),
        json[..json.floor_char_boundary(json.len() / 2)].to_owned(),
    ]
    .iter()
    .enumerate()
    .map(|(number, text)| write(&format!("{number}.json"), text.as_bytes()))
    .chain([
        write("cut.lockprof", b"\x8CLOCKPRF\x01"),
        write("foreign.lockprof", b"\x8C\x1b[5m"),
    ])
    .collect();
    for file in bad.iter().chain([&none]) {
        for args in [
            &["report", file][..],
            &["merge", &good, file, "-o", "/dev/null"],
            &["diff", &good, file],
            &["export", file, "--format", "csv"],
            &["export", file, "-o", file],
            &["snapshot", file, "-o", "/dev/null"],
            &["reset", file],
            &["set", file, "mode=exact"],
        ] {
            check(&format!("{args:?}"), &mut command(args));
        }
    }
    let nowhere = folder.text(&format!("{}/x.csv", evil_name("no folder")));
    check(
        "no folder",
        &mut command(&["export", &good, "-o", &nowhere]),
    );
    check(
        "no folder",
        &mut command(&["snapshot", &good, "-o", &nowhere]),
    );
    check("no folder", &mut command(&["man", &good]));
    check(
        "no format",
        &mut command(&["export", &good, "-o", &folder.text(EVIL)]),
    );
}

#[test]
fn arguments() {
    let folder = Folder::new();
    let file = folder.with("good.lockprof", &evil_snapshot(20_000));
    for args in [
        &[EVIL][..],
        &["--color", EVIL],
        &[&format!("--{EVIL}")],
        &["report"],
        &["report", EVIL],
        &["report", &file, EVIL],
        &["report", &file, "--format", EVIL],
        &["report", &file, "--sort", EVIL],
        &["report", &file, "--top", EVIL],
        &["report", &file, "--seconds", EVIL],
        &["report", &file, "--lock", &format!("{EVIL}?")],
        &["report", &file, "--filter", &format!("{EVIL}?")],
        &["report", &file, &format!("--{EVIL}")],
        &["report", &format!("http://{EVIL}")],
        &["report", &format!("http://127.0.0.1:1/{EVIL}")],
        &["report", &format!("https://{EVIL}")],
        &["report", &format!("unix:{EVIL}")],
        &["diff", &file, EVIL],
        &["diff", &file, &file, "--work", EVIL],
        &["diff", &file, &file, "--metric", EVIL],
        &["diff", &file, &file, "--fail-on", EVIL],
        &["diff", &file, &file, "--threshold", EVIL],
        &["export", &file, "--format", EVIL],
        &["merge", EVIL, EVIL, "-o", EVIL],
        &["set", EVIL, "mode=exact"],
        &["set", &file, EVIL],
        &["reset", EVIL],
        &["top", &file, "--interval", EVIL],
        &["top", EVIL],
        &["completions", EVIL],
        &["man", &format!("{file}/{EVIL}")],
    ] {
        check(&format!("{args:?}"), &mut command(args));
    }
}

struct Served;

impl Source for Served {
    fn snapshot(&self) -> Snapshot {
        evil_snapshot(20_000)
    }

    fn reset(&self) {}

    fn settings(&self) -> Settings {
        Settings {
            mode: ProfilerMode::Exact,
        }
    }

    fn configure(&self, _: &Settings) -> Result<(), String> {
        Err(EVIL.to_owned())
    }
}

/// Gives these bytes as the answer to any request.
fn answering(path: &Path, answer: Vec<u8>) {
    let listener = UnixListener::bind(path).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            // Read once, whatever was asked. A client that has enough hangs up.
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(&answer);
        }
    });
}

/// Sockets in the runtime directory, which `ps` lists, and hostile answers of another user's
/// process.
#[test]
fn endpoints() {
    let runtime = Folder::new();
    // The path of a socket has 107 bytes at most.
    const SHORT: &str = "x\u{1b}]0;OWNED\u{7}\u{202e}";
    let directory = runtime.path(SHORT).join("lockprof");
    fs::create_dir_all(&directory).unwrap();
    let socket = |pid: u32| directory.join(format!("{pid}.sock"));
    let reply = |status: &str, header: &str, body: &str| {
        format!(
            "HTTP/1.1 {status}\r\n{header}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    };
    let in_a_line = EVIL.replace(['\r', '\n'], "");
    let answers = [
        reply("400 Bad Request", "", EVIL),
        reply("404 Not Found", "", EVIL),
        reply("500 Internal Server Error", "", EVIL),
        reply(
            "302 Found",
            &format!("Location: http://{in_a_line}/\r\n"),
            EVIL,
        ),
        reply("200 OK", "", EVIL),
        reply(
            "200 OK",
            "",
            &format!(r#"{{"format": {}}}"#, serde_json::to_string(EVIL).unwrap()),
        ),
        reply(&format!("200 {in_a_line}"), "", EVIL),
        reply("200 OK", &format!("{in_a_line}: {in_a_line}\r\n"), EVIL),
        reply(
            "200 OK",
            &format!("Transfer-Encoding: {in_a_line}\r\n"),
            EVIL,
        ),
        EVIL.into(),
        format!("HTTP/1.1 {EVIL}").into(),
    ];
    // No process has these numbers.
    for (pid, answer) in (4_294_000_000..).zip(answers) {
        answering(&socket(pid), answer);
    }
    // A socket whose listener is gone.
    drop(UnixListener::bind(socket(4_294_100_000)).unwrap());
    let server: Server = Serve::new(Served)
        .on(&Listen::UnixAt(socket(process::id())))
        .unwrap();
    // A program with a hostile name.
    let program = runtime.path(
        &evil_name("")
            .chars()
            .filter(|c| *c != '\n')
            .take(60)
            .collect::<String>(),
    );
    // In a process of its own: one that another test forks meanwhile would have the copy open for
    // writing, and the kernel executes no such file ("text file busy").
    let copied = Command::new("cp").arg("/bin/sleep").arg(&program).status();
    assert!(copied.unwrap().success());
    let mut sleep = Command::new(&program).arg("60").spawn().unwrap();
    let named = Serve::new(Served)
        .on(&Listen::UnixAt(socket(sleep.id())))
        .unwrap();

    let run = |args: &[&OsStr]| {
        let mut command = command(&[]);
        command.env("XDG_RUNTIME_DIR", runtime.path(SHORT));
        check(&format!("{args:?}"), command.args(args))
    };
    let ps = run(&["ps".as_ref(), "--stale".as_ref()]);
    let name = program.file_name().unwrap().to_str().unwrap();
    assert!(ps.contains(&*printable(name)), "{ps}");
    assert!(ps.contains("stale: "), "{ps}");
    run(&["ps".as_ref()]);
    run(&[
        "--color".as_ref(),
        "always".as_ref(),
        "ps".as_ref(),
        "--stale".as_ref(),
    ]);
    run(&["report".as_ref(), "4294000001".as_ref()]);
    run(&["report".as_ref(), "4294567890".as_ref()]);
    for entry in fs::read_dir(&directory).unwrap() {
        let path = entry.unwrap().path();
        for command in [
            &["report"][..],
            &["reset"],
            &["snapshot", "-o", "/dev/null"],
        ] {
            let mut args: Vec<&OsStr> = command.iter().map(|arg| arg.as_ref()).collect();
            args.insert(1, path.as_os_str());
            run(&args);
        }
        run(&["set".as_ref(), path.as_os_str(), "mode=exact".as_ref()]);
    }
    sleep.kill().unwrap();
    sleep.wait().unwrap();
    drop((server, named));
}
