//! `lockprof top TARGET`: a profiled process, live on a terminal.
//!
//! Three threads send messages to the one that draws: one reads the target ([`fetch`]), one the
//! keyboard, and one waits for signals. A message changes the [`state`], which the [`view`] draws.
//! See `docs/decisions/0020-top.md`.

mod fetch;
mod screen;
mod state;
mod view;

pub(crate) use fetch::Connected;
pub(crate) use state::{Column, Setup};

use anyhow::{Context, Result, bail};
use ratatui::crossterm::event::{self, Event};
use screen::Screen;
use state::{Command, Effect, Report, State};
use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};
use view::Theme;

/// A message to the thread that draws.
enum Message {
    Terminal(Event),
    /// The keyboard cannot be read.
    InputFailed(io::Error),
    Target(Report),
    #[cfg(unix)]
    Signal(i32),
    /// A thread has panicked.
    Panicked,
}

/// How the program ends.
enum End {
    Quit,
    /// By this signal.
    #[cfg(unix)]
    Signal(i32),
    Panicked,
}

/// How often the screen is drawn while nothing happens, so that times stay current.
const IDLE: Duration = Duration::from_millis(500);

/// Shows the target that `connect` connects to until somebody quits.
///
/// # Errors
///
/// If stdout is no terminal, or the terminal cannot be used. Errors of the target appear on the
/// screen instead.
pub(crate) fn run(
    setup: Setup,
    colours: bool,
    connect: impl Fn() -> Result<Connected> + Send + 'static,
) -> Result<()> {
    if !io::stdout().is_terminal() {
        bail!("`top` needs a terminal, and standard output is none: `lockprof report` prints once");
    }
    let (sender, messages) = mpsc::channel();
    let interval = setup.interval;
    let state = State::new(setup);
    // Before the terminal is taken: otherwise a signal in between would leave it changed.
    #[cfg(unix)]
    signals(sender.clone())?;
    let screen = Screen::take().context("the terminal cannot be used")?;
    let commands = fetching(interval, connect, sender.clone())?;
    keyboard(sender)?;
    let end = show(screen, state, Theme::new(colours), &messages, &commands)?;
    match end {
        End::Quit => Ok(()),
        #[cfg(unix)]
        End::Signal(signal) => {
            // Ends by the signal itself, because shells and service managers tell that from an
            // exit.
            signal_hook::low_level::emulate_default_handler(signal)
                .context("a signal was not obeyed")
        }
        End::Panicked => {
            let message = screen::panicked().unwrap_or_default();
            // A closed stderr is no reason for another panic.
            let _ = writeln!(io::stderr(), "{message}");
            // Continues the panic without a second message.
            std::panic::resume_unwind(Box::new(message))
        }
    }
}

/// Draws, waits for the next message, and repeats. Restores the terminal at the end.
fn show(
    mut screen: Screen,
    mut state: State,
    theme: Theme,
    messages: &Receiver<Message>,
    commands: &Sender<Command>,
) -> Result<End> {
    let start = Instant::now();
    loop {
        state.tick(start.elapsed());
        #[cfg(debug_assertions)]
        planted("draw");
        screen
            .draw(|frame| view::draw(frame, &mut state, theme))
            .context("the terminal cannot be drawn on")?;
        let mut next = match messages.recv_timeout(IDLE) {
            Ok(message) => Some(message),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => bail!("nothing is left to wait for"),
        };
        // Handles all messages that are there, then draws once.
        while let Some(message) = next {
            state.tick(start.elapsed());
            if let Some(end) = handle(message, &mut screen, &mut state, commands)? {
                return Ok(end);
            }
            next = messages.try_recv().ok();
        }
    }
}

fn handle(
    message: Message,
    screen: &mut Screen,
    state: &mut State,
    commands: &Sender<Command>,
) -> Result<Option<End>> {
    let redraw = "the terminal cannot be drawn on";
    match message {
        Message::Terminal(Event::Key(key)) => match state.key(key) {
            Effect::None => {}
            Effect::Quit => return Ok(Some(End::Quit)),
            Effect::Suspend => suspend(screen)?,
            Effect::Redraw => screen.forget().context(redraw)?,
            Effect::Command(command) => {
                if let Err(mpsc::SendError(command)) = commands.send(command) {
                    let why = "nobody looks at the target any more".to_owned();
                    state.hear(Report::Refused(command, why));
                }
            }
        },
        // The next picture has the new size.
        Message::Terminal(_) => {}
        Message::InputFailed(error) => return Err(error).context("the keyboard cannot be read"),
        Message::Target(report) => state.hear(report),
        Message::Panicked => return Ok(Some(End::Panicked)),
        #[cfg(unix)]
        Message::Signal(signal) => match signal {
            signal_hook::consts::SIGTSTP => suspend(screen)?,
            signal_hook::consts::SIGCONT => screen.retake().context(redraw)?,
            signal => return Ok(Some(End::Signal(signal))),
        },
    }
    Ok(None)
}

/// Restores the terminal for the shell until the program is continued.
#[cfg(unix)]
fn suspend(screen: &mut Screen) -> Result<()> {
    screen::give_back();
    signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGTSTP)
        .context("this program cannot be stopped")?;
    screen.retake().context("the terminal cannot be used again")
}

#[cfg(not(unix))]
fn suspend(_: &mut Screen) -> Result<()> {
    Ok(())
}

/// Starts the thread that reads the target. Returns the sender of its commands.
fn fetching(
    interval: Duration,
    connect: impl Fn() -> Result<Connected> + Send + 'static,
    messages: Sender<Message>,
) -> Result<Sender<Command>> {
    let (sender, commands) = mpsc::channel();
    spawn("fetch", messages, move |messages| {
        fetch::run(connect, interval, &commands, |report| {
            #[cfg(debug_assertions)]
            planted("fetch");
            messages.send(Message::Target(report)).is_ok()
        });
    })?;
    Ok(sender)
}

/// Starts the thread that reads the keyboard. It ends with the process, because nothing can wake
/// it.
fn keyboard(messages: Sender<Message>) -> Result<()> {
    spawn("keyboard", messages, |messages| {
        loop {
            let (message, last) = match event::read() {
                Ok(event) => (Message::Terminal(event), false),
                Err(error) => (Message::InputFailed(error), true),
            };
            if messages.send(message).is_err() || last {
                return;
            }
        }
    })
}

/// Starts the thread that waits for signals.
#[cfg(unix)]
fn signals(messages: Sender<Message>) -> Result<()> {
    use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};

    let heard = [SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGCONT];
    let mut signals =
        signal_hook::iterator::Signals::new(heard).context("signals cannot be handled")?;
    spawn("signals", messages, move |messages| {
        for signal in signals.forever() {
            if messages.send(Message::Signal(signal)).is_err() {
                return;
            }
        }
    })
}

fn spawn(
    name: &str,
    messages: Sender<Message>,
    body: impl FnOnce(&Sender<Message>) + Send + 'static,
) -> Result<()> {
    let body = move || {
        let watch = Watch(messages);
        body(&watch.0);
    };
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(body)
        .with_context(|| format!("the thread `{name}` cannot be started"))?;
    Ok(())
}

/// Sends a message if its thread panics.
struct Watch(Sender<Message>);

impl Drop for Watch {
    fn drop(&mut self) {
        if thread::panicking() {
            // Without a receiver, the program is ending anyway.
            let _ = self.0.send(Message::Panicked);
        }
    }
}

/// Panics if `LOCKPROF_TOP_PANIC` names this place and a file that exists. For `ci/top.sh`, and
/// only in builds with debug assertions.
#[cfg(debug_assertions)]
fn planted(place: &str) {
    let wanted = std::env::var("LOCKPROF_TOP_PANIC").unwrap_or_default();
    if let Some((at, file)) = wanted.split_once(':') {
        assert!(
            at != place || !std::path::Path::new(file).exists(),
            "a panic was asked for in {place}"
        );
    }
}
