//! How keys change the state.

use super::dialog::Answer;
use super::{Column, Command, Data, Dialog, Link, MODES, Paused, State, TableState, View};
use nexus_lockprof_snapshot::ProfilerMode;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// An action that a key requests, besides a change of the state.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing.
    None,
    /// End the program.
    Quit,
    /// Stop, and restore the terminal until continued.
    Suspend,
    /// Draw the whole screen again.
    Redraw,
    /// Send a command to the target.
    Command(Command),
}

impl State {
    /// Handles a key.
    pub(crate) fn key(&mut self, key: KeyEvent) -> Effect {
        if key.kind == KeyEventKind::Release {
            return Effect::None;
        }
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            match key.code {
                KeyCode::Char('c') => return Effect::Quit,
                KeyCode::Char('z') => return Effect::Suspend,
                KeyCode::Char('l') => return Effect::Redraw,
                _ => {}
            }
        }
        let effect = match self.dialog.take() {
            Some(dialog) => self.answer(dialog, key),
            None => self.on_screen(key),
        };
        self.refresh();
        effect
    }

    fn answer(&mut self, mut dialog: Dialog, key: KeyEvent) -> Effect {
        let answer = dialog.key(key);
        match answer {
            Answer::Stay => self.dialog = Some(dialog),
            Answer::Close => {}
            Answer::Command(command) => return Effect::Command(command),
            Answer::Filter(filter, closed) => {
                self.table.set_filter(filter);
                self.dialog = (!closed).then_some(dialog);
            }
        }
        Effect::None
    }

    /// Handles a key while no dialog is open.
    fn on_screen(&mut self, key: KeyEvent) -> Effect {
        match key.code {
            KeyCode::Char('q') => return Effect::Quit,
            KeyCode::Char('?') | KeyCode::F(1) => self.dialog = Some(Dialog::Help),
            KeyCode::Char('R') => self.ask(Dialog::Reset),
            KeyCode::Char('m') => self.ask(Dialog::Mode { at: self.mode() }),
            KeyCode::Char('b') => self.ask(Dialog::Budget {
                text: String::new(),
            }),
            KeyCode::Char(' ' | 'p') => self.pause(),
            KeyCode::Char('t') => self.table.toggle_figures(),
            KeyCode::Char('/') => {
                let text = self.table.filter().to_owned();
                self.dialog = Some(Dialog::Filter { text });
            }
            KeyCode::Tab => self.show(self.view.moved(1)),
            KeyCode::BackTab => self.show(self.view.moved(-1)),
            KeyCode::Char(c @ '1'..='5') => self.show(View::picked(c).unwrap_or(self.view)),
            _ if self.drilled => self.on_point(key),
            _ if self.view.is_list() => self.on_list(key),
            _ if self.view != View::Locks => self.on_text(key),
            _ => self.on_table(key),
        }
        Effect::None
    }

    /// Opens a dialog whose answer goes to the target, if the target can be told anything.
    fn ask(&mut self, dialog: Dialog) {
        match self.link {
            Link::Static => self.warn("a file cannot be told anything".to_owned()),
            Link::Gone { .. } => {
                self.warn("the target is gone: it cannot be told anything".to_owned())
            }
            Link::Connecting => self.warn("the target does not answer yet".to_owned()),
            Link::Live => self.dialog = Some(dialog),
        }
    }

    /// The target's mode, as an index in [`MODES`].
    fn mode(&self) -> usize {
        let mode = self
            .latest
            .as_ref()
            .map(|data| data.whole().profiler_mode());
        let name = mode.map_or("", ProfilerMode::as_str);
        MODES.iter().position(|mode| mode.0 == name).unwrap_or(0)
    }

    fn pause(&mut self) {
        self.paused = match self.paused {
            Some(_) => None,
            None => Some(Paused {
                data: self.latest.clone(),
                history: self.history.clone(),
            }),
        };
    }

    fn on_table(&mut self, key: KeyEvent) {
        let page = isize::try_from(self.table.page).unwrap_or(isize::MAX);
        let move_by = match key.code {
            KeyCode::Up | KeyCode::Char('k') => -1,
            KeyCode::Down | KeyCode::Char('j') => 1,
            KeyCode::PageUp => -page,
            KeyCode::PageDown => page,
            KeyCode::Home | KeyCode::Char('g') => return self.table.go_to_start(),
            KeyCode::End | KeyCode::Char('G') => {
                return self.with_data(|table, data| table.go_to_end(data));
            }
            KeyCode::Left | KeyCode::Char('<') => return self.table.move_sort(-1),
            KeyCode::Right | KeyCode::Char('>') => return self.table.move_sort(1),
            KeyCode::Char('r') => return self.table.reverse(),
            KeyCode::Esc => {
                self.table.set_filter(String::new());
                self.notice = None;
                return;
            }
            KeyCode::Enter => return self.drill(),
            KeyCode::Char(c) => {
                if let Some(column) = Column::picked(c) {
                    self.table.sort_by(column);
                }
                return;
            }
            _ => return,
        };
        self.with_data(|table, data| table.move_by(move_by, data));
    }

    fn show(&mut self, view: View) {
        (self.view, self.drilled, self.scroll) = (view, false, 0);
    }

    /// Handles a key in a view that has rows of its own.
    fn on_list(&mut self, key: KeyEvent) {
        let view = self.view;
        let (above, below) = self.list().hidden;
        // A row that is longer than the screen is read to its end first.
        let has_more = match key.code {
            KeyCode::Up | KeyCode::Char('k') | KeyCode::PageUp => above > 0,
            KeyCode::Down | KeyCode::Char('j') | KeyCode::PageDown => below > 0,
            _ => false,
        };
        if has_more {
            self.scroll_on(key.code);
            return;
        }
        let list = self.list_mut();
        let page = isize::try_from(list.page.max(1)).unwrap_or(isize::MAX);
        match key.code {
            KeyCode::Up | KeyCode::Char('k') => list.move_by(-1),
            KeyCode::Down | KeyCode::Char('j') => list.move_by(1),
            KeyCode::PageUp => list.move_by(-page),
            KeyCode::PageDown => list.move_by(page),
            KeyCode::Home | KeyCode::Char('g') => list.go_to_start(),
            KeyCode::End | KeyCode::Char('G') => list.go_to_end(),
            KeyCode::Left | KeyCode::Char('<') => list.move_sort(view, -1),
            KeyCode::Right | KeyCode::Char('>') => list.move_sort(view, 1),
            KeyCode::Char('r') => list.reverse(),
            KeyCode::Esc => self.leave_text(),
            _ => {}
        }
    }

    /// Clears the filter, or goes back to the table.
    fn leave_text(&mut self) {
        match self.table.filter().is_empty() {
            true => self.show(View::Locks),
            false => self.table.set_filter(String::new()),
        }
    }

    /// Handles a key in a view of text. It scrolls, and sorting works as in the table, whose order
    /// the rows have.
    fn on_text(&mut self, key: KeyEvent) {
        match key.code {
            KeyCode::Esc => self.leave_text(),
            KeyCode::Enter => {}
            code if self.scroll_on(code) => {}
            _ => self.on_table(key),
        }
    }

    /// Scrolls by a key. Whether it is one that scrolls.
    fn scroll_on(&mut self, code: KeyCode) -> bool {
        match code {
            KeyCode::Up | KeyCode::Char('k') => self.scroll_by(-1),
            KeyCode::Down | KeyCode::Char('j') => self.scroll_by(1),
            KeyCode::PageUp => self.scroll_by(-10),
            KeyCode::PageDown => self.scroll_by(10),
            KeyCode::Home | KeyCode::Char('g') => self.scroll = 0,
            KeyCode::End | KeyCode::Char('G') => self.scroll = usize::MAX,
            _ => return false,
        }
        true
    }

    fn drill(&mut self) {
        self.with_data(|table, data| table.choose(data));
        self.drilled = self.table.selected().is_some();
        self.scroll = 0;
    }

    fn on_point(&mut self, key: KeyEvent) {
        let beside = match key.code {
            KeyCode::Esc | KeyCode::Enter | KeyCode::Backspace => {
                self.drilled = false;
                return;
            }
            KeyCode::Left | KeyCode::Char('<') => -1,
            KeyCode::Right | KeyCode::Char('>') => 1,
            code => {
                self.scroll_on(code);
                return;
            }
        };
        self.scroll = 0;
        self.with_data(|table, data| table.move_by(beside, data));
    }

    fn scroll_by(&mut self, lines: isize) {
        self.scroll = self.scroll.saturating_add_signed(lines);
    }

    fn with_data(&mut self, act: impl FnOnce(&mut TableState, &Data)) {
        if let Some(data) = self.data() {
            act(&mut self.table, &data);
        }
    }
}
