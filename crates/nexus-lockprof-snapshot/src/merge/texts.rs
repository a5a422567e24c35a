//! Texts by number, so that points are found without comparing paths.

use crate::portable_path;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

#[derive(Debug, Default)]
pub(super) struct Texts {
    numbers: HashMap<Arc<str>, usize>,
    list: Vec<Arc<str>>,
    /// For each, the number of its portable path: its own, as a rule.
    portable: Vec<usize>,
}

impl Texts {
    pub(super) fn number(&mut self, text: &str) -> usize {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = self.list.len();
        let text: Arc<str> = text.into();
        self.list.push(Arc::clone(&text));
        self.numbers.insert(Arc::clone(&text), number);
        self.portable.push(number);
        let portable = match portable_path(&text) {
            Cow::Borrowed(short) if short.len() == text.len() => number,
            short => {
                let short = self.number(&short);
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
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|text| &**text)
    }

    /// A text that has got its number here.
    pub(super) fn get(&self, number: usize) -> String {
        self.list
            .get(number)
            .map(|text| text.to_string())
            .unwrap_or_default()
    }
}
