//! Files and folders of Unix sockets; ports.

use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Barrier;
use std::sync::atomic::{
    AtomicU32, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};
use std::thread;

use super::client::ask;
use super::*;

/// A folder of its own, gone in the end.
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    pub(super) fn new(name: &str) -> Self {
        // Short: a socket's path may not be long.
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Relaxed);
        let name = format!("lp-{}-{number}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        // As a runtime directory has to be, whatever the umask.
        fs::set_permissions(&path, Permissions::from_mode(0o700)).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn error(place: &Listen) -> String {
    Serve::new(Fake::new()).on(place).unwrap_err().to_string()
}

#[test]
fn a_socket_is_its_owners_alone_and_goes_with_its_server() {
    let folder = Folder::new("owner");
    let path = folder.0.join("s");
    let server = serve(&Fake::new(), patient(), &Listen::UnixAt(path.clone()));
    assert_eq!(mode(&path), 0o600);
    assert_eq!(server.to_string(), path.display().to_string());
    drop(server);
    assert!(!path.exists());
}

#[test]
fn a_socket_that_is_another_s_by_then_stays() {
    let folder = Folder::new("another");
    let path = folder.0.join("s");
    let server = serve(&Fake::new(), patient(), &Listen::UnixAt(path.clone()));
    fs::remove_file(&path).unwrap();
    let _other = UnixListener::bind(&path).unwrap();
    drop(server);
    assert!(path.exists());
}

#[test]
fn what_is_there_already() {
    let folder = Folder::new("there");
    let path = folder.0.join("s");
    let place = Listen::UnixAt(path.clone());
    // Nobody listens any more: replaced.
    drop(UnixListener::bind(&path).unwrap());
    let server = serve(&Fake::new(), patient(), &place);
    assert_eq!(
        error(&place),
        format!("{} is in use by another server", path.display())
    );
    // The first one still serves.
    assert_eq!(ask(&server, "GET", "/config", &[], "").status, 200);
    drop(server);
    fs::write(&path, "precious").unwrap();
    assert_eq!(
        error(&place),
        format!("{} is there, and is no socket", path.display())
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    // Not even to a socket, or to nothing.
    fs::remove_file(&path).unwrap();
    for target in [folder.0.join("dead"), folder.0.join("nothing")] {
        symlink(&target, &path).unwrap();
        let _ = UnixListener::bind(folder.0.join("dead"));
        assert_eq!(
            error(&place),
            format!("{} is there, and is no socket", path.display())
        );
        fs::remove_file(&path).unwrap();
    }
    assert!(folder.0.join("dead").exists() && !folder.0.join("nothing").exists());
    fs::remove_file(folder.0.join("dead")).unwrap();
    // No temporary name is left, whatever has happened.
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 0);
}

/// All of them find a socket whose process is gone. One replaces it; the others must not replace that one's.
#[test]
fn servers_that_begin_at_once() {
    const ROUNDS: usize = 100;
    const SERVERS: usize = 4;
    let folder = Folder::new("race");
    let barrier = Barrier::new(SERVERS);
    for round in 0..ROUNDS {
        let path = folder.0.join(format!("{round}"));
        drop(UnixListener::bind(&path).unwrap());
        let place = Listen::UnixAt(path.clone());
        let begun: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..SERVERS)
                .map(|_| {
                    scope.spawn(|| {
                        barrier.wait();
                        Serve::new(Fake::new()).on(&place)
                    })
                })
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        let (won, lost): (Vec<_>, Vec<_>) = begun.into_iter().partition(Result::is_ok);
        assert_eq!(won.len(), 1, "round {round}: {won:?} {lost:?}");
        for error in lost {
            assert_eq!(
                error.unwrap_err().to_string(),
                format!("{} is in use by another server", path.display())
            );
        }
        let server = won.into_iter().next().unwrap().unwrap();
        assert_eq!(ask(&server, "GET", "/config", &[], "").status, 200);
    }
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 0);
}

/// Whoever sees a socket can connect to it.
#[test]
fn a_socket_that_is_there_listens() {
    const ROUNDS: usize = 200;
    let folder = Folder::new("listens");
    let path = |round: usize| folder.0.join(format!("{round}"));
    let first = AtomicUsize::new(0);
    thread::scope(|scope| {
        let client = scope.spawn(|| {
            for round in 0..ROUNDS {
                loop {
                    match UnixStream::connect(path(round)) {
                        Ok(_) => break,
                        Err(error) if error.kind() == ErrorKind::NotFound => {}
                        Err(error) => return Err((round, error)),
                    }
                }
                // The server goes on when this one is looking for it already.
                first.store(round + 1, Release);
            }
            Ok(())
        });
        let mut servers = Vec::new();
        for round in 0..ROUNDS {
            while first.load(Acquire) < round && !client.is_finished() {
                thread::yield_now();
            }
            servers.push(serve(&Fake::new(), patient(), &Listen::UnixAt(path(round))));
        }
        assert!(client.join().unwrap().is_ok());
    });
}

#[test]
fn a_server_that_does_not_accept_is_not_replaced() {
    let folder = Folder::new("stopped");
    let path = folder.0.join("s");
    let listener = UnixListener::bind(&path).unwrap();
    assert_eq!(
        error(&Listen::UnixAt(path.clone())),
        format!("{} is in use by another server", path.display())
    );
    drop(listener);
    drop(serve(&Fake::new(), patient(), &Listen::UnixAt(path)));
}

#[test]
fn a_path_that_is_too_long_or_nowhere() {
    let long = PathBuf::from("/tmp").join("x".repeat(200));
    let message = error(&Listen::UnixAt(long.clone()));
    assert!(
        message.starts_with(&format!(
            "{}: the path of a Unix socket may not be so long",
            long.display()
        )),
        "{message}"
    );
    let message = error(&Listen::UnixAt("/nonexistent/s".into()));
    assert!(
        message.starts_with("/nonexistent/s: No such file"),
        "{message}"
    );
}

#[test]
fn ports() {
    let taken = serve(&Fake::new(), patient(), &loopback());
    let address = taken.local_addr().unwrap();
    assert_eq!(taken.to_string(), format!("http://{address}"));
    let message = error(&Listen::Loopback(address));
    assert!(
        message.starts_with(&format!("{address}: Address already in use")),
        "{message}"
    );
    assert_eq!(
        error(&Listen::Loopback(([0, 0, 0, 0], 0).into())),
        "0.0.0.0:0 can be reached from other machines: say remote:0.0.0.0:0 if that is wanted"
    );
}

/// Runs a test that needs a runtime directory and a umask of its own in a process of its own: both are one for all threads.
fn alone(test: &str, directory: &Path, umask: &str) {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("umask {umask}; exec \"$0\" \"$@\"")]);
    command.arg(std::env::current_exe().unwrap());
    command.args([
        "--exact",
        &format!("endpoint::sockets::{test}"),
        "--ignored",
        "--test-threads=1",
    ]);
    let output = command.env("XDG_RUNTIME_DIR", directory).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{umask}: {text}"
    );
}

#[test]
fn the_runtime_directory() {
    let folder = Folder::new("run");
    for umask in ["0022", "0000", "0777", "0277", "0377"] {
        alone("made_whatever_the_umask", &folder.0, umask);
    }
    for test in [
        "in_the_runtime_directory",
        "a_later_server_on_a_port_is_found",
        "a_directory_that_is_not_ours_alone",
    ] {
        alone(test, &folder.0, "0022");
        let _ = fs::remove_dir_all(folder.0.join("lockprof"));
    }
}

/// As after `su`, which leaves the variable as it is.
#[test]
fn a_runtime_directory_of_another_user_is_not_ours() {
    let folder = Folder::new("su");
    // For others to write to, or another user's, if we may give it away.
    fs::set_permissions(&folder.0, Permissions::from_mode(0o777)).unwrap();
    alone("the_directory_is_in_tmp", &folder.0, "0022");
    fs::set_permissions(&folder.0, Permissions::from_mode(0o700)).unwrap();
    let owner = || fs::metadata(&folder.0).unwrap().uid();
    let mine = owner();
    let _ = std::os::unix::fs::chown(&folder.0, Some(12_345), None);
    if owner() != mine {
        alone("the_directory_is_in_tmp", &folder.0, "0022");
    }
}

#[test]
#[ignore = "run by a_runtime_directory_of_another_user_is_not_ours"]
fn the_directory_is_in_tmp() {
    let directory = nexus_lockprof_serve::runtime_directory();
    assert_eq!(directory.parent(), Some(Path::new("/tmp")), "{directory:?}");
}

#[test]
#[ignore = "run by the_runtime_directory"]
fn made_whatever_the_umask() {
    let directory = nexus_lockprof_serve::runtime_directory();
    let server = serve(&Fake::new(), patient(), &Listen::Unix);
    assert_eq!(mode(&directory), 0o700);
    assert_eq!(mode(server.path().unwrap()), 0o600);
    assert_eq!(ask(&server, "GET", "/config", &[], "").status, 200);
    drop(server);
    // Of one that another process has made and not yet given its mode, or died before it did.
    fs::set_permissions(&directory, Permissions::from_mode(0o000)).unwrap();
    drop(serve(&Fake::new(), patient(), &Listen::Unix));
    assert_eq!(mode(&directory), 0o700);
    fs::remove_dir(&directory).unwrap();
}

#[test]
#[ignore = "run by the_runtime_directory"]
fn in_the_runtime_directory() {
    let directory = nexus_lockprof_serve::runtime_directory();
    let pid = std::process::id();
    fs::create_dir(&directory).unwrap();
    fs::set_permissions(&directory, Permissions::from_mode(0o700)).unwrap();
    // Left by processes: one that is gone, one whose number is another's by now, and one that still serves.
    let gone = {
        let mut child = Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        child.id()
    };
    let left = |name: String| {
        let path = directory.join(name);
        (path.clone(), UnixListener::bind(path).unwrap())
    };
    let (stale, listener) = left(format!("{gone}.sock"));
    drop(listener);
    let (further, listener) = left(format!("{gone}-2.sock"));
    drop(listener);
    let (begun, listener) = left(format!(".{gone}-0"));
    drop(listener);
    let (mine, listener) = left(format!("{pid}.sock"));
    drop(listener);
    let (answers, _listener) = left("1.sock".into());
    let port = {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        closed.local_addr().unwrap()
    };
    let link = directory.join(format!("{gone}.url"));
    symlink(format!("http://{port}"), &link).unwrap();
    fs::write(directory.join("notes"), "").unwrap();
    fs::write(directory.join(format!("{gone}.txt")), "").unwrap();

    let first = serve(&Fake::new(), patient(), &Listen::Unix);
    assert_eq!(first.path(), Some(&*mine));
    let second = serve(&Fake::new(), patient(), &Listen::Unix);
    assert_eq!(
        second.path(),
        Some(&*directory.join(format!("{pid}-2.sock")))
    );
    assert_eq!((mode(&directory), mode(&mine)), (0o700, 0o600));
    assert!(fs::read_link(&link).is_err());
    assert!(!stale.exists() && !further.exists() && !begun.exists() && answers.exists());
    assert!(directory.join("notes").exists() && directory.join(format!("{gone}.txt")).exists());
    drop(first);
    drop(second);
    // Where one has detached itself, the socket is the process's until its end.
    let server = serve(&Fake::new(), patient(), &Listen::Unix);
    server.detach();
    assert!(UnixStream::connect(&mine).is_ok());
}

#[test]
#[ignore = "run by the_runtime_directory"]
fn a_later_server_on_a_port_is_found() {
    let directory = nexus_lockprof_serve::runtime_directory();
    let link = directory.join(format!("{}.url", std::process::id()));
    let start = || serve(&Fake::new(), patient(), &loopback());
    let found = || fs::read_link(&link).ok();
    let url = |server: &Server| Some(format!("http://{}", server.local_addr().unwrap()).into());
    // It serves without a link, too.
    fs::create_dir(&directory).unwrap();
    fs::set_permissions(&directory, Permissions::from_mode(0o755)).unwrap();
    let unnamed = start();
    assert_eq!(found(), None);
    fs::set_permissions(&directory, Permissions::from_mode(0o700)).unwrap();
    let first = start();
    assert_eq!(found(), url(&first));
    let second = start();
    assert_eq!(found(), url(&first), "the first stays");
    drop(first);
    assert_eq!(found(), None);
    let third = start();
    assert_eq!(found(), url(&third));
    drop(second);
    drop(unnamed);
    assert_eq!(found(), url(&third));
    drop(third);
    assert_eq!(found(), None);
}

#[test]
#[ignore = "run by the_runtime_directory"]
fn a_directory_that_is_not_ours_alone() {
    let directory = nexus_lockprof_serve::runtime_directory();
    let check = |what: &str| {
        let message = format!(
            "{} is {what}: it must be a directory of this user's alone (mode 0700)",
            directory.display()
        );
        assert_eq!(error(&Listen::Unix), message);
    };
    fs::create_dir(&directory).unwrap();
    fs::set_permissions(&directory, Permissions::from_mode(0o750)).unwrap();
    check("open to other users");
    fs::remove_dir(&directory).unwrap();
    symlink("/", &directory).unwrap();
    check("a symbolic link");
    fs::remove_file(&directory).unwrap();
    fs::write(&directory, "").unwrap();
    check("no directory");
}
