//! One point: all its figures, its distributions, and who called. On a page of its own, or as much
//! of it as there is room for below the table.

mod figures;
mod histogram;

use super::figure;
use super::pages;
use super::theme::Theme;
use crate::top::state::{Data, Key, State};
use nexus_lockprof_export::readable::number;
use nexus_lockprof_export::text;
use nexus_lockprof_snapshot::{Point, printable};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use std::iter;

/// Call stacks shown at most.
const CALLERS: usize = 50;
/// Points behind which it waited shown at most, on a page and below the table.
const HOLDERS: [usize; 2] = [50, 5];

/// Draws the page, scrolled to where the state says, which is kept within the page.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &mut State, theme: Theme) {
    let Some(data) = state.data() else {
        return;
    };
    let index = state.drilled_index(&data);
    let page = index.and_then(|index| Page::new(state, &data, index, area.width, theme));
    let lines = match page {
        Some(page) => page.lines(),
        None => vec![Line::styled(
            "nothing has happened at this point since the statistics began anew: Esc goes back",
            theme.dim(),
        )],
    };
    let last = lines.len().saturating_sub(usize::from(area.height));
    state.scroll = state.scroll.min(last);
    let seen: Vec<Line<'static>> = lines.into_iter().skip(state.scroll).collect();
    frame.render_widget(Paragraph::new(seen), area);
}

/// Draws what there is room for of the selected point, below a line.
pub(super) fn draw_pane(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) {
    let (Some(data), false) = (state.data(), area.is_empty()) else {
        return;
    };
    let index = state.table.selected();
    let page = index.and_then(|index| Page::new(state, &data, index, area.width, theme));
    let Some(page) = page else {
        return;
    };
    let mut lines = vec![Line::styled(
        "─".repeat(usize::from(area.width)),
        theme.dim(),
    )];
    lines.extend(page.brief(usize::from(area.height) - 1));
    frame.render_widget(Paragraph::new(lines), area);
}

struct Page<'a> {
    state: &'a State,
    data: &'a Data,
    theme: Theme,
    width: usize,
    /// Index of the point.
    index: usize,
    key: Key,
    name: (String, String),
    /// In the last interval; `None` if nothing happened.
    rated: Option<&'a Point>,
    whole: &'a Point,
}

impl<'a> Page<'a> {
    fn new(
        state: &'a State,
        data: &'a Data,
        index: usize,
        width: u16,
        theme: Theme,
    ) -> Option<Self> {
        let whole = data.whole().points().get(index)?;
        let lock = whole.lock.name_by(|site| format!("{site:#}"));
        let site = format!("{:#}", whole.site);
        Some(Self {
            state,
            data,
            theme,
            width: usize::from(width),
            index,
            key: Key::of(whole),
            name: (printable(&lock).into_owned(), printable(&site).into_owned()),
            rated: data.rated_point(index),
            whole,
        })
    }

    fn lines(&self) -> Vec<Line<'static>> {
        let mut lines = vec![self.title(), Line::default()];
        lines.extend(self.findings());
        lines.extend(self.counters());
        lines.push(Line::default());
        lines.extend(self.quantiles());
        lines.push(Line::default());
        lines.extend(self.distributions());
        lines.push(Line::default());
        lines.extend(self.trend());
        lines.push(Line::default());
        let [most, _] = HOLDERS;
        let behind = self.behind(most);
        if !behind.is_empty() {
            lines.extend(behind);
            lines.push(Line::default());
        }
        let rwlock = self.rwlock();
        if !rwlock.is_empty() {
            lines.extend(rwlock);
            lines.push(Line::default());
        }
        for more in [self.instances(), self.history()] {
            if !more.is_empty() {
                lines.extend(more);
                lines.push(Line::default());
            }
        }
        lines.extend(self.callers());
        lines
    }

    /// Which locks of the class were waited for most.
    fn instances(&self) -> Vec<Line<'static>> {
        let rows = text::instances_of(self.data.whole(), &self.whole.lock, self.width);
        self.headed("locks of this class", rows)
    }

    /// When threads waited here, over the program's last intervals.
    fn history(&self) -> Vec<Line<'static>> {
        let rows = pages::of_point(self.data.whole(), self.whole, self.width);
        self.headed("the program's last intervals", rows)
    }

    /// The lines below a head; none without lines.
    fn headed(&self, head: &'static str, lines: Vec<String>) -> Vec<Line<'static>> {
        let head = (!lines.is_empty()).then(|| Line::styled(head, self.theme.head()));
        let lines = lines.into_iter().map(Line::raw);
        head.into_iter().chain(lines).collect()
    }

    /// As much of it as `height` lines have room for: those that matter most first, and no head
    /// without anything below it.
    fn brief(&self, height: usize) -> Vec<Line<'static>> {
        let mut lines = vec![self.title()];
        lines.extend(self.counters());
        lines.extend(self.quantiles());
        let [_, most] = HOLDERS;
        let more = [
            self.distributions(),
            self.behind(most),
            self.rwlock(),
            self.callers(),
        ];
        for more in more {
            if !more.is_empty() && lines.len() + 3 <= height {
                lines.push(Line::default());
                lines.extend(more);
            }
        }
        lines.truncate(height);
        lines
    }

    /// The findings about the point's lock, and an empty line.
    fn findings(&self) -> Vec<Line<'static>> {
        let all = self.data.findings(self.state.table.figures());
        let of_lock = all.iter().filter(|finding| finding.lock == self.whole.lock);
        let lines = of_lock.flat_map(|finding| text::finding(finding, self.width));
        let mut lines: Vec<Line<'static>> = lines.map(Line::raw).collect();
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        lines
    }

    fn title(&self) -> Line<'static> {
        let (lock, site) = &self.name;
        Line::from(vec![
            Span::styled(lock.clone(), self.theme.strong()),
            Span::raw(format!("  {}  at ", self.whole.mode)),
            Span::styled(site.clone(), self.theme.strong()),
        ])
    }

    fn trend(&self) -> Vec<Line<'static>> {
        let history = self.state.history();
        let timed = history.of(&self.key).any(|sample| sample.threads > 0.0);
        let of = figure::sample(timed);
        let highest = history.of(&self.key).map(of).fold(0.0, f32::max);
        let title = match timed {
            _ if highest == 0.0 => "contention over the last intervals: none".to_owned(),
            true => format!(
                "threads waiting here over the last intervals: highest {}",
                number::threads(f64::from(highest))
            ),
            false => format!(
                "contentions a second over the last intervals: highest {}",
                number::rate(f64::from(highest))
            ),
        };
        let mut lines = vec![Line::styled(title, self.theme.head())];
        if highest > 0.0 {
            let samples = history.of(&self.key).rev();
            let bars = figure::trend(samples, of, self.width, highest);
            lines.push(Line::styled(bars, self.theme.chart()));
        }
        lines
    }

    /// Behind whom it waited. Empty if nobody knows.
    fn behind(&self, most: usize) -> Vec<Line<'static>> {
        let behind = text::behind(self.data.whole(), self.whole, most, self.width);
        self.headed("waited behind", behind)
    }

    /// Why threads waited for the point's lock, if that is a reader-writer lock.
    fn rwlock(&self) -> Vec<Line<'static>> {
        let Some(of) = self.data.whole().rwlock(&self.whole.lock) else {
            return Vec::new();
        };
        let head = Line::styled("reader-writer lock", self.theme.head());
        let lines = text::rwlock(&of, self.width);
        iter::once(head)
            .chain(lines.into_iter().map(Line::raw))
            .collect()
    }

    fn callers(&self) -> Vec<Line<'static>> {
        let mut lines = vec![Line::styled("callers of long waits", self.theme.head())];
        let callers = text::callers(self.whole, CALLERS, self.width);
        if callers.is_empty() {
            let text = "none were looked at (LOCKPROF_STACKS=on, feature `stacks`)";
            lines.push(Line::styled(text, self.theme.dim()));
        }
        lines.extend(callers.into_iter().map(Line::raw));
        lines
    }
}
