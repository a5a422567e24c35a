//! Texts by number, so that points are found without comparing paths.

use crate::{Text, portable_path};
use std::borrow::Cow;
use std::collections::HashMap;

#[derive(Debug, Default)]
pub(super) struct Texts {
    numbers: HashMap<Text, usize>,
    list: Vec<Text>,
    /// For each, the number of its portable path: its own, as a rule.
    portable: Vec<usize>,
}

impl Texts {
    pub(super) fn number(&mut self, text: &Text) -> usize {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = self.list.len();
        self.list.push(text.clone());
        self.numbers.insert(text.clone(), number);
        self.portable.push(number);
        let portable = match portable_path(text) {
            Cow::Borrowed(short) if short.len() == text.len() => number,
            short => {
                let short = self.number(&short.into());
                self.portable(short)
            }
        };
        if let Some(place) = self.portable.get_mut(number) {
            *place = portable;
        }
        number
    }

    /// The number of the portable path of a text that has got its number here.
    pub(super) fn portable(&self, number: usize) -> usize {
        self.portable.get(number).copied().unwrap_or(number)
    }

    /// All, in the order of their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Text> {
        self.list.iter()
    }

    /// A text that has got its number here.
    pub(super) fn get(&self, number: usize) -> Text {
        self.list.get(number).cloned().unwrap_or_default()
    }
}
