//! The section on what each thread has done.

use super::input::{Input, Malformed};
use super::output::{Output, Tables};
use super::section::list;
use super::waiters::Reader;
use crate::json;
use crate::{ThreadKind, ThreadRow, ThreadTime};
use std::borrow::Cow;

/// What a row has, as bits of a mask. Neither `LIVE` nor `OTHERS`: threads that have ended.
mod bit {
    pub(super) const LIVE: u64 = 1;
    pub(super) const OTHERS: u64 = 1 << 1;
    pub(super) const WAIT_VARIANCE: u64 = 1 << 2;
    pub(super) const HOLD_VARIANCE: u64 = 1 << 3;
}

/// Maximum number of rows that are read. A writer writes 1,026 at most.
const MOST: usize = 1 << 16;

/// # Errors
/// Names a number that no reader would accept.
pub(super) fn write<'a>(
    tables: &mut Tables<'a>,
    rows: &'a [Cow<'a, ThreadRow>],
) -> Result<Vec<u8>, String> {
    let mut out = Output::default();
    out.count(rows.len());
    for row in rows {
        let times = [&row.wait, &row.hold];
        let mut mask = match row.kind {
            ThreadKind::Live => bit::LIVE,
            ThreadKind::Ended => 0,
            ThreadKind::Others => bit::OTHERS,
        };
        let bits = [bit::WAIT_VARIANCE, bit::HOLD_VARIANCE];
        for (bit, time) in bits.into_iter().zip(times) {
            mask |= if time.total_variance != 0.0 { bit } else { 0 };
        }
        let mut piece = Output::default();
        piece.number(mask);
        if row.kind == ThreadKind::Live {
            let name = row.thread.as_ref().and_then(|thread| thread.name.as_ref());
            piece.number(row.number);
            piece.number(row.thread.as_ref().map_or(0, |thread| thread.id));
            piece.count(name.map_or(0, |name| tables.text(name) + 1));
        }
        piece.list(&row.figures());
        for time in times {
            piece.list(&time.figures());
            if time.total_variance != 0.0 {
                piece.variance(time.total_variance)?;
            }
        }
        out.piece(&piece.0);
    }
    Ok(out.0)
}

impl Reader<'_> {
    /// Reads the section.
    pub(super) fn threads(&mut self, mut input: Input<'_>) -> Result<Vec<ThreadRow>, Malformed> {
        /// The minimum size of a row: its length, mask, and three numbers of figures.
        const LEAST: usize = 5;
        let begin = input;
        let count = input.count(LEAST)?;
        if count > MOST {
            return Err(begin.bad("more than 65,536 threads"));
        }
        let mut rows = Vec::new();
        for _ in 0..count {
            let row = self.thread_row(&mut input.piece()?)?;
            self.unfolded().thread(row.texts_len());
            self.unfolded().check()?;
            rows.push(row);
        }
        Ok(rows)
    }

    fn thread_row(&mut self, input: &mut Input<'_>) -> Result<ThreadRow, Malformed> {
        let begin = *input;
        let mask = input.number()?;
        let kind = match mask & (bit::LIVE | bit::OTHERS) {
            0 => ThreadKind::Ended,
            bit::LIVE => ThreadKind::Live,
            bit::OTHERS => ThreadKind::Others,
            _ => return Err(begin.bad("one thread and several")),
        };
        let mut row = ThreadRow {
            kind,
            ..ThreadRow::default()
        };
        if kind == ThreadKind::Live {
            row.number = input.number()?;
            row.thread = Some(self.thread(input)?);
        }
        row = row.with_figures(list(input)?);
        row.wait = time(input, mask & bit::WAIT_VARIANCE != 0)?;
        row.hold = time(input, mask & bit::HOLD_VARIANCE != 0)?;
        Ok(row)
    }
}

fn time(input: &mut Input<'_>, has_variance: bool) -> Result<ThreadTime, Malformed> {
    let mut time = ThreadTime::default().with_figures(list(input)?);
    if has_variance {
        let before = *input;
        time.total_variance = json::variance::check(input.double()?)
            .map_err(|_| before.bad("a variance that is not a number from 0"))?;
    }
    Ok(time)
}
