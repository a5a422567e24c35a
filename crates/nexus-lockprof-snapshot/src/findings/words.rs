//! The words of findings: names, figures, and how sure they are.

use super::evidence::Evidence;
use super::measure::Measure;
use crate::{Lock, Site, Thread, number, portable_path, printable};

/// The longest name in a sentence, in characters. The fields of the finding have all of it.
const LONGEST: usize = 60;

/// The name of a lock class, in back-ticks.
pub(super) fn lock(lock: &Lock) -> String {
    let name = lock.name_by(place);
    format!("`{}`", shortened(&printable(&name)))
}

/// `src/http.rs:88`.
pub(super) fn site(site: &Site) -> String {
    place(site)
}

/// `worker-3 (4711)`.
pub(super) fn thread(thread: &Thread) -> String {
    shortened(&printable(&thread.to_string()))
}

fn place(site: &Site) -> String {
    let file = printable(&portable_path(&site.file)).into_owned();
    let file = shortened(&file);
    match site.is_group() {
        true => file,
        false => format!("{file}:{}", site.line),
    }
}

/// A name without its middle if it is too long. Its end says more than its start.
fn shortened(name: &str) -> String {
    let count = name.chars().count();
    if count <= LONGEST {
        return name.to_owned();
    }
    let start: String = name.chars().take(LONGEST / 3).collect();
    let end: String = name
        .chars()
        .skip(count - (LONGEST - LONGEST / 3 - 1))
        .collect();
    format!("{start}…{end}")
}

/// `about 2.71s ± 120ms`.
pub(super) fn time(measure: Measure) -> String {
    sure(measure, number::duration(ns(measure.value)), || {
        number::duration(ns(measure.error))
    })
}

/// `about 84% ± 5%`.
pub(super) fn share(measure: Measure) -> String {
    sure(measure, number::percent_of(measure.value), || {
        number::percent_of(measure.error)
    })
}

/// `about 2.71 ± 0.1`.
pub(super) fn threads(measure: Measure) -> String {
    sure(measure, number::threads(measure.value), || {
        number::threads(measure.error)
    })
}

/// `, about 2.71 threads waiting`.
pub(super) fn waiting(threads: &Evidence) -> String {
    let text = number::threads(threads.value);
    let noun = if text == "1.00" { "thread" } else { "threads" };
    format!(
        ", {}{text} {noun} waiting",
        about(threads.is_partial, threads.is_estimate)
    )
}

/// `about 3.20k`.
pub(super) fn count(measure: Measure) -> String {
    // `as` saturates.
    sure(measure, number::count(measure.value.round() as u64), || {
        number::count(measure.error.round() as u64)
    })
}

fn ns(value: f64) -> u64 {
    // `as` saturates.
    value.round() as u64
}

/// Says how sure a figure is. An error below a twentieth of it is not worth a word.
fn sure(measure: Measure, text: String, error: impl Fn() -> String) -> String {
    const WORTH_SAYING: f64 = 0.05;
    let about = about(measure.is_partial, measure.is_estimate);
    match measure.error > WORTH_SAYING * measure.value {
        true => format!("{about}{text} ± {}", error()),
        false => format!("{about}{text}"),
    }
}

fn about(is_partial: bool, is_estimate: bool) -> &'static str {
    match (is_partial, is_estimate) {
        (true, _) => "at least ",
        (false, true) => "about ",
        (false, false) => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_keep_their_ends() {
        let path = format!("/{}/http.rs", "directory/".repeat(20));
        let name = site(&Site::new(path.as_str(), 88, 1));
        assert!(name.ends_with("/http.rs:88"), "{name}");
        assert!(name.chars().count() <= LONGEST + 3, "{name}");
        assert_eq!(lock(&Lock::Named("a\u{1b}b".into())), "`a\\u{1b}b`");
    }

    #[test]
    fn no_figure_is_surer_than_it_is() {
        let of = |error, is_estimate, is_partial| Measure {
            error,
            is_estimate,
            is_partial,
            ..Measure::exact(2.5e9)
        };
        for (measure, text) in [
            (of(0.0, false, false), "2.50s"),
            (of(1.2e8, true, false), "about 2.50s"),
            (of(1.3e8, true, false), "about 2.50s ± 130ms"),
            (of(0.0, false, true), "at least 2.50s"),
        ] {
            assert_eq!(time(measure), text);
        }
    }
}
