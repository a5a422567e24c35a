//! A pipeline: a source, two parsers and a sink, connected by bounded queues with condition
//! variables.

use crate::Setting;
use nexus_lockprof_benches::truth::locks::{Condvar, Mutex};
use nexus_lockprof_benches::truth::{compute, crew};
use std::collections::VecDeque;
use std::sync::atomic::Ordering::Relaxed;

const PARSERS: usize = 2;
const CAPACITY: usize = 64;

/// A pipe for lines of text. An empty line is the end.
struct Pipe {
    content: Mutex<Content>,
    not_empty: Condvar,
    not_full: Condvar,
}

struct Content {
    bytes: VecDeque<u8>,
    lengths: VecDeque<usize>,
}

impl Pipe {
    const fn named(name: &'static str) -> Self {
        let content = Content {
            bytes: VecDeque::new(),
            lengths: VecDeque::new(),
        };
        Pipe {
            content: Mutex::named(name, content),
            not_empty: Condvar::new(),
            not_full: Condvar::new(),
        }
    }

    #[track_caller]
    fn write(&self, line: &[u8]) {
        let mut content = self.content.lock();
        while content.lengths.len() >= CAPACITY {
            self.not_full.wait(&mut content);
        }
        content.lengths.push_back(line.len());
        content.bytes.extend(line);
        drop(content);
        self.not_empty.notify_one();
    }

    #[track_caller]
    fn read(&self) -> Vec<u8> {
        let mut content = self.content.lock();
        let line = loop {
            match content.lengths.pop_front() {
                Some(length) => break content.bytes.drain(..length).collect(),
                None => self.not_empty.wait(&mut content),
            }
        };
        drop(content);
        self.not_full.notify_one();
        line
    }
}

static LINES: Pipe = Pipe::named("lines");
static RECORDS: Pipe = Pipe::named("records");

pub(crate) fn run(setting: &Setting) {
    crew(2 + PARSERS, setting.length, |number, stop| {
        let mut rng = setting.rng(number);
        match number {
            0 => {
                while !stop.load(Relaxed) {
                    let line: Vec<u8> = (0..rng.usize(50..300)).map(|_| rng.u8(32..127)).collect();
                    LINES.write(&line);
                }
                (0..PARSERS).for_each(|_| LINES.write(&[]));
            }
            1..=PARSERS => loop {
                let mut line = LINES.read();
                line.make_ascii_lowercase();
                compute(line.len() as u64 * 20);
                RECORDS.write(&line);
                if line.is_empty() {
                    break;
                }
            },
            _ => {
                let mut working = PARSERS;
                let mut letters = [0_u64; 256];
                while working > 0 {
                    let record = RECORDS.read();
                    record.iter().for_each(|&b| letters[b as usize] += 1);
                    working -= usize::from(record.is_empty());
                }
            }
        }
    });
}
