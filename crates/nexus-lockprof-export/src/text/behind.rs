//! Behind whom a point waited.

use std::collections::HashMap;

use nexus_lockprof_snapshot::{Edge, EdgeEnd, Point, Snapshot};

use crate::readable::fit::{self, Paths};
use crate::readable::names::{self, Names};
use crate::readable::number;

const INDENT: &str = "    ";
const HEAD: &str = "behind ";

/// One line for each of the first `most` points behind which `point` waited, by their share of the
/// waiting, then one that counts the rest. No line is wider than `width` terminal columns. Empty
/// without [edges](Snapshot::edges) from the point.
///
/// Without a time, as in mode `counts`, the shares are those of the waits.
///
/// ```
/// use nexus_lockprof_export::text;
/// use nexus_lockprof_snapshot::{
///     AcquireMode, Edge, EdgeEnd, Lock, Point, Site, Snapshot, SnapshotParts,
/// };
///
/// let at = |line, mode| Point::new(Lock::Anonymous, mode, Site::new("src/a.rs", line, 1));
/// let (reader, writer) = (at(7, AcquireMode::Shared), at(30, AcquireMode::Exclusive));
/// let edge = Edge {
///     waiting: Some(EdgeEnd::from(&reader)),
///     holding: EdgeEnd::from(&writer),
///     waits: 3,
///     waited_ns: 900,
/// };
/// let snapshot = Snapshot::from_parts(SnapshotParts {
///     points: vec![reader.clone(), writer],
///     edges: vec![edge],
///     ..SnapshotParts::default()
/// });
/// assert_eq!(text::behind(&snapshot, &reader, 5, 80), ["     100% 3 waits  900ns  src/a.rs:30 ex"]);
/// ```
#[must_use]
pub fn behind(snapshot: &Snapshot, point: &Point, most: usize, width: usize) -> Vec<String> {
    let names = Names::new(snapshot.points());
    let edges: Vec<&Edge> = snapshot.edges_from(point).collect();
    let whole = Whole::of(&edges);
    let shown = edges.get(..most).unwrap_or(&edges);
    let heads: Vec<[String; 2]> = shown
        .iter()
        .map(|edge| {
            let waited = match edge.waited_ns {
                0 => String::new(),
                ns => number::duration(ns),
            };
            let waits = number::plural(edge.waits, "wait");
            [format!("{:>5} {waits}", whole.share(edge)), waited]
        })
        .collect();
    let widest = |of: usize| {
        let widths = heads.iter().filter_map(|head| head.get(of));
        widths.map(|text| fit::width(text)).max().unwrap_or(0)
    };
    let (first, second) = (widest(0), widest(1));
    let mut lines: Vec<String> = heads
        .iter()
        .zip(shown)
        .map(|([waits, waited], edge)| {
            let mut line = format!("{INDENT}{}  ", fit::padded(waits, first, false));
            if second > 0 {
                line.push_str(&fit::padded(waited, second, true));
                line.push_str("  ");
            }
            let room = width.saturating_sub(fit::width(&line));
            line.push_str(&name(edge, point, &names, room));
            line
        })
        .collect();
    let hidden = edges.len() - shown.len();
    if hidden > 0 {
        let noun = if hidden == 1 { "holder" } else { "holders" };
        lines.push(format!("{INDENT}... and {hidden} more {noun}"));
    }
    lines
}

/// The edges of a snapshot, by the point that waited.
pub(super) struct Holders<'a> {
    names: Names,
    edges: HashMap<EdgeEnd, Vec<&'a Edge>>,
}

impl<'a> Holders<'a> {
    pub(super) fn new(snapshot: &'a Snapshot) -> Self {
        let mut edges: HashMap<EdgeEnd, Vec<&'a Edge>> = HashMap::new();
        for edge in snapshot.edges() {
            if let Some(end) = &edge.waiting {
                edges.entry(end.clone()).or_default().push(edge);
            }
        }
        Self {
            names: Names::new(snapshot.points()),
            edges,
        }
    }

    /// Behind whom `point` waited, in one line: as many holders as it has room for, and the number
    /// of the others. `None` if it waited only behind itself, which goes without saying.
    pub(super) fn line(&self, point: &Point, width: usize) -> Option<String> {
        let edges = self.edges.get(&EdgeEnd::from(point))?;
        if edges.iter().all(|edge| edge.holding.is(point)) {
            return None;
        }
        let whole = Whole::of(edges);
        let mut line = format!("{INDENT}{HEAD}");
        let mut left = edges.len();
        for (number, edge) in edges.iter().enumerate() {
            let comma = if number == 0 { "" } else { ", " };
            let more = more(left - 1);
            let share = whole.share(edge);
            let others = fit::width(&line) + comma.len() + 1 + share.len() + fit::width(&more);
            let room = width.saturating_sub(others);
            let most = if number == 0 {
                room.min(width / 2)
            } else {
                width / 2
            };
            let name = name(edge, point, &self.names, most);
            // The first one is always there.
            if number > 0 && fit::width(&name) > room {
                break;
            }
            line.push_str(&format!("{comma}{name} {share}"));
            left -= 1;
        }
        Some(line + &more(left))
    }
}

fn more(others: usize) -> String {
    match others {
        0 => String::new(),
        others => format!(", {others} more"),
    }
}

/// What the edges from a point add up to.
struct Whole {
    waits: u64,
    waited_ns: u64,
}

impl Whole {
    fn of(edges: &[&Edge]) -> Self {
        Self {
            waits: number::sum(edges.iter().map(|edge| edge.waits)),
            waited_ns: number::sum(edges.iter().map(|edge| edge.waited_ns)),
        }
    }

    fn share(&self, edge: &Edge) -> String {
        match self.waited_ns {
            0 => number::percent(edge.waits, self.waits),
            all => number::percent(edge.waited_ns, all),
        }
    }
}

/// The name of the point that held the lock, in at most `max` columns if possible.
fn name(edge: &Edge, point: &Point, names: &Names, max: usize) -> String {
    let EdgeEnd { lock, mode, site } = &edge.holding;
    if edge.holding.is(point) {
        return "itself".to_owned();
    }
    let mut rest = String::new();
    if !site.is_group() {
        // Only a point of the rest has another lock.
        if *lock != point.lock {
            rest.push_str(&format!(" {}", names.lock(lock)));
        }
        rest.push_str(&format!(" {}", names::mode(*mode)));
    }
    let room = max.saturating_sub(fit::width(&rest));
    let site = names.site(site);
    let site = Paths::new(&[&site], room).shorten(&site);
    format!("{site}{rest}")
}
