//! Numbers and texts of a file in the making.

use super::weights;
use crate::json;
use crate::point::Key;
use crate::sample::check_weight;
use crate::{AcquireMode, Frame, Histogram, Lock, Sample, Samples, Site, Text};
use std::collections::HashMap;

/// What points refer to by number.
#[derive(Default)]
pub(super) struct Tables<'a> {
    texts: Vec<&'a str>,
    text_numbers: HashMap<&'a str, usize>,
    pub(super) frames: Vec<&'a Frame>,
    frame_numbers: HashMap<&'a Frame, usize>,
}

impl<'a> Tables<'a> {
    pub(super) fn text(&mut self, text: &'a str) -> usize {
        let next = self.texts.len();
        let number = *self.text_numbers.entry(text).or_insert(next);
        if number == next {
            self.texts.push(text);
        }
        number
    }

    pub(super) fn frame(&mut self, frame: &'a Frame) -> usize {
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

    pub(super) fn texts(&self) -> Vec<u8> {
        let mut out = Output::default();
        out.count(self.texts.len());
        for text in &self.texts {
            out.piece(text.as_bytes());
        }
        out.0
    }

    pub(super) fn frame_list(&self) -> Vec<u8> {
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

    pub(super) fn site(&mut self, out: &mut Output, site: &'a Site) {
        out.count(self.text(&site.file));
        out.number(u64::from(site.line));
        out.number(u64::from(site.column));
    }

    /// The place of a point, or of an edge's end.
    pub(super) fn place(&mut self, out: &mut Output, (lock, mode, site): Key<'a>) {
        self.lock(out, lock);
        out.mode(mode);
        self.site(out, site);
    }

    pub(super) fn lock(&mut self, out: &mut Output, lock: &'a Lock) {
        match lock {
            Lock::Anonymous => out.0.push(0),
            Lock::Named(name) => {
                out.0.push(1);
                out.count(self.text(name));
            }
            Lock::Created(site) => {
                out.0.push(2);
                self.site(out, site);
            }
            Lock::FirstUsed(site) => {
                out.0.push(3);
                self.site(out, site);
            }
        }
    }
}

#[derive(Default)]
pub(super) struct Output(pub(super) Vec<u8>);

impl Output {
    pub(super) fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push((number & 0x7F) as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    pub(super) fn count(&mut self, count: usize) {
        self.number(count as u64);
    }

    pub(super) fn double(&mut self, double: f64) {
        self.0.extend_from_slice(&double.to_le_bytes());
    }

    pub(super) fn variance(&mut self, variance: f64) -> Result<(), String> {
        self.double(json::variance::check(variance)?);
        Ok(())
    }

    pub(super) fn piece(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    /// Numbers to which later versions may add.
    pub(super) fn list(&mut self, numbers: &[u64]) {
        self.count(numbers.len());
        for number in numbers {
            self.number(*number);
        }
    }

    /// Writes the figures that are not 0.
    pub(super) fn there<'a>(&mut self, figures: impl Iterator<Item = &'a u64>) {
        for figure in figures.filter(|figure| **figure != 0) {
            self.number(*figure);
        }
    }

    pub(super) fn mode(&mut self, mode: AcquireMode) {
        self.0.push(match mode {
            AcquireMode::Exclusive => 0,
            AcquireMode::Shared => 1,
            AcquireMode::Upgradable => 2,
        });
    }

    pub(super) fn section(&mut self, tag: [u8; 4], content: &[u8]) {
        self.0.extend_from_slice(&tag);
        self.piece(content);
    }

    /// Writes the numbers of buckets as differences.
    pub(super) fn histogram(&mut self, histogram: &Histogram) {
        self.count(histogram.each().count());
        let mut next = 0;
        for (index, weight) in histogram.each() {
            self.count(index - next);
            self.number(weight);
            next = index + 1;
        }
    }

    /// Writes samples, as they were encoded for another copy of them, if they were.
    pub(super) fn samples(&mut self, samples: &Samples) -> Result<(), String> {
        let bytes = samples.in_file(|samples| {
            let mut out = Self::default();
            out.new_samples(samples)?;
            Ok(out.0)
        })?;
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    /// Writes values as differences, which are small, since the values ascend.
    fn new_samples(&mut self, samples: &[Sample]) -> Result<(), String> {
        self.count(samples.len());
        self.0.reserve(8 * samples.len());
        let mut before = 0;
        for sample in samples {
            let step = sample.value_ns.checked_sub(before);
            self.number(step.ok_or("samples that do not ascend")?);
            before = sample.value_ns;
            check_weight(sample.weight)?;
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
