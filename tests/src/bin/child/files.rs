//! Programs that share the name of a file, or leave the folder that it is in.

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

/// Starts two of itself, which both live until both have locked. `when` it locks itself: first, last, or first and then it is killed.
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

/// Locks, says so, and waits for its input to end.
pub(crate) fn child() {
    for _ in 0..1000 {
        *CHILDS.lock() += 1;
    }
    let said = std::io::Write::write_all(&mut std::io::stdout(), b"\n");
    let read = std::io::Read::read(&mut std::io::stdin(), &mut [0]);
    assert!(said.is_ok() && read.is_ok(), "{said:?} {read:?}");
}

/// Locks once, and exits with 7 if nothing else ends it; with 8 if it has no more rights than who has started it.
pub(crate) fn once() {
    *PARENTS.lock() += 1;
    #[cfg(target_os = "linux")]
    // SAFETY: reads a value of the process.
    if unsafe { libc::getauxval(libc::AT_SECURE) } == 0 {
        std::process::exit(8);
    }
    std::process::exit(7);
}
