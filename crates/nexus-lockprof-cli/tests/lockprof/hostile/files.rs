//! Files of about a megabyte, built to be expensive to read.

use super::parts::{
    Replace, json, json_point, line, list, mode, of_points, one_path, one_sample_each, one_wait,
    stacked, three, tiny, waited, with_frames,
};
use super::writer::{
    ANONYMOUS, File, More, bytes, created, durations, frame, head, named, point, samples, stacks,
};

/// What the reader should do with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Read it. Formats that repeat each name at each point may refuse it.
    Read,
    /// Refuse it, with this text in the error.
    Refused(&'static str),
}

pub(crate) struct Hostile {
    pub(crate) name: &'static str,
    pub(crate) verdict: Verdict,
    pub(crate) make: fn() -> Vec<u8>,
}

/// All hostile files.
pub(crate) const FILES: &[Hostile] = &[
    // Points of 7 and 8 bytes: as many as fit.
    read("tiny-alike.lockprof", || {
        of_points(&[""], (0..143_000).map(|_| vec![0; 6]))
    }),
    read("tiny-7.lockprof", || {
        of_points(&[""], (0..140_000).map(|i| tiny(i, &[0])))
    }),
    read("tiny-8.lockprof", || {
        of_points(&[""], (0..122_000).map(|i| tiny(i, &[1, 1])))
    }),
    read("empty-durations.lockprof", || {
        // Wait and hold are present, with a mask in which one counter is 1.
        of_points(
            &[""],
            (0..72_000).map(|i| tiny(i, &[0x81, 0x0C, 1, 2, 1, 1, 2, 1, 1])),
        )
    }),
    read("alike.lockprof", || {
        of_points(
            &["a", "b"],
            (0..100_000).map(|_| point(&named(1), 0, [0, 1, 1], &[1, 1], &More::default())),
        )
    }),
    read("distinct.lockprof", || {
        of_points(
            &["a"],
            (0..100_000).map(|i| point(ANONYMOUS, 0, [0, i, 1], &[1], &More::default())),
        )
    }),
    // Points that need extra memory.
    read("four-samples.lockprof", || {
        of_points(
            &[""],
            (0..28_000).map(|i| point(ANONYMOUS, mode(i), line(i), &[1], &one_sample_each())),
        )
    }),
    read("four-samples-alike.lockprof", || {
        of_points(
            &[""],
            (0..28_000).map(|_| point(ANONYMOUS, 0, [0, 1, 1], &[1], &one_sample_each())),
        )
    }),
    read("stack-each.lockprof", || {
        let more = More {
            stacks: Some(stacks([([1, 1, 1], vec![0])].into_iter())),
            ..More::default()
        };
        with_frames(
            &["a"],
            vec![frame([0; 4])],
            (0..64_000)
                .map(|i| point(ANONYMOUS, mode(i), line(i), &[1], &more))
                .collect(),
        )
    }),
    // One text at many points.
    read("path-of-100-kb.lockprof", || {
        let path = "p/".repeat(50_000) + "x.rs";
        of_points(
            &[&path],
            (0..10_000).map(|i| point(ANONYMOUS, 0, [0, i, 1], &[1, 1], &More::default())),
        )
    }),
    read("name-of-64-kb.lockprof", || {
        let name = "n".repeat(65_534);
        of_points(
            &["a", &name],
            (0..10_000).map(|i| point(&named(1), 0, [0, i, 1], &[1, 1], &More::default())),
        )
    }),
    read("name-of-10-kb.lockprof", || {
        let name = "=n\u{202e}".repeat(2_000);
        of_points(
            &["a", &name],
            (0..60_000).map(|i| point(&named(1), 0, [0, i, 1], &[9, 9], &waited())),
        )
    }),
    read("path-of-14-kb.lockprof", || {
        let path = "/registry/src/".repeat(700);
        of_points(
            &[&path],
            (0..50_000).map(|i| point(&created([0, i, 1]), 0, [0, i, 1], &[9, 9], &waited())),
        )
    }),
    refused("name-of-500-kb.lockprof", "bytes, unfolded", || {
        let name = "n".repeat(500_000);
        of_points(
            &["a", &name],
            (0..50_000).map(|i| point(&named(1), 0, [0, i, 1], &[1, 1], &More::default())),
        )
    }),
    // One frame on many stacks.
    read("frame-of-100-kb.lockprof", || {
        let stack = |i: u64| ([1, 1, 1], vec![0, 1 + i]);
        stacked(
            &["a", &"f".repeat(100_000)],
            vec![frame([2, 0, 1, 1])],
            3_001,
            (0..3_000).map(stack),
        )
    }),
    refused("frame-of-500-kb.lockprof", "bytes, unfolded", || {
        let stack = |_| ([1, 1, 1], vec![0; 500_000]);
        stacked(
            &["a", &"f".repeat(500_000)],
            vec![frame([2, 0, 2, 1])],
            1,
            (0..1).map(stack),
        )
    }),
    read("frame-of-1-kb.lockprof", || {
        let stack = |i: u64| ([1, 1 + i, 1], [vec![0; 990], vec![1 + i]].concat());
        stacked(
            &["a", &"f".repeat(1_000)],
            vec![frame([2, 1, 2, 1])],
            960,
            (0..950).map(stack),
        )
    }),
    read("frames-at-the-line.lockprof", || {
        let stack = |i: u64| ([1, 1 + i, 1], [vec![0; 990], vec![1 + i]].concat());
        stacked(
            &["a", &"/registry/src/".repeat(70)],
            vec![frame([1, 2, 2, 1])],
            960,
            (0..950).map(stack),
        )
    }),
    read("frames-of-nothing.lockprof", || {
        stacked(
            &["a"],
            vec![frame([0; 4])],
            1,
            (0..1).map(|_| ([1, 1, 1], vec![0; 980_000])),
        )
    }),
    read("stacks-of-nothing.lockprof", || {
        stacked(
            &["a"],
            Vec::new(),
            0,
            (0..245_000).map(|i| ([1, i % 100, 1], Vec::new())),
        )
    }),
    read("stacks-of-one.lockprof", || {
        stacked(
            &["a"],
            Vec::new(),
            80_000,
            (0..80_000).map(|i| ([1, 1, 1], vec![i])),
        )
    }),
    read("stacks-of-one-begin.lockprof", || {
        let stack = |i: u64| ([1, 1, 1], [vec![0; 1_000], vec![1 + i]].concat());
        stacked(
            &["a", "f"],
            vec![frame([2, 0, 0, 0])],
            981,
            (0..980).map(stack),
        )
    }),
    read("frame-table.lockprof", || {
        with_frames(
            &["a"],
            vec![frame([0; 4]); 240_000],
            vec![point(ANONYMOUS, 0, [0, 1, 1], &[1], &More::default())],
        )
    }),
    // Texts.
    read("texts-of-one.lockprof", || {
        let text = |i: u32| char::from(b'a' + (i % 26) as u8).to_string();
        File {
            texts: (0..500_000).map(text).collect(),
            ..File::default()
        }
        .build()
    }),
    read("texts-of-three.lockprof", || {
        File {
            texts: three(250_000),
            ..File::default()
        }
        .build()
    }),
    read("text-each.lockprof", || {
        let points = (0..60_000).map(|i| point(&named(i), 0, [i, 1, 1], &[1], &More::default()));
        File {
            texts: three(60_000),
            points: points.collect(),
            ..File::default()
        }
        .build()
    }),
    read("directories.lockprof", || {
        let directory =
            |i: u64| (0..12).map(|j| format!("d{i}x{j}/")).collect::<String>() + "file.rs";
        let points = (0..5_000).map(|i| point(ANONYMOUS, 0, [i, 1, 1], &[1], &More::default()));
        File {
            texts: (0..5_000).map(directory).collect(),
            points: points.collect(),
            ..File::default()
        }
        .build()
    }),
    read("separators.lockprof", || one_path(&"/".repeat(980_000))),
    read("libraries.lockprof", || {
        one_path(&"/library".repeat(120_000))
    }),
    read("registries.lockprof", || {
        one_path(&"/registry/src".repeat(75_000))
    }),
    read("accents.lockprof", || one_path(&"\u{301}".repeat(490_000))),
    read("invisible.lockprof", || {
        one_path(&"\u{200b}".repeat(320_000))
    }),
    read("modules.lockprof", || {
        let more = More {
            wait: waited().wait,
            stacks: Some(stacks([([1, 1, 1], vec![0])].into_iter())),
            ..More::default()
        };
        with_frames(
            &[&"a::<(".repeat(190_000)],
            vec![frame([1, 1, 1, 1])],
            vec![point(ANONYMOUS, 0, [0, 1, 1], &[9, 9], &more)],
        )
    }),
    // Samples.
    read("samples-alike.lockprof", || {
        one_wait(samples(std::iter::repeat_n(1, 990_000)))
    }),
    read("samples.lockprof", || {
        one_wait(samples((0..990_000_u32).map(u64::from)))
    }),
    read("cells.lockprof", || {
        let values: Vec<u64> = (0..64 * 32)
            .map(|i| 2_f64.powf(f64::from(i) / 32.5) as u64)
            .collect();
        let wait = durations([9; 5], Some(&samples(values.into_iter())), None);
        let more = More {
            wait: Some(wait.clone()),
            hold: Some(wait),
            ..More::default()
        };
        of_points(
            &["a"],
            (0..100).map(|i| point(ANONYMOUS, mode(i), line(i), &[9, 9], &more)),
        )
    }),
    read("weights.lockprof", || {
        let weight = bytes().number(1).raw(&2_f64.powi(64).to_le_bytes()).0;
        let values = bytes().number(90_000).raw(&vec![1; 90_000]).raw(&[2]);
        one_wait(values.raw(&weight.repeat(90_000)).0)
    }),
    // Sums and edges.
    read("sections.lockprof", || {
        let sections = (0..200_000)
            .map(|i| format!("X{:03}\0", i % 1000))
            .collect::<String>();
        File {
            more: sections.into_bytes(),
            ..File::default()
        }
        .build()
    }),
    read("most.lockprof", || {
        const MOST: u64 = u64::MAX;
        let wait = durations(
            [MOST; 5],
            Some(&samples([MOST; 3].into_iter())),
            Some(&samples([0, MOST].into_iter())),
        );
        let more = More {
            wait: Some(wait.clone()),
            hold: Some(wait),
            stacks: Some(stacks([([MOST; 3], vec![0])].into_iter())),
        };
        let last = u64::from(u32::MAX);
        let points = vec![point(ANONYMOUS, 0, [0, last, last], &[MOST; 8], &more)];
        let head = Some(head(&[3], MOST));
        File {
            texts: vec!["a".into()],
            frames: vec![frame([0, 0, last, MOST])],
            points,
            head,
            ..File::default()
        }
        .build()
    }),
    read("no-time.lockprof", || {
        let points = vec![point(ANONYMOUS, 0, [0, 1, 1], &[9, 9], &waited())];
        File {
            texts: vec!["a".into()],
            points,
            head: Some(head(&[3], 0)),
            ..File::default()
        }
        .build()
    }),
    read("budget-of-minus-0.lockprof", || {
        let mode = bytes().raw(&[2]).raw(&(-0.0_f64).to_le_bytes()).0;
        File {
            head: Some(head(&mode, 9)),
            ..File::default()
        }
        .build()
    }),
    refused("count.lockprof", "truncated", || {
        let mut file = File {
            texts: vec!["abc".into()],
            ..File::default()
        }
        .build();
        let at = file.windows(4).position(|tag| tag == b"TEXT").unwrap() + 5;
        file.splice(at..=at, bytes().number(1 << 63).0);
        file
    }),
    // JSON.
    read("points.json", || {
        json(&format!(
            "[{}]",
            list(
                10_500,
                r#"{"lock":"anonymous","mode":"shared","site":{"file":"","line":1,"column":1},"acquisitions":1}"#
            )
        ))
    }),
    read("samples.json", || {
        json_point(&format!(
            r#","wait":{{"samples":1,"total_ns":1,"events":1,"max_ns":1,"reservoir":[{}]}}"#,
            list(160_000, "[0,1]")
        ))
    }),
    read("frames.json", || {
        json_point(&format!(
            r#","callers":[{{"frames":[{}],"waits":1,"wait_ns":1,"samples":1}}]"#,
            list(70_000, r#"{"address":0}"#)
        ))
    }),
    refused("format.json", "a foreign file", || {
        format!(r#"{{"format":[{}]}}"#, list(320_000, "{}")).into_bytes()
    }),
    refused("deep.json", "truncated", || {
        "{\"a\":".repeat(180_000).into_bytes()
    }),
    refused("mode.json", "unknown variant", || {
        json_point("")
            .into_iter()
            .collect::<Vec<u8>>()
            .replace(b"shared", &vec![b'm'; 900_000])
    }),
];

const fn read(name: &'static str, make: fn() -> Vec<u8>) -> Hostile {
    Hostile {
        name,
        verdict: Verdict::Read,
        make,
    }
}

const fn refused(name: &'static str, why: &'static str, make: fn() -> Vec<u8>) -> Hostile {
    Hostile {
        name,
        verdict: Verdict::Refused(why),
        make,
    }
}
