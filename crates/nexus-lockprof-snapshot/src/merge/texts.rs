//! Texts by number, so that points are found without comparing paths.

use std::collections::HashMap;
use std::sync::Arc;

#[derive(Debug, Default)]
pub(super) struct Texts {
    numbers: HashMap<Arc<str>, usize>,
    list: Vec<Arc<str>>,
}

impl Texts {
    pub(super) fn number(&mut self, text: &str) -> usize {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = self.list.len();
        let text: Arc<str> = text.into();
        self.list.push(Arc::clone(&text));
        self.numbers.insert(text, number);
        number
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
