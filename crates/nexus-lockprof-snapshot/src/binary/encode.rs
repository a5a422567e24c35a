//! Encodes a snapshot as bytes.

use super::output::{Output, Tables};
use super::{
    Fields, MAGIC, VERSION, durations, edges, field, instances, order, past, tag, threads, waiters,
};
use crate::head::Head;
use crate::json;
use crate::threads::in_file;
use crate::{Durations, Point, ProfilerMode, Snapshot, Stack};

/// The file of a snapshot. Equal snapshots make equal files.
///
/// # Errors
/// Names a number that no reader would accept.
pub(crate) fn encode(snapshot: &Snapshot) -> Result<Vec<u8>, String> {
    let rows = in_file(&snapshot.head.threads);
    let mut tables = Tables::default();
    let mut points = Output::default();
    points.count(snapshot.points.len());
    // Sorted by key, not by figures: a merge then finds the points of many files in the same order,
    // and lookups in that order are faster.
    let mut sorted: Vec<&Point> = snapshot.points.iter().collect();
    sorted.sort_unstable_by_key(|point| point.key());
    for point in sorted {
        let record = tables.point(point)?;
        points.piece(&record);
    }
    let edges = edges::write(&mut tables, &snapshot.edges);
    let waiters = waiters::write(&mut tables, &snapshot.head.waiters);
    let deadlocks = waiters::write_deadlocks(&mut tables, &snapshot.head.deadlocks);
    let history = past::write(&mut tables, &snapshot.head.history);
    let threads = threads::write(&mut tables, &rows)?;
    let instances = instances::write(&mut tables, &snapshot.head);
    let pairs = order::write(&mut tables, &snapshot.head.lock_order);
    let potential = order::write_potential(&mut tables, &snapshot.head.potential_deadlocks);
    let mut out = Output::default();
    out.0.extend_from_slice(&MAGIC);
    out.0.extend_from_slice(&VERSION.to_le_bytes());
    out.section(tag::HEAD, &tables.head(&snapshot.head)?);
    out.section(tag::TEXT, &tables.texts());
    if !tables.frames.is_empty() {
        out.section(tag::FRAMES, &tables.frame_list());
    }
    out.section(tag::POINTS, &points.0);
    if !snapshot.edges.is_empty() {
        out.section(tag::EDGES, &edges);
    }
    if !snapshot.head.waiters.is_empty() {
        out.section(tag::WAITERS, &waiters);
    }
    if !snapshot.head.deadlocks.is_empty() {
        out.section(tag::DEADLOCKS, &deadlocks);
    }
    if !snapshot.head.history.is_empty() {
        out.section(tag::HISTORY, &history);
    }
    if !rows.is_empty() {
        out.section(tag::THREADS, &threads);
    }
    if !snapshot.head.instances.is_empty() || snapshot.head.unlisted_most_ns > 0 {
        out.section(tag::INSTANCES, &instances);
    }
    if !snapshot.head.lock_order.is_empty() {
        out.section(tag::ORDER, &pairs);
    }
    if !snapshot.head.potential_deadlocks.is_empty() {
        out.section(tag::POTENTIAL, &potential);
    }
    // The checksum covers all bytes before it, including this section's tag and length.
    out.0.extend_from_slice(&tag::END);
    out.number(4);
    let sum = crc32fast::hash(&out.0);
    out.0.extend_from_slice(&sum.to_le_bytes());
    Ok(out.0)
}

impl<'a> Tables<'a> {
    fn head(&mut self, head: &'a Head) -> Result<Vec<u8>, String> {
        let mut out = Output::default();
        out.0.extend_from_slice(&head.engine.to_le_bytes());
        out.number(u64::from(head.pid));
        out.0.push(u8::from(head.base.is_some()));
        for number in [
            head.base.unwrap_or(0),
            head.collection,
            head.resets,
            head.taken_unix_ns,
            head.elapsed_ns,
        ] {
            out.number(number);
        }
        match head.profiler_mode {
            ProfilerMode::Off => out.0.push(0),
            ProfilerMode::Counts => out.0.push(1),
            ProfilerMode::Sampled { budget } => {
                out.0.push(2);
                out.double(json::budget::check(budget)?);
            }
            ProfilerMode::Exact => out.0.push(3),
            ProfilerMode::Waits => out.0.push(4),
        }
        out.list(&head.table.figures());
        out.list(without_later_zeros(&head.losses.figures(), FIRST_LOSSES));
        out.list(&head.overhead.figures());
        out.number(head.merged);
        // The first files ended here, so fields at the end are left out if nobody needs them.
        let pulled = head.pulled_unix_ns > 0 || head.samples_behind_ns > 0;
        let program = head.program.is_some() || pulled;
        if head.incomplete || head.peek || program {
            out.0.push(u8::from(head.incomplete));
        }
        if head.peek || program {
            out.0.push(u8::from(head.peek));
        }
        if program {
            let text = head.program.as_ref();
            out.count(text.map_or(0, |program| self.text(program) + 1));
        }
        if pulled {
            out.number(head.pulled_unix_ns);
        }
        if head.samples_behind_ns > 0 {
            out.number(head.samples_behind_ns);
        }
        Ok(out.0)
    }

    fn point(&mut self, point: &'a Point) -> Result<Vec<u8>, String> {
        let mut out = Output::default();
        self.place(&mut out, point.key());
        let figures = point.figures();
        let mut mask = mask_of(&figures, &field::ALL);
        let mut set = |bit, there| mask |= if there { bit } else { 0 };
        set(field::CAUSED_VARIANCE, point.caused_variance != 0.0);
        set(field::WAIT, point.wait != Durations::default());
        set(field::HOLD, point.hold != Durations::default());
        set(field::CALLERS, !point.callers.is_empty());
        out.number(mask);
        out.there(figures.iter().take(field::ALL.first));
        if mask & field::CAUSED_VARIANCE != 0 {
            out.variance(point.caused_variance)?;
        }
        for (bit, durations) in [(field::WAIT, &point.wait), (field::HOLD, &point.hold)] {
            if mask & bit != 0 {
                let piece = durations_of(durations)?;
                out.piece(&piece);
            }
        }
        if mask & field::CALLERS != 0 {
            out.count(point.callers.len());
            for stack in &point.callers {
                self.stack(&mut out, stack);
            }
        }
        out.there(figures.iter().skip(field::ALL.first));
        Ok(out.0)
    }

    fn stack(&mut self, out: &mut Output, stack: &'a Stack) {
        for number in stack.figures() {
            out.number(number);
        }
        out.count(stack.frames.len());
        for frame in &stack.frames {
            out.count(self.frame(frame));
        }
    }
}

fn durations_of(of: &Durations) -> Result<Vec<u8>, String> {
    let mut out = Output::default();
    let figures = of.figures();
    let mut mask = mask_of(&figures, &durations::ALL);
    let mut set = |bit, there| mask |= if there { bit } else { 0 };
    set(durations::VARIANCE, of.total_variance != 0.0);
    set(durations::RESERVOIR, !of.reservoir.is_empty());
    set(durations::RECENT, !of.recent.is_empty());
    set(durations::HISTOGRAM, !of.histogram.is_empty());
    out.number(mask);
    out.there(figures.iter().take(durations::ALL.first));
    if mask & durations::VARIANCE != 0 {
        out.variance(of.total_variance)?;
    }
    for samples in [&of.reservoir, &of.recent] {
        if !samples.is_empty() {
            out.samples(samples)?;
        }
    }
    out.there(figures.iter().skip(durations::ALL.first));
    if mask & durations::HISTOGRAM != 0 {
        out.histogram(&of.histogram);
    }
    Ok(out.0)
}

/// Number of the causes of losses in the first files.
const FIRST_LOSSES: usize = 7;

/// The figures without later ones at the end that are 0.
fn without_later_zeros(figures: &[u64], first: usize) -> &[u64] {
    let needed = figures.iter().rposition(|figure| *figure != 0);
    let len = needed.map_or(0, |last| last + 1).max(first);
    figures.get(..len).unwrap_or(figures)
}

/// Bits of the figures that are not 0.
fn mask_of(figures: &[u64], fields: &Fields) -> u64 {
    let bits = (0..fields.first).chain(fields.later()..);
    let figures = figures.iter().zip(bits);
    figures.fold(0, |mask, (figure, bit)| {
        mask | u64::from(*figure != 0) << bit
    })
}
