//! Out of memory, and out of disk space.

use crate::actors::Global;
use crate::plan::{COUNTING, Plan};
use crate::round::lock_times;
use crate::truth::{self, Book};
use crate::watchdog::{Actor, die};
use nexus_lockprof::{Mutex, Snapshot};
use nexus_lockprof_tests::workload::{Ledger, Locks};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

/// How many new points to lock while there is no memory for them.
const POINTS: usize = 400;

/// Takes memory away, locks new points, and gives it back.
pub(crate) fn without_memory(plan: &Plan) -> u64 {
    let actor = Actor::named("main");
    let mut rng = fastrand::Rng::with_seed(plan.seed);
    let mut events = 0;
    for number in 0..plan.acts {
        let mode = COUNTING[rng.usize(..COUNTING.len())];
        if let Err(error) = nexus_lockprof::configure(plan.config(mode)) {
            die!("{error}");
        }
        nexus_lockprof::warm_up();
        let names: Vec<String> = (0..POINTS)
            .map(|i| format!("act {number} point {i}"))
            .collect();
        let names: &'static [String] = Vec::leak(names);
        let locks: Vec<_> = names.iter().map(|name| Mutex::named(name, 0)).collect();
        actor.does("starve");
        let hoard = Hoard::new();
        for lock in &locks {
            for _ in 0..3 {
                *lock.lock() += 1;
            }
        }
        drop(hoard);
        actor.does("compare");
        let snapshot = nexus_lockprof::reset();
        truth::check(&snapshot);
        let count = |name: &String| {
            snapshot
                .points_of(name)
                .map(|point| point.acquisitions)
                .sum::<u64>()
        };
        let recorded: u64 = names.iter().map(count).sum();
        let more = names.iter().find(|name| count(name) > 3);
        let lost = snapshot.losses();
        let all = 3 * POINTS as u64;
        // A reservoir without memory is also a loss, but its event is counted.
        if more.is_some() || recorded > all || all - recorded > lost.memory {
            die!(
                "act {number} in {mode:?}: {all} events, {recorded} recorded, lost {lost:?}, {more:?}"
            );
        }
        if recorded == all && lost.memory == 0 {
            die!("act {number} in {mode:?}: there was memory: this shows nothing");
        }
        // What was refused then is recorded now.
        let mut book = Book::default();
        for (lock, name) in locks.iter().zip(names) {
            lock_times(lock, name, 2, &mut book);
        }
        drop(book);
        events = truth::compare(
            plan,
            &format!("act {number} in {mode:?}, with memory again"),
        );
    }
    events
}

/// All available memory, held until dropped.
struct Hoard {
    blocks: *mut Block,
    limit: libc::rlimit,
}

struct Block(*mut Block);

impl Hoard {
    fn new() -> Self {
        // SAFETY: the first call writes `limit`; the limit belongs to this process.
        let limit = unsafe {
            let mut limit: libc::rlimit = std::mem::zeroed();
            libc::getrlimit(libc::RLIMIT_AS, &raw mut limit);
            let none = libc::rlimit {
                rlim_cur: 1,
                ..limit
            };
            if libc::setrlimit(libc::RLIMIT_AS, &raw const none) != 0 {
                die!("no limit: {}", std::io::Error::last_os_error());
            }
            limit
        };
        let mut blocks = std::ptr::null_mut::<Block>();
        let mut size = 1 << 20;
        while size >= 16 {
            // SAFETY: a block of at least 16 bytes holds a pointer, and nobody else has it.
            unsafe {
                let block = libc::malloc(size).cast::<Block>();
                if block.is_null() {
                    size /= 2;
                } else {
                    block.write(Block(blocks));
                    blocks = block;
                }
            }
        }
        Hoard { blocks, limit }
    }
}

impl Drop for Hoard {
    fn drop(&mut self) {
        // SAFETY: restores the old limit, and frees each block of `malloc` once.
        unsafe {
            libc::setrlimit(libc::RLIMIT_AS, &raw const self.limit);
            while !self.blocks.is_null() {
                let next = (*self.blocks).0;
                libc::free(self.blocks.cast());
                self.blocks = next;
            }
        }
    }
}

/// A program that writes its profile to a full disk must end as it would have.
pub(crate) fn with_a_full_disk(plan: &Plan) -> u64 {
    let actor = Actor::named("main");
    let folder = std::env::temp_dir().join(format!("lockprof-chaos-disk-{}", std::process::id()));
    if let Err(error) = std::fs::create_dir_all(&folder) {
        die!("{}: {error}", folder.display());
    }
    let file = folder.join("x.lockprof");
    // The output path, the file size limit, and whether the profiler must complain.
    let cases: [(&Path, Option<u64>, bool); 5] = [
        (Path::new("/dev/full"), None, true),
        (&folder, None, true),
        (&folder.join("none/x.json"), None, true),
        (&file, Some(512), true),
        (&file, None, false),
    ];
    for (out, largest, complains) in cases {
        actor.does("run");
        let program = std::env::current_exe().unwrap_or_default();
        let mut command = Command::new(program);
        command.args(["--victim", &plan.seed.to_string()]);
        command
            .env("LOCKPROF_OUT", out)
            .env("LOCKPROF_EVERY", "2ms")
            .env("LOCKPROF", "exact");
        if let Some(largest) = largest {
            command.arg(largest.to_string());
        }
        let output = match command.output() {
            Ok(output) => output,
            Err(error) => die!("{command:?}: {error}"),
        };
        let said = String::from_utf8_lossy(&output.stderr);
        let complaints = said
            .lines()
            .filter(|line| line.contains("LOCKPROF_OUT"))
            .count();
        if output.status.code() != Some(VICTIM_CODE) || complaints != usize::from(complains) {
            let (status, signal) = (output.status, output.status.signal());
            die!(
                "{out:?}, {largest:?}: {status}, signal {signal:?}, {complaints} complaints: {said}"
            );
        }
    }
    actor.does("read");
    match Snapshot::read_file(&file) {
        Ok(snapshot) => truth::check(&snapshot),
        Err(error) => die!("{error}"),
    }
    let _ = std::fs::remove_dir_all(&folder);
    0
}

/// The exit code of [`with_a_full_disk`]'s program.
const VICTIM_CODE: i32 = 7;

/// A program that locks, writes where the environment says, and exits with its own code.
pub(crate) fn be_a_victim(seed: u64, largest: Option<u64>) -> i32 {
    if let Some(largest) = largest {
        let limit = libc::rlimit {
            rlim_cur: largest,
            rlim_max: largest,
        };
        // SAFETY: sets this process's own limit.
        unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit) };
    }
    let mut rng = fastrand::Rng::with_seed(seed);
    let locks = Locks::new(&Global, &mut Ledger::default());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            let mut rng = rng.fork();
            let locks = &locks;
            scope.spawn(move || locks.work(2000, &mut rng));
        }
    });
    VICTIM_CODE
}
