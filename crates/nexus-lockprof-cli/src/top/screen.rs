//! Takes the terminal and restores it: [`Screen`].
//!
//! The terminal is restored when the screen is dropped, before a panic's message is printed, and
//! while the program is stopped.

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::layout::{Position, Rect};
use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, Stdout, stdout};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, PoisonError};
use std::thread;

/// Whether the terminal is taken.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// The message of a panic in a thread that does not draw.
static PANICKED: Mutex<Option<String>> = Mutex::new(None);

/// The whole terminal, until it is dropped.
pub(super) struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    /// Whether another process was in the foreground at the last attempt to draw.
    away: bool,
}

impl Screen {
    /// Takes the terminal. The calling thread draws from now on. If it panics, the terminal is
    /// restored and the message printed. The message of another thread's panic is kept for
    /// [`panicked`].
    pub(super) fn take() -> io::Result<Self> {
        hook();
        // First, so that its drop undoes a half-finished `enter`.
        let screen = Self {
            terminal: Terminal::new(CrosstermBackend::new(stdout()))?,
            away: false,
        };
        enter()?;
        Ok(screen)
    }

    /// Draws the changes. Draws nothing while another process is in the foreground.
    pub(super) fn draw(&mut self, draw: impl FnOnce(&mut ratatui::Frame<'_>)) -> io::Result<()> {
        if !is_ours() {
            self.away = true;
            return Ok(());
        }
        if self.away {
            // A shell that brings a running program to the foreground sends it no signal.
            self.retake()?;
        }
        self.terminal.draw(draw)?;
        Ok(())
    }

    /// Draws everything the next time, because another program may have written on the screen.
    pub(super) fn forget(&mut self) -> io::Result<()> {
        // Not `Terminal::clear`: it asks the terminal for the cursor's position, and the thread
        // that reads the keyboard would get the answer.
        let size = self.terminal.size()?;
        self.terminal.resize(Rect::from((Position::ORIGIN, size)))
    }

    /// Takes the terminal again after the program was stopped, because another program may have
    /// changed its settings. In the background, waits until it is brought to the foreground.
    pub(super) fn retake(&mut self) -> io::Result<()> {
        self.away = !is_ours();
        if self.away {
            return Ok(());
        }
        give_back();
        enter()?;
        self.forget()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Whether this process is in the terminal's foreground. Otherwise it must not draw over the shell.
#[cfg(unix)]
fn is_ours() -> bool {
    let foreground = rustix::termios::tcgetpgrp(stdout());
    // It fails if this is not the process's controlling terminal. Then nobody else uses it.
    foreground.map_or(true, |group| group == rustix::process::getpgrp())
}

#[cfg(not(unix))]
fn is_ours() -> bool {
    true
}

fn enter() -> io::Result<()> {
    TAKEN.store(true, Ordering::SeqCst);
    enable_raw_mode()?;
    execute!(stdout(), EnterAlternateScreen, Hide)
}

/// Restores the terminal, if it is taken.
pub(super) fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        // Errors do not matter: the terminal may be gone.
        let _ = disable_raw_mode();
        let _ = execute!(stdout(), LeaveAlternateScreen, Show);
    }
}

/// Makes a panic restore the terminal before its message is printed. Not in a thread that does not
/// draw: the next picture would overwrite the message.
fn hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let drawing = thread::current().id();
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if thread::current().id() == drawing {
                give_back();
                before(info);
                return;
            }
            let mut text = format!("\nthread {:?} {info}", thread::current().name());
            let backtrace = Backtrace::capture();
            if backtrace.status() == BacktraceStatus::Captured {
                text.push_str(&format!("\nstack backtrace:\n{backtrace}"));
            }
            let mut panicked = PANICKED.lock().unwrap_or_else(PoisonError::into_inner);
            panicked.get_or_insert(text);
        }));
    });
}

/// Takes the message of another thread's panic.
pub(super) fn panicked() -> Option<String> {
    let mut panicked = PANICKED.lock().unwrap_or_else(PoisonError::into_inner);
    panicked.take()
}
