//! `.lockprof` files.

use std::fs;
use std::path::{Path, PathBuf};

use nexus_lockprof_snapshot::{
    AcquireMode, Durations, Frame, Lock, Point, ReadError, Sample, Site, Snapshot, SnapshotParts,
    Stack, Text,
};

use crate::support::{Random, TestResult, everything, named};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name)
}

/// `everything()`, and a point with call stacks.
fn with_stacks() -> Snapshot {
    let frame = |function: Option<&str>, line: u32| Frame {
        function: function.map(Text::from),
        file: (line > 0).then(|| "src/größe.rs".into()),
        line: (line > 0).then_some(line),
        address: 0xffff_ffff_ffff_fff0 + u64::from(line),
    };
    let stacks = vec![
        Stack {
            frames: vec![frame(Some("a::b"), 7), frame(None, 0), frame(Some(""), 0)],
            waits: 10,
            wait_ns: u64::MAX,
            samples: 3,
        },
        Stack {
            frames: Vec::new(),
            waits: 1,
            wait_ns: 2,
            samples: 1,
        },
    ];
    let mut parts = everything();
    parts.points.push(Point {
        acquisitions: u64::MAX,
        callers: stacks,
        ..named("stacks", 77)
    });
    parts.losses.stacks = 16;
    parts.losses.slow_events = 17;
    Snapshot::from_parts(parts)
}

/// Files that every version must read.
#[test]
fn the_golden_file_of_version_1() -> TestResult {
    assert_eq!(Snapshot::read_file(golden("v1.lockprof"))?, with_stacks());
    Ok(())
}

#[test]
fn version_1_is_written() -> TestResult {
    let bytes = with_stacks().to_bytes()?;
    if std::env::var_os("LOCKPROF_BLESS").is_some() {
        fs::write(golden("v1.lockprof"), &bytes)?;
    }
    assert_eq!(bytes, fs::read(golden("v1.lockprof"))?);
    Ok(())
}

/// An arbitrary snapshot.
fn any(random: &mut Random) -> Snapshot {
    let number = |random: &mut Random| {
        let bits = random.below(65);
        if bits == 0 {
            0
        } else {
            random.next() >> (64 - bits)
        }
    };
    let samples = |random: &mut Random| {
        let kind = random.below(3);
        (0..random.below(9))
            .map(|_| Sample {
                value_ns: number(random),
                weight: match kind {
                    0 => 1.0,
                    1 => 2.5,
                    _ => (1 + random.below(1_000)) as f64 / 8.0,
                },
            })
            .collect()
    };
    let durations = |random: &mut Random| Durations {
        samples: number(random),
        total_ns: number(random),
        total_variance: [0.0, 1.5, f64::MIN_POSITIVE, 1e300][random.below(4) as usize],
        events: number(random),
        unmeasured: number(random),
        max_ns: number(random),
        reservoir: samples(random),
        recent: samples(random),
        longest_sampled_ns: number(random),
        at_most_ns: number(random),
    };
    let site = |random: &mut Random| {
        let file = ["", "src/a.rs", "größe.rs"][random.below(3) as usize];
        Site::new(file, number(random) as u32, random.below(100) as u32)
    };
    let points = (0..random.below(6)).map(|_| {
        let lock = match random.below(4) {
            0 => Lock::Anonymous,
            1 => Lock::Named("\0 name".into()),
            2 => Lock::FirstUsed(site(random)),
            _ => Lock::Created(site(random)),
        };
        let mode = AcquireMode::ALL[random.below(3) as usize];
        let stacks = (0..random.below(3)).map(|_| Stack {
            frames: (0..random.below(4))
                .map(|address| Frame {
                    function: (address > 0).then(|| format!("f{address}").into()),
                    address,
                    ..Frame::default()
                })
                .collect(),
            waits: number(random),
            wait_ns: number(random),
            samples: number(random),
        });
        let callers = stacks.collect();
        Point {
            acquisitions: number(random),
            contentions: number(random),
            try_failures: number(random),
            timeouts: number(random),
            cancellations: number(random),
            abandoned_wait_ns: number(random),
            blocked: number(random),
            caused_wait_ns: number(random),
            long_waits: number(random),
            upgrade_waits: number(random),
            most_readers: number(random),
            caused_variance: random.below(3) as f64,
            wait: durations(random),
            hold: durations(random),
            callers,
            ..Point::new(lock, mode, site(random))
        }
    });
    let points = points.collect();
    let program = [None, Some(""), Some("src/a.rs"), Some("shop")][random.below(4) as usize];
    Snapshot::from_parts(SnapshotParts {
        program: program.map(Text::from),
        engine: number(random),
        collection: number(random),
        pid: number(random) as u32,
        elapsed_ns: number(random),
        points,
        ..everything()
    })
}

#[test]
fn what_is_written_is_read() -> TestResult {
    let mut random = Random(1);
    for _ in 0..2_000 {
        let snapshot = any(&mut random);
        let bytes = snapshot.to_bytes()?;
        assert_eq!(Snapshot::from_bytes(&bytes)?, snapshot);
        assert_eq!(Snapshot::from_bytes(&bytes)?.to_bytes()?, bytes);
    }
    let interval = Snapshot::from_parts(SnapshotParts {
        collection: 9,
        ..SnapshotParts::default()
    })
    .since(&Snapshot::from_parts(SnapshotParts::default()))?;
    assert_eq!(Snapshot::from_bytes(&interval.to_bytes()?)?, interval);
    let peek = interval.into_peek();
    assert!(Snapshot::from_bytes(&peek.to_bytes()?)?.is_peek());
    assert!(Snapshot::from_json(&peek.to_json()?)?.is_peek());
    Ok(())
}

#[test]
fn it_is_smaller_than_json() -> TestResult {
    let (bytes, json) = (with_stacks().to_bytes()?, with_stacks().to_json()?);
    assert!(
        bytes.len() * 3 < json.len(),
        "{} {}",
        bytes.len(),
        json.len()
    );
    Ok(())
}

#[test]
fn each_truncation_is_named() -> TestResult {
    let bytes = fs::read(golden("v1.lockprof"))?;
    for length in 1..bytes.len() {
        let error = Snapshot::from_bytes(&bytes[..length]).err();
        let is_cut = matches!(error, Some(ReadError::Cut { offset }) if offset == length);
        assert!(is_cut, "{length}: {error:?}");
    }
    Ok(())
}

/// The checksum covers each byte of a file, or another check does.
#[test]
fn each_change_is_found() -> TestResult {
    let bytes = fs::read(golden("v1.lockprof"))?;
    for index in 0..bytes.len() {
        for flip in [1, 0x80, 0xFF] {
            let mut changed = bytes.clone();
            changed[index] ^= flip;
            assert!(Snapshot::from_bytes(&changed).is_err(), "{index} {flip}");
        }
    }
    Ok(())
}

/// Corrects the checksum after a change, so that the reader has to look at the content.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let at = bytes.len() - 4;
    let sum = crc32fast::hash(&bytes[..at]);
    bytes[at..].copy_from_slice(&sum.to_le_bytes());
    bytes
}

/// Any file gives either a snapshot that can be written, or an error.
#[test]
fn a_file_that_is_made_up_harms_nobody() -> TestResult {
    let bytes = fs::read(golden("v1.lockprof"))?;
    let mut random = Random(7);
    let (mut read, mut refused) = (0, 0);
    for _ in 0..20_000 {
        let mut changed = bytes.clone();
        for _ in 0..=random.below(3) {
            let index = 12 + random.below(bytes.len() as u64 - 16) as usize;
            changed[index] = [random.next() as u8, 0xFF, 0][random.below(3) as usize];
        }
        match Snapshot::from_bytes(&sealed(changed)) {
            Ok(snapshot) => {
                assert_eq!(Snapshot::from_bytes(&snapshot.to_bytes()?)?, snapshot);
                read += 1;
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                refused += 1;
            }
        }
    }
    assert!(read > 100 && refused > 100, "{read} {refused}");
    Ok(())
}

#[test]
fn what_a_later_version_adds_is_skipped() -> TestResult {
    let bytes = fs::read(golden("v1.lockprof"))?;
    let mut more = bytes[..12].to_vec();
    more.extend_from_slice(b"NEW.\x03abc");
    more.extend_from_slice(&bytes[12..]);
    assert_eq!(Snapshot::from_bytes(&sealed(more))?, with_stacks());
    Ok(())
}

#[test]
fn what_is_wrong_is_said() -> TestResult {
    let bytes = fs::read(golden("v1.lockprof"))?;
    let says = |bytes: &[u8], expected: &str| {
        let error = Snapshot::from_bytes(bytes)
            .err()
            .map(|error| error.to_string());
        assert!(
            error
                .as_deref()
                .is_some_and(|error| error.contains(expected)),
            "{error:?}"
        );
    };
    let mut newer = bytes.clone();
    newer[8] = 2;
    says(&newer, "schema 2 is newer than schema 1");
    newer[8] = 0;
    says(&newer, "not a schema version: 0");
    says(b"\x8CLOCKPRX", "a foreign file");
    let mut changed = bytes.clone();
    changed[40] ^= 1;
    says(&changed, "its checksum is ");
    let mut longer = bytes.clone();
    longer.push(0);
    says(&longer, "bytes after the end");
    let end = &bytes[bytes.len() - 9..];
    says(
        &sealed([&bytes[..12], end].concat()),
        "without a section HEAD",
    );
    let twice = [&bytes[..12], b"TEXT\x01\0TEXT\x01\0", end].concat();
    says(
        &sealed(twice),
        "at byte 18 is a section that is there twice",
    );
    says(b"{}", "a foreign file: expected \"format\"");
    says(b"", "empty");
    Ok(())
}

#[test]
fn files_of_either_form() -> TestResult {
    let folder = std::env::temp_dir().join(format!("lockprof-binary-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let snapshot = with_stacks();
    for (name, first) in [
        ("a.json", b'{'),
        ("a.lockprof", 0x8C),
        ("a", 0x8C),
        ("a.JSON", b'{'),
    ] {
        let path = folder.join(name);
        snapshot.write_file(&path)?;
        snapshot.write_file(&path)?;
        assert_eq!(fs::read(&path)?.first(), Some(&first), "{name}");
        assert_eq!(Snapshot::read_file(&path)?, snapshot);
    }
    // No temporary file remains.
    assert_eq!(fs::read_dir(&folder)?.count(), 4);
    let error = snapshot.write_file(folder.join("no/such")).err();
    assert!(error.is_some_and(|error| error.to_string().contains("no/such")));
    let error = Snapshot::read_file(folder.join("nothing")).err();
    assert!(error.is_some_and(|error| error.to_string().contains("nothing: ")));
    fs::remove_dir_all(&folder)?;
    Ok(())
}
