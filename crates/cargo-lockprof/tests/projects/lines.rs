//! The lines of acquisitions, and the lines where locks were created.

use crate::support::{Project, must};
use nexus_lockprof_snapshot::{Lock, Site, Snapshot};

/// The same use of each kind of lock, one function a line: each creates a lock and takes it.
const SAME: &str = r#"
pub fn made() -> (Mutex<u32>, Mutex<u32>, RwLock<u32>) {
    let mutex = Mutex::new(0);
    let other = Mutex::new(0);
    let rwlock = RwLock::new(0);
    (mutex, other, rwlock)
}
pub fn run() {
    let (mutex, other, rwlock) = made();
    for _ in 0..5 {
        got(mutex.lock());
    }
    for _ in 0..7 {
        got(other.lock());
    }
    for _ in 0..3 {
        got(rwlock.read());
    }
    for _ in 0..4 {
        got(rwlock.write());
    }
    again();
    reentrant();
}
"#;

/// Waits of a condition variable that end at once, because the timeout is 0.
const AGAIN: [&str; 2] = [
    "pub fn again() { let (m, c) = (Mutex::new(0), Condvar::new()); let mut g = m.lock();\n\
     for _ in 0..6 { c.wait_for(&mut g, std::time::Duration::ZERO); }\n}\n",
    "pub fn again() { let (m, c) = (Mutex::new(0), Condvar::new()); let mut g = m.lock().unwrap();\n\
     for _ in 0..6 { g = c.wait_timeout(g, std::time::Duration::ZERO).unwrap().0; }\n}\n",
];

const REENTRANT: &str = "pub fn reentrant() { let m = ReentrantMutex::new(0);\n\
     for _ in 0..8 { let _outer = m.lock(); drop(m.lock()); }\n\
     for _ in 0..2 { drop(m.try_lock()); }\n}\n";

#[test]
fn each_acquisition_and_each_lock_has_its_line() {
    let manifest = "[package]\nname = \"victim\"\nversion = \"0.0.0\"\nedition = \"2021\"\n[workspace]\n[dependencies]\n\
        pl12 = { package = \"parking_lot\", version = \"0.12\" }\npl13 = { package = \"parking_lot\", version = \"0.13\" }\n";
    let project = Project::with(
        "lines",
        manifest,
        "mod s; mod p12; mod p13;\nfn main() { s::run(); p12::run(); p13::run(); }\n",
    );
    let same = SAME;
    for (name, krate) in [("p12", "pl12"), ("p13", "pl13")] {
        let head = format!(
            "use {krate}::{{Condvar, Mutex, ReentrantMutex, RwLock}}; fn got<T>(_: T) {{}}"
        );
        project.write(
            &format!("src/{name}.rs"),
            &format!("{head}{same}{}{REENTRANT}", AGAIN[0]),
        );
    }
    let head = "use std::sync::{Condvar, Mutex, RwLock}; fn got<T>(_: T) {} fn reentrant() {}";
    project.write("src/s.rs", &format!("{head}{same}{}", AGAIN[1]));
    project.ends(
        0,
        &[
            "run",
            "--offline",
            "--quiet",
            "--mode",
            "exact",
            "--out",
            "../lines.lockprof",
        ],
    );
    let snapshot = must(Snapshot::read_file(
        project.folder.join("../lines.lockprof"),
    ));
    for file in ["src/s.rs", "src/p12.rs", "src/p13.rs"] {
        // Created at, taken at, how often.
        let mut expected = vec![
            (3, 11, 5),
            (4, 14, 7),
            (5, 17, 3),
            (5, 20, 4),
            (25, 25, 1),
            (25, 26, 6),
        ];
        if file != "src/s.rs" {
            expected.extend([(28, 29, 8), (28, 30, 2)]);
        }
        let points = snapshot
            .points()
            .iter()
            .filter(|point| point.site.file == file);
        let mut found: Vec<(u32, u32, u64)> = points
            .map(|point| {
                let Lock::Created(Site {
                    file: made_in,
                    line,
                    ..
                }) = &point.lock
                else {
                    panic!("{file}: {point:?}")
                };
                assert_eq!(made_in, file);
                (*line, point.site.line, point.acquisitions)
            })
            .collect();
        found.sort_unstable();
        assert_eq!(found, expected, "{file}");
    }
    let all: u64 = snapshot
        .points()
        .iter()
        .map(|point| point.acquisitions)
        .sum();
    let of_files = 3 * 26 + 2 * 10;
    assert_eq!(all, of_files, "{snapshot}");
}
