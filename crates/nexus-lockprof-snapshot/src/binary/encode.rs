//! Encodes a snapshot as bytes.

use super::{Fields, MAGIC, VERSION, durations, field, tag, weights};
use crate::head::Head;
use crate::json;
use crate::{
    AcquireMode, Durations, Frame, Lock, Point, ProfilerMode, Sample, Site, Snapshot, Stack, Text,
};
use std::collections::HashMap;

/// The file of a snapshot. Equal snapshots make equal files.
///
/// # Errors
/// Names a number that no reader would accept.
pub(crate) fn encode(snapshot: &Snapshot) -> Result<Vec<u8>, String> {
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
    let mut out = Output::default();
    out.0.extend_from_slice(&MAGIC);
    out.0.extend_from_slice(&VERSION.to_le_bytes());
    out.section(tag::HEAD, &tables.head(&snapshot.head)?);
    out.section(tag::TEXT, &tables.texts());
    if !tables.frames.is_empty() {
        out.section(tag::FRAMES, &tables.frame_list());
    }
    out.section(tag::POINTS, &points.0);
    // The checksum covers all bytes before it, including this section's tag and length.
    out.0.extend_from_slice(&tag::END);
    out.number(4);
    let sum = crc32fast::hash(&out.0);
    out.0.extend_from_slice(&sum.to_le_bytes());
    Ok(out.0)
}

/// What points refer to by number.
#[derive(Default)]
struct Tables<'a> {
    texts: Vec<&'a str>,
    text_numbers: HashMap<&'a str, usize>,
    frames: Vec<&'a Frame>,
    frame_numbers: HashMap<&'a Frame, usize>,
}

impl<'a> Tables<'a> {
    fn text(&mut self, text: &'a str) -> usize {
        let next = self.texts.len();
        let number = *self.text_numbers.entry(text).or_insert(next);
        if number == next {
            self.texts.push(text);
        }
        number
    }

    fn frame(&mut self, frame: &'a Frame) -> usize {
        let next = self.frames.len();
        let number = *self.frame_numbers.entry(frame).or_insert(next);
        if number == next {
            self.frames.push(frame);
            for text in [&frame.function, &frame.file].into_iter().flatten() {
                self.text(text);
            }
        }
        number
    }

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
        out.list(&head.losses.figures());
        out.list(&head.overhead.figures());
        out.number(head.merged);
        // The first files ended here, so fields at the end are left out if nobody needs them.
        if head.incomplete || head.peek || head.program.is_some() {
            out.0.push(u8::from(head.incomplete));
        }
        if head.peek || head.program.is_some() {
            out.0.push(u8::from(head.peek));
        }
        if let Some(program) = &head.program {
            out.count(self.text(program) + 1);
        }
        Ok(out.0)
    }

    fn texts(&self) -> Vec<u8> {
        let mut out = Output::default();
        out.count(self.texts.len());
        for text in &self.texts {
            out.piece(text.as_bytes());
        }
        out.0
    }

    fn frame_list(&self) -> Vec<u8> {
        let mut out = Output::default();
        out.count(self.frames.len());
        // All texts are known by now. 0 means none.
        let number = |text: &Option<Text>| {
            let number = text
                .as_ref()
                .and_then(|text| self.text_numbers.get(&**text));
            number.map_or(0, |number| number + 1)
        };
        for frame in &self.frames {
            out.count(number(&frame.function));
            out.count(number(&frame.file));
            out.number(frame.line.map_or(0, |line| u64::from(line) + 1));
            out.number(frame.address);
        }
        out.0
    }

    fn site(&mut self, out: &mut Output, site: &'a Site) {
        out.count(self.text(&site.file));
        out.number(u64::from(site.line));
        out.number(u64::from(site.column));
    }

    fn point(&mut self, point: &'a Point) -> Result<Vec<u8>, String> {
        let mut out = Output::default();
        match &point.lock {
            Lock::Anonymous => out.0.push(0),
            Lock::Named(name) => {
                out.0.push(1);
                out.count(self.text(name));
            }
            Lock::Created(site) => {
                out.0.push(2);
                self.site(&mut out, site);
            }
            Lock::FirstUsed(site) => {
                out.0.push(3);
                self.site(&mut out, site);
            }
        }
        out.0.push(match point.mode {
            AcquireMode::Exclusive => 0,
            AcquireMode::Shared => 1,
            AcquireMode::Upgradable => 2,
        });
        self.site(&mut out, &point.site);
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
    Ok(out.0)
}

/// Bits of the figures that are not 0.
fn mask_of(figures: &[u64], fields: &Fields) -> u64 {
    let bits = (0..fields.first).chain(fields.later()..);
    let figures = figures.iter().zip(bits);
    figures.fold(0, |mask, (figure, bit)| {
        mask | u64::from(*figure != 0) << bit
    })
}

#[derive(Default)]
struct Output(Vec<u8>);

impl Output {
    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push((number & 0x7F) as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    fn count(&mut self, count: usize) {
        self.number(count as u64);
    }

    fn double(&mut self, double: f64) {
        self.0.extend_from_slice(&double.to_le_bytes());
    }

    fn variance(&mut self, variance: f64) -> Result<(), String> {
        self.double(json::variance::check(variance)?);
        Ok(())
    }

    fn piece(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    /// Numbers to which later versions may add.
    fn list(&mut self, numbers: &[u64]) {
        self.count(numbers.len());
        for number in numbers {
            self.number(*number);
        }
    }

    /// Writes the figures that are not 0.
    fn there<'a>(&mut self, figures: impl Iterator<Item = &'a u64>) {
        for figure in figures.filter(|figure| **figure != 0) {
            self.number(*figure);
        }
    }

    fn section(&mut self, tag: [u8; 4], content: &[u8]) {
        self.0.extend_from_slice(&tag);
        self.piece(content);
    }

    /// Writes values as differences, which are small, since the values ascend.
    fn samples(&mut self, samples: &[Sample]) -> Result<(), String> {
        self.count(samples.len());
        self.0.reserve(8 * samples.len());
        let mut before = 0;
        for sample in samples {
            let step = sample.value_ns.checked_sub(before);
            self.number(step.ok_or("samples that do not ascend")?);
            before = sample.value_ns;
            let weight = sample.weight;
            if !(weight > 0.0 && weight <= crate::json::MAX_WEIGHT) {
                return Err(format!(
                    "weight {weight} of a sample is not above 0 and at most 2^64"
                ));
            }
        }
        let first = samples.first().map_or(1.0, |sample| sample.weight);
        let same = |weight: f64| samples.iter().all(|sample| sample.weight == weight);
        if same(1.0) {
            self.0.push(weights::ONES);
        } else if same(first) {
            self.0.push(weights::SAME);
            self.weight(first);
        } else {
            self.0.push(weights::EACH);
            for sample in samples {
                self.weight(sample.weight);
            }
        }
        Ok(())
    }

    /// Writes a whole number shifted left by one bit, unless it is too large. Otherwise writes a 3
    /// and an `f32`, or a 1 and an `f64`.
    fn weight(&mut self, weight: f64) {
        /// Doubles represent all whole numbers up to this.
        const WHOLE: u64 = 1 << 53;
        let (whole, single) = (weight as u64, weight as f32);
        if whole <= WHOLE && whole as f64 == weight {
            self.number(whole << 1);
        } else if f64::from(single) == weight {
            let [a, b, c, d] = single.to_le_bytes();
            self.0.extend_from_slice(&[3, a, b, c, d]);
        } else {
            self.number(1);
            self.double(weight);
        }
    }
}
