//! `lockprof report` and `lockprof export`.

use crate::golden;
use crate::support::{Folder, before, built_in, command, lockprof, of, with_edges};
use nexus_lockprof_snapshot::{Frame, Snapshot, SnapshotParts, Stack};
use std::io::{Read, Write};
use std::process::Stdio;

#[test]
fn each_format() {
    let folder = Folder::new();
    let file = folder.with("run.json", &before());
    for (name, args) in [
        ("report-table.txt", &["--width", "120"][..]),
        ("report-narrow.txt", &["--width", "60", "--callers", "0"]),
        ("report-freebsd.txt", &["--format", "freebsd"]),
        ("report.csv", &["--format", "csv"]),
        (
            "report-top.txt",
            &["--sort", "hold", "--top", "2", "--width", "120"],
        ),
        (
            "report-top.csv",
            &["--sort", "hold", "-n", "2", "-f", "csv"],
        ),
        ("report-lock.txt", &["--lock", "sessions", "--width", "120"]),
        (
            "report-filter.txt",
            &["--filter", "SESS shared", "--width", "120"],
        ),
    ] {
        let args = [&["report", &file][..], args].concat();
        golden::check(name, &lockprof(&args).good());
    }
    let json = lockprof(&["report", &file, "--format", "json"]).good();
    assert_eq!(json, before().to_json().unwrap() + "\n");
}

/// Addresses in a program's file get the names of their functions, if the user asks for it.
#[test]
fn addresses_are_named() {
    let program = std::env::current_exe().unwrap();
    let loader = addr2line::Loader::new(&program).unwrap();
    // This function, in either form of symbols. Others have its name inside theirs: iterators over
    // its closures, whose names are cut short.
    let is_this = |symbol: &str| {
        symbol.ends_with("19addresses_are_named") || symbol.contains("19addresses_are_named17h")
    };
    let address = (0..u64::from(u32::MAX))
        .step_by(16)
        .find(|&address| loader.find_symbol(address).is_some_and(is_this))
        .unwrap();
    let frame = Frame {
        file: Some((*program.to_string_lossy()).into()),
        address: address + 1,
        ..Frame::default()
    };
    let stack = Stack {
        frames: vec![frame],
        waits: 1,
        wait_ns: 5_000,
        samples: 1,
    };
    let mut point = before().points()[0].clone();
    point.callers = vec![stack];
    let folder = Folder::new();
    let file = folder.with("run.lockprof", &of(vec![point]));
    let bare = lockprof(&["report", &file]).good();
    assert!(!bare.contains("addresses_are_named"), "{bare}");
    let named = lockprof(&["report", &file, "--symbols"]).good();
    assert!(named.contains("addresses_are_named"), "{named}");
    let folded = ["export", &file, "--format", "folded", "--symbols"];
    let folded = lockprof(&folded).good();
    assert!(folded.contains("addresses_are_named"), "{folded}");
}

/// COLUMNS is the width where nothing else says it.
#[test]
fn the_width_of_the_environment() {
    let folder = Folder::new();
    let file = folder.with("run.json", &before());
    let report = |columns: &str| {
        let mut command = command(&["report", &file]);
        let run: crate::support::Run = command.env("COLUMNS", columns).output().unwrap().into();
        run.good()
    };
    let narrow = lockprof(&["report", &file, "--width", "70"]).good();
    let wide = lockprof(&["report", &file, "--width", "160"]).good();
    assert_eq!(report("70"), narrow);
    for nothing in ["", "0", "wide"] {
        assert_eq!(report(nothing), wide, "{nothing}");
    }
}

/// `top` and `report` sort by the same names.
#[test]
fn keys_of_top_are_keys_of_report() {
    let folder = Folder::new();
    let file = folder.with("run.json", &before());
    for key in [
        "lock",
        "site",
        "mode",
        "acquisitions",
        "contention-ratio",
        "wait",
        "wait-p95",
        "hold",
        "hold-p95",
        "caused",
    ] {
        lockprof(&["report", &file, "--sort", key]).good();
        let run = lockprof(&["top", &file, "--sort", key]);
        assert_eq!(
            run.code,
            Some(3),
            "{key}: not for want of a terminal: {run:?}"
        );
    }
}

#[test]
fn names_that_there_are_not() {
    let folder = Folder::new();
    let file = folder.with("run.json", &before());
    assert_eq!(
        lockprof(&["report", &file, "--lock", "session"]).failed(),
        "no lock is called `session`; there are 5 points"
    );
    assert_eq!(
        lockprof(&["report", &file, "--filter", "cache.rs upgradable"]).failed(),
        "no point has `cache.rs upgradable`; there are 5"
    );
}

#[test]
fn standard_input() {
    let mut child = command(&["report", "-", "--top", "1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let json = before().to_json().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(json.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("sessions"));
}

/// The reader has enough: no message, and no failure.
#[test]
fn a_closed_pipe_ends_it_quietly() {
    let folder = Folder::new();
    let mut large = before();
    // More than fits in a pipe.
    for line in 0..500 {
        let mut points = large.points().to_vec();
        let mut next = points[0].clone();
        next.site.line = 1_000 + line;
        points.push(next);
        large = Snapshot::from_parts(SnapshotParts {
            points,
            ..Default::default()
        });
    }
    let file = folder.with("run.json", &large);
    for format in ["table", "csv", "json", "freebsd"] {
        let mut child = command(&["report", &file, "--top", "1000", "--format", format])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = child.stdout.take().unwrap();
        let mut first = [0];
        out.read_exact(&mut first).unwrap();
        drop(out);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{format}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{format}");
    }
}

#[test]
fn exports() {
    let folder = Folder::new();
    let file = folder.with("run.json", &before());
    for (name, begin) in [
        ("a.prom", "# HELP lockprof_"),
        ("a.openmetrics", "# "),
        ("a.folded", ""),
        ("a.csv", "record,lock,"),
        ("a.json", "{\"format\":\"lockprof-snapshot\""),
        ("a.svg", "<?xml"),
        ("a.html", "<!"),
    ] {
        let out = folder.text(name);
        lockprof(&["export", &file, "-o", &out]).good();
        let text = std::fs::read_to_string(&out).unwrap();
        assert!(text.starts_with(begin), "{name}: {text}");
        assert!(text.contains("sessions"), "{name}: {text}");
    }
    let out = folder.text("a.lockprof");
    lockprof(&["export", &file, "-o", &out]).good();
    assert_eq!(Snapshot::read_file(&out).unwrap(), before());
    for kind in ["mutex", "block"] {
        let out = folder.text("a.pb.gz");
        lockprof(&["export", &file, "-o", &out, "--kind", kind]).good();
        let gzip = std::fs::read(&out).unwrap();
        assert_eq!(gzip[..2], [0x1f, 0x8b], "{kind}");
    }
    // From holders to waiters.
    let edges = folder.with("edges.json", &with_edges());
    let folded = ["export", &edges, "--format", "folded", "--kind"];
    let held = lockprof(&[&folded[..], &["mutex"]].concat()).good();
    assert_eq!(held, "sessions;src/cache.rs:52;src/cache.rs:41 7000\n");
    let waited = lockprof(&[&folded[..], &["block"]].concat()).good();
    assert_eq!(waited, lockprof(&folded[..4]).good());
    assert_ne!(waited, held);
    let out = folder.text("held.svg");
    lockprof(&["export", &edges, "-o", &out, "--kind", "mutex"]).good();
    let svg = std::fs::read_to_string(&out).unwrap();
    assert!(
        svg.contains("Time that holders of locks kept others waiting"),
        "{svg}"
    );
    assert!(svg.contains("src/cache.rs:52 (7,000 ns, "), "{svg}");
    // The same on standard output, however it is requested.
    let out = lockprof(&["export", &file, "--format", "folded"]).good();
    assert_eq!(
        out,
        lockprof(&["export", &file, "-f", "folded", "-o", "-"]).good()
    );
    assert_eq!(
        out,
        std::fs::read_to_string(folder.path("a.folded")).unwrap()
    );
}

#[test]
fn what_cannot_be_exported() {
    let folder = Folder::new();
    let file = folder.with("run.json", &before());
    assert_eq!(
        lockprof(&["export", &file]).failed(),
        "no format given: use --format"
    );
    let odd = folder.text("profile.txt");
    assert_eq!(
        lockprof(&["export", &file, "-o", &odd]).failed(),
        format!("{odd}: unknown extension: use --format")
    );
    let idle = Folder::new();
    let idle = idle.with("idle.json", &Snapshot::from_parts(Default::default()));
    assert!(lockprof(&["export", &idle, "-f", "flamegraph"]).code == Some(3));
}

/// Points that differ only in cargo's home folder become one row with the sum.
#[test]
fn points_of_two_homes_are_one_row() {
    let folder = Folder::new();
    let points = vec![built_in("/home/a", 4_000), built_in("/home/b", 1_000)];
    let file = folder.with("two.json", &of(points));
    let table = lockprof(&["report", &file, "--width", "120"]).good();
    assert_eq!(
        table.matches("pool-1.0.0/src/lib.rs:7").count(),
        1,
        "{table}"
    );
    assert!(table.contains(" 200k 5.00k  2.5%  75.0ms "), "{table}");
    let csv = lockprof(&["export", &file, "--format", "csv", "-o", "-"]).good();
    assert_eq!(csv.lines().count(), 2, "{csv}");
    // JSON shows the original data.
    let json = lockprof(&["report", &file, "--format", "json"]).good();
    assert_eq!(Snapshot::from_json(&json).unwrap().points().len(), 2);
    // Hosts are merged by crate, wherever they keep it.
    let hosts = ["/home/a", "/root"].map(|home| {
        let name = format!("{}.lockprof", home.replace('/', "-"));
        folder.with(&name, &of(vec![built_in(home, 7)]))
    });
    let merged = folder.text("merged.lockprof");
    lockprof(&["merge", &hosts[0], &hosts[1], "-o", &merged]).good();
    let merged = Snapshot::read_file(&merged).unwrap();
    let [point] = merged.points() else {
        panic!("{:?}", merged.points())
    };
    assert_eq!(point.contentions, 14);
}

/// A filter drops points, but keeps the facts that it is an interval, and how many were merged.
#[test]
fn a_filter_keeps_what_the_snapshot_is() {
    let folder = Folder::new();
    let merged = Snapshot::merge([before(), before(), before()]);
    let file = folder.with("merged.json", &merged);
    let json = lockprof(&["report", &file, "--lock", "queue", "--format", "json"]).good();
    assert_eq!(Snapshot::from_json(&json).unwrap().merged(), 3);
}
