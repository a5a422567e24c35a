//! Finds the text files under a directory and reads them.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

/// Folders of version control and build output, which add nothing.
const SKIPPED_FOLDERS: [&str; 5] = [".git", ".hg", ".svn", "node_modules", "target"];

/// A zero byte this near the start means binary, as in git.
const SNIFF_BYTES: usize = 8 * 1024;

/// Text in an old 8-bit encoding has a few bytes that are not UTF-8; data has many. The limit is
/// one in this many characters.
const CHARS_PER_BAD: usize = 10;

/// One result of a walk.
#[derive(Debug)]
pub(crate) enum Found {
    /// A text file and its content.
    Text {
        /// Where it is.
        path: PathBuf,
        /// Its text; bytes that are not UTF-8 became U+FFFD.
        text: String,
    },
    /// A file left out on purpose.
    Skipped(Skip),
    /// A file or folder that could not be read.
    Unreadable {
        /// Its path.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// Why a file is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Skip {
    /// Not text.
    Binary,
    /// Longer than the limit.
    TooLong,
}

/// Walks `root` in the order of file names and reads each file of at most `longest` bytes.
///
/// Symbolic links are not followed, except `root` itself.
pub(crate) fn text_files(root: &Path, longest: u64) -> impl Iterator<Item = Found> {
    WalkDir::new(root)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| !is_skipped_folder(entry))
        .filter_map(move |entry| match entry {
            Ok(entry) if entry.file_type().is_file() => Some(read(entry.into_path(), longest)),
            Ok(_) => None,
            Err(error) => Some(unreadable(error)),
        })
}

fn is_skipped_folder(entry: &DirEntry) -> bool {
    // The user named the root, whatever its name.
    entry.depth() > 0 && entry.file_type().is_dir() && is_skipped_name(entry.file_name())
}

fn is_skipped_name(name: &OsStr) -> bool {
    SKIPPED_FOLDERS.iter().any(|skipped| name == *skipped)
}

fn unreadable(error: walkdir::Error) -> Found {
    let path = error.path().map(Path::to_owned).unwrap_or_default();
    let error = match error.into_io_error() {
        Some(error) => error,
        // The only other cause is a loop of links, and links are not followed.
        None => io::Error::from(io::ErrorKind::Other),
    };
    Found::Unreadable { path, error }
}

fn read(path: PathBuf, longest: u64) -> Found {
    match File::open(&path).and_then(|file| read_text(file, longest)) {
        Ok(Ok(text)) => Found::Text { path, text },
        Ok(Err(skip)) => Found::Skipped(skip),
        Err(error) => Found::Unreadable { path, error },
    }
}

fn read_text(file: File, longest: u64) -> io::Result<Result<String, Skip>> {
    let length = file.metadata()?.len();
    if length > longest {
        return Ok(Err(Skip::TooLong));
    }
    read_bytes(file, usize::try_from(length).unwrap_or(0), longest)
}

/// `expected` is a hint. `longest` holds even if the file grows during the read.
fn read_bytes(from: impl Read, expected: usize, longest: u64) -> io::Result<Result<String, Skip>> {
    let mut from = from.take(longest.saturating_add(1));
    let mut bytes = Vec::with_capacity(expected.min(SNIFF_BYTES));
    from.by_ref()
        .take(SNIFF_BYTES as u64)
        .read_to_end(&mut bytes)?;
    if bytes.contains(&0) {
        return Ok(Err(Skip::Binary));
    }
    bytes.reserve(expected.saturating_sub(bytes.len()));
    from.read_to_end(&mut bytes)?;
    if bytes.len() as u64 > longest {
        return Ok(Err(Skip::TooLong));
    }
    Ok(decode(bytes).ok_or(Skip::Binary))
}

/// `None` if too little of it is UTF-8 for text.
fn decode(bytes: Vec<u8>) -> Option<String> {
    let bytes = match String::from_utf8(bytes) {
        Ok(text) => return Some(text),
        Err(error) => error.into_bytes(),
    };
    let (mut chars, mut bad) = (0, 0);
    for chunk in bytes.utf8_chunks() {
        chars += chunk.valid().chars().count();
        bad += usize::from(!chunk.invalid().is_empty());
    }
    (bad * CHARS_PER_BAD <= chars).then(|| String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Folder;

    /// Names and texts of the text files, and the number of skipped or unreadable files.
    fn walk(folder: &Folder, longest: u64) -> (Vec<(String, String)>, Vec<Skip>, usize) {
        let (mut texts, mut skipped, mut errors) = (Vec::new(), Vec::new(), 0);
        for found in text_files(&folder.path, longest) {
            match found {
                Found::Text { path, text } => {
                    let name = path.strip_prefix(&folder.path).unwrap_or(&path);
                    texts.push((name.display().to_string(), text));
                }
                Found::Skipped(skip) => skipped.push(skip),
                Found::Unreadable { .. } => errors += 1,
            }
        }
        (texts, skipped, errors)
    }

    #[test]
    fn text_files_come_in_the_order_of_their_names() -> io::Result<()> {
        let folder = Folder::new("order")?;
        folder.write("b.txt", b"two")?;
        folder.write("a/z.txt", b"one")?;
        folder.write("c", b"")?;
        let (texts, skipped, errors) = walk(&folder, 100);
        let text = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        let first = Path::new("a").join("z.txt").display().to_string();
        assert_eq!(
            texts,
            [text(&first, "one"), text("b.txt", "two"), text("c", "")]
        );
        assert_eq!((skipped, errors), (vec![], 0));
        Ok(())
    }

    #[test]
    fn binary_and_long_files_are_skipped() -> io::Result<()> {
        let folder = Folder::new("skip")?;
        folder.write("1", b"12345")?;
        folder.write("2", b"123456")?;
        folder.write("3", b"\0ELF")?;
        folder.write("4", b"\0ELF, and long")?;
        let (texts, skipped, errors) = walk(&folder, 5);
        assert_eq!(texts, [("1".to_owned(), "12345".to_owned())]);
        assert_eq!(
            (skipped, errors),
            (vec![Skip::TooLong, Skip::Binary, Skip::TooLong], 0)
        );
        Ok(())
    }

    #[test]
    fn folders_of_tools_are_skipped_but_not_the_root() -> io::Result<()> {
        let folder = Folder::new("folders")?;
        for name in ["target/.git/x", "target/target/x", "target/src/y"] {
            folder.write(name, b"text")?;
        }
        folder.write("target/node_modules", b"a file, not a folder")?;
        let root = folder.path.join("target");
        let texts = text_files(&root, 100).filter(|found| matches!(found, Found::Text { .. }));
        assert_eq!(texts.count(), 2);
        Ok(())
    }

    #[test]
    fn a_missing_root_is_unreadable() {
        let root = Path::new("no such folder anywhere");
        let found: Vec<_> = text_files(root, 100).collect();
        assert!(
            matches!(&found[..], [Found::Unreadable { path, error }]
                if path == root && error.kind() == io::ErrorKind::NotFound),
            "{found:?}"
        );
    }

    #[test]
    fn the_limit_holds_when_a_file_grows() -> io::Result<()> {
        assert_eq!(read_bytes(&b"123456"[..], 2, 5)?, Err(Skip::TooLong));
        assert_eq!(read_bytes(&b"12345"[..], 2, 5)?, Ok("12345".to_owned()));
        assert_eq!(
            read_bytes(&b"12345"[..], 9_000, u64::MAX)?,
            Ok("12345".to_owned())
        );
        Ok(())
    }

    #[test]
    fn a_zero_byte_far_from_the_start_is_text() -> io::Result<()> {
        let mut bytes = vec![b'a'; SNIFF_BYTES];
        bytes.push(0);
        assert!(
            matches!(read_bytes(&bytes[..], bytes.len(), 100_000)?, Ok(text) if text.len() == bytes.len())
        );
        bytes[SNIFF_BYTES - 1] = 0;
        assert_eq!(
            read_bytes(&bytes[..], bytes.len(), 100_000)?,
            Err(Skip::Binary)
        );
        Ok(())
    }

    #[test]
    fn a_few_bad_bytes_are_replaced_and_many_are_not_text() {
        assert_eq!(decode(b"gr\xfc\xdfe aus".to_vec()), None);
        let latin1 = b"viele Gr\xfcsse aus der Ferne";
        assert_eq!(
            decode(latin1.to_vec()).as_deref(),
            Some("viele Gr\u{fffd}sse aus der Ferne")
        );
        assert_eq!(decode(vec![0xff; 100]), None);
        assert_eq!(decode("Grüße".into()).as_deref(), Some("Grüße"));
    }
}
