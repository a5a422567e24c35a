//! Locks that other crates build on raw locks, and locks of tasks.

use crate::support::{Project, must};
use nexus_lockprof_snapshot::{AcquireMode, Lock, Snapshot};

const MANIFEST: &str = "[package]\nname = \"victim\"\nversion = \"0.0.0\"\nedition = \"2021\"\n[workspace]\n[dependencies]\n\
    async-lock = \"3\"\ndashmap = \"6\"\nlock_api = \"0.4\"\nparking_lot = \"0.12\"\n\
    spin = { version = \"0.9\", features = [\"lock_api\"] }\n";

/// Each line that locks does so 4,000 times, in four threads.
const MAIN: &str = r#"use std::{future::Future, pin::pin, sync::Arc, task::{Context, Poll, Wake, Waker}, thread::Thread};
const N: usize = 1_000;
fn threads(work: impl Fn(usize) + Sync) {
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..N).for_each(&work));
        }
    });
}
struct Unpark(Thread);
impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
fn tasks<F: Future + Send>(work: impl Fn() -> F + Sync) {
    threads(|_| {
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let mut task = pin!(work());
        while let Poll::Pending = task.as_mut().poll(&mut Context::from_waker(&waker)) {
            std::thread::park();
        }
    });
}
fn generic<R: lock_api::RawMutex>(lock: &lock_api::Mutex<R, usize>) {
    *lock.lock() += 1; // generic
}
fn half(guard: lock_api::MutexGuard<'_, parking_lot::RawMutex, (u8, u8)>) -> parking_lot::MappedMutexGuard<'_, u8> {
    parking_lot::MutexGuard::map(guard, |both| &mut both.0)
}
fn main() {
    let map = dashmap::DashMap::new();
    threads(|n| assert!(map.insert(n % 64, n) < Some(N)));
    threads(|n| assert!(map.contains_key(&(n % 64))));
    let lock = spin::lock_api::RwLock::new(0); // made: spin
    threads(|_| *lock.write() += 1); // spin
    assert_eq!(lock.into_inner(), 4 * N);
    let lock = lock_api::Mutex::<spin::Mutex<()>, _>::new(0); // made: generic
    threads(|_| generic(&lock));
    let lock = lock_api::RwLock::<parking_lot::RawRwLock, _>::new(0); // made: parking_lot
    threads(|_| *lock.write() += 1); // parking_lot
    let lock = parking_lot::ReentrantMutex::new(0); // made: reentrant
    threads(|_| drop((lock.lock(), lock.lock()))); // reentrant
    let lock = parking_lot::Mutex::new((0, 0)); // made: mapped
    threads(|_| assert_eq!(*half(lock.lock()), 0)); // mapped
    let lock = async_lock::Mutex::new(0); // made: task
    tasks(|| async { *lock.lock().await += 1 }); // task
    let lock = Arc::new(async_lock::RwLock::new(0)); // made: arc
    tasks(|| async { assert_eq!(*lock.read_arc().await, 0) }); // arc
    let permits = async_lock::Semaphore::new(2); // made: permits
    tasks(|| async { drop(permits.acquire().await) }); // permits
    let lock = async_lock::RwLock::new(0); // made: upgraded
    tasks(|| async {
        let reader = lock.upgradable_read().await;
        *async_lock::RwLockUpgradableReadGuard::upgrade(reader).await += 1; // upgraded
    });
    assert_eq!(*lock.read_blocking(), 4 * N);
}
"#;

/// The counts equal the program's own in all modes that count, and each lock has its creation line.
#[test]
fn raw_locks_of_others_and_locks_of_tasks_are_counted_exactly() {
    let project = Project::with("raw-locks", MANIFEST, MAIN);
    let before = project.files();
    let line = |text: &str| {
        let is_it = |line: &str| line.ends_with(&format!("// {text}"));
        1 + must(MAIN.lines().position(is_it).ok_or(text)) as u32
    };
    for mode in ["counts", "sampled", "exact"] {
        let out = "../raw-locks.lockprof";
        let report = project.ends(0, &["run", "--offline", "--mode", mode, "--out", out]);
        assert!(!report.contains("does not compile"), "{report}");
        let snapshot = must(Snapshot::read_file(project.folder.join(out)));
        for text in [
            "spin",
            "generic",
            "parking_lot",
            "reentrant",
            "mapped",
            "task",
            "arc",
            "permits",
            "upgraded",
        ] {
            let site = line(text);
            let made = line(&format!("made: {text}"));
            let mut points = snapshot.points().iter().filter(|point| {
                point.site.line == site && point.site.file.ends_with("src/main.rs")
            });
            let point = must(points.next().ok_or((text, mode)));
            assert_eq!(point.acquisitions, 4_000, "{text}, {mode}");
            assert!(
                matches!(&point.lock, Lock::Created(site) if site.line == made),
                "{text}, {mode}: {}",
                point.lock
            );
            assert!(points.next().is_none(), "{text}, {mode}");
        }
        // One line of dashmap's for each mode.
        for mode in [AcquireMode::Exclusive, AcquireMode::Shared] {
            let points = snapshot
                .points()
                .iter()
                .filter(|point| point.mode == mode && point.site.file.as_str().contains("dashmap"));
            assert_eq!(points.map(|point| point.acquisitions).sum::<u64>(), 4_000);
        }
    }
    let report = project.ends(0, &["run", "--offline"]);
    assert!(
        report.contains("not seen: ")
            && report.contains("spin 0.9")
            && report.contains("but for those on lock_api"),
        "{report}"
    );
    assert!(!report.contains("dashmap 6"), "{report}");
    assert_eq!(project.files(), before);
}

/// Then the crate uses lock_api itself, and everything else is still seen.
#[test]
fn a_crate_that_does_not_bear_another_lock_api() {
    let main = "fn main() { helper::lock(); drop(std::sync::Mutex::new(0).lock()); }";
    let project = Project::new("bare", main);
    project.write(
        "helper/Cargo.toml",
        "[package]\nname = \"helper\"\nversion = \"1.2.3\"\nedition = \"2021\"\n[dependencies]\nlock_api = \"0.4\"\n\
         spin = { version = \"0.9\", features = [\"lock_api\"] }\n",
    );
    project.write(
        "helper/src/lib.rs",
        "type Bare = lock_api::Mutex<spin::Mutex<()>, ()>;\npub const SIZE: [(); 1] = [(); std::mem::size_of::<Bare>()];\n\
         pub fn lock() { drop(Bare::new(()).lock()); drop(std::sync::Mutex::new(0).lock()); }\n",
    );
    let manifest = MANIFEST
        .split("[dependencies]")
        .next()
        .unwrap_or_default()
        .to_owned();
    project.write(
        "Cargo.toml",
        &format!("{manifest}[dependencies]\nhelper = {{ path = \"helper\" }}\n"),
    );
    project.lock();
    let report = project.ends(0, &["run", "--offline"]);
    assert!(
        report.contains("helper 1.2.3 (does not compile with the stand-in for lock_api: E0308"),
        "{report}"
    );
    for seen in ["src/main.rs:1", "helper/src/lib.rs:3"] {
        assert!(report.contains(seen), "{seen}: {report}");
    }
}
