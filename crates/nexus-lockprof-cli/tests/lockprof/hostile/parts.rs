//! What the hostile files have in common.

use super::writer::{
    ANONYMOUS, File, More, bytes, created, durations, frame, point, samples, stacks,
};

pub(super) trait Replace {
    fn replace(self, what: &[u8], by: &[u8]) -> Vec<u8>;
}

impl Replace for Vec<u8> {
    /// Replaces the first occurrence.
    fn replace(mut self, what: &[u8], by: &[u8]) -> Vec<u8> {
        let at = self
            .windows(what.len())
            .position(|found| found == what)
            .unwrap();
        self.splice(at..at + what.len(), by.iter().copied());
        self
    }
}

pub(super) fn mode(i: u64) -> u8 {
    (i % 3) as u8
}

/// A distinct place in few bytes.
pub(super) fn line(i: u64) -> [u64; 3] {
    [0, i / 381, i / 3 % 127]
}

/// A point without a lock name, with a mask and what follows it.
pub(super) fn tiny(i: u64, rest: &[u8]) -> Vec<u8> {
    bytes().raw(&[0, mode(i)]).numbers(&line(i)).raw(rest).0
}

pub(super) fn one_sample_each() -> More {
    let one = samples([1].into_iter());
    let durations = durations([1, 1, 1, 0, 1], Some(&one), Some(&one));
    More {
        wait: Some(durations.clone()),
        hold: Some(durations),
        ..More::default()
    }
}

pub(super) fn waited() -> More {
    More {
        wait: Some(durations([5, 1_000_000_000, 5, 0, 5], None, None)),
        ..More::default()
    }
}

pub(super) fn of_points(texts: &[&str], points: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    with_frames(texts, Vec::new(), points.collect())
}

pub(super) fn with_frames(texts: &[&str], frames: Vec<Vec<u8>>, points: Vec<Vec<u8>>) -> Vec<u8> {
    let texts = texts.iter().map(|&text| text.to_owned()).collect();
    File {
        texts,
        frames,
        points,
        ..File::default()
    }
    .build()
}

/// One point with these stacks. Beside the first frames are some that differ only in their
/// addresses.
pub(super) fn stacked(
    texts: &[&str],
    mut frames: Vec<Vec<u8>>,
    count: u64,
    all: impl Iterator<Item = ([u64; 3], Vec<u64>)>,
) -> Vec<u8> {
    frames.extend((0..count).map(|address| frame([0, 0, 2, address])));
    let more = More {
        stacks: Some(stacks(all)),
        ..waited()
    };
    with_frames(
        texts,
        frames,
        vec![point(ANONYMOUS, 0, [0, 1, 1], &[9, 9], &more)],
    )
}

pub(super) fn one_path(path: &str) -> Vec<u8> {
    let lock = created([0, 7, 7]);
    of_points(
        &[path],
        [point(&lock, 0, [0, 1, 1], &[9, 9], &waited())].into_iter(),
    )
}

pub(super) fn one_wait(reservoir: Vec<u8>) -> Vec<u8> {
    let more = More {
        wait: Some(durations([5, 5, 5, 0, 5], Some(&reservoir), None)),
        ..More::default()
    };
    of_points(
        &["a"],
        [point(ANONYMOUS, 0, [0, 1, 1], &[9, 9], &more)].into_iter(),
    )
}

/// Distinct texts of three letters.
pub(super) fn three(count: u32) -> Vec<String> {
    let letter = |i: u32| char::from(b'!' + (i % 90) as u8);
    let text = |i: u32| {
        [letter(i), letter(i / 90), letter(i / 8_100)]
            .iter()
            .collect()
    };
    (0..count).map(text).collect()
}

pub(super) fn list(count: usize, of: &str) -> String {
    vec![of; count].join(",")
}

pub(super) fn json(points: &str) -> Vec<u8> {
    let head = r#"{"format":"lockprof-snapshot","schema":2,"engine":"1","pid":1,"taken_unix_ns":1,"collection":1,"resets":0,"elapsed_ns":1,"profiler_mode":{"kind":"exact"},"table":{"acquisitions":0,"records":0,"max_records":0,"rejected":0,"hash_size":0,"collisions":0,"shards":0},"points":"#;
    format!("{head}{points}}}").into_bytes()
}

pub(super) fn json_point(more: &str) -> Vec<u8> {
    json(&format!(
        r#"[{{"lock":"anonymous","mode":"shared","site":{{"file":"","line":1,"column":1}},"acquisitions":1{more}}}]"#
    ))
}
