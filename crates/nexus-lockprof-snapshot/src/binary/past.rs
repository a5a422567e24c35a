//! The section of the last intervals.

use super::input::{Input, Malformed};
use super::output::{Output, Tables};
use super::section::list;
use super::waiters::Reader;
use crate::PastInterval;
use crate::past::MOST;

pub(super) fn write<'a>(tables: &mut Tables<'a>, history: &'a [PastInterval]) -> Vec<u8> {
    let mut out = Output::default();
    out.count(history.len());
    for interval in history {
        let mut piece = Output::default();
        piece.number(interval.ended_unix_ns);
        piece.number(interval.length_ns);
        piece.count(interval.points.len());
        for point in &*interval.points {
            tables.place(&mut piece, point.key());
            piece.list(&point.figures());
        }
        out.piece(&piece.0);
    }
    out.0
}

pub(super) fn read(
    mut input: Input<'_>,
    reader: &mut Reader<'_>,
) -> Result<Vec<PastInterval>, Malformed> {
    /// The minimum sizes of an interval (its length, two times, a count) and of a point (lock,
    /// mode, site, a list).
    const LEAST: [usize; 2] = [4, 6];
    let [least_interval, least_point] = LEAST;
    let begin = input;
    let count = input.count(least_interval)?;
    if count > MOST {
        return Err(begin.bad("more than 4,096 past intervals"));
    }
    let mut history = Vec::with_capacity(count);
    for _ in 0..count {
        let mut piece = input.piece()?;
        let (ended_unix_ns, length_ns) = (piece.number()?, piece.number()?);
        let begin = piece;
        let count = piece.count(least_point)?;
        if count > MOST {
            return Err(begin.bad("more than 4,096 points in a past interval"));
        }
        let mut points = Vec::with_capacity(count);
        for _ in 0..count {
            let point = reader.past_point(&mut piece)?;
            points.push(point.with_figures(list(&mut piece)?));
        }
        history.push(PastInterval {
            ended_unix_ns,
            length_ns,
            points: points.into(),
        });
    }
    Ok(history)
}
