//! The accepting thread, and the handle that keeps it alive.

use std::cell::Cell;
use std::fmt;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, Weak};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};

use super::client::{Stream, poll_for};
use super::connections::{Connections, Entered};
use super::files::SocketFile;
use super::named_series::NamedSeries;
use super::repeats::Repeats;
use super::routes::Served;
use super::socket::{Bound, Listener};
use super::waits::Waits;
use super::{Limits, Listen, ServeError, Source, connection, origin::Transport};
use nexus_lockprof_export::prometheus::Scrapes;

thread_local! {
    /// Whether this thread belongs to a server.
    static SERVES: Cell<bool> = const { Cell::new(false) };
}

/// Serves an engine within limits: see the [module](super).
#[derive(Clone)]
pub struct Serve {
    source: Arc<dyn Source>,
    limits: Limits,
    scrapes: Arc<Mutex<Scrapes>>,
    series: Arc<NamedSeries>,
}

impl fmt::Debug for Serve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serve")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl Serve {
    /// Serves this source, within the default limits.
    pub fn new(source: impl Source + 'static) -> Self {
        Serve {
            source: Arc::new(source),
            limits: Limits::default(),
            scrapes: Arc::default(),
            series: Arc::default(),
        }
    }

    /// The same with these limits.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Starts serving there, on a separate thread. Any number of servers may run at once.
    ///
    /// # Errors
    /// [`ServeError`] names what cannot be bound, and why.
    pub fn on(&self, place: &Listen) -> Result<Server, ServeError> {
        let bound = Bound::to(place)?;
        let (stopped, stop) = io::pipe().map_err(ServeError::Start)?;
        let (over, ended) = io::pipe().map_err(ServeError::Start)?;
        rustix::io::ioctl_fionbio(&over, true).map_err(|error| ServeError::Start(error.into()))?;
        let file = bound.file.map(Arc::new);
        let accepting = Accepting {
            serve: self.clone(),
            listener: bound.listener,
            transport: bound.transport,
            stopped: Arc::new(stopped),
            over,
            connections: Arc::new(Connections::new(ended)),
            waits: Arc::new(Waits::new(&self.limits)),
            repeats: Arc::new(Repeats::new(self.limits.answering)),
        };
        let thread = spawn(&self.source, move || accepting.run()).map_err(ServeError::Start)?;
        Ok(Server {
            address: place_of(file.as_deref(), bound.local_addr),
            file,
            local_addr: bound.local_addr,
            running: Some(Running {
                stop,
                thread,
                pid: std::process::id(),
            }),
        })
    }
}

fn place_of(file: Option<&SocketFile>, address: Option<SocketAddr>) -> String {
    match (file, address) {
        (_, Some(address)) => format!("http://{address}"),
        (Some(file), None) => file.path().display().to_string(),
        (None, None) => String::new(),
    }
}

/// A running server. Dropping it ends its connections, and removes the socket file.
#[must_use = "a server stops when it is dropped"]
pub struct Server {
    address: String,
    file: Option<Arc<SocketFile>>,
    local_addr: Option<SocketAddr>,
    running: Option<Running>,
}

/// One end of a pipe. A byte written to it makes the other end readable for all threads, for good.
struct Running {
    stop: PipeWriter,
    thread: JoinHandle<()>,
    /// The thread exists only in this process.
    pid: u32,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// Where it serves: a socket's path, or a URL.
impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address)
    }
}

impl Server {
    /// The socket file, if it serves on a Unix socket.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        let file = self.file.as_ref().filter(|_| self.local_addr.is_none());
        file.map(|file| file.path())
    }

    /// The address with its actual port, if it does not.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.local_addr
    }

    /// The socket's file, for a handler of the process's exit.
    pub(super) fn remains(&self) -> Option<Weak<SocketFile>> {
        self.file.as_ref().map(Arc::downgrade)
    }

    /// Serves until the process ends.
    pub fn detach(mut self) {
        if let Some(Running { stop, .. }) = self.running.take() {
            // Closing it would make the other end readable.
            std::mem::forget(stop);
        }
        if let Some(file) = self.file.take() {
            std::mem::forget(file);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(file) = &self.file {
            file.remove();
        }
        let Some(Running {
            mut stop,
            thread,
            pid,
        }) = self.running.take()
        else {
            return;
        };
        if pid != std::process::id() {
            // In a forked process: the thread belongs to the parent, and a byte would stop the
            // parent's threads.
            std::mem::forget(thread);
            return;
        }
        // Nobody reads this byte. Closing would not be enough, since children have copies. An empty
        // pipe has room for it.
        let _ = stop.write(&[0]);
        // A handler called by a request may drop the server of that request.
        if !SERVES.get() {
            // Its panics are its own. A join error says nothing useful, and its drop might panic.
            std::mem::forget(thread.join());
        }
    }
}

/// Starts one of the server's threads.
fn spawn(
    source: &Arc<dyn Source>,
    work: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    // Instead of the default 2 MiB. Less is not enough for programs with large thread-locals, which
    // are also on the stack.
    const STACK: usize = 1024 * 1024;
    let source = Arc::clone(source);
    Builder::new()
        .name("lockprof-serve".into())
        .stack_size(STACK)
        .spawn(move || {
            source.enter();
            SERVES.set(true);
            work();
        })
}

/// The accepting thread.
struct Accepting {
    serve: Serve,
    listener: Listener,
    transport: Transport,
    /// Readable when the server must stop.
    stopped: Arc<PipeReader>,
    /// Has a byte for each connection that has ended.
    over: PipeReader,
    connections: Arc<Connections>,
    waits: Arc<Waits>,
    repeats: Arc<Repeats>,
}

impl Accepting {
    fn run(mut self) {
        // The pause after the system had no descriptor or thread for a connection: it will not have
        // one at once.
        const PAUSE: Duration = Duration::from_millis(100);
        // The pause until another connection may have become idle. The end of a connection cuts it
        // short.
        const ROOM: Duration = Duration::from_millis(20);
        let mut threads: Vec<JoinHandle<()>> = Vec::new();
        // How long to ignore new connections.
        let mut pause = None;
        loop {
            let mut fds = vec![
                PollFd::new(&*self.stopped, PollFlags::IN),
                PollFd::new(&self.over, PollFlags::IN),
            ];
            if pause.is_none() {
                fds.push(PollFd::new(&self.listener, PollFlags::IN));
            }
            if let Err(error) = poll_for(&mut fds, pause) {
                self.trouble(&error);
                break;
            }
            let stop = !fds[0].revents().is_empty();
            let over = !fds[1].revents().is_empty();
            let ready = fds.get(2).is_some_and(|fd| !fd.revents().is_empty());
            pause = None;
            if stop {
                break;
            }
            if over {
                // Takes all bytes there are.
                let _ = self.over.read(&mut [0; 256]);
                threads.retain(|thread| !thread.is_finished());
            }
            let full = self.connections.count() >= self.serve.limits.connections.max(1);
            if ready && full {
                self.connections.make_room(Instant::now());
                pause = Some(ROOM);
            } else if ready {
                match self.accept() {
                    Ok(thread) => threads.extend(thread),
                    Err(error) if is_final(&error) => {
                        self.trouble(&error);
                        break;
                    }
                    Err(error) => {
                        self.trouble(&error);
                        pause = Some(PAUSE);
                    }
                }
            }
        }
        // Also affects a forked process that has a copy. Where the system supports that, nobody can
        // connect to it any more.
        let _ = rustix::net::shutdown(&self.listener, rustix::net::Shutdown::Both);
        drop(self.listener);
        for thread in threads {
            // Its panics are its own, and dropping their payload might panic.
            std::mem::forget(thread.join());
        }
    }

    /// Accepts one connection, and starts its thread. `None` if there was no connection after all.
    fn accept(&self) -> io::Result<Option<JoinHandle<()>>> {
        let stream = match self.listener.accept() {
            Ok(stream) => stream,
            Err(error) if is_nothing(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let stream = Arc::new(stream);
        let place = self.connections.enter(Arc::clone(&stream));
        let serve = self.serve.clone();
        let (transport, stopped) = (self.transport, Arc::clone(&self.stopped));
        let (waits, repeats) = (Arc::clone(&self.waits), Arc::clone(&self.repeats));
        spawn(&self.serve.source, move || {
            serve.connection(stream, &place, transport, (&waits, &repeats), &stopped);
        })
        .map(Some)
    }

    /// Reports an error, once.
    fn trouble(&self, error: &io::Error) {
        static SAID: AtomicBool = AtomicBool::new(false);
        if !SAID.swap(true, Relaxed) {
            self.serve.source.trouble(format_args!("serving: {error}"));
        }
    }
}

impl Serve {
    fn connection(
        &self,
        stream: Arc<Stream>,
        place: &Entered,
        transport: Transport,
        (waits, repeats): (&Waits, &Repeats),
        stopped: &PipeReader,
    ) {
        let served = Served {
            source: &*self.source,
            limits: &self.limits,
            scrapes: &self.scrapes,
            series: &self.series,
            waits,
            repeats,
        };
        // A socket that fails is closed: its client knows as much as we do.
        let _ = connection::serve(stream, place, transport, &served, stopped.as_fd());
    }
}

/// The client has gone, or another process with the socket was faster.
fn is_nothing(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, WouldBlock};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionReset | Interrupted | WouldBlock
    )
}

/// The descriptor is not a socket, and never will be again.
fn is_final(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let never = [Errno::BADF, Errno::INVAL, Errno::NOTSOCK, Errno::OPNOTSUPP];
    never
        .iter()
        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}
