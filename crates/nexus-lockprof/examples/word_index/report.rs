//! What the program prints at the end.

use std::io::{self, Write};

use crate::build::{Built, LeftOut};
use crate::human;
use crate::index::Index;
use crate::query::{Hit, Match};

/// Files printed for one query.
const MOST_MATCHES: usize = 10;

/// The size of the index, and what is not in it.
pub(crate) fn summary(out: &mut impl Write, built: &Built) -> io::Result<()> {
    let (done, size) = (&built.done, built.index.size());
    let seconds = built.time.as_secs_f64().max(f64::MIN_POSITIVE);
    let speed = (done.bytes as f64 / seconds) as u64;
    writeln!(
        out,
        "{}, {}, {} -> {}, {} in {} ({}/s)",
        human::plural(done.files, "file"),
        human::bytes(done.bytes),
        human::plural(done.words, "word"),
        human::plural(size.terms as u64, "term"),
        human::plural(size.postings as u64, "posting"),
        human::duration(built.time),
        human::bytes(speed),
    )?;
    if let Some(line) = left_out(&built.left_out) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// `None` when nothing was left out.
fn left_out(left_out: &LeftOut) -> Option<String> {
    let parts: Vec<String> = [
        (left_out.binary, "binary"),
        (left_out.too_long, "too long"),
        (left_out.unreadable, "unreadable"),
    ]
    .iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, why)| format!("{} {why}", human::count(*count)))
    .collect();
    (!parts.is_empty()).then(|| format!("left out: {}", parts.join(", ")))
}

/// The best files for `query`.
pub(crate) fn matches(
    out: &mut impl Write,
    index: &Index,
    query: &str,
    matches: &[Match],
) -> io::Result<()> {
    let found = human::plural(matches.len() as u64, "file");
    let verb = if matches.len() == 1 {
        "matches"
    } else {
        "match"
    };
    writeln!(out, "\n{found} {verb} {query:?}")?;
    for found in matches.iter().take(MOST_MATCHES) {
        let path = human::path(&index.path(found.file));
        let first = found.hits.iter().map(|hit| hit.line).min().unwrap_or(1);
        let hits: Vec<String> = found.hits.iter().map(hit).collect();
        writeln!(
            out,
            "{:>8.3}  {path}:{first}  {}",
            found.score,
            hits.join(", ")
        )?;
    }
    if let Some(more) = matches
        .len()
        .checked_sub(MOST_MATCHES)
        .filter(|more| *more > 0)
    {
        writeln!(out, "          ... and {} more", human::count(more as u64))?;
    }
    Ok(())
}

fn hit(hit: &Hit) -> String {
    format!("{} {}", hit.term, human::count(u64::from(hit.count)))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::args::at_least_one;
    use crate::query;
    use crate::tokenize::Document;

    #[test]
    fn only_what_was_left_out_is_named() {
        assert_eq!(left_out(&LeftOut::default()), None);
        let mut some = LeftOut {
            binary: 1_200,
            ..LeftOut::default()
        };
        assert_eq!(left_out(&some).as_deref(), Some("left out: 1,200 binary"));
        some.unreadable = 2;
        let both = "left out: 1,200 binary, 2 unreadable";
        assert_eq!(left_out(&some).as_deref(), Some(both));
    }

    #[test]
    fn matches_are_cut_after_the_best() -> io::Result<()> {
        let index = Index::new(at_least_one(1));
        for n in 0..12 {
            let file = index.add_file(PathBuf::from(format!("./f{n:02}")));
            index.add_document(file, &Document::parse("\nword"), &mut index.batch());
        }
        let mut out = Vec::new();
        matches(&mut out, &index, "Word", &query::search(&index, "Word"))?;
        let text = String::from_utf8_lossy(&out);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 13);
        assert_eq!(lines[1], "12 files match \"Word\"");
        assert!(lines[2].ends_with("  f00:2  word 1"), "{}", lines[2]);
        assert_eq!(lines[12], "          ... and 2 more");
        Ok(())
    }
}
