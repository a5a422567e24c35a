//! Writes `.lockprof` files that no snapshot would make: see `docs/reference/format.md`.

/// Bytes, one field after the other.
#[derive(Clone, Default)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl Bytes {
    pub(crate) fn number(mut self, mut number: u64) -> Self {
        while number >= 0x80 {
            self.0.push((number & 0x7F) as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
        self
    }

    pub(crate) fn numbers(self, numbers: &[u64]) -> Self {
        numbers
            .iter()
            .fold(self, |bytes, &number| bytes.number(number))
    }

    pub(crate) fn raw(mut self, raw: &[u8]) -> Self {
        self.0.extend_from_slice(raw);
        self
    }

    pub(crate) fn piece(self, piece: &[u8]) -> Self {
        self.number(piece.len() as u64).raw(piece)
    }

    /// The number of pieces, then each piece.
    fn list(self, pieces: &[Vec<u8>]) -> Self {
        let counted = self.number(pieces.len() as u64);
        pieces.iter().fold(counted, |bytes, piece| bytes.raw(piece))
    }
}

pub(crate) fn bytes() -> Bytes {
    Bytes::default()
}

/// A file of these texts, frames and points.
#[derive(Default)]
pub(crate) struct File {
    pub(crate) texts: Vec<String>,
    pub(crate) frames: Vec<Vec<u8>>,
    pub(crate) points: Vec<Vec<u8>>,
    /// Replaces an ordinary head.
    pub(crate) head: Option<Vec<u8>>,
    /// More sections.
    pub(crate) more: Vec<u8>,
}

impl File {
    pub(crate) fn build(self) -> Vec<u8> {
        let with_length = |piece: &[u8]| bytes().piece(piece).0;
        let texts: Vec<Vec<u8>> = self
            .texts
            .iter()
            .map(|text| with_length(text.as_bytes()))
            .collect();
        let points: Vec<Vec<u8>> = self.points.iter().map(|point| with_length(point)).collect();
        let mut file = bytes().raw(b"\x8CLOCKPRF").raw(&1_u32.to_le_bytes());
        for (tag, content) in [
            (
                b"HEAD",
                self.head.unwrap_or_else(|| head(&[3], 10_000_000_000)),
            ),
            (b"TEXT", bytes().list(&texts).0),
            (b"FRAM", bytes().list(&self.frames).0),
            (b"PNTS", bytes().list(&points).0),
        ] {
            file = file.raw(tag).piece(&content);
        }
        let file = file.raw(&self.more).raw(b"END.").number(4);
        let sum = crc32(&file.0);
        file.raw(&sum.to_le_bytes()).0
    }
}

/// The head of a file, with the mode in its bytes.
pub(crate) fn head(mode: &[u8], elapsed_ns: u64) -> Vec<u8> {
    let begin = bytes().raw(&1_u64.to_le_bytes()).number(4_711).raw(&[0]);
    let begin = begin.numbers(&[0, 1, 0, 1_700_000_000_000_000_000, elapsed_ns]);
    let lists = begin.raw(mode).numbers(&[7, 100, 2, 100_000, 0, 0, 0, 2]);
    let lists = lists
        .numbers(&[7, 0, 0, 0, 0, 0, 0, 0])
        .numbers(&[3, 0, 0, 0]);
    lists.number(1).0
}

/// The parts of a point after its counters, by the bit of the mask.
#[derive(Clone, Default)]
pub(crate) struct More {
    pub(crate) wait: Option<Vec<u8>>,
    pub(crate) hold: Option<Vec<u8>>,
    pub(crate) stacks: Option<Vec<u8>>,
}

/// A point, with its lock and site as raw bytes.
pub(crate) fn point(
    lock: &[u8],
    mode: u8,
    site: [u64; 3],
    counters: &[u64],
    more: &More,
) -> Vec<u8> {
    let mut mask = (1_u64 << counters.len()) - 1;
    let mut rest = bytes().numbers(counters);
    for (bit, piece) in [(9, &more.wait), (10, &more.hold)] {
        if let Some(piece) = piece {
            mask |= 1 << bit;
            rest = rest.piece(piece);
        }
    }
    if let Some(stacks) = &more.stacks {
        mask |= 1 << 11;
        rest = rest.raw(stacks);
    }
    bytes()
        .raw(lock)
        .raw(&[mode])
        .numbers(&site)
        .number(mask)
        .raw(&rest.0)
        .0
}

pub(crate) const ANONYMOUS: &[u8] = &[0];

pub(crate) fn named(text: u64) -> Vec<u8> {
    bytes().raw(&[1]).number(text).0
}

pub(crate) fn created(site: [u64; 3]) -> Vec<u8> {
    bytes().raw(&[2]).numbers(&site).0
}

/// Durations: samples, total, events, unmeasured, longest; then a reservoir and a recent one.
pub(crate) fn durations(
    counters: [u64; 5],
    reservoir: Option<&[u8]>,
    recent: Option<&[u8]>,
) -> Vec<u8> {
    let mask = 0x1F | u64::from(reservoir.is_some()) << 6 | u64::from(recent.is_some()) << 7;
    let begin = bytes().number(mask).numbers(&counters);
    begin
        .raw(reservoir.unwrap_or_default())
        .raw(recent.unwrap_or_default())
        .0
}

/// Samples, ascending, each with weight one.
pub(crate) fn samples(values: impl ExactSizeIterator<Item = u64>) -> Vec<u8> {
    let mut out = bytes().number(values.len() as u64);
    let mut before = 0;
    for value in values {
        out = out.number(value - before);
        before = value;
    }
    out.raw(&[0]).0
}

/// Stacks: three counts each, and the numbers of the frames.
pub(crate) fn stacks(stacks: impl Iterator<Item = ([u64; 3], Vec<u64>)>) -> Vec<u8> {
    let stacks: Vec<_> = stacks.collect();
    let begin = bytes().number(stacks.len() as u64);
    let all = stacks.into_iter().fold(begin, |out, (counts, frames)| {
        out.numbers(&counts)
            .number(frames.len() as u64)
            .numbers(&frames)
    });
    all.0
}

/// A frame: function, file and line, each 0 for none and otherwise plus one; then the address.
pub(crate) fn frame(numbers: [u64; 4]) -> Vec<u8> {
    bytes().numbers(&numbers).0
}

/// The CRC-32 of zlib, by a table: independent of the tested code.
fn crc32(bytes: &[u8]) -> u32 {
    let table: Vec<u32> = (0..256_u32)
        .map(|byte| {
            (0..8).fold(byte, |crc, _| {
                crc >> 1 ^ 0xEDB8_8320 & (crc & 1).wrapping_neg()
            })
        })
        .collect();
    !bytes.iter().fold(!0, |crc, byte| {
        crc >> 8 ^ table[((crc ^ u32::from(*byte)) & 0xFF) as usize]
    })
}
