//! A profile's tables of strings, functions and locations, without duplicates.

use std::collections::HashMap;
use std::hash::Hash;

use super::proto::{Function, Line, Location, Mapping, Profile};

/// The only mapping, since a snapshot does not say where the code was mapped. Without any mapping,
/// pprof would try to look up names that we already have.
const PROGRAM: u64 = 1;

#[derive(Debug)]
pub(super) struct Tables {
    strings: Numbers<String>,
    /// Keyed by name and file.
    functions: Numbers<(i64, i64)>,
    /// Keyed by address and lines.
    locations: Numbers<(u64, Vec<Line>)>,
}

/// A place in the source, and the function that contains it.
#[derive(Clone, Copy, Debug)]
pub(super) struct SourceLine<'a> {
    pub(super) function: &'a str,
    pub(super) file: &'a str,
    /// 0 if unknown.
    pub(super) line: u32,
    /// 0 if unknown.
    pub(super) column: u32,
}

impl Tables {
    pub(super) fn new() -> Self {
        let mut tables = Self {
            strings: Numbers::default(),
            functions: Numbers::default(),
            locations: Numbers::default(),
        };
        // The format wants the empty string first.
        tables.string("");
        tables
    }

    /// The index of a string.
    pub(super) fn string(&mut self, text: &str) -> i64 {
        match self.strings.numbers.get(text) {
            Some(&number) => number as i64,
            None => self.strings.number(text.to_owned()) as i64,
        }
    }

    /// The number of the location of these places, which share one address in the program. The
    /// innermost function comes first.
    pub(super) fn location<'a>(&mut self, places: impl IntoIterator<Item = SourceLine<'a>>) -> u64 {
        let mut address = Address::default();
        let lines = places.into_iter().map(|place| {
            address.add(place);
            self.line(place)
        });
        let lines = lines.collect();
        id(self.locations.number((address.0, lines)))
    }

    fn line(&mut self, place: SourceLine<'_>) -> Line {
        let function = (self.string(place.function), self.string(place.file));
        Line {
            function_id: id(self.functions.number(function)),
            line: place.line.into(),
            column: place.column.into(),
        }
    }

    /// Puts the tables into a profile.
    pub(super) fn into_profile(self, profile: Profile) -> Profile {
        let functions = self.functions.in_order().into_iter();
        let functions =
            functions
                .zip(1..)
                .map(|((name, filename), id)| Function { id, name, filename });
        let locations = self.locations.in_order().into_iter();
        let locations = locations.zip(1..).map(|((address, line), id)| Location {
            id,
            mapping_id: PROGRAM,
            address,
            line,
        });
        Profile {
            mapping: vec![Mapping {
                id: PROGRAM,
                memory_limit: u64::MAX,
                has_functions: true,
                has_filenames: true,
                has_line_numbers: true,
                has_inline_frames: true,
            }],
            function: functions.collect(),
            location: locations.collect(),
            string_table: self.strings.in_order(),
            ..profile
        }
    }
}

/// Makes an address that identifies a location: the FNV-1a hash of its content.
///
/// Scrapers such as Grafana Alloy take samples of two profiles for the same if labels and addresses
/// agree. So each location needs an address, and the same one in each profile. Acquisition points
/// have no address in the program, and a function's address changes with each start.
#[derive(Debug)]
struct Address(u64);

impl Default for Address {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Address {
    fn add(&mut self, place: SourceLine<'_>) {
        self.bytes(place.function.as_bytes());
        self.bytes(place.file.as_bytes());
        self.bytes(&place.line.to_le_bytes());
        self.bytes(&place.column.to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        // The length goes first, so that no two places produce the same bytes.
        let length = (bytes.len() as u64).to_le_bytes();
        for &byte in length.iter().chain(bytes) {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// The identity of the entry at `index`. Identities begin at 1.
const fn id(index: usize) -> u64 {
    index as u64 + 1
}

/// Values, numbered in order of arrival.
#[derive(Debug)]
struct Numbers<T> {
    numbers: HashMap<T, usize>,
}

impl<T> Default for Numbers<T> {
    fn default() -> Self {
        let numbers = HashMap::new();
        Self { numbers }
    }
}

impl<T: Eq + Hash> Numbers<T> {
    fn number(&mut self, value: T) -> usize {
        let next = self.numbers.len();
        *self.numbers.entry(value).or_insert(next)
    }

    fn in_order(self) -> Vec<T> {
        let mut values: Vec<(T, usize)> = self.numbers.into_iter().collect();
        values.sort_unstable_by_key(|&(_, number)| number);
        values.into_iter().map(|(value, _)| value).collect()
    }
}
