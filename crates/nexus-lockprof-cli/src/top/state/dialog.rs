//! Windows in front of the table that take the keys: [`Dialog`].

use super::Command;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// A question or a page of help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Dialog {
    /// The list of keys.
    Help,
    /// The user types the filter.
    Filter {
        /// The text so far.
        text: String,
    },
    /// Asks whether to reset.
    Reset,
    /// Asks for the mode.
    Mode {
        /// Index in [`MODES`].
        at: usize,
    },
    /// Asks for the budget.
    Budget {
        /// The text so far, such as `2%`.
        text: String,
    },
}

/// The profiler's modes, each with its key and a description.
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

/// The effect of a key on a dialog.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It stays open.
    Stay,
    /// It closes.
    Close,
    /// It closes, and the target gets this command.
    Command(Command),
    /// The filter changes to this. It closes if the flag is set.
    Filter(String, bool),
}

/// The maximum length of a typed line, in characters.
const LONGEST: usize = 200;

impl Dialog {
    /// Handles a key.
    pub(crate) fn key(&mut self, key: KeyEvent) -> Answer {
        match self {
            Self::Help => match key.code {
                KeyCode::Esc => Answer::Close,
                // The keys that the help lists do nothing while it is open.
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
                // Another key, perhaps typed by mistake, neither resets nor closes the question.
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

/// A number alone means per cent: 2 is 2 %, not 200 %. The target refuses anything else and says
/// why.
fn budget(text: &str) -> Answer {
    let text = text.trim();
    if text.is_empty() {
        return Answer::Close;
    }
    let unit = if text.ends_with('%') { "" } else { "%" };
    Answer::Command(Command::Set(format!("budget={text}{unit}")))
}

/// Changes the line by a key. Returns whether it changed.
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
