//! Malicious files: no command may take much memory or time for a megabyte of them, or panic.

mod files;
mod parts;
mod writer;

use crate::support::{Folder, PROGRAM, command};
use files::{FILES, Hostile, Verdict};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::{env, fs, thread};

/// The most memory for each file of a megabyte, in KiB.
const MEMORY: i64 = 100 << 10;
/// The limit on processor time, in seconds; then the command is killed. A release build takes less
/// than 2 on an idle machine; a debug build is ten times slower.
fn seconds() -> u32 {
    let is_debug = cfg!(debug_assertions) && env::var_os(PROGRAM).is_none();
    if is_debug { 60 } else { 10 }
}

/// The commands' arguments. `IN` is the file, and `OUT` another one.
const COMMANDS: [&str; 22] = [
    "report IN",
    "report IN --sort lock --top 1000",
    "report IN --filter a --width 200 --callers 100",
    "report IN --top 5 --format csv",
    "report IN --format freebsd",
    "report IN --format csv",
    "report IN --format json",
    "merge IN -o OUT.lockprof",
    "merge IN -o OUT.json",
    "merge IN IN -o OUT.lockprof",
    "diff IN IN",
    "diff IN IN --all",
    "diff IN IN --format json",
    "snapshot IN -o OUT.json",
    "snapshot IN -o OUT.lockprof",
    "export IN --format prometheus",
    "export IN --format openmetrics --top 1000000",
    "export IN --format pprof",
    "export IN --format pprof --kind block",
    "export IN --format folded",
    "export IN --format flamegraph",
    "export IN --format html",
];

struct Done {
    status: ExitStatus,
    err: String,
    /// The peak of its memory, in KiB.
    peak: i64,
    seconds: f64,
}

/// Runs a command and discards its output.
#[allow(clippy::zombie_processes, reason = "`wait4` waits for it")]
fn run(args: &[String], folder: &Folder) -> Done {
    let lockprof = command(&[]);
    let mut limited = Command::new("sh");
    limited
        .arg("-c")
        .arg(format!("ulimit -t {}; exec \"$0\" \"$@\"", seconds()));
    limited.arg(lockprof.get_program()).args(args);
    for (name, value) in lockprof.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    let err = folder.path("stderr");
    let child = limited
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(fs::File::create(&err).unwrap())
        .spawn()
        .unwrap();
    let (status, usage) = wait(child.id());
    let time = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    Done {
        status,
        err: String::from_utf8_lossy(&fs::read(&err).unwrap()).into_owned(),
        peak: usage.ru_maxrss,
        seconds: time(usage.ru_utime) + time(usage.ru_stime),
    }
}

/// Waits for a child, and returns how it ended and what it used.
fn wait(pid: u32) -> (ExitStatus, libc::rusage) {
    let pid = libc::pid_t::try_from(pid).unwrap();
    let mut status = 0;
    // SAFETY: `rusage` may be all zeros.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both places are valid for writes. Nobody else waits for this child.
    let waited = unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut usage) };
    assert_eq!(waited, pid);
    (ExitStatus::from_raw(status), usage)
}

/// The memory of the program itself, when it reads nothing.
fn own_peak(folder: &Folder) -> i64 {
    static PEAK: OnceLock<i64> = OnceLock::new();
    *PEAK.get_or_init(|| run(&["--version".to_owned()], folder).peak)
}

/// Runs `commands` on a file. Returns the failures, and adds a line per command to the table.
fn check(hostile: &Hostile, commands: &[&str], table: &mut String) -> Vec<String> {
    let folder = Folder::new();
    let bytes = (hostile.make)();
    let file = folder.text(hostile.name);
    fs::write(&file, &bytes).unwrap();
    let mut wrong = Vec::new();
    for line in commands {
        let words: Vec<&str> = line.split(' ').collect();
        let files = words.iter().filter(|word| **word == "IN").count();
        let read = (bytes.len() * files).max(1 << 20) as i64;
        let out = folder.text("out");
        let args: Vec<String> = words
            .iter()
            .map(|word| word.replace("IN", &file).replace("OUT", &out))
            .collect();
        let done = run(&args, &folder);
        let code = done.status.code();
        table.push_str(&format!(
            "{:<28} {:>8} B  {:>4} MB  {:>5.2} s  exit {code:?}  {line}\n",
            hostile.name,
            bytes.len(),
            done.peak >> 10,
            done.seconds
        ));
        let mut check = |is_good: bool, what: String| {
            if !is_good {
                wrong.push(format!("{}: {line}: {what}: {}", hostile.name, done.err));
            }
        };
        // The program itself needs some memory, however little it reads.
        let costs = done.peak - own_peak(&folder);
        check(
            costs <= (MEMORY * read) >> 20,
            format!("{} MB", costs >> 10),
        );
        check(done.err.len() < 2_000, "a long error".to_owned());
        match hostile.verdict {
            Verdict::Refused(why) => {
                let names = done.err.starts_with(&format!("lockprof: {file}: "));
                check(
                    code == Some(3) && names && done.err.contains(why),
                    format!("{:?}", done.status),
                );
            }
            // 3: a format that repeats each name at each point says that it would be too large.
            Verdict::Read => {
                let refused = code == Some(3)
                    && ["in this format", "nobody waited", "no point has"]
                        .iter()
                        .any(|why| done.err.contains(why));
                check(code == Some(0) || refused, format!("{:?}", done.status));
            }
        }
    }
    wrong
}

/// Each of two threads takes every other file: what a command uses is its own process's.
fn check_all(files: &[&Hostile], commands: &[&str]) {
    let check_half = |first: usize| {
        let mut table = String::new();
        let files = files.iter().skip(first).step_by(2);
        let wrong: Vec<String> = files
            .flat_map(|file| check(file, commands, &mut table))
            .collect();
        (wrong, table)
    };
    let (mut wrong, table) = thread::scope(|scope| {
        let other = scope.spawn(|| check_half(1));
        let (mut wrong, mut table) = check_half(0);
        let (more, rest) = other.join().unwrap();
        wrong.extend(more);
        table.push_str(&rest);
        (wrong, table)
    });
    wrong.sort();
    if let Some(path) = env::var_os("LOCKPROF_HOSTILE_TABLE") {
        fs::write(path, &table).unwrap();
    }
    assert!(wrong.is_empty(), "{}\n{table}", wrong.join("\n"));
}

/// A few files, with one command of each kind: the rest is for a release build.
#[test]
fn a_megabyte_costs_a_hundred() {
    const SOME: [&str; 9] = [
        "tiny-alike.lockprof",
        "tiny-8.lockprof",
        "path-of-100-kb.lockprof",
        "name-of-500-kb.lockprof",
        "frame-of-100-kb.lockprof",
        "four-samples-alike.lockprof",
        "samples.lockprof",
        "format.json",
        "mode.json",
    ];
    let files: Vec<&Hostile> = FILES
        .iter()
        .filter(|file| SOME.contains(&file.name))
        .collect();
    assert_eq!(files.len(), SOME.len());
    check_all(
        &files,
        &[
            "report IN",
            "merge IN -o OUT.lockprof",
            "report IN --format csv",
            "diff IN IN",
        ],
    );
}

/// All files with all commands.
#[test]
#[ignore = "takes minutes: ci/files.sh runs it with a release build of the program"]
fn no_megabyte_costs_more_than_a_hundred() {
    check_all(&FILES.iter().collect::<Vec<_>>(), &COMMANDS);
}

#[test]
fn what_has_no_end_is_refused() {
    let folder = Folder::new();
    for args in [
        &["report", "/dev/zero"][..],
        &["merge", "/dev/zero", "-o", "/dev/null"],
        &["diff", "/dev/zero", "/dev/zero"],
        &["export", "/dev/zero", "--format", "csv"],
    ] {
        let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
        let done = run(&args, &folder);
        assert_eq!(done.status.code(), Some(3), "{args:?}: {}", done.err);
        let begin = format!("lockprof: {}: ", args[1]);
        assert!(done.err.starts_with(&begin), "{args:?}: {}", done.err);
        assert!(done.peak < MEMORY, "{args:?}: {}", done.peak);
    }
}
