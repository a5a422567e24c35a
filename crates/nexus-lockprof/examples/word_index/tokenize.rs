//! Splits text into words and folds their case.
//!
//! A word is a run of letters and digits in the Unicode sense. It may contain underscores and
//! combining marks, so `max_wait` is one word and `__init__` is `init`. Scripts written without
//! spaces have no such runs. There, each ideograph and each hiragana is a word of its own, as in
//! Unicode's default word boundaries.

use std::borrow::Cow;
use std::collections::HashMap;

/// Longer words are noise (encoded data, minified code) that would only fill the symbol table.
const LONGEST_WORD: usize = 128;

/// The words of `text`, as they are written.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    Words { rest: text }.filter(|word| word.len() <= LONGEST_WORD)
}

/// The form of `word` in the index and in lookups.
///
/// Most words are already lower-case ASCII; those are borrowed.
pub(crate) fn fold(word: &str) -> Cow<'_, str> {
    if word
        .bytes()
        .all(|b| b.is_ascii() && !b.is_ascii_uppercase())
    {
        Cow::Borrowed(word)
    } else if word.is_ascii() {
        Cow::Owned(word.to_ascii_lowercase())
    } else {
        Cow::Owned(word.to_lowercase())
    }
}

/// The uses of one term in one text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TermUse {
    /// Number of occurrences.
    pub(crate) count: u32,
    /// Line of the first occurrence, from 1.
    pub(crate) line: u32,
}

/// One text, reduced to its terms.
#[derive(Debug, Default)]
pub(crate) struct Document<'t> {
    /// The distinct terms.
    pub(crate) terms: HashMap<Cow<'t, str>, TermUse>,
    /// All words, repetitions included.
    pub(crate) words: u64,
}

impl<'t> Document<'t> {
    /// Counts the terms of `text`.
    pub(crate) fn parse(text: &'t str) -> Self {
        let mut document = Document::default();
        let mut number = 0_u32;
        for line in text.split('\n') {
            number = number.saturating_add(1);
            for word in words(line) {
                document.words += 1;
                document
                    .terms
                    .entry(fold(word))
                    .and_modify(|term| term.count = term.count.saturating_add(1))
                    .or_insert(TermUse {
                        count: 1,
                        line: number,
                    });
            }
        }
        document
    }
}

struct Words<'t> {
    rest: &'t str,
}

impl<'t> Iterator for Words<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        let from_start = &self.rest[self.rest.find(char::is_alphanumeric)?..];
        let first = from_start.chars().next()?;
        let end = if stands_alone(first) {
            // Marks that follow belong to it: readers see か + U+3099 as one character.
            let marks = &from_start[first.len_utf8()..];
            from_start.len() - marks.trim_start_matches(is_mark).len()
        } else {
            from_start
                .find(|c| !continues(c))
                .unwrap_or(from_start.len())
        };
        let (word, rest) = from_start.split_at(end);
        self.rest = rest;
        Some(word.trim_end_matches('_'))
    }
}

fn continues(c: char) -> bool {
    c == '_' || (c.is_alphanumeric() && !stands_alone(c)) || is_mark(c)
}

/// Combining marks that are not letters. With them, a decomposed `é` does not end its word.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{3099}' | '\u{309a}' | '\u{fe20}'..='\u{fe2f}')
}

/// Hiragana and ideographs, which form words without spaces between them.
fn stands_alone(c: char) -> bool {
    matches!(c, '\u{3041}'..='\u{3096}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let found: Vec<_> = words(text).map(fold).collect();
        assert_eq!(found, expected, "words of {text:?}");
    }

    #[test]
    fn words_are_runs_of_letters_and_digits() {
        check("", &[]);
        check(" ,.;\t\r\n—", &[]);
        check("one", &["one"]);
        check("Hello, world!", &["hello", "world"]);
        check("x=1;y2=0xFF", &["x", "1", "y2", "0xff"]);
        check("don't", &["don", "t"]);
        check("a\u{feff}b", &["a", "b"]);
    }

    #[test]
    fn underscores_join_inside_and_are_trimmed_outside() {
        check("max_wait", &["max_wait"]);
        check("__init__ _ __", &["init"]);
        check("a__b_ _c", &["a__b", "c"]);
    }

    #[test]
    fn case_is_folded_beyond_ascii() {
        check("ÄPFEL Straße ЖУК", &["äpfel", "straße", "жук"]);
        // A sigma at the end of a word has its own form, which `char::to_lowercase` alone would
        // miss.
        check("ΟΔΟΣ", &["οδος"]);
        check("İ", &["i\u{307}"]);
    }

    #[test]
    fn combining_marks_stay_in_their_word() {
        check("cafe\u{301}s noirs", &["cafe\u{301}s", "noirs"]);
        check("\u{301}a", &["a"]);
        check("か\u{3099}く", &["か\u{3099}", "く"]);
    }

    #[test]
    fn ideographs_are_words_of_their_own() {
        check(
            "漢字かなカタカナabc",
            &["漢", "字", "か", "な", "カタカナabc"],
        );
        check("abc漢def", &["abc", "漢", "def"]);
    }

    #[test]
    fn overlong_words_are_left_out() {
        let longest = "a".repeat(LONGEST_WORD);
        check(&longest, &[&longest]);
        check(&format!("x {longest}a y"), &["x", "y"]);
    }

    #[test]
    fn only_words_that_change_are_copied() {
        assert!(matches!(fold("wait_ns2"), Cow::Borrowed("wait_ns2")));
        assert!(matches!(fold("Wait"), Cow::Owned(word) if word == "wait"));
    }

    #[test]
    fn a_document_has_counts_and_first_lines() {
        let document = Document::parse("to be\r\nor not\n\nTo Be, sir");
        let term = |name| document.terms.get(name).copied();
        assert_eq!(document.words, 7);
        assert_eq!(document.terms.len(), 5);
        assert_eq!(term("to"), Some(TermUse { count: 2, line: 1 }));
        assert_eq!(term("or"), Some(TermUse { count: 1, line: 2 }));
        assert_eq!(term("sir"), Some(TermUse { count: 1, line: 4 }));
        assert_eq!(term("To"), None);
    }
}
