//! Merges many snapshots into one: [`Snapshot::merge`] and [`Merge`].

mod add;
mod edges;
mod grid;
mod point;
mod scratch;
mod texts;

use crate::binary::{Decoder, RawFrame, Room};
use crate::head::Head;
use crate::{PortablePaths, ReadError, Snapshot, Text, read};
use point::{Edges, Key, Merged, Names, Place, portable};
use scratch::Scratch;
use std::collections::HashMap;
use std::path::Path;
use texts::Texts;

impl Snapshot {
    /// Merges many snapshots into one, from several hosts, processes or runs.
    ///
    /// Points are the same if lock, mode and site are, wherever a machine keeps cargo's fetched
    /// crates ([`portable_path`](crate::portable_path)). Counters, totals and losses add up; maxima
    /// are the largest. Merging is commutative and associative, so the order makes no difference.
    /// That includes percentiles, for which samples are rounded to a grid of 32 cells per power of
    /// two. A merged percentile is within 1/64 of the percentile of all samples together. Only the
    /// last digits of variances depend on the order.
    ///
    /// - **Time:** [`elapsed_ns`](Self::elapsed_ns) is the sum. So a rate is that of the average
    ///   process, for parallel hosts as for successive runs. A total divided by it is a share of
    ///   one process's time.
    /// - **Mode:** that of the snapshot that measured least, except for those that were off.
    /// - **Origin:** engine, process, collection number and interval start if all agree; otherwise
    ///   0 and none. The time is that of the last snapshot. [`merged`](Self::merged) is their
    ///   number.
    /// - **Call stacks** are the same if their functions and lines are. Addresses differ between
    ///   processes, and are dropped if there is a name. Each point keeps the 1,024 stacks that
    ///   waited longest. The samples of the others count as lost
    ///   ([`Losses::stacks`](crate::Losses::stacks)). Only near that bound may the order affect
    ///   which stacks stay.
    /// - **Waiters** are those of all snapshots: a thread that waits in two of them counts twice.
    ///   The longest 1,048,576 waits stay, which is what a reader takes. Of the deadlocks, those
    ///   with the fewest threads stay, as long as they have no more waits than that.
    /// - **Percentiles** are [complete](Self::is_complete) if they are in all of the snapshots.
    ///
    /// A merge of nothing is the empty snapshot, merged from 0.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::{AcquireMode, Lock, Point, Site, Snapshot, SnapshotParts};
    ///
    /// let of_host = |acquisitions| {
    ///     let site = Site::new("src/cache.rs", 12, 20);
    ///     let point = Point::new(Lock::Named("cache".into()), AcquireMode::Shared, site);
    ///     let points = vec![Point { acquisitions, ..point }];
    ///     Snapshot::from_parts(SnapshotParts { elapsed_ns: 1_000, points, ..SnapshotParts::default() })
    /// };
    /// let both = Snapshot::merge([of_host(30), of_host(12)]);
    /// assert_eq!(both.point("cache").map(|point| point.acquisitions), Some(42));
    /// assert_eq!((both.elapsed_ns(), both.merged()), (2_000, 2));
    /// ```
    #[must_use]
    pub fn merge(snapshots: impl IntoIterator<Item = Self>) -> Self {
        let mut merge = Merge::new();
        for snapshot in snapshots {
            merge.add(&snapshot);
        }
        merge.finish()
    }
}

/// A merge in progress, for more snapshots than fit into memory. See [`Snapshot::merge`].
///
/// ```
/// use nexus_lockprof_snapshot::{Merge, Snapshot, SnapshotParts};
///
/// let mut merge = Merge::new();
/// let snapshot = Snapshot::from_parts(SnapshotParts::default());
/// merge.add(&snapshot);
/// merge.add_bytes(&snapshot.to_bytes()?)?;
/// assert_eq!(merge.finish().merged(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Merge {
    head: Option<Head>,
    texts: Texts,
    frames: HashMap<RawFrame, usize>,
    frame_list: Vec<RawFrame>,
    /// Number of frames used by kept stacks, as of the last time that others were dropped.
    frames_in_use: usize,
    /// Samples of dropped stacks.
    lost_stacks: u64,
    numbers: HashMap<Key, usize>,
    points: Vec<Merged>,
    edges: Edges,
    /// The next point, if the order is the same as in the last file.
    expected: usize,
    scratch: Scratch,
}

impl Merge {
    /// An empty merge.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a snapshot.
    pub fn add(&mut self, snapshot: &Snapshot) {
        self.head(snapshot.head.to_merge());
        for point in &snapshot.points {
            self.point(point);
        }
        for edge in &snapshot.edges {
            self.edge(edge);
        }
        self.tidy();
    }

    /// Adds a snapshot from the bytes of a file in any form. Makes no intermediate snapshot of a
    /// `.lockprof` file.
    ///
    /// # Errors
    ///
    /// Those of [`Snapshot::from_bytes`]. Then nothing is added.
    pub fn add_bytes(&mut self, bytes: &[u8]) -> Result<(), ReadError> {
        if !Decoder::is_ours(bytes) {
            self.add(&Snapshot::from_bytes(bytes)?);
            return Ok(());
        }
        let mut room = std::mem::take(&mut self.scratch.room);
        let added = self.add_file_bytes(bytes, &mut room);
        self.scratch.room = room;
        added
    }

    /// Adds a snapshot from a file in any form.
    ///
    /// # Errors
    ///
    /// [`ReadError::File`], which names the file and the error. Then nothing is added.
    pub fn add_file(&mut self, path: impl AsRef<Path>) -> Result<(), ReadError> {
        let path = path.as_ref();
        read::in_file(path, |bytes| self.add_bytes(bytes))
    }

    fn add_file_bytes(&mut self, bytes: &[u8], room: &mut Room) -> Result<(), ReadError> {
        /// Maximum number of points that are in memory twice. The few files with more are read
        /// twice.
        const AT_ONCE: usize = 1 << 14;
        let decoder = Decoder::new(bytes)?;
        // Checks the whole file before adding any of it.
        let mut left = decoder.points()?;
        if left.len() > AT_ONCE {
            let mut all = left.clone();
            while all.len() > 0 {
                all.read(&decoder, AT_ONCE, room)?;
            }
        }
        left.read(&decoder, AT_ONCE, room)?;
        let edges = decoder.edges()?;
        self.head(decoder.head.to_merge());
        let texts = decoder.texts.iter().map(|text| Text::from(*text));
        let place = self.place(texts, &decoder.frames);
        self.expected = 0;
        loop {
            for raw in &room.points {
                self.raw_point(raw, room, &place);
            }
            if left.len() == 0 {
                break;
            }
            left.read(&decoder, AT_ONCE, room)?;
        }
        self.raw_edges(&edges, &place);
        self.tidy();
        Ok(())
    }

    /// Adds what another merge has.
    pub fn append(&mut self, other: Self) {
        let Some(head) = other.head else { return };
        self.head(head);
        let place = self.place(other.texts.iter().cloned(), &other.frame_list);
        self.lost_stacks = self.lost_stacks.saturating_add(other.lost_stacks);
        self.expected = 0;
        for point in other.points {
            self.append_point(point, &place);
        }
        self.append_edges(other.edges, &place);
        self.tidy();
    }

    /// The snapshot of all that was added.
    #[must_use]
    pub fn finish(mut self) -> Snapshot {
        for point in &mut self.points {
            point.bound(point::MOST_STACKS, &mut self.lost_stacks);
        }
        let edges = self.whole_edges();
        // Frees its memory for the points.
        drop(std::mem::take(&mut self.numbers));
        drop(std::mem::take(&mut self.frames));
        drop(std::mem::take(&mut self.scratch));
        let Some(mut head) = self.head else {
            return Snapshot::new(Head::nothing(), Vec::new(), Vec::new());
        };
        head.losses.stacks = head.losses.stacks.saturating_add(self.lost_stacks);
        let names = Names {
            texts: self.texts,
            frames: self.frame_list,
        };
        // One point at a time. Frees the memory of finished points, so that no two copies of all
        // exist.
        const GIVE_BACK: usize = 1 << 14;
        let mut points = Vec::with_capacity(self.points.len());
        while let Some(point) = self.points.pop() {
            points.push(names.whole(point));
            if self.points.len().is_multiple_of(GIVE_BACK) {
                self.points.shrink_to_fit();
            }
        }
        Snapshot::new(head, points, edges).renamed(&mut PortablePaths::default())
    }

    fn head(&mut self, other: Head) {
        // An empty merge is no snapshot, and changes nothing.
        if other.merged == 0 {
            return;
        }
        self.head = Some(match self.head.take() {
            None => other,
            Some(head) => head.and(&other),
        });
    }

    /// Drops the frames of dropped stacks. Unnamed addresses differ in each process, so otherwise a
    /// large merge's number of frames would be unbounded.
    fn tidy(&mut self) {
        const FEW: usize = 1 << 16;
        if self.frame_list.len() < FEW + 2 * self.frames_in_use {
            return;
        }
        let mut numbers: Vec<Option<usize>> = vec![None; self.frame_list.len()];
        let mut kept = Vec::new();
        for point in &mut self.points {
            point.renumber(|number| {
                let place = numbers.get_mut(number)?;
                if place.is_none() {
                    *place = Some(kept.len());
                    kept.push(self.frame_list.get(number).copied()?);
                }
                *place
            });
        }
        self.frames = kept
            .iter()
            .enumerate()
            .map(|(number, frame)| (*frame, number))
            .collect();
        self.frames_in_use = kept.len();
        self.frame_list = kept;
    }

    /// Gives these texts and frames numbers.
    fn place(&mut self, texts: impl Iterator<Item = Text>, frames: &[RawFrame]) -> Place {
        let mut place = Place {
            texts: texts.map(|text| self.texts.number(&text)).collect(),
            frames: Vec::new(),
        };
        let frames = frames.iter();
        let frames = frames.map(|frame| self.frame(frame.renumber(|number| place.text(number))));
        place.frames = frames.collect();
        place
    }

    fn frame(&mut self, frame: RawFrame) -> usize {
        let frame = portable(frame, &self.texts);
        let next = self.frame_list.len();
        let number = *self.frames.entry(frame).or_insert(next);
        if number == next {
            self.frame_list.push(frame);
        }
        number
    }
}
