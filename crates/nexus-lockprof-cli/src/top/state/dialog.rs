//! What stands before the table and takes the keys: [`Dialog`].

use super::Command;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// A question, or an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Dialog {
    /// What the keys do.
    Help,
    /// The filter is being written.
    Filter {
        /// As typed so far.
        text: String,
    },
    /// Whether to reset.
    Reset,
    /// Which mode.
    Mode {
        /// Index in [`MODES`].
        at: usize,
    },
    /// Which budget, as typed so far.
    Budget {
        /// Such as `2%`.
        text: String,
    },
}

/// The profiler's modes, the key that picks each, and what it does.
pub(crate) const MODES: [(&str, char, &str); 4] = [
    ("off", 'o', "nothing is measured"),
    ("counts", 'c', "counts only, no clock"),
    (
        "sampled",
        's',
        "counts, long waits, a sample of the rest within the budget",
    ),
    (
        "exact",
        'e',
        "everything: two clock reads for each acquisition",
    ),
];

/// What a key does to a dialog.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It stays.
    Stay,
    /// It is closed.
    Close,
    /// It is closed, and the target is told.
    Command(Command),
    /// The filter is this now; closed if so.
    Filter(String, bool),
}

/// The most characters that a line takes.
const LONGEST: usize = 200;

impl Dialog {
    /// Takes a key.
    pub(crate) fn key(&mut self, key: KeyEvent) -> Answer {
        match self {
            Self::Help => match key.code {
                KeyCode::Esc => Answer::Close,
                // A key that is read about there does not do what it says.
                _ => Answer::Stay,
            },
            Self::Filter { text } => match key.code {
                KeyCode::Esc => Answer::Filter(String::new(), true),
                KeyCode::Enter => Answer::Filter(std::mem::take(text), true),
                _ if edit(text, key) => Answer::Filter(text.clone(), false),
                _ => Answer::Stay,
            },
            Self::Reset => match key.code {
                KeyCode::Char('y' | 'Y') => Answer::Command(Command::Reset),
                KeyCode::Char('n' | 'N') | KeyCode::Esc => Answer::Close,
                // What was meant for something else must not throw a profile away, nor the
                // question.
                _ => Answer::Stay,
            },
            Self::Mode { at } => mode(at, key),
            Self::Budget { text } => match key.code {
                KeyCode::Esc => Answer::Close,
                KeyCode::Enter => budget(text),
                _ => {
                    edit(text, key);
                    Answer::Stay
                }
            },
        }
    }
}

fn mode(at: &mut usize, key: KeyEvent) -> Answer {
    let picked =
        |(name, ..): &(&str, char, &str)| Answer::Command(Command::Set(format!("mode={name}")));
    match key.code {
        KeyCode::Esc => Answer::Close,
        KeyCode::Up | KeyCode::Char('k') => {
            *at = at.checked_sub(1).unwrap_or(MODES.len() - 1);
            Answer::Stay
        }
        KeyCode::Down | KeyCode::Char('j' | 'm') => {
            *at = (*at + 1) % MODES.len();
            Answer::Stay
        }
        KeyCode::Enter => MODES.get(*at).map_or(Answer::Close, picked),
        KeyCode::Char(c) => {
            let mode = MODES.iter().find(|&&(_, key, _)| key == c);
            mode.map_or(Answer::Stay, picked)
        }
        _ => Answer::Stay,
    }
}

/// A number alone is per cent: who types 2 does not mean 200 %. What is none, the target refuses by
/// name.
fn budget(text: &str) -> Answer {
    let text = text.trim();
    if text.is_empty() {
        return Answer::Close;
    }
    let unit = if text.ends_with('%') { "" } else { "%" };
    Answer::Command(Command::Set(format!("budget={text}{unit}")))
}

/// Whether the key has changed the line.
fn edit(text: &mut String, key: KeyEvent) -> bool {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Char('u') if control => text.clear(),
        KeyCode::Char('w') if control => {
            let end = text.trim_end().rfind(' ').map_or(0, |at| at + 1);
            text.truncate(end);
        }
        KeyCode::Char('h') if control => return text.pop().is_some(),
        KeyCode::Char(c) if !control && !c.is_control() && text.chars().count() < LONGEST => {
            text.push(c);
        }
        KeyCode::Backspace => return text.pop().is_some(),
        _ => return false,
    }
    true
}
