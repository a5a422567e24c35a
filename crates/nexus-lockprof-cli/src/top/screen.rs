//! The terminal, taken and given back: [`Screen`].
//!
//! It is given back when the screen is dropped, before a panic's message is printed, and while the
//! program is stopped.

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

/// Whether the terminal is ours.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// What a thread other than the one that draws has panicked with.
static PANICKED: Mutex<Option<String>> = Mutex::new(None);

/// The whole terminal, until it is dropped.
pub(super) struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    /// Whether it was somebody else's when it was last to be drawn on.
    away: bool,
}

impl Screen {
    /// Takes the terminal. The calling thread is the one that draws: a panic of it gives the
    /// terminal back and is printed, one of another thread is kept for [`panicked`].
    pub(super) fn take() -> io::Result<Self> {
        hook();
        // First, so that what has only half succeeded is undone.
        let screen = Self {
            terminal: Terminal::new(CrosstermBackend::new(stdout()))?,
            away: false,
        };
        enter()?;
        Ok(screen)
    }

    /// Draws what has changed; nothing while the terminal is somebody else's.
    pub(super) fn draw(&mut self, draw: impl FnOnce(&mut ratatui::Frame<'_>)) -> io::Result<()> {
        if !is_ours() {
            self.away = true;
            return Ok(());
        }
        if self.away {
            // Shells do not continue what runs already when they bring it to the foreground, so no
            // signal tells.
            self.retake()?;
        }
        self.terminal.draw(draw)?;
        Ok(())
    }

    /// Draws everything again the next time: somebody else may have written there.
    pub(super) fn forget(&mut self) -> io::Result<()> {
        // Not `Terminal::clear`: it asks the terminal where the cursor is, and the answer would go
        // to whoever reads the keyboard.
        let size = self.terminal.size()?;
        self.terminal.resize(Rect::from((Position::ORIGIN, size)))
    }

    /// Takes it again, after the program was stopped: whoever had the terminal meanwhile may have
    /// changed it. A program that goes on in the background waits until it is brought to the
    /// foreground.
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

/// Whether this process is in the terminal's foreground. One that is not must not draw: the shell
/// is there.
#[cfg(unix)]
fn is_ours() -> bool {
    let foreground = rustix::termios::tcgetpgrp(stdout());
    // It is not the terminal that this process is controlled by: then nobody else has a claim.
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

/// Gives the terminal back, if it is taken.
pub(super) fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        // A terminal that is gone needs nothing.
        let _ = disable_raw_mode();
        let _ = execute!(stdout(), LeaveAlternateScreen, Show);
    }
}

/// Puts the terminal before the panic's message. In another thread than the one that draws that
/// would be too early: the next picture would come after it.
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

/// What another thread has panicked with, once.
pub(super) fn panicked() -> Option<String> {
    let mut panicked = PANICKED.lock().unwrap_or_else(PoisonError::into_inner);
    panicked.take()
}
