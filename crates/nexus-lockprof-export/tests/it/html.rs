//! The page as text: its content, and that no name can break it. `ci/page.sh` tests its look and
//! behaviour in a browser.

use nexus_lockprof_export::html;
use nexus_lockprof_snapshot::{
    AcquireMode, Durations, Lock, Point, ProfilerMode, Sample, Samples, Site, Snapshot,
    SnapshotParts,
};

use super::rich::{self, TestResult, named};

const BEGIN: &str = r#"<script type="application/json" id="snapshot">"#;

/// The text between the element's tags.
fn embedded(page: &str) -> Option<&str> {
    let (_, from) = page.split_once(BEGIN)?;
    from.split_once("</script>").map(|(json, _)| json)
}

fn with_lock(name: &str) -> Snapshot {
    let site = Site::new(format!("src/{name}.rs"), 1, 1);
    Snapshot::from_parts(SnapshotParts {
        points: vec![Point::new(named(name), AcquireMode::Exclusive, site)],
        ..SnapshotParts::default()
    })
}

#[test]
fn the_snapshot_is_in_it() -> TestResult {
    for snapshot in [rich::empty(), rich::snapshot()] {
        let page = html::page(&snapshot).to_string();
        let json = embedded(&page).ok_or("no snapshot")?;
        assert_eq!(Snapshot::from_json(json)?, snapshot);
    }
    Ok(())
}

/// A name changes the page only in its JSON, and there it has no character that HTML would read.
#[test]
fn no_name_gets_out() -> TestResult {
    let frame = html::page(&with_lock("plain")).to_string();
    let json = embedded(&frame).ok_or("no snapshot")?;
    let frame = frame.replace(json, "");
    for name in [
        "</script><img src=x onerror=alert(1)>",
        "<!--<script>",
        "--></body>",
        "\"'`&lt;&amp;",
        "a\u{2028}b\u{2029}c",
        "\u{202e}gpj.exe\u{200f}",
        "\0\u{1b}[2J\r\n",
        "\\u003c/script>",
        &"<".repeat(100_000),
    ] {
        let snapshot = with_lock(name);
        let page = html::page(&snapshot).to_string();
        let json = embedded(&page).ok_or("no snapshot")?;
        assert!(!json.contains(['<', '>', '&', '\u{2028}', '\u{2029}', '\n']));
        assert_eq!(Snapshot::from_json(json)?, snapshot);
        assert_eq!(page.replace(json, ""), frame);
    }
    Ok(())
}

#[test]
fn the_live_page_is_the_same_without_a_snapshot() -> TestResult {
    let page = html::page(&rich::empty()).to_string();
    let json = embedded(&page).ok_or("no snapshot")?;
    let without = page.replace(&format!("{BEGIN}{json}</script>\n"), "");
    let live = html::live().to_string();
    assert_eq!(
        live.replace("connect-src 'self'", "connect-src 'none'"),
        without
    );
    assert!(live.contains("connect-src 'self'") && page.contains("connect-src 'none'"));
    assert!(!live.contains(BEGIN));
    Ok(())
}

/// The policy comes before everything that it governs, and nothing is fetched.
#[test]
fn nothing_is_fetched() {
    let page = html::live().to_string();
    let policy = page.find("Content-Security-Policy");
    assert!(policy.is_some() && policy < page.find("<style") && policy < page.find("<script"));
    assert!(
        page.contains("default-src 'none'") && page.contains("require-trusted-types-for 'script'")
    );
    for fetched in [" src=", "@import", "url(", "<link rel=\"stylesheet"] {
        assert!(!page.contains(fetched), "{fetched}");
    }
}

#[test]
fn the_licences_are_in_it() {
    let page = html::live().to_string();
    for library in [
        "uplot 1.6",
        "d3-flame-graph 5",
        "d3-hierarchy 3",
        "Apache License",
    ] {
        assert!(page.contains(library), "{library}");
    }
}

/// A weight that is not a number has no JSON, and the page says so.
#[test]
fn what_has_no_json_says_why() -> TestResult {
    let weight = f64::NAN;
    let wait = Durations {
        samples: 1,
        events: 1,
        reservoir: Samples::from(vec![Sample {
            value_ns: 1,
            weight,
        }]),
        ..Durations::default()
    };
    let site = Site::new("a.rs", 1, 1);
    let snapshot = Snapshot::from_parts(SnapshotParts {
        points: vec![Point {
            wait,
            ..Point::new(Lock::Anonymous, AcquireMode::Shared, site)
        }],
        ..SnapshotParts::default()
    });
    let page = html::page(&snapshot).to_string();
    let json = embedded(&page).ok_or("no snapshot")?;
    assert!(
        json.starts_with(r#"{"error":""#) && json.contains("weight NaN"),
        "{json}"
    );
    Ok(())
}

/// Limits what the page adds to a snapshot's own size.
#[test]
#[allow(
    clippy::print_stdout,
    reason = "the sizes are for who looks at the log"
)]
fn sizes() -> TestResult {
    let empty = html::page(&rich::empty()).to_string().len();
    let point = |i: u32| Point {
        acquisitions: u64::from(i),
        ..Point::new(
            named("queue"),
            AcquireMode::Exclusive,
            Site::new("src/queue.rs", i, 9),
        )
    };
    let many = Snapshot::from_parts(SnapshotParts {
        profiler_mode: ProfilerMode::Counts,
        points: (1..=10_000).map(point).collect(),
        ..SnapshotParts::default()
    });
    let page = html::page(&many).to_string().len();
    let json = many.to_json()?.len();
    println!("an empty page: {empty} bytes; one of 10,000 points: {page}, of {json} of JSON");
    assert!(empty < 400_000);
    assert!(page < json + empty);
    Ok(())
}
