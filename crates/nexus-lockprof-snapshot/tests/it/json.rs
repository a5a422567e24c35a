//! The JSON document: round trips, the golden file, and every reason to refuse one.

use std::io::{self, Read, Write};

use nexus_lockprof_snapshot::{
    Durations, Point, ProfilerMode, ReadError, Sample, Snapshot, SnapshotParts, WriteError,
};

use crate::support::{Random, TestResult, everything, named, snapshot};

/// Later versions read these files with the same meaning. See the README beside them.
const GOLDEN_V1: &str = include_str!("../golden/v1.json");
const GOLDEN_V2: &str = include_str!("../golden/v2.json");

#[test]
fn the_golden_file_of_each_schema() -> TestResult {
    for golden in [GOLDEN_V1, GOLDEN_V2] {
        let read = Snapshot::from_json(golden)?;
        assert_eq!(read, Snapshot::from_parts(everything()));
    }
    Ok(())
}

/// Schema 1 calls a peek a glance.
#[test]
fn a_peek_of_schema_1() -> TestResult {
    let glance = GOLDEN_V1.replacen("\"pid\"", "\"glance\":true,\"pid\"", 1);
    assert!(Snapshot::from_json(&glance)?.is_peek());
    Ok(())
}

/// While schema 2 is the newest, we also write it. A new schema replaces this test, not the file.
#[test]
fn schema_2_is_written() -> TestResult {
    let json = Snapshot::from_parts(everything()).to_json()? + "\n";
    if std::env::var_os("LOCKPROF_BLESS").is_some() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");
        std::fs::write(format!("{folder}/v2.json"), &json)?;
    }
    assert_eq!(json, GOLDEN_V2);
    Ok(())
}

#[test]
fn an_interval_remembers_that_it_is_one() -> TestResult {
    let earlier = Snapshot::from_parts(everything());
    let mut parts = everything();
    parts.collection += 2;
    let interval = Snapshot::from_parts(parts).since(&earlier)?;
    let read = Snapshot::from_json(&interval.to_json()?)?;
    assert_eq!(read.base_collection(), Some(42));
    assert_eq!(read, interval);
    Ok(())
}

#[test]
fn all_forms_read_back() -> TestResult {
    for profiler_mode in [
        ProfilerMode::Off,
        ProfilerMode::Waits,
        ProfilerMode::Counts,
        ProfilerMode::Sampled { budget: 0.0 },
        ProfilerMode::Exact,
    ] {
        let snapshot = Snapshot::from_parts(SnapshotParts {
            profiler_mode,
            ..everything()
        });
        assert_eq!(Snapshot::from_json(&snapshot.to_json()?)?, snapshot);
        assert_eq!(Snapshot::from_json(&snapshot.to_json_pretty()?)?, snapshot);
        let mut bytes = Vec::new();
        snapshot.write_json(&mut bytes)?;
        assert_eq!(String::from_utf8(bytes.clone())?, snapshot.to_json()?);
        assert_eq!(Snapshot::from_json_slice(&bytes)?, snapshot);
        assert_eq!(Snapshot::from_json_reader(bytes.as_slice())?, snapshot);
        // Plain serde, without our functions.
        assert_eq!(serde_json::from_slice::<Snapshot>(&bytes)?, snapshot);
    }
    Ok(())
}

/// Any float reads back as exactly the same number.
#[test]
fn weights_survive_the_round_trip() -> TestResult {
    let mut random = Random(99);
    let mut reservoir = vec![
        Sample {
            value_ns: 0,
            weight: f64::MIN_POSITIVE,
        },
        Sample {
            value_ns: 1,
            weight: 9_007_199_254_740_993.0,
        },
        Sample {
            value_ns: u64::MAX,
            weight: 18_446_744_073_709_551_616.0,
        },
    ];
    for _ in 0..2_000 {
        let weight = 1.0 + random.next() as f64 / (1 + random.below(1 << 60)) as f64;
        reservoir.push(Sample {
            value_ns: random.next(),
            weight,
        });
    }
    let hold = Durations {
        reservoir: reservoir.into(),
        total_variance: 0.1 + 0.2,
        ..Durations::default()
    };
    let written = snapshot(vec![Point {
        hold,
        ..named("l", 1)
    }]);
    assert_eq!(Snapshot::from_json(&written.to_json()?)?, written);
    Ok(())
}

#[test]
fn what_is_nothing_takes_no_room() -> TestResult {
    let json = snapshot(vec![Point {
        acquisitions: 3,
        ..named("l", 1)
    }])
    .to_json()?;
    let points = r#""points":[{"lock":{"named":"l"},"mode":"exclusive","site":{"file":"src/app.rs","line":1,"column":5},"acquisitions":3}]}"#;
    assert!(json.ends_with(points), "{json}");
    assert!(!json.contains("losses") && !json.contains("base"), "{json}");
    Ok(())
}

#[test]
fn unknown_fields_are_skipped() -> TestResult {
    let more = GOLDEN_V1.replace("\"pid\"", "\"host\":{\"name\":[1]},\"pid\"");
    assert_ne!(more, GOLDEN_V1);
    assert_eq!(Snapshot::from_json(&more)?, Snapshot::from_json(GOLDEN_V1)?);
    Ok(())
}

/// A file that is cut off anywhere gives an error that says where it ends.
#[test]
fn truncated_anywhere() {
    let whole = GOLDEN_V1.trim_end();
    for (end, _) in whole.char_indices() {
        let text = whole.get(..end).unwrap_or_default();
        let at = (1, end);
        match Snapshot::from_json(text) {
            Err(ReadError::Truncated { line, column, .. }) => {
                assert_eq!((line, column), at, "{text}")
            }
            // A number must not end in a point, wherever the file is cut off.
            Err(ReadError::Syntax { line, column, .. }) if text.ends_with('.') => {
                assert_eq!((line, column), at, "{text}");
            }
            other => panic!("{other:?}: {text}"),
        }
    }
}

#[track_caller]
fn refused(text: &str, message: &str) {
    let error = Snapshot::from_json(text)
        .err()
        .map(|error| error.to_string());
    assert_eq!(error.as_deref(), Some(message), "{text}");
}

#[test]
fn foreign_files() {
    const WANT: &str = "a foreign file: expected \"format\":\"lockprof-snapshot\", found ";
    for (text, found) in [
        ("{}", "no format"),
        ("[]", "no format"),
        ("[\"lockprof-snapshot\",1]", "no format"),
        (" 12 ", "no format"),
        ("\"lockprof-snapshot\"", "no format"),
        ("{\"schema\":1}", "no format"),
        ("{\"format\":null,\"schema\":1}", "no format"),
        ("{\"format\":\"pprof\",\"schema\":99}", "\"pprof\""),
        ("{\"format\":7}", "7"),
    ] {
        refused(text, &format!("{WANT}{found}"));
    }
}

#[test]
fn schemas() {
    for (schema, message) in [
        ("", "not a schema version: there is none"),
        (",\"schema\":0", "not a schema version: 0"),
        (",\"schema\":-1", "not a schema version: -1"),
        (",\"schema\":1.5", "not a schema version: 1.5"),
        (",\"schema\":\"1\"", "not a schema version: \"1\""),
        (
            ",\"schema\":3",
            "schema 3 is newer than schema 2, the newest that this version of lockprof reads: \
             use the version that wrote the file",
        ),
        (
            ",\"schema\":18446744073709551615",
            "schema 18446744073709551615 is newer than schema 2, the newest that this version of lockprof reads: \
             use the version that wrote the file",
        ),
    ] {
        // A newer schema may have changed the other fields in any way.
        refused(
            &format!("{{\"points\":7,\"format\":\"lockprof-snapshot\"{schema}}}"),
            message,
        );
    }
}

#[test]
fn not_json() {
    refused(
        "",
        "truncated: it ends at line 1 column 0 in the middle of JSON (EOF while parsing a value)",
    );
    refused(
        "max wait_max",
        "not valid JSON at line 1 column 1: expected value",
    );
    refused(
        "{\n  \"format\": nonsense",
        "not valid JSON at line 2 column 14: expected ident",
    );
    refused(
        "{}{}",
        "not valid JSON at line 1 column 3: trailing characters",
    );
    refused(
        &format!("{GOLDEN_V1}\nx"),
        "not valid JSON at line 3 column 1: trailing characters",
    );
    let deep = format!("{{\"format\":{}", "[".repeat(100_000));
    refused(
        &deep,
        "not valid JSON at line 1 column 137: recursion limit exceeded",
    );
}

/// A golden file with one replacement, and the error about it.
#[test]
fn bad_content() {
    let cases = [
        (
            "\"acquisitions\":1000000",
            "\"acquisitions\":-5",
            "invalid value: integer `-5`, expected u64",
        ),
        (
            "\"acquisitions\":1000000",
            "\"acquisitions\":1.5",
            "invalid type: floating point `1.5`, expected u64",
        ),
        (
            "\"acquisitions\":1000000",
            "\"acquisitions\":18446744073709551616",
            "invalid type: floating point `1.8446744073709552e+19`, expected u64",
        ),
        (
            "\"acquisitions\":1000000",
            "\"acquisitons\":1",
            "missing field `acquisitions`",
        ),
        (
            "\"pid\":4242",
            "\"pid\":4294967296",
            "invalid value: integer `4294967296`, expected u32",
        ),
        (
            "[500,64]",
            "[500,-64]",
            "weight -64 of a sample is not above 0 and at most 2^64",
        ),
        (
            "[500,64]",
            "[500,0]",
            "weight 0 of a sample is not above 0 and at most 2^64",
        ),
        (
            "[500,64]",
            "[500,1e20]",
            "weight 100000000000000000000 of a sample is not above 0 and at most 2^64",
        ),
        ("[500,64]", "[500,null]", "invalid type: null, expected f64"),
        (
            "[500,64]",
            "[500]",
            "invalid length 1, expected a tuple of size 2",
        ),
        (
            "\"total_variance\":1234567.890123",
            "\"total_variance\":-1",
            "variance -1 is not a number from 0",
        ),
        (
            "\"budget\":0.015",
            "\"budget\":1.5",
            "budget 1.5 is not a share from 0 to 1",
        ),
        (
            "\"sampled\"",
            "\"sometimes\"",
            "unknown variant `sometimes`, expected one of `off`, `waits`, `counts`, `sampled`, `exact`",
        ),
        (
            "\"upgradable\"",
            "\"Upgradable\"",
            "unknown variant `Upgradable`, expected one of `exclusive`, `shared`, `upgradable`",
        ),
        (
            "fedcba9876543210",
            "+edcba9876543210",
            "\"+edcba9876543210\" is not 1 to 16 hexadecimal digits",
        ),
        (
            "fedcba9876543210",
            "fedcba98765432100",
            "\"fedcba98765432100\" is not 1 to 16 hexadecimal digits",
        ),
        (
            "fedcba9876543210",
            "",
            "\"\" is not 1 to 16 hexadecimal digits",
        ),
    ];
    for (from, to, expected) in cases {
        let text = GOLDEN_V1.replacen(from, to, 1);
        assert_ne!(text, GOLDEN_V1, "{from}");
        match Snapshot::from_json(&text) {
            Err(ReadError::Data {
                line: 1,
                column,
                message,
            }) => {
                assert_eq!(message, expected);
                // At the error or soon after it, where the enclosing value ends.
                let start = text.find(to).unwrap_or_default();
                assert!(
                    start <= column && column <= start + 700,
                    "{column}: {start}: {text}"
                );
            }
            other => panic!("{to}: {other:?}"),
        }
    }
    // Numbers that are not valid JSON.
    for number in ["NaN", "Infinity", "+1", "1e999"] {
        let text = GOLDEN_V1.replacen("[500,64]", &format!("[500,{number}]"), 1);
        let result = Snapshot::from_json(&text);
        assert!(
            matches!(result, Err(ReadError::Syntax { line: 1, .. })),
            "{number}: {result:?}"
        );
    }
}

#[test]
fn serde_alone_checks_the_envelope_too() {
    let newer = GOLDEN_V2.replacen("\"schema\":2", "\"schema\":3", 1);
    let error = serde_json::from_str::<Snapshot>(&newer)
        .err()
        .map(|e| e.to_string());
    let expected = "format \"lockprof-snapshot\", schema 3, where \"lockprof-snapshot\", schema 1 to 2 was expected";
    assert!(
        error.as_deref().is_some_and(|e| e.starts_with(expected)),
        "{error:?}"
    );
}

#[test]
fn not_utf8() {
    for (bytes, at) in [
        (&b"\xff"[..], (1, 1)),
        (b"{\"format\":\n\n  \"\xc3\"}", (3, 4)),
        (b"{}\n\xfe\xff", (2, 1)),
        (b"\xff\xfe{\0}\0", (1, 1)),
    ] {
        match Snapshot::from_json_slice(bytes) {
            Err(ReadError::NotUtf8 { line, column }) => assert_eq!((line, column), at),
            other => panic!("{bytes:?}: {other:?}"),
        }
    }
}

struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("cable pulled"))
    }
}

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::Error::other("disk full"))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn streams_that_fail() {
    let read = Snapshot::from_json_reader(Broken);
    assert!(
        matches!(&read, Err(ReadError::Io(e)) if e.to_string() == "cable pulled"),
        "{read:?}"
    );
    let write = snapshot(Vec::new()).write_json(Broken);
    assert!(
        matches!(&write, Err(WriteError::Io(e)) if e.to_string() == "disk full"),
        "{write:?}"
    );
}

#[test]
fn numbers_that_no_reader_would_take_are_not_written() {
    let holding = |hold| {
        snapshot(vec![Point {
            hold,
            ..named("l", 1)
        }])
    };
    let weight = |weight| {
        let reservoir = vec![Sample {
            value_ns: 1,
            weight,
        }];
        holding(Durations {
            reservoir: reservoir.into(),
            ..Durations::default()
        })
    };
    let variance = |total_variance| {
        holding(Durations {
            total_variance,
            ..Durations::default()
        })
    };
    let budget = |budget| {
        let profiler_mode = ProfilerMode::Sampled { budget };
        Snapshot::from_parts(SnapshotParts {
            profiler_mode,
            ..SnapshotParts::default()
        })
    };
    for (snapshot, message) in [
        (
            weight(f64::NAN),
            "weight NaN of a sample is not above 0 and at most 2^64",
        ),
        (
            weight(f64::INFINITY),
            "weight inf of a sample is not above 0 and at most 2^64",
        ),
        (
            weight(-1.0),
            "weight -1 of a sample is not above 0 and at most 2^64",
        ),
        (variance(f64::NAN), "variance NaN is not a number from 0"),
        (
            variance(f64::INFINITY),
            "variance inf is not a number from 0",
        ),
        (variance(-0.5), "variance -0.5 is not a number from 0"),
        (budget(f64::NAN), "budget NaN is not a share from 0 to 1"),
    ] {
        let message = format!("the snapshot cannot be written: {message}");
        for result in [
            snapshot.to_json().map(drop),
            snapshot.to_json_pretty().map(drop),
            snapshot.write_json(io::sink()),
        ] {
            assert!(matches!(result, Err(WriteError::Value { .. })), "{message}");
            assert_eq!(
                result.err().map(|e| e.to_string()).as_deref(),
                Some(message.as_str())
            );
        }
    }
}
