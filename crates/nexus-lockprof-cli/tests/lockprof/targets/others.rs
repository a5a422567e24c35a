//! Endpoints of other users and of processes that are gone.

use super::served;
use crate::support::{Folder, command, lockprof};
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::process::{self, ChildStdout, Command, Stdio};

/// A link outlives a process that was killed, and any user may get its port. Its owner may also
/// have written a link of his own.
#[cfg(target_os = "linux")]
#[test]
fn a_link_proves_nothing() {
    const OTHER: u32 = 12_346;
    let folder = Folder::new();
    let runtime = folder.path("lockprof");
    fs::create_dir(&runtime).unwrap();
    fs::set_permissions(&runtime, Permissions::from_mode(0o700)).unwrap();
    let check = |pid: u32, url: &str, expected: &str| {
        let link = runtime.join(format!("{pid}.url"));
        std::os::unix::fs::symlink(url, &link).unwrap();
        for of in ["report", "reset"] {
            let mut command = command(&[of, &pid.to_string()]);
            command.env("XDG_RUNTIME_DIR", folder.path(""));
            let run: crate::support::Run = command.output().unwrap().into();
            let error = run.failed();
            assert!(error.contains(expected), "{error}");
        }
        fs::remove_file(link).unwrap();
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    check(4_000_001, &url, "the process that served there is gone");
    let asked = listener.accept();
    assert!(asked.is_err(), "it is not even connected to: {asked:?}");
    // This process may serve for another test.
    let live = std::os::unix::process::parent_id();
    let foreign = "http://192.0.2.1:9464";
    let expected = "192.0.2.1 is no address of this machine";
    check(live, foreign, expected);
    // Only root can be somebody else.
    let Some(server) = serving(OTHER, "127.0.0.1:0") else {
        return;
    };
    let pid = server.0.id();
    let url = fs::read_link(format!("/tmp/lockprof-{OTHER}/{pid}.url")).unwrap();
    let expected = format!("user {OTHER} serves there");
    check(live, url.to_str().unwrap(), &expected);
    // By number, it asks that user's process.
    lockprof(&["reset", &pid.to_string()]).good();
    drop(server);
    let _ = fs::remove_dir(format!("/tmp/lockprof-{OTHER}"));
}

/// Root can connect to everybody's sockets, and anybody can create one in the place of a service's
/// old socket.
#[test]
fn a_socket_of_another_user() {
    const OTHER: u32 = 12_345;
    let folder = Folder::new();
    fs::set_permissions(folder.path(""), Permissions::from_mode(0o777)).unwrap();
    let serving = |place: &str| serving(OTHER, place);
    let path = folder.text("app.sock");
    let Some(_server) = serving(&format!("unix:{path}")) else {
        eprintln!("skipped: only root can be somebody else");
        return;
    };
    let refusal = format!("user {OTHER} serves there");
    let error = lockprof(&["report", &path]).failed();
    assert!(error.contains(&refusal), "{error}");
    let error = lockprof(&["reset", &format!("unix:{path}")]).failed();
    assert!(error.contains(&refusal), "{error}");
    // By number, it asks that user's process.
    let server = serving("unix").unwrap();
    let pid = server.0.id().to_string();
    lockprof(&["reset", &pid]).good();
    drop(server);
    // And where somebody else poses as one of ours.
    let own = std::os::unix::process::parent_id();
    let runtime = folder.path("lockprof");
    fs::create_dir(&runtime).unwrap();
    chown(&runtime, Some(OTHER), None).unwrap();
    let posing = runtime.join(format!("{own}.sock"));
    let _server = serving(&format!("unix:{}", posing.display())).unwrap();
    let run = |args: &[&str]| -> crate::support::Run {
        let mut command = command(args);
        command.env("XDG_RUNTIME_DIR", folder.path(""));
        command.output().unwrap().into()
    };
    let error = run(&["report", &own.to_string()]).failed();
    assert!(error.contains(&format!("is of user {OTHER}, ")), "{error}");
    let list = run(&["ps", "--stale"]).good();
    let row = |line: &str| line.split_whitespace().next() == Some(&own.to_string());
    assert!(!list.lines().any(row), "{list}");
    let _ = fs::remove_dir(format!("/tmp/lockprof-{OTHER}"));
}

/// Serves where it is told until its input ends.
#[test]
#[ignore = "run by `serving`"]
fn serves() {
    let place = std::env::var("PLACE").unwrap();
    let (_server, _) = served(&place.parse().unwrap());
    writeln!(std::io::stdout(), "serving").unwrap();
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

/// A process of another user that serves.
fn serving(user: u32, place: &str) -> Option<Serving> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([
        "--exact",
        "targets::others::serves",
        "--ignored",
        "--nocapture",
    ]);
    command.env_remove("XDG_RUNTIME_DIR").env("PLACE", place);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    Serving::start(command.uid(user))
}

/// A serving process, which ends at the end of its input.
struct Serving(process::Child, BufReader<ChildStdout>);

impl Serving {
    /// Starts it and waits until it serves. `None` if it cannot be started.
    fn start(command: &mut Command) -> Option<Self> {
        let mut child = command.spawn().ok()?;
        let mut out = BufReader::new(child.stdout.take()?);
        let mut lines = out.by_ref().lines();
        // The line begins with text of the test harness.
        let serves = lines.any(|line| line.is_ok_and(|line| line.ends_with("serving")));
        serves.then_some(Self(child, out))
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.1.read_to_end(&mut Vec::new());
        let _ = self.0.wait();
    }
}
