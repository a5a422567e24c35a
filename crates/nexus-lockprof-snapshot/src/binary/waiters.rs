//! The sections on who waits, and on deadlocks.

use super::edges::{RawEnd, end};
use super::input::{Input, Malformed};
use super::output::{Output, Tables};
use super::raw::{RawLock, RawSite};
use super::section::{lock, mode, site, text};
use crate::bounds::Unfolded;
use crate::waiter::MOST;
use crate::{AcquireMode, Deadlock, Holder, Lock, PastPoint, Site, Text, Thread, Waiter};
use std::collections::HashMap;

/// What a waiter has, as bits of a mask.
mod bit {
    pub(super) const THREAD: u64 = 1;
    pub(super) const HANDED: u64 = 1 << 1;
    pub(super) const HOLDER: u64 = 1 << 2;
    pub(super) const HOLDER_THREAD: u64 = 1 << 3;
    pub(super) const HOLDER_EXITED: u64 = 1 << 4;
    pub(super) const HELD: u64 = 1 << 5;
}

pub(super) fn write<'a>(tables: &mut Tables<'a>, waiters: &'a [Waiter]) -> Vec<u8> {
    let mut out = Output::default();
    list(&mut out, tables, waiters);
    out.0
}

pub(super) fn write_deadlocks<'a>(tables: &mut Tables<'a>, deadlocks: &'a [Deadlock]) -> Vec<u8> {
    let mut out = Output::default();
    out.count(deadlocks.len());
    for deadlock in deadlocks {
        let mut piece = Output::default();
        piece.number(u64::from(deadlock.certain));
        list(&mut piece, tables, &deadlock.waits);
        out.piece(&piece.0);
    }
    out.0
}

fn list<'a>(out: &mut Output, tables: &mut Tables<'a>, waiters: &'a [Waiter]) {
    out.count(waiters.len());
    for waiter in waiters {
        let holder = waiter.holder.as_ref();
        let holder_thread = holder.and_then(|holder| holder.thread.as_ref());
        let held_ns = holder.and_then(|holder| holder.held_ns);
        let has = |there: bool, bit| if there { bit } else { 0 };
        let mut piece = Output::default();
        piece.number(
            has(waiter.thread.is_some(), bit::THREAD)
                | has(waiter.handed, bit::HANDED)
                | has(holder.is_some(), bit::HOLDER)
                | has(holder_thread.is_some(), bit::HOLDER_THREAD)
                | has(
                    holder.is_some_and(|holder| holder.exited),
                    bit::HOLDER_EXITED,
                )
                | has(held_ns.is_some(), bit::HELD),
        );
        tables.lock(&mut piece, &waiter.lock);
        piece.mode(waiter.mode);
        tables.site(&mut piece, &waiter.site);
        piece.number(waiter.address);
        piece.number(waiter.waited_ns);
        if let Some(holder) = holder {
            piece.mode(holder.mode);
            tables.site(&mut piece, &holder.site);
        }
        for thread in [waiter.thread.as_ref(), holder_thread]
            .into_iter()
            .flatten()
        {
            piece.number(thread.id);
            piece.count(thread.name.as_ref().map_or(0, |name| tables.text(name) + 1));
        }
        if let Some(held_ns) = held_ns {
            piece.number(held_ns);
        }
        out.piece(&piece.0);
    }
}

/// Reads the sections. Several of them share their texts.
pub(super) struct Reader<'a> {
    /// Texts, by number.
    pub(super) texts: &'a [&'a str],
    /// Those that were needed.
    made: HashMap<usize, Text>,
    /// What the file unfolds to.
    unfolded: &'a mut Unfolded,
}

impl<'a> Reader<'a> {
    pub(super) fn new(texts: &'a [&'a str], unfolded: &'a mut Unfolded) -> Self {
        Self {
            texts,
            made: HashMap::new(),
            unfolded,
        }
    }

    pub(super) fn unfolded(&mut self) -> &mut Unfolded {
        self.unfolded
    }

    pub(super) fn waiters(&mut self, mut input: Input<'_>) -> Result<Vec<Waiter>, Malformed> {
        self.list(&mut input, &mut 0)
    }

    pub(super) fn deadlocks(&mut self, mut input: Input<'_>) -> Result<Vec<Deadlock>, Malformed> {
        /// The minimum size of a deadlock: its length, whether it is certain, and a number of
        /// waits.
        const LEAST: usize = 3;
        let mut waits = 0;
        let count = input.count(LEAST)?;
        let mut deadlocks = Vec::new();
        for _ in 0..count {
            let mut piece = input.piece()?;
            deadlocks.push(Deadlock {
                certain: piece.number()? & 1 != 0,
                waits: self.list(&mut piece, &mut waits)?,
            });
        }
        Ok(deadlocks)
    }

    /// A list of waiters, of which `before` are in the section's lists before it.
    fn list(
        &mut self,
        input: &mut Input<'_>,
        before: &mut usize,
    ) -> Result<Vec<Waiter>, Malformed> {
        /// The minimum size of a waiter: its length, mask, lock, mode, site, address and wait.
        const LEAST: usize = 9;
        let begin = *input;
        let count = input.count(LEAST)?;
        *before = before.saturating_add(count);
        if *before > MOST {
            return Err(begin.bad("more than 1,048,576 waiters"));
        }
        let mut waiters = Vec::with_capacity(count);
        for _ in 0..count {
            let waiter = self.waiter(&mut input.piece()?)?;
            self.unfolded.waiter(waiter.texts_len());
            self.unfolded.check()?;
            waiters.push(waiter);
        }
        Ok(waiters)
    }

    fn waiter(&mut self, input: &mut Input<'_>) -> Result<Waiter, Malformed> {
        let texts = self.texts.len();
        let mask = input.number()?;
        let has = |bit| mask & bit != 0;
        let (lock, mode_of, site_of) = self.place(input)?;
        let (address, waited_ns) = (input.number()?, input.number()?);
        let held_at = match has(bit::HOLDER) {
            true => Some((mode(input)?, site(input, texts)?)),
            false => None,
        };
        let mut thread = |bit| match has(bit) {
            true => self.thread(input).map(Some),
            false => Ok(None),
        };
        let (waiting, holding) = (thread(bit::THREAD)?, thread(bit::HOLDER_THREAD)?);
        let held_ns = match has(bit::HELD) {
            true => Some(input.number()?),
            false => None,
        };
        Ok(Waiter {
            thread: waiting,
            lock,
            address,
            mode: mode_of,
            site: site_of,
            waited_ns,
            handed: has(bit::HANDED),
            holder: held_at.map(|(mode, site)| Holder {
                thread: holding,
                exited: has(bit::HOLDER_EXITED),
                mode,
                site: self.site(site),
                held_ns,
            }),
        })
    }

    /// Reads the place of a point, and notes what it unfolds to.
    pub(super) fn past_point(&mut self, input: &mut Input<'_>) -> Result<PastPoint, Malformed> {
        let RawEnd { lock, mode, site } = end(input, self.texts.len())?;
        self.unfolded
            .past_point(RawEnd { lock, mode, site }.texts_len(self.texts));
        self.unfolded.check()?;
        Ok(PastPoint::new(self.lock(lock), mode, self.site(site)))
    }

    /// The place of a point: its lock, mode and site.
    pub(super) fn place(
        &mut self,
        input: &mut Input<'_>,
    ) -> Result<(Lock, AcquireMode, Site), Malformed> {
        let texts = self.texts.len();
        let raw = lock(input, texts)?;
        let (mode, site) = (mode(input)?, site(input, texts)?);
        Ok((self.lock(raw), mode, self.site(site)))
    }

    /// Counts a pair of locks with `texts` bytes of texts among what the file unfolds to.
    pub(super) fn unfolds_to_pair(&mut self, texts: usize) -> Result<(), Malformed> {
        self.unfolded.pair(texts);
        self.unfolded.check()
    }

    pub(super) fn thread(&mut self, input: &mut Input<'_>) -> Result<Thread, Malformed> {
        let id = input.number()?;
        let name = text(input, self.texts.len())?;
        Ok(Thread {
            id,
            name: name.map(|number| self.text(number)),
        })
    }

    pub(super) fn lock(&mut self, raw: RawLock) -> Lock {
        match raw {
            RawLock::Anonymous => Lock::Anonymous,
            RawLock::Named(name) => Lock::Named(self.text(name)),
            RawLock::Created(site) => Lock::Created(self.site(site)),
            RawLock::FirstUsed(site) => Lock::FirstUsed(self.site(site)),
        }
    }

    fn site(&mut self, raw: RawSite) -> Site {
        Site::new(self.text(raw.file), raw.line, raw.column)
    }

    /// A text, whose number has been checked.
    fn text(&mut self, number: usize) -> Text {
        let text = self.texts.get(number).copied().unwrap_or_default();
        let made = self.made.entry(number);
        made.or_insert_with(|| Text::from(text)).clone()
    }
}
