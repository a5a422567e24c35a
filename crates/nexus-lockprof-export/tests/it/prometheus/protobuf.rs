//! Prometheus's protobuf format.

use std::collections::BTreeMap;

use nexus_lockprof_export::prometheus;
use nexus_lockprof_snapshot::Histogram;

use crate::rich;
use crate::wire::{messages, number, numbers};

/// The families, by name.
fn families(mut bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut families = BTreeMap::new();
    while !bytes.is_empty() {
        // Each has its length in front, as a message in a message has.
        let mut length = 0;
        let mut shift = 0;
        while let [byte, rest @ ..] = bytes {
            bytes = rest;
            length |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if *byte < 0x80 {
                break;
            }
        }
        let (family, rest) = bytes.split_at(length);
        bytes = rest;
        families.insert(text(messages(family, 1)[0]), family.to_vec());
    }
    families
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn it_has_what_the_text_has() {
    let snapshot = rich::snapshot();
    let families = families(&prometheus::text(&snapshot).to_protobuf());
    let as_text = prometheus::text(&snapshot).to_string();
    for line in as_text.lines().filter(|line| line.starts_with("# TYPE ")) {
        let words: Vec<&str> = line.split(' ').collect();
        let family = &families[words[2]];
        let kind = numbers(family, 3).first().copied().unwrap_or_default();
        let expected = match words[3] {
            "counter" => 0,
            "gauge" => 1,
            _ => 4,
        };
        assert_eq!(kind, expected, "{line}");
    }
    let family = &families["lockprof_acquisitions_total"];
    let counts = messages(family, 4).into_iter();
    let counts = counts.map(|metric| f64::from_bits(number(messages(metric, 3)[0], 1)));
    assert_eq!(counts.sum::<f64>(), 1_000_055.0);
    let labels = messages(messages(family, 4)[0], 1).into_iter();
    let labels: Vec<_> = labels
        .map(|label| (text(messages(label, 1)[0]), text(messages(label, 2)[0])))
        .collect();
    assert_eq!(labels[0], ("lock".to_owned(), "sessions".to_owned()));
}

/// Undoes protobuf's encoding of signed numbers.
fn signed(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

#[test]
fn a_histogram_is_native_and_classic() {
    let snapshot = rich::snapshot();
    let families = families(&prometheus::text(&snapshot).to_protobuf());
    let metrics = messages(&families["lockprof_hold_duration_seconds"], 4);
    let mut expected = Histogram::default();
    let points = snapshot.points().iter();
    points.for_each(|point| expected.merge(&point.hold.histogram));
    let mut sum = Histogram::default();
    for metric in metrics {
        let histogram = messages(metric, 7)[0];
        let before = sum.total();
        assert_eq!(signed(number(histogram, 5)), 1, "the schema");
        assert_eq!(f64::from_bits(number(histogram, 6)), (-26_f64).exp2());
        sum.add(0, numbers(histogram, 7).first().copied().unwrap_or(0));
        let mut deltas = numbers(histogram, 13).into_iter().map(signed);
        let (mut index, mut weight) = (0, 0);
        for span in messages(histogram, 12) {
            index += numbers(span, 1).first().copied().map_or(0, signed);
            for _ in 0..number(span, 2) {
                weight += deltas.next().unwrap();
                sum.add((index + 52) as usize, weight as u64);
                index += 1;
            }
        }
        assert_eq!(number(histogram, 1), sum.total() - before);
        assert_eq!(messages(histogram, 3).len(), 15, "classic buckets");
    }
    assert_eq!(sum, expected);
}
