//! How things look: in colours or, where those are not wanted, by modifiers alone.

use ratatui::style::{Color, Modifier, Style};

/// Styles by meaning. The colours are the terminal's own sixteen, so that they are of its scheme,
/// light or dark.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Theme {
    colours: bool,
}

impl Theme {
    /// With colours or, as NO_COLOR asks for, without.
    pub(crate) fn new(colours: bool) -> Self {
        Self { colours }
    }

    fn of(self, colour: Color, otherwise: Modifier) -> Style {
        match self.colours {
            true => Style::new().fg(colour),
            false => Style::new().add_modifier(otherwise),
        }
    }

    /// Emphasises text.
    pub(crate) fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// Plays text down.
    pub(crate) fn dim(self) -> Style {
        self.of(Color::DarkGray, Modifier::DIM)
    }

    /// Marks an error.
    pub(crate) fn bad(self) -> Style {
        self.of(Color::Red, Modifier::REVERSED)
            .add_modifier(Modifier::BOLD)
    }

    /// A thread or more does nothing but wait here.
    pub(crate) fn hot(self) -> Style {
        self.of(Color::Red, Modifier::BOLD)
    }

    /// A tenth of a thread waits here.
    pub(crate) fn warm(self) -> Style {
        self.of(Color::Yellow, Modifier::BOLD)
    }

    /// Bars and curves.
    pub(crate) fn chart(self) -> Style {
        self.of(Color::Cyan, Modifier::empty())
    }

    /// A key that does something.
    pub(crate) fn key(self) -> Style {
        self.of(Color::Cyan, Modifier::BOLD)
    }

    /// The heads of columns.
    pub(crate) fn head(self) -> Style {
        Style::new().add_modifier(Modifier::UNDERLINED)
    }

    /// The head of the column that rows are sorted by.
    pub(crate) fn sorted(self) -> Style {
        self.of(Color::Cyan, Modifier::empty())
            .add_modifier(Modifier::UNDERLINED | Modifier::BOLD)
    }

    /// The selected row.
    pub(crate) fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// By the number of threads that wait.
    pub(crate) fn by_threads(self, threads: f64) -> Style {
        if threads >= 1.0 {
            self.hot()
        } else if threads >= 0.1 {
            self.warm()
        } else {
            Style::new()
        }
    }
}
