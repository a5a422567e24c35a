//! The lines below a point that show its callers.

use std::cmp::Reverse;
use std::collections::HashMap;

use nexus_lockprof_snapshot::{Frame, Origin, Point, Site, Stack, Text, portable_path, printable};

use crate::readable::fit::{self, Paths};
use crate::readable::number;

const INDENT: &str = "    ";
const BELOW: &str = " < ";
/// Stands for frames that are left out.
const GAP: &str = "… < ";
/// Usual width of what comes before the frames, in terminal columns.
const HEAD: usize = 22;
/// Terminal columns that a line needs for each frame that it shows.
const FRAME: usize = 38;
/// Terminal columns that a frame reserves for each one after it.
const FOLLOWING: usize = 30;

/// One line for each of the first `most` callers of a point, by their share of the waiting, then
/// one that counts the rest. No line is wider than `width` terminal columns. Empty without
/// [callers](Point::callers).
///
/// Callers that read alike share a line: there is no room for what differs, such as an address or a
/// distant frame.
#[must_use]
pub fn callers(point: &Point, most: usize, width: usize) -> Vec<String> {
    if most == 0 {
        return Vec::new();
    }
    let whole = number::sum(point.callers.iter().map(|stack| stack.wait_ns));
    let mut roots = Roots::new(&point.site);
    let root = root(point, &mut roots);
    let chains = alike(
        point,
        &mut roots,
        (width.saturating_sub(HEAD) / FRAME).max(1),
    );
    let shown = chains.get(..most).unwrap_or(&chains);
    let heads: Vec<String> = shown.iter().map(|chain| chain.head(whole)).collect();
    let widest = heads.iter().map(|head| fit::width(head)).max().unwrap_or(0);
    let mut lines: Vec<String> = heads
        .iter()
        .zip(shown)
        .map(|(head, chain)| {
            let begin = format!("{INDENT}{}  ", fit::padded(head, widest, false));
            let room = width.saturating_sub(fit::width(&begin));
            let line = format!("{begin}{}", chain.text(root, room));
            line.trim_end().to_owned()
        })
        .collect();
    let hidden = chains.len() - shown.len();
    if hidden > 0 {
        let noun = if hidden == 1 { "caller" } else { "callers" };
        lines.push(format!("{INDENT}... and {hidden} more {noun}"));
    }
    lines
}

/// The frames of a line, and the waits of all stacks that have them.
struct Chain<'a> {
    frames: Vec<&'a Frame>,
    /// Whether frames are missing before the last one.
    has_gap: bool,
    waits: u64,
    wait_ns: u64,
    samples: u64,
}

/// A point's chains of at most `most` frames, the longest wait first.
fn alike<'a>(point: &'a Point, roots: &mut Roots<'a>, most: usize) -> Vec<Chain<'a>> {
    let mut texts = Texts::default();
    let mut known: HashMap<(Vec<[u64; 3]>, bool), usize> = HashMap::new();
    let mut chains: Vec<Chain<'a>> = Vec::new();
    for stack in &point.callers {
        let (frames, has_gap) = nearest(above(stack, roots), most, &mut texts);
        let read = frames.iter().map(|frame| texts.read(frame)).collect();
        let number = *known.entry((read, has_gap)).or_insert(chains.len());
        if number == chains.len() {
            chains.push(Chain {
                frames,
                has_gap,
                waits: 0,
                wait_ns: 0,
                samples: 0,
            });
        }
        if let Some(chain) = chains.get_mut(number) {
            chain.waits = chain.waits.saturating_add(stack.waits);
            chain.wait_ns = chain.wait_ns.saturating_add(stack.wait_ns);
            chain.samples = chain.samples.saturating_add(stack.samples);
        }
    }
    // A stable sort keeps ties in the order of the stacks.
    chains.sort_by_key(|chain| Reverse((chain.wait_ns, chain.waits)));
    chains
}

/// The `most` frames nearest to the lock, without the standard library's. If the program owns none
/// of them, its nearest frame replaces the last one. Also says whether that leaves a gap.
fn nearest<'a>(frames: &'a [Frame], most: usize, texts: &mut Texts<'a>) -> (Vec<&'a Frame>, bool) {
    let mut near: Vec<&Frame> = Vec::new();
    let mut has_own = false;
    for frame in frames {
        let origin = frame.file.as_ref().map(|file| texts.origin(file));
        let is_own = origin == Some(Origin::Program);
        if near.len() < most {
            if origin != Some(Origin::Std) {
                near.push(frame);
                has_own |= is_own;
            }
        } else if has_own {
            break;
        } else if is_own {
            near.pop();
            near.push(frame);
            return (near, true);
        }
    }
    if near.is_empty() {
        near = frames.iter().take(most).collect();
    }
    (near, false)
}

/// Numbers texts, and caches the origin of files. Many frames share a text, which may be long, so
/// each is examined once.
#[derive(Default)]
struct Texts<'a> {
    by_place: HashMap<*const u8, (u64, Option<Origin>)>,
    by_text: HashMap<&'a str, u64>,
}

impl<'a> Texts<'a> {
    fn get(&mut self, text: &'a Text) -> &mut (u64, Option<Origin>) {
        let Self { by_place, by_text } = self;
        by_place.entry(text.as_ptr()).or_insert_with(|| {
            // 0 means no text. Empty texts at different addresses are alike.
            let next = by_text.len() as u64 + 1;
            (*by_text.entry(text).or_insert(next), None)
        })
    }

    fn origin(&mut self, file: &'a Text) -> Origin {
        *self.get(file).1.get_or_insert_with(|| Origin::of(file))
    }

    /// What a reader sees of a frame: its function, file and line, or its address.
    fn read(&mut self, frame: &'a Frame) -> [u64; 3] {
        let mut number = |text: &'a Option<Text>| text.as_ref().map_or(0, |text| self.get(text).0);
        let (function, file) = (number(&frame.function), number(&frame.file));
        let rest = match function {
            0 => frame.address,
            _ => frame.line.map_or(0, u64::from),
        };
        [function, file, rest]
    }
}

impl Chain<'_> {
    /// The chain's share of the waiting, and its number of waits.
    fn head(&self, whole_ns: u64) -> String {
        let share = number::percent(self.wait_ns, whole_ns);
        let mark = if self.waits == self.samples { "" } else { "~" };
        format!("{share:>5} {mark}{}", number::plural(self.waits, "wait"))
    }

    /// `function (file:line) < function (file:line)`.
    fn text(&self, root: &str, room: usize) -> String {
        let mut text = String::new();
        let count = self.frames.len();
        for (i, frame) in self.frames.iter().enumerate() {
            if i > 0 {
                text.push_str(BELOW);
            }
            if self.has_gap && i + 1 == count {
                text.push_str(GAP);
            }
            let left = room.saturating_sub(fit::width(&text));
            let others = count - i - 1;
            // A nearer caller says more, so it gets the room that the others do not reserve.
            let mine = left.saturating_sub(others * (FOLLOWING + fit::width(BELOW)));
            text.push_str(&in_width(frame, root, mine));
        }
        text
    }
}

/// The frames that called the point's own function, which the row already shows. All frames if that
/// one is missing or is the last.
fn above<'a>(stack: &'a Stack, roots: &mut Roots<'a>) -> &'a [Frame] {
    let at = stack
        .frames
        .iter()
        .position(|frame| roots.of(frame).is_some());
    match at.and_then(|at| stack.frames.get(at + 1..)) {
        None | Some([]) => &stack.frames,
        Some(below) => below,
    }
}

/// Finds the frames at a site by their files. It compares each file once, since there may be a
/// million frames.
struct Roots<'a> {
    site: &'a Site,
    files: HashMap<&'a Text, Option<&'a str>>,
}

impl<'a> Roots<'a> {
    fn new(site: &'a Site) -> Self {
        Self {
            site,
            files: HashMap::new(),
        }
    }

    /// The root of the frame's file if the frame is at the site: see [`root_of`].
    fn of(&mut self, frame: &'a Frame) -> Option<&'a str> {
        let file = frame
            .file
            .as_ref()
            .filter(|_| frame.line == Some(self.site.line))?;
        *self
            .files
            .entry(file)
            .or_insert_with(|| root_of(file, self.site))
    }
}

/// The compiler's working directory, which debug information puts before the path that the compiler
/// was given.
fn root_of<'a>(file: &'a str, site: &Site) -> Option<&'a str> {
    // A merge may have removed cargo's registry directory from one of the two paths.
    if portable_path(file) == portable_path(&site.file) {
        return Some("");
    }
    let root = file.strip_suffix(site.file.as_str())?;
    (root.is_empty() || root.ends_with(['/', '\\'])).then_some(root)
}

fn root<'a>(point: &'a Point, roots: &mut Roots<'a>) -> &'a str {
    let mut frames = point.callers.iter().flat_map(|stack| &stack.frames);
    frames.find_map(|frame| roots.of(frame)).unwrap_or_default()
}

/// A frame in at most `max` columns.
fn in_width(frame: &Frame, root: &str, max: usize) -> String {
    let function = match &frame.function {
        Some(function) => printable(function).into_owned(),
        None => format!("{:#x}", frame.address),
    };
    let Some(place) = place(frame, root) else {
        return fit::middle(tail(&function, 2), max);
    };
    let full = format!("{function} ({place})");
    if fit::width(&full) <= max {
        return full;
    }
    // The last words of a function's name say most, then the file, then the directories.
    let function = without_parameters(&function);
    let name = tail(&function, 2);
    let name = match fit::width(name) + fit::width("(…)") < max / 2 {
        true => name.to_owned(),
        false => fit::middle(tail(name, 1), max / 2),
    };
    let around = fit::width(&name) + fit::width(" ()");
    let Some(room) = max.checked_sub(around) else {
        return fit::middle(&name, max);
    };
    let place = Paths::new(&[&place], room).shorten(&place);
    format!("{name} ({place})")
}

/// `file:line`, with a portable path.
fn place(frame: &Frame, root: &str) -> Option<String> {
    let file = frame.file.as_deref()?;
    let file = portable_path(file.strip_prefix(root).unwrap_or(file));
    let file = printable(&file);
    Some(match frame.line {
        Some(line) => format!("{file}:{line}"),
        None => file.into_owned(),
    })
}

/// The last `words` segments of a path such as `a::b<c::d>::e`.
fn tail(function: &str, words: usize) -> &str {
    let mut depth = 0_usize;
    let mut starts = vec![0];
    let mut previous = ' ';
    for (at, c) in function.char_indices() {
        match c {
            '<' | '(' | '[' | '{' => depth += 1,
            // A function type's `->` closes no bracket.
            '>' if previous == '-' => {}
            '>' | ')' | ']' | '}' => depth = depth.saturating_sub(1),
            ':' if previous == ':' && depth == 0 => starts.push(at + 1),
            _ => {}
        }
        previous = c;
    }
    let start = starts.iter().rev().nth(words.saturating_sub(1));
    let start = start.copied().unwrap_or(0);
    function.get(start..).unwrap_or(function)
}

/// Turns `a::B<T>::c<U>` into `a::B::c`. A segment that is a bracket itself, as in `<T as U>::f`,
/// stays. Arrows are removed, since they close no bracket.
fn without_parameters(function: &str) -> String {
    let mut kept = String::new();
    let mut depth = 0_usize;
    for c in function.replace("->", "").chars() {
        match c {
            '<' if depth > 0 || kept.ends_with(|c: char| c.is_alphanumeric() || c == '_') => {
                depth += 1;
            }
            '>' if depth > 0 => depth -= 1,
            _ if depth == 0 => kept.push(c),
            _ => {}
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_of_a_name() {
        for (function, two, one) in [
            ("app::db::Pool::get", "Pool::get", "get"),
            ("main", "main", "main"),
            ("<a::B as c::D>::f", "<a::B as c::D>::f", "f"),
            ("a::f::{{closure}}", "f::{{closure}}", "{{closure}}"),
            ("a::f<fn() -> b::C>::g", "f<fn() -> b::C>::g", "g"),
            ("", "", ""),
        ] {
            assert_eq!(tail(function, 2), two);
            assert_eq!(tail(function, 1), one);
        }
    }

    #[test]
    fn parameters() {
        for (whole, without) in [
            ("a::B<C, D<E>>::f<fn() -> G>", "a::B::f"),
            ("<a::B<C> as d::E>::f", "<a::B as d::E>::f"),
            ("a::f", "a::f"),
        ] {
            assert_eq!(without_parameters(whole), without);
        }
    }

    #[test]
    fn frames_fit() {
        let frame = Frame {
            function: Some("app::pool::ConnectionPool::borrow_mut".into()),
            file: Some("/srv/app/crates/server/src/net/pool.rs".into()),
            line: Some(1204),
            address: 7,
        };
        for max in 0..=100 {
            let text = in_width(&frame, "/srv/app/", max);
            assert!(fit::width(&text) <= max, "{max}: {text}");
        }
        let at = |max| in_width(&frame, "/srv/app/", max);
        assert_eq!(
            at(80),
            "app::pool::ConnectionPool::borrow_mut (crates/server/src/net/pool.rs:1204)"
        );
        assert_eq!(
            at(60),
            "ConnectionPool::borrow_mut (crates/server/…/pool.rs:1204)"
        );
        assert_eq!(at(34), "borrow_mut (crates/…/pool.rs:1204)");
        let unknown = Frame {
            address: 0x1f00,
            ..Frame::default()
        };
        assert_eq!(in_width(&unknown, "", 34), "0x1f00");
    }
}
