//! pprof profiles. `ci/pprof.sh` checks that pprof itself reads them.

use std::collections::BTreeSet;
use std::io::Read as _;

use flate2::read::GzDecoder;
use nexus_lockprof_export::pprof;
use nexus_lockprof_snapshot::{Point, Snapshot, SnapshotParts};

use crate::rich::{self, Random, TestResult};
use crate::{golden, wire};
use wire::{messages, number, numbers};

struct Profile {
    bytes: Vec<u8>,
    strings: Vec<String>,
}

impl Profile {
    fn read(gzipped: &[u8]) -> std::io::Result<Self> {
        let mut bytes = Vec::new();
        GzDecoder::new(gzipped).read_to_end(&mut bytes)?;
        let strings = messages(&bytes, 6).into_iter();
        let strings = strings.map(|s| String::from_utf8_lossy(s).into_owned());
        Ok(Self {
            strings: strings.collect(),
            bytes,
        })
    }

    fn string(&self, message: &[u8], field: u64) -> &str {
        &self.strings[number(message, field) as usize]
    }

    /// The message of a field that has this identity.
    fn find(&self, field: u64, id: u64) -> &[u8] {
        let mut found = messages(&self.bytes, field)
            .into_iter()
            .filter(|message| number(message, 1) == id);
        match (found.next(), found.next()) {
            (Some(message), None) => message,
            (first, _) => panic!("{id} is there {}", first.map_or("not", |_| "twice")),
        }
    }

    fn values(&self) -> Vec<Vec<u64>> {
        let samples = messages(&self.bytes, 2).into_iter();
        samples.map(|sample| numbers(sample, 2)).collect()
    }

    fn sums(&self) -> [u128; 3] {
        let sum = |i: usize| self.values().iter().map(|v| u128::from(v[i])).sum();
        [0, 1, 2].map(sum)
    }

    /// As readable lines.
    fn describe(&self) -> String {
        let mut text = String::new();
        let mut line = |line: String| text.extend([line.as_str(), "\n"]);
        let kind = |message| format!("{}/{}", self.string(message, 1), self.string(message, 2));
        let types: Vec<_> = messages(&self.bytes, 1).into_iter().map(kind).collect();
        line(types.join(" "));
        line(format!("default {}", self.string(&self.bytes, 14)));
        let period = messages(&self.bytes, 11).into_iter().map(kind);
        line(format!(
            "period {} {}",
            number(&self.bytes, 12),
            period.collect::<String>()
        ));
        line(format!(
            "time {} duration {}",
            number(&self.bytes, 9),
            number(&self.bytes, 10)
        ));
        for comment in numbers(&self.bytes, 13) {
            line(format!("# {}", self.strings[comment as usize]));
        }
        for sample in messages(&self.bytes, 2) {
            let labels = messages(sample, 3).into_iter();
            let labels = labels.map(|l| format!("{}={}", self.string(l, 1), self.string(l, 2)));
            let labels: Vec<_> = labels.collect();
            line(format!("{:?} {}", numbers(sample, 2), labels.join(" ")));
            for id in numbers(sample, 1) {
                for (i, at) in messages(self.find(4, id), 4).into_iter().enumerate() {
                    let function = self.find(5, number(at, 1));
                    let (name, file) = (self.string(function, 2), self.string(function, 4));
                    let inlined = if i == 0 { "" } else { "+ " };
                    line(format!(
                        "    {inlined}{name} ({file}:{}:{})",
                        number(at, 2),
                        number(at, 3)
                    ));
                }
            }
        }
        text
    }
}

#[test]
fn as_it_was() -> TestResult {
    let snapshot = rich::snapshot();
    let block = Profile::read(&pprof::block(&snapshot))?;
    golden::check_whole("pprof-block.txt", &block.describe());
    let mutex = Profile::read(&pprof::mutex(&snapshot))?;
    golden::check_whole("pprof-mutex.txt", &mutex.describe());
    Ok(())
}

#[test]
fn totals_are_the_snapshots() -> TestResult {
    let mut random = Random(3);
    let any = (0..50).map(|_| rich::any(&mut random, 62));
    for snapshot in any.chain([rich::snapshot()]) {
        let sum = |of: fn(&Point) -> u64| snapshot.points().iter().map(|p| u128::from(of(p))).sum();
        let hold: u128 = sum(|p| p.hold.total_ns);
        let block = [sum(|p| p.contentions), sum(|p| p.wait.total_ns), hold];
        assert_eq!(Profile::read(&pprof::block(&snapshot))?.sums(), block);
        let mutex = [sum(|p| p.blocked), sum(|p| p.caused_wait_ns), hold];
        assert_eq!(Profile::read(&pprof::mutex(&snapshot))?.sums(), mutex);
    }
    Ok(())
}

#[test]
fn tables_have_everything_once() -> TestResult {
    let profile = Profile::read(&pprof::block(&rich::snapshot()))?;
    assert_eq!(profile.strings[0], "");
    let strings: BTreeSet<_> = profile.strings.iter().collect();
    assert_eq!(strings.len(), profile.strings.len());
    for (field, mapping) in [(4, 1), (5, 0)] {
        let mut contents = BTreeSet::new();
        for (message, id) in messages(&profile.bytes, field).into_iter().zip(1..) {
            assert_eq!(number(message, 1), id);
            if mapping > 0 {
                assert_eq!(number(message, 2), mapping);
            }
            let fields = wire::fields(message).into_iter().filter(|&(f, _)| f != 1);
            let content = format!("{:?}", fields.collect::<Vec<_>>());
            assert!(contents.insert(content), "{field} {id} is there twice");
        }
    }
    let locations = messages(&profile.bytes, 4).into_iter();
    let addresses: BTreeSet<u64> = locations.map(|location| number(location, 3)).collect();
    assert_eq!(addresses.len(), messages(&profile.bytes, 4).len());
    let [mapping] = messages(&profile.bytes, 3)[..] else {
        panic!("one mapping");
    };
    assert_eq!((number(mapping, 1), number(mapping, 7)), (1, 1));
    Ok(())
}

/// Grafana Alloy identifies samples across scrapes by labels and addresses.
#[test]
fn a_location_keeps_its_address_whatever_else_there_is() -> TestResult {
    let all = Profile::read(&pprof::block(&rich::snapshot()))?;
    let mut parts = rich::parts();
    parts.points.retain(|point| point.site.line != 88);
    let fewer = Profile::read(&pprof::block(&Snapshot::from_parts(parts)))?;
    let addresses = |profile: &Profile| -> BTreeSet<(String, u64)> {
        let locations = messages(&profile.bytes, 4).into_iter();
        let named = locations.map(|location| {
            let line = messages(location, 4)[0];
            let function = profile.find(5, number(line, 1));
            let name = profile.string(function, 2).to_owned();
            (name, number(location, 3))
        });
        named.collect()
    };
    let (all, fewer) = (addresses(&all), addresses(&fewer));
    assert!(
        fewer.is_subset(&all) && fewer.len() < all.len(),
        "{fewer:?}"
    );
    Ok(())
}

#[test]
fn nothing_is_a_profile_too() -> TestResult {
    for gzipped in [pprof::block(&rich::empty()), pprof::mutex(&rich::empty())] {
        let profile = Profile::read(&gzipped)?;
        assert!(profile.values().is_empty());
        assert_eq!(messages(&profile.bytes, 1).len(), 3);
    }
    Ok(())
}

/// Times of more than 292 years, which a profile cannot represent, saturate.
#[test]
fn what_is_too_large_is_as_large_as_can_be() -> TestResult {
    let mut parts: SnapshotParts = rich::parts();
    for point in &mut parts.points {
        point.caused_wait_ns = u64::MAX;
    }
    let profile = Profile::read(&pprof::mutex(&Snapshot::from_parts(parts)))?;
    assert!(
        profile
            .values()
            .iter()
            .all(|values| values[1] == i64::MAX as u64)
    );
    Ok(())
}

#[test]
fn equal_snapshots_are_equal_files() {
    assert_eq!(
        pprof::block(&rich::snapshot()),
        pprof::block(&rich::snapshot())
    );
}
