//! A profile's tables: strings, functions and locations, each once.

use std::collections::HashMap;
use std::hash::Hash;

use super::proto::{Function, Line, Location, Mapping, Profile};

/// The only mapping: where the program's code was is not in a snapshot. Without one, pprof would look for the names that we have.
const PROGRAM: u64 = 1;

#[derive(Debug)]
pub(super) struct Tables {
    strings: Numbers<String>,
    /// By name and file.
    functions: Numbers<(i64, i64)>,
    locations: Numbers<Vec<Line>>,
}

/// A place in the source, and the function that it is in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) function: &'a str,
    pub(super) file: &'a str,
    /// 0 if it is not known.
    pub(super) line: u32,
    /// 0 if it is not known.
    pub(super) column: u32,
}

impl Tables {
    pub(super) fn new() -> Self {
        let mut tables = Self {
            strings: Numbers::default(),
            functions: Numbers::default(),
            locations: Numbers::default(),
        };
        // The format wants the empty one to be the first.
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

    /// The number of the location at these places, which have one address: the innermost function first.
    pub(super) fn location<'a>(&mut self, places: impl IntoIterator<Item = Place<'a>>) -> u64 {
        let lines = places.into_iter().map(|place| self.line(place)).collect();
        id(self.locations.number(lines))
    }

    fn line(&mut self, place: Place<'_>) -> Line {
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
        let locations = locations.zip(1..).map(|(line, id)| Location {
            id,
            mapping_id: PROGRAM,
            line,
        });
        Profile {
            mapping: vec![Mapping {
                id: PROGRAM,
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

/// What is at index `n` of a table whose identities begin at 1.
const fn id(index: usize) -> u64 {
    index as u64 + 1
}

/// Values, numbered in the order in which they came.
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
