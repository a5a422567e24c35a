//! Numbers texts, so that looking up points compares no paths.

use crate::{Text, portable_path};
use std::borrow::Cow;
use std::collections::HashMap;

#[derive(Debug, Default)]
pub(super) struct Texts {
    numbers: HashMap<Text, usize>,
    list: Vec<Text>,
    /// For each text, the number of its portable path, which is usually the text itself.
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

    /// The number of the portable path of the text with this number.
    pub(super) fn portable(&self, number: usize) -> usize {
        self.portable.get(number).copied().unwrap_or(number)
    }

    /// All texts, in the order of their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Text> {
        self.list.iter()
    }

    /// The text with this number.
    pub(super) fn get(&self, number: usize) -> Text {
        self.list.get(number).cloned().unwrap_or_default()
    }
}
