//! Programs that share a file name, or leave the file's folder.

use nexus_lockprof::Mutex;
use std::process::Command;

static PARENTS: Mutex<u64> = Mutex::named("parent's", 0);
static CHILDS: Mutex<u64> = Mutex::named("child's", 0);

/// Changes its folder before and after its first lock.
pub(crate) fn chdir(before: &str, after: &str) {
    change(before);
    *PARENTS.lock() += 1;
    change(after);
}

fn change(folder: &str) {
    let changed = std::env::set_current_dir(folder);
    assert!(changed.is_ok(), "{folder}: {changed:?}");
}

/// Starts two copies of itself, which both live until both have locked. `when` says when it locks
/// itself: first, last, or first and then it is killed.
pub(crate) fn parent(when: &str) {
    if when != "last" {
        *PARENTS.lock() += 1;
    }
    let me = std::env::current_exe();
    assert!(me.is_ok(), "{me:?}");
    let me = me.unwrap_or_default();
    let mut children: Vec<_> = (0..2)
        .filter_map(|_| {
            let mut command = Command::new(&me);
            command
                .arg("files: child")
                .stdin(std::process::Stdio::piped());
            command.stdout(std::process::Stdio::piped());
            command.spawn().ok()
        })
        .collect();
    assert_eq!(children.len(), 2);
    for child in &mut children {
        let mut ready = [0];
        let read = child
            .stdout
            .take()
            .map(|mut out| std::io::Read::read(&mut out, &mut ready));
        assert!(matches!(read, Some(Ok(1))), "{read:?}");
    }
    for child in &mut children {
        drop(child.stdin.take());
        let ended = child.wait();
        assert!(
            ended.as_ref().is_ok_and(|status| status.success()),
            "{ended:?}"
        );
    }
    match when {
        "last" => *PARENTS.lock() += 1,
        "killed" => {
            // SAFETY: ends the process.
            unsafe { libc::raise(libc::SIGKILL) };
        }
        _ => {}
    }
}

/// Locks, says so, and waits for the end of its input.
pub(crate) fn child() {
    for _ in 0..1000 {
        *CHILDS.lock() += 1;
    }
    let said = std::io::Write::write_all(&mut std::io::stdout(), b"\n");
    let read = std::io::Read::read(&mut std::io::stdin(), &mut [0]);
    assert!(said.is_ok() && read.is_ok(), "{said:?} {read:?}");
}

/// Locks once. Exits with 7 if nothing else ends it, or with 8 if it has no more rights than the
/// user who started it.
pub(crate) fn once() {
    *PARENTS.lock() += 1;
    #[cfg(target_os = "linux")]
    // SAFETY: reads a value of the process.
    if unsafe { libc::getauxval(libc::AT_SECURE) } == 0 {
        std::process::exit(8);
    }
    std::process::exit(7);
}

/// Locks, and forks children that lock `PARENTS` that often, in each of these ways. A child's file
/// is named after its number.
pub(crate) fn forks() {
    let lock = |times: u64| (0..times).for_each(|_| *PARENTS.lock() += 1);
    let try_lock = |times: u64| (0..times).for_each(|_| drop(PARENTS.try_lock()));
    lock(5);
    // Another thread's counts belong to the parent, too.
    assert!(std::thread::spawn(move || lock(3)).join().is_ok());
    fork("first locks", || lock(100));
    fork("first tries", || {
        try_lock(20);
        lock(3);
    });
    fork("only tries", || try_lock(7));
    fork("nothing", || ());
    fork("thread", || {
        let locked = std::thread::scope(|scope| scope.spawn(|| lock(40)).join());
        assert!(locked.is_ok());
    });
    fork("many at once", || {
        let start = std::sync::Barrier::new(8);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    start.wait();
                    lock(50);
                });
            }
        });
    });
    fork("signals blocked", || {
        block_signals();
        // If a handler might be running, tries go unrecorded.
        try_lock(20);
        lock(9);
    });
    fork("a snapshot first", || {
        let before = nexus_lockprof::snapshot();
        assert_eq!(before.table().acquisitions, 0, "{before}");
        lock(11);
    });
    fork("grandchild", || {
        lock(2);
        fork("of it", || lock(6));
        lock(4);
    });
    lock(10);
}

fn block_signals() {
    let mut all = std::mem::MaybeUninit::uninit();
    // SAFETY: the first call creates the set that the second one reads.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), std::ptr::null_mut());
    }
}

/// Runs `what` in a child, which ends with `exit`, and waits for it. Prints its number.
fn fork(name: &str, what: impl FnOnce()) {
    // SAFETY: the child has only this thread, and no thread held a lock.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "{}", std::io::Error::last_os_error());
    if pid == 0 {
        what();
        std::process::exit(0);
    }
    let mut status = 0;
    // SAFETY: waits for the new child.
    assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
    assert_eq!(status, 0, "{name}");
    let said =
        std::io::Write::write_all(&mut std::io::stderr(), format!("{pid} {name}\n").as_bytes());
    assert!(said.is_ok(), "{said:?}");
}
