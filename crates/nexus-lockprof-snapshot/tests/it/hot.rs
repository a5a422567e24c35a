//! The `lock.hot` marker line, written and parsed.

use nexus_lockprof_snapshot::{AcquireMode, Hot, HotLine, HotMetric, Lock, ParseEventError, Site};

use crate::support::Random;

fn line(lock: &str, file: &str) -> HotLine {
    HotLine {
        lock: lock.to_owned(),
        file: file.to_owned(),
        line: 12,
        metric: HotMetric::Hold,
        p95_ns: u64::MAX,
        threshold_ns: 0,
        samples: 64,
    }
}

#[test]
fn the_exact_marker() {
    let mut hot = Hot {
        lock: Lock::Named("sessions".into()),
        mode: AcquireMode::Shared,
        site: Site::new("src/http.rs", 88, 31),
        metric: HotMetric::Wait,
        p95_ns: 1_200_000,
        threshold_ns: 1_000_000,
        samples: 512,
    };
    assert_eq!(
        hot.to_string(),
        "lock.hot lock=sessions site=src/http.rs:88 metric=wait p95_ns=1200000 threshold_ns=1000000 samples=512"
    );
    hot.lock = Lock::Created(Site::new("src/pool.rs", 7, 1));
    hot.metric = HotMetric::Hold;
    assert_eq!(
        hot.to_string(),
        "lock.hot lock=new@src/pool.rs:7 site=src/http.rs:88 metric=hold p95_ns=1200000 threshold_ns=1000000 samples=512"
    );
    assert_eq!(hot.to_string().parse(), Ok(hot.line()));
}

#[test]
fn values_are_quoted_only_when_they_must_be() {
    let cases = [
        ("plain", "plain"),
        ("größe", "größe"),
        (r"src\a.rs", r"src\a.rs"),
        ("a:b,c;[d]{e}'f'", "a:b,c;[d]{e}'f'"),
        ("", r#""""#),
        ("two words", r#""two words""#),
        ("a=b", r#""a=b""#),
        (r#"say "hi""#, r#""say \"hi\"""#),
        ("tab\tline\nreturn\r", r#""tab\tline\nreturn\r""#),
        (r"back\ slash", r#""back\\ slash""#),
        ("\u{0}\u{7f}\u{85}\u{2028}", r#""\u0000\u007f\u0085\u2028""#),
        ("no\u{a0}break", "\"no\u{a0}break\""),
    ];
    for (name, written) in cases {
        let hot = line(name, "a.rs");
        let text = hot.to_string();
        let prefix = format!("lock.hot lock={written} site=a.rs:12 metric=hold ");
        assert!(text.starts_with(&prefix), "{text}");
        assert_eq!(text.parse(), Ok(hot), "{text}");
    }
    let spaced = line("l", "my dir/C:x.rs");
    assert!(spaced.to_string().contains(r#" site="my dir/C:x.rs:12" "#));
    assert_eq!(spaced.to_string().parse(), Ok(spaced));
}

/// Any name gives a single line that reads back.
#[test]
fn any_name_survives_the_round_trip() {
    let alphabet: Vec<char> = " \t\n\r\"\\=:/au0009\u{1}\u{7f}\u{85}\u{2028}\u{feff}é😀"
        .chars()
        .collect();
    let mut random = Random(7);
    let mut word = || -> String {
        (0..random.below(12))
            .filter_map(|_| alphabet.get(random.below(alphabet.len() as u64) as usize))
            .collect()
    };
    for _ in 0..5_000 {
        let hot = line(&word(), &word());
        let text = hot.to_string();
        assert_eq!(text.lines().count(), 1, "{text:?}");
        assert_eq!(text.parse(), Ok(hot), "{text:?}");
    }
}

#[test]
fn tolerated() {
    let plain = "lock.hot lock=l site=a.rs:12 metric=hold p95_ns=18446744073709551615 threshold_ns=0 samples=64";
    let expected = Ok(line("l", "a.rs"));
    assert_eq!(plain.parse(), expected);
    assert_eq!(format!("{plain}\r\n").parse(), expected, "a line end");
    assert_eq!(
        format!("{plain} shard=3 note=\"x y\"").parse(),
        expected,
        "new fields"
    );
}

#[test]
fn refused() {
    use ParseEventError::{BadValue, Malformed, Missing, NotThis, Repeated};
    let not_hot = || NotThis { event: "lock.hot" };
    let bad = |key, value: &str| BadValue {
        key,
        value: value.to_owned(),
    };
    let tail = "metric=wait p95_ns=1 threshold_ns=1 samples=1";
    let cases = [
        ("", not_hot()),
        ("lock.hotter lock=a", not_hot()),
        ("  lock.hot lock=a", not_hot()),
        ("lock.hot ", Missing { key: "site" }),
        (
            "lock.hot lock=a site=b:1 metric=wait",
            Missing { key: "p95_ns" },
        ),
        (
            &format!("lock.hot site=b:1 {tail}"),
            Missing { key: "lock" },
        ),
        (
            &format!("lock.hot lock=a lock=a site=b:1 {tail}"),
            Repeated { key: "lock" },
        ),
        (&format!("lock.hot lock=a site=b {tail}"), bad("site", "b")),
        (
            &format!("lock.hot lock=a site=b:+1 {tail}"),
            bad("site", "b:+1"),
        ),
        (
            &format!("lock.hot lock=a site=b:4294967296 {tail}"),
            bad("site", "b:4294967296"),
        ),
        (
            &format!("lock.hot lock=a site=b:1 metric=both {tail}"),
            Repeated { key: "metric" },
        ),
        (
            "lock.hot lock=a site=b:1 metric=both p95_ns=1 threshold_ns=1 samples=1",
            bad("metric", "both"),
        ),
        (
            "lock.hot lock=a site=b:1 metric=wait p95_ns=-1 threshold_ns=1 samples=1",
            bad("p95_ns", "-1"),
        ),
        (
            "lock.hot lock=a site=b:1 metric=wait p95_ns=1 threshold_ns=1e3 samples=1",
            bad("threshold_ns", "1e3"),
        ),
        (
            "lock.hot lock=a site=b:1 metric=wait p95_ns=1 threshold_ns=1 samples=18446744073709551616",
            bad("samples", "18446744073709551616"),
        ),
        ("lock.hot lock", Malformed { at: 9 }),
        ("lock.hot lock= site=b:1", Malformed { at: 9 }),
        ("lock.hot lock=a=b", Malformed { at: 9 }),
        ("lock.hot lock=a =b", Malformed { at: 16 }),
        ("lock.hot lock=a\"b", Malformed { at: 9 }),
        ("lock.hot lock=\"a", Malformed { at: 9 }),
        ("lock.hot lock=\"a\"b", Malformed { at: 9 }),
        ("lock.hot lock=\"\\x\"", Malformed { at: 9 }),
        ("lock.hot lock=\"\\u00\"", Malformed { at: 9 }),
        ("lock.hot lock=\"\\u+123\"", Malformed { at: 9 }),
        ("lock.hot lock=\"\\ud800\"", Malformed { at: 9 }),
        ("lock.hot lock=a\nsite=b:1", Malformed { at: 15 }),
    ];
    for (text, error) in cases {
        assert_eq!(text.parse::<HotLine>(), Err(error), "{text:?}");
    }
}
