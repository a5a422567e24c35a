//! [`Text`]: names and paths with shared bytes.

use std::borrow::{Borrow, Cow};
use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState};
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A name or a path. Copies share the bytes, so a path costs its length once, however many points
/// have it.
///
/// Reads as a `str`; made [from](Self::from) a `&str` or a `String`. In JSON it is a string.
///
/// ```
/// use nexus_lockprof_snapshot::Text;
///
/// let text = Text::from("src/pool.rs");
/// assert_eq!(text, "src/pool.rs");
/// assert!(text.ends_with(".rs"));
/// assert!(text.is_shared_with(&text.clone()));
/// assert!(!text.is_shared_with(&"src/pool.rs".into()));
/// ```
#[derive(Clone, Default)]
pub struct Text(
    /// `None` for the empty text.
    Option<Arc<Inner>>,
);

struct Inner {
    /// Computed once: a map of points needs it for each point, and one long path may occur at all
    /// of a file's points.
    hash: u64,
    text: Box<str>,
}

impl Text {
    /// The text itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_ref().map_or("", |inner| &*inner.text)
    }

    fn new(text: Box<str>) -> Self {
        if text.is_empty() {
            return Self(None);
        }
        let hash = hash(&text);
        Self(Some(Arc::new(Inner { hash, text })))
    }

    /// Returns whether both are copies of one text. If not, they may still be equal.
    #[must_use]
    pub fn is_shared_with(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (None, None) => true,
            _ => false,
        }
    }

    fn hash_of_text(&self) -> u64 {
        self.0.as_ref().map_or(0, |inner| inner.hash)
    }
}

/// The hash of a text. It starts from a seed that differs between processes, so no outsider can
/// choose texts that collide.
///
/// It takes no lock: a thread may fork the process during its first text, and the child makes texts
/// too.
fn hash(text: &str) -> u64 {
    static SEED: AtomicU64 = AtomicU64::new(0);

    // Relaxed: the number refers to nothing else, and the first one stored counts for all threads.
    let seed = match SEED.load(Relaxed) {
        0 => {
            let new = RandomState::new().hash_one(0) | 1;
            let stored = SEED.compare_exchange(0, new, Relaxed, Relaxed);
            stored.map_or_else(|first| first, |_| new)
        }
        seed => seed,
    };
    let mut hasher = DefaultHasher::new();
    hasher.write_u64(seed);
    hasher.write(text.as_bytes());
    hasher.finish()
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<std::path::Path> for Text {
    fn as_ref(&self) -> &std::path::Path {
        self.as_str().as_ref()
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.is_shared_with(other)
            || (self.hash_of_text() == other.hash_of_text() && self.as_str() == other.as_str())
    }
}

impl Eq for Text {}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> Ordering {
        match self.is_shared_with(other) {
            true => Ordering::Equal,
            false => self.as_str().cmp(other.as_str()),
        }
    }
}

/// Not the hash of the `str`, but the one computed when the text was made.
impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash_of_text());
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl PartialEq<String> for Text {
    fn eq(&self, other: &String) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<Text> for str {
    fn eq(&self, other: &Text) -> bool {
        self == other.as_str()
    }
}

impl PartialEq<Text> for &str {
    fn eq(&self, other: &Text) -> bool {
        *self == other.as_str()
    }
}

impl PartialEq<Text> for String {
    fn eq(&self, other: &Text) -> bool {
        self == other.as_str()
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::new(text.into())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::new(text.into())
    }
}

impl From<&String> for Text {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<&Text> for Text {
    fn from(text: &Text) -> Self {
        text.clone()
    }
}

impl From<Cow<'_, str>> for Text {
    fn from(text: Cow<'_, str>) -> Self {
        match text {
            Cow::Borrowed(text) => text.into(),
            Cow::Owned(text) => text.into(),
        }
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.as_str().to_owned()
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl serde::de::Visitor<'_> for Visitor {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E>(self, text: &str) -> Result<Text, E> {
                Ok(of_document(text))
            }
        }

        deserializer.deserialize_str(Visitor)
    }
}

/// Looked up by its `str`.
#[derive(PartialEq, Eq)]
struct ByStr(Text);

impl Hash for ByStr {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.as_str().hash(state);
    }
}

impl Borrow<str> for ByStr {
    fn borrow(&self) -> &str {
        self.0.as_str()
    }
}

/// Texts, without duplicates.
#[derive(Default)]
pub(crate) struct Pool(HashSet<ByStr>);

impl Pool {
    pub(crate) fn get(&mut self, text: &str) -> Text {
        match self.0.get(text) {
            Some(ByStr(shared)) => shared.clone(),
            None => {
                let new = Text::from(text);
                self.0.insert(ByStr(new.clone()));
                new
            }
        }
    }
}

thread_local! {
    /// The texts of the document that this thread reads, if any.
    static DOCUMENT: RefCell<Option<Pool>> = const { RefCell::new(None) };
}

/// A text of a document. Equal texts of one document share their bytes.
fn of_document(text: &str) -> Text {
    let shared = DOCUMENT.try_with(|pool| pool.borrow_mut().as_mut().map(|pool| pool.get(text)));
    // A thread that is ending has no document.
    shared.ok().flatten().unwrap_or_else(|| text.into())
}

/// Reads a document so that its equal texts share their bytes.
pub(crate) fn sharing<T>(read: impl FnOnce() -> T) -> T {
    /// Restores the outer document, even if a reader panics: an inner document is separate.
    struct Before(Option<Pool>);

    impl Drop for Before {
        fn drop(&mut self) {
            let before = self.0.take();
            // A thread that is ending needs no restore.
            let _ = DOCUMENT.try_with(|pool| pool.replace(before));
        }
    }

    let new = DOCUMENT.try_with(|pool| pool.replace(Some(Pool::default())));
    let _before = Before(new.ok().flatten());
    read()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn equal_texts_have_equal_hashes() {
        let map = HashMap::from([(Text::from("a"), 1), (Text::from("b"), 2)]);
        assert_eq!(map.get(&Text::from("a".to_owned())), Some(&1));
        assert_eq!(map.get(&Text::from("c")), None);
    }

    #[test]
    fn there_is_one_empty_text() {
        assert!(Text::from("").is_shared_with(&Text::from(String::new())));
        assert!(Text::default().is_shared_with(&Text::from("")));
    }

    #[test]
    fn order_is_that_of_the_text() {
        let mut texts = ["b", "", "a", "ab"].map(Text::from);
        texts.sort();
        assert_eq!(texts, ["", "a", "ab", "b"]);
    }

    #[cfg(feature = "json")]
    #[test]
    fn equal_texts_of_one_document_are_shared() {
        let read = || serde_json::from_str::<[Text; 3]>(r#"["a/b","c","a\/b"]"#).unwrap();
        let [first, other, again] = sharing(read);
        assert!(first.is_shared_with(&again));
        assert!(!first.is_shared_with(&other));
        // Without a document, nothing is shared and nothing is kept.
        let [first, _, again] = read();
        assert_eq!(first, again);
        assert!(!first.is_shared_with(&again));
    }
}
