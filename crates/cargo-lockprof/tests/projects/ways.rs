//! Which crates are compiled in which way.

use crate::support::{MANIFEST, Project, err, must, out};
use nexus_lockprof_snapshot::Snapshot;

/// std's locks, in the program and in a macro of std, beside those of two versions of parking_lot
/// under other names.
#[test]
fn locks_of_several_kinds_are_counted_exactly() {
    let manifest = "[package]\nname = \"victim\"\nversion = \"0.0.0\"\nedition = \"2021\"\n[workspace]\n[dependencies]\n\
        pl12 = { package = \"parking_lot\", version = \"0.12\" }\npl13 = { package = \"parking_lot\", version = \"0.13\" }\n\
        tokio = { version = \"1\", features = [\"sync\"] }\n\
        [profile.release]\nlto = \"fat\"\npanic = \"abort\"\ncodegen-units = 1\n";
    let main = r#"use std::sync::{Condvar, Mutex, RwLock};
const N: usize = 1_000;
fn threads(work: impl Fn() + Sync) {
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..N).for_each(|_| work()));
        }
    });
}
static MUTEX: Mutex<usize> = Mutex::new(0);
static RWLOCK: RwLock<usize> = RwLock::new(0);
thread_local! { static OWN: Mutex<usize> = Mutex::new(0); }
fn main() {
    threads(|| *MUTEX.lock().unwrap() += 1);
    threads(|| assert!(*RWLOCK.read().unwrap() == 0));
    threads(|| OWN.with(|own| *own.lock().unwrap() += 1));
    let lock = pl12::Mutex::new(0);
    threads(|| *lock.lock() += 1);
    let lock = pl13::RwLock::new(0);
    threads(|| *lock.write() += 1);
    let lock = tokio::sync::Mutex::new(0);
    threads(|| *lock.blocking_lock() += 1);
    let (flag, changed) = (Mutex::new(false), Condvar::new());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            *flag.lock().unwrap() = true;
            changed.notify_all();
        });
        let guard = flag.lock().unwrap();
        drop(changed.wait_while(guard, |flag| !*flag).unwrap());
    });
    println!("{}", std::any::type_name::<tokio::sync::Mutex<u8>>());
}
"#;
    let project = Project::with("kinds", manifest, main);
    let before = project.files();
    for build in [&[][..], &["--release"]] {
        let mut args = vec![
            "run",
            "--offline",
            "--mode",
            "exact",
            "--out",
            "../kinds.lockprof",
        ];
        args.extend(build);
        project.ends(0, &args);
        let snapshot = must(Snapshot::read_file(
            project.folder.join("../kinds.lockprof"),
        ));
        for line in [14, 15, 16, 18, 20, 22] {
            let points = snapshot.points().iter().filter(|point| {
                point.site.line == line && point.site.file.ends_with("src/main.rs")
            });
            assert_eq!(
                points.map(|point| point.acquisitions).sum::<u64>(),
                4_000,
                "line {line}, {build:?}"
            );
        }
    }
    assert_eq!(project.files(), before);
}

/// With serde_json in the program, its impls would make this ambiguous.
#[test]
fn types_are_inferred_as_ever() {
    let main = "fn main() {\n    let lock = parking_lot::Mutex::new(Vec::<u8>::new());\n    let bytes = lock.lock();\n    \
        assert_eq!(&bytes[..], &*vec![]);\n    let (x, y) = (7_u16, 7_u8);\n    assert!(x == y as _);\n}";
    let project = Project::new("inference", main);
    let report = project.ends(0, &["run", "--offline"]);
    assert!(report.contains("src/main.rs:3"), "{report}");
    assert!(!report.contains("does not compile"), "{report}");
}

/// The build goes on, and the report says why. Dependent crates get the crate's own types.
#[test]
fn a_crate_that_does_not_compile_with_a_stand_in() {
    let project = Project::new(
        "refuses",
        "fn main() { drop(helper::lock().lock()); drop(std::sync::Mutex::new(0).lock()); }",
    );
    project.write(
        "helper/Cargo.toml",
        "[package]\nname = \"helper\"\nversion = \"1.2.3\"\nedition = \"2021\"\n",
    );
    // Compiles only with std's own mutex: ours is larger.
    let helper = "extern crate alloc;\nmod real { pub use ::std::sync::Mutex; }\npub trait Only {}\nimpl Only for real::Mutex<u8> {}\n\
        impl real::Mutex<u8> {}\npub fn lock() -> real::Mutex<u8> { real::Mutex::new(0) }\n";
    let refused = helper.replace(
        "impl real::Mutex<u8> {}\n",
        "pub const SIZE: [(); 8] = [(); std::mem::size_of::<real::Mutex<u8>>()];\n",
    );
    project.write("helper/src/lib.rs", &refused);
    project.write(
        "Cargo.toml",
        &format!("{MANIFEST}helper = {{ path = \"helper\" }}\n"),
    );
    project.lock();
    let report = project.ends(0, &["run", "--offline"]);
    assert!(
        report.contains("helper 1.2.3 (does not compile with the stand-in for std: E0308"),
        "{report}"
    );
    assert!(report.contains("src/main.rs:1"), "{report}");
    assert!(!report.contains("error"), "{report}");
    // The program's own errors are printed unchanged.
    project.write(
        "src/main.rs",
        "fn main() { let lock: std::sync::Mutex<u8> = 7; }",
    );
    let report = project.ends(101, &["run", "--offline"]);
    assert!(report.contains("expected `Mutex<u8>`"), "{report}");
    assert_eq!(report.matches("error[E0308]").count(), 1, "{report}");
}

#[test]
fn only_and_except() {
    let project = Project::new(
        "chosen",
        "fn main() { helper::lock(); drop(std::sync::Mutex::new(0).lock()); }",
    );
    project.write(
        "helper/Cargo.toml",
        "[package]\nname = \"helper\"\nversion = \"1.2.3\"\nedition = \"2021\"\n",
    );
    project.write(
        "helper/src/lib.rs",
        "pub fn lock() { drop(std::sync::Mutex::new(0).lock()) }",
    );
    project.write(
        "Cargo.toml",
        &format!("{MANIFEST}helper = {{ path = \"helper\" }}\n"),
    );
    project.lock();
    let (own, helpers) = ("src/main.rs:1", "helper/src/lib.rs:1");
    for (option, seen, unseen) in [
        ("--only=helper", helpers, own),
        ("--except=helper", own, helpers),
    ] {
        let report = project.ends(0, &["run", "--offline", option]);
        assert!(
            report.contains(seen) && !report.contains(unseen),
            "{option}: {report}"
        );
    }
}

/// The project also uses our own locks. They report to its own engine.
#[test]
fn ours_among_its_dependencies() {
    let project = Project::new(
        "ours",
        "fn main() { drop(nexus_lockprof::Mutex::new(0).lock()); drop(std::sync::Mutex::new(0).lock()); }",
    );
    let ours = concat!(env!("CARGO_MANIFEST_DIR"), "/../nexus-lockprof");
    project.write(
        "Cargo.toml",
        &format!("{MANIFEST}nexus-lockprof = {{ path = {ours:?} }}\n"),
    );
    project.lock();
    let report = project.ends(0, &["run", "--offline", "--out", "both.json"]);
    let snapshot = must(Snapshot::read_file(project.folder.join("both.json")));
    let acquisitions = snapshot
        .points()
        .iter()
        .filter(|point| point.site.file.ends_with("src/main.rs"));
    assert_eq!(
        acquisitions.map(|point| point.acquisitions).sum::<u64>(),
        2,
        "{report}"
    );
}

/// The program records addresses. Their names are looked up afterwards.
#[test]
fn callers_are_named() {
    let project = Project::new(
        "callers",
        r#"
use std::sync::{Mutex, mpsc};
use std::time::Duration;

static LOCK: Mutex<u32> = Mutex::new(0);

#[inline(never)]
fn take() {
    *LOCK.lock().unwrap() += 1;
}

#[inline(never)]
fn asks_for_it() {
    take();
    std::hint::black_box(1);
}

fn main() {
    // Two processes. Their profiles are merged.
    if std::env::args().len() == 1 {
        let program = std::env::current_exe().unwrap();
        let again = std::process::Command::new(program).arg("again").status();
        assert!(again.unwrap().success());
    }
    let (ready, is_ready) = mpsc::channel();
    for _ in 0..50 {
        let guard = LOCK.lock().unwrap();
        let ready = ready.clone();
        let waits = std::thread::spawn(move || {
            ready.send(()).unwrap();
            asks_for_it();
        });
        is_ready.recv().unwrap();
        std::thread::sleep(Duration::from_millis(2));
        drop(guard);
        waits.join().unwrap();
    }
}
"#,
    );
    let said = project.ends(0, &["run", "--quiet", "--mode", "exact"]);
    assert!(
        said.contains("  victim::asks_for_it (src/main.rs:14) < victim::main::"),
        "{said}"
    );
}

/// A crate uses unstable features. The stand-in for std lacks those of std's locks, so a crate that
/// uses one is compiled without the stand-in.
#[test]
fn features_that_are_not_stable() {
    let main = "#![feature(test, never_type)]\nextern crate test;\nfn never() -> Result<u8, !> {\n    Ok(1)\n}\n\
        fn main() {\n    let Ok(one) = never();\n    drop(test::black_box(std::sync::Mutex::new(one)).lock());\n    helper::lock();\n}\n\
        #[bench]\nfn locks(bench: &mut test::Bencher) {\n    let lock = std::sync::Mutex::new(0);\n    bench.iter(|| drop(lock.lock()));\n}\n";
    let project = Project::new("unstable", main);
    project.write(
        "Cargo.toml",
        &format!("{MANIFEST}helper = {{ path = \"helper\" }}\n"),
    );
    project.write(
        "helper/Cargo.toml",
        "[package]\nname = \"helper\"\nversion = \"1.2.3\"\nedition = \"2021\"\n",
    );
    project.write(
        "helper/src/lib.rs",
        "#![feature(lock_value_accessors)]\npub fn lock() { std::sync::Mutex::new(0).set(1).unwrap() }",
    );
    project.lock();
    let before = project.files();
    for (command, line) in [("run", "src/main.rs:8"), ("bench", "src/main.rs:14")] {
        let mut lockprof = project.lockprof(&[command, "--offline"]);
        // Allows unstable features, as nightly does.
        let output = must(lockprof.env("RUSTC_BOOTSTRAP", "1").output());
        let report = err(&output);
        assert_eq!(output.status.code(), Some(0), "{report}");
        assert!(report.contains(line), "{report}");
        assert!(
            report.contains("helper 1.2.3 (does not compile with the stand-in for std: E0599"),
            "{report}"
        );
    }
    assert_eq!(project.files(), before);
}

/// Examples are compiled as their crate was, with or without stand-ins.
#[test]
fn examples_are_compiled_as_their_crate_was() {
    let project = Project::new("examples", "fn main() {}");
    let library = |of: &str, size: usize| {
        format!(
            "use std::sync::Mutex;\npub const SIZE: [u8; {size}] = [0; std::mem::size_of::<{of}>()];\n\
            /// ```\n/// let mutex = std::sync::Mutex::new(7);\n/// assert_eq!(victim::take(&mutex), 7);\n/// ```\n\
            pub fn take(mutex: &Mutex<u8>) -> u8 {{\n    *mutex.lock().unwrap()\n}}\n\
            /// ```\n/// let mutex = parking_lot::Mutex::new(7);\n/// assert_eq!(victim::take_other(&mutex), 7);\n/// ```\n\
            pub fn take_other(mutex: &parking_lot::Mutex<u8>) -> u8 {{\n    *mutex.lock()\n}}\n"
        )
    };
    let test = |more: &[&str]| {
        let output = project.run(&[&["test", "--offline", "--doc"], more].concat());
        let said = err(&output);
        assert_eq!(output.status.code(), Some(0), "{said}{}", out(&output));
        assert!(out(&output).contains("2 passed"), "{}", out(&output));
        said
    };
    // The size of std's lock, not of ours.
    project.write("src/lib.rs", &library("Mutex<u32>", 12));
    let said = test(&[]);
    assert!(
        said.contains("victim 0.0.0 (does not compile with"),
        "{said}"
    );
    assert!(said.contains("src/lib.rs:15"), "{said}");
    let said = test(&["--except", "victim"]);
    assert!(!said.contains("src/lib.rs"), "{said}");
    // Now the crate compiles with stand-ins, and the kept way is removed.
    project.write("src/lib.rs", &library("u32", 4));
    let said = test(&[]);
    assert!(!said.contains("does not compile with"), "{said}");
    for line in ["src/lib.rs:8", "src/lib.rs:15"] {
        assert!(said.contains(line), "{line}: {said}");
    }
}

/// The folder has two builds of serde. parking_lot depends on it only through lock_api.
#[test]
fn two_builds_of_a_crate_in_one_folder() {
    let manifest = "[package]\nname = \"victim\"\nversion = \"0.0.0\"\nedition = \"2021\"\n[workspace]\n[dependencies]\n\
        parking_lot = { version = \"0.13\", features = [\"serde\"] }\nserde = \"1\"\n\
        [build-dependencies]\nserde = { version = \"1\", features = [\"rc\"] }\n";
    let main = "fn is<T: serde::Serialize>(_: &T) {}\nfn main() {\n    let lock = parking_lot::Mutex::new(1);\n    is(&lock);\n    drop(lock.lock());\n}\n";
    let project = Project::with("serde", manifest, main);
    project.write(
        "build.rs",
        "fn is<T: serde::Serialize>() {}\nfn main() { is::<std::rc::Rc<u8>>() }",
    );
    let said = project.ends(0, &["run", "--offline"]);
    assert!(said.contains("src/main.rs:5"), "{said}");
    assert!(!said.contains("does not compile"), "{said}");
}
