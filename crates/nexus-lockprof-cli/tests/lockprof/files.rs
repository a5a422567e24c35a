//! Files: which ones the commands read and write, and what they leave behind.

use crate::support::{Folder, after, before, lockprof};
use nexus_lockprof_snapshot::Snapshot;
use std::fs;

fn read(path: &str) -> Snapshot {
    Snapshot::read_file(path).unwrap()
}

#[test]
fn a_snapshot_of_a_file_is_that() {
    let folder = Folder::new();
    let (file, copy) = (folder.with("a.json", &before()), folder.text("copy.json"));
    lockprof(&["snapshot", &file, "-o", &copy]).good();
    assert_eq!(read(&copy), before());
    let binary = folder.text("copy.lockprof");
    lockprof(&["snapshot", &copy, "-o", &binary]).good();
    assert_eq!(read(&binary), before());
    assert!(Snapshot::from_json_slice(&fs::read(&binary).unwrap()).is_err());
    for args in [
        &["snapshot", &binary, "-o", "-"][..],
        &["snapshot", &binary],
    ] {
        let json = lockprof(args).good();
        assert_eq!(json, before().to_json().unwrap() + "\n");
    }
    assert_eq!(folder.names(), ["a.json", "copy.json", "copy.lockprof"]);
}

#[test]
fn what_cannot_be_read() {
    let folder = Folder::new();
    let none = folder.text("none.json");
    assert_eq!(
        lockprof(&["report", &none]).failed(),
        format!("{none}: no such file or socket")
    );
    let odd = folder.text("odd.json");
    for (content, error) in [
        (&b""[..], "empty"),
        (
            &b"\x9f\x01\xc3"[..],
            "not a profile: not UTF-8 text at line 1 column 1",
        ),
    ] {
        fs::write(&odd, content).unwrap();
        assert_eq!(
            lockprof(&["report", &odd]).failed(),
            format!("{odd}: {error}")
        );
    }
    fs::write(&odd, "{\"format\":\"lockp").unwrap();
    let error = lockprof(&["report", &odd]).failed();
    assert!(error.starts_with(&format!("{odd}: truncated")), "{error}");
    fs::write(&odd, "{\"format\":\"lockprof-snapshot\",\"schema\":99}").unwrap();
    let error = lockprof(&["report", &odd]).failed();
    assert!(error.contains("schema 99 is newer"), "{error}");
    let directory = folder.path("folder");
    fs::create_dir(&directory).unwrap();
    let directory = directory.to_str().unwrap();
    let error = lockprof(&["report", directory]).failed();
    assert!(
        error.starts_with(directory) && error.contains("directory"),
        "{error}"
    );
}

#[test]
fn nothing_is_left_of_what_fails() {
    let folder = Folder::new();
    let file = folder.with("a.json", &before());
    let out = folder.text("no/such/folder.csv");
    let error = lockprof(&["export", &file, "-o", &out]).failed();
    assert!(
        error.starts_with(&format!("{out} cannot be written: ")),
        "{error}"
    );
    // The error names the problem with the second file, and the old result stays.
    let merged = folder.with("merged.json", &before());
    let bad = folder.text("bad.json");
    fs::write(&bad, "[]").unwrap();
    let error = lockprof(&["merge", &file, &bad, "-o", &merged]).failed();
    assert!(error.starts_with(&format!("{bad}: ")), "{error}");
    assert_eq!(read(&merged), before());
    assert_eq!(folder.names(), ["a.json", "bad.json", "merged.json"]);
}

#[test]
fn only_a_process_can_be_told_something() {
    let folder = Folder::new();
    let file = folder.with("a.json", &before());
    assert_eq!(
        lockprof(&["reset", &file]).failed(),
        format!("{file} is a file: only a process can be reset")
    );
    assert_eq!(
        lockprof(&["set", &file, "mode=exact"]).failed(),
        format!("{file} is a file: only a process can be told what to measure")
    );
    let error = lockprof(&["report", &file, "--seconds", "1"]).failed();
    assert_eq!(
        error,
        format!("--seconds needs a running process, and {file} is a file")
    );
}

#[test]
fn merged_files_have_the_sum_of_all_in_any_order() {
    let folder = Folder::new();
    let (a, b) = (
        folder.with("a.json", &before()),
        folder.with("b.lockprof", &after()),
    );
    let (ab, ba) = (folder.text("ab.json"), folder.text("ba.json"));
    lockprof(&["merge", &a, &b, "-o", &ab]).good();
    lockprof(&["merge", &b, &a, "-o", &ba]).good();
    assert_eq!(fs::read(&ab).unwrap(), fs::read(&ba).unwrap());
    let sum = |snapshot: &Snapshot| {
        let points = snapshot.points().iter();
        points
            .map(|p| [p.acquisitions, p.contentions, p.wait.total_ns])
            .fold([0; 3], |mut sum, p| {
                sum.iter_mut().zip(p).for_each(|(sum, p)| *sum += p);
                sum
            })
    };
    let [before, after, merged] = [sum(&before()), sum(&after()), sum(&read(&ab))];
    assert_eq!(merged, std::array::from_fn(|i| before[i] + after[i]));
}

/// All commands take the same files: whatever can be shown can also be merged, exported and
/// compared.
#[test]
fn every_command_takes_the_extremes() {
    let files = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/files");
    let mut names: Vec<_> = fs::read_dir(files)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    assert_eq!(names.len(), 4, "{names:?}");
    let folder = Folder::new();
    for file in names {
        let file = file.to_str().unwrap();
        for format in ["table", "freebsd", "csv", "json"] {
            let text = lockprof(&["report", file, "--format", format]).good();
            assert!(!text.contains("-0"), "{file} {format}: {text}");
            assert!(
                !text.contains("inf") && !text.contains("NaN"),
                "{file} {format}: {text}"
            );
        }
        for format in [
            "prometheus",
            "openmetrics",
            "pprof",
            "folded",
            "html",
            "csv",
            "json",
            "lockprof",
        ] {
            let out = folder.text("exported");
            lockprof(&["export", file, "--format", format, "-o", &out]).good();
            let text = fs::read(&out).unwrap();
            let text = String::from_utf8_lossy(&text);
            assert!(
                !text.contains("snapshot cannot be written"),
                "{file} {format}"
            );
        }
        for name in ["merged.lockprof", "merged.json"] {
            let merged = folder.text(name);
            lockprof(&["merge", file, file, "-o", &merged]).good();
            lockprof(&["report", &merged]).good();
            lockprof(&["diff", file, &merged, "--all"]).good();
        }
        lockprof(&[
            "diff", "--before", file, file, "--after", file, file, "--all", "--format", "json",
        ])
        .good();
    }
}
