//! The section on the locks that were waited for most.

use super::input::{Input, Malformed};
use super::output::{Output, Tables};
use super::section::{list, lock};
use super::waiters::Reader;
use crate::Instance;
use crate::head::Head;

/// Maximum number of locks that are read.
const MOST: usize = 1 << 16;

pub(super) fn write<'a>(tables: &mut Tables<'a>, head: &'a Head) -> Vec<u8> {
    let mut out = Output::default();
    out.number(head.unlisted_most_ns);
    out.count(head.instances.len());
    for instance in &head.instances {
        let mut piece = Output::default();
        tables.lock(&mut piece, &instance.lock);
        piece.number(instance.address);
        piece.list(&[instance.waits, instance.least_ns, instance.most_ns]);
        out.piece(&piece.0);
    }
    out.0
}

impl Reader<'_> {
    /// Reads the section: the locks, and the most that any other was waited for.
    pub(super) fn instances(
        &mut self,
        mut input: Input<'_>,
    ) -> Result<(Vec<Instance>, u64), Malformed> {
        /// The minimum size of an entry: its length, lock, address, and a number of figures.
        const LEAST: usize = 4;
        let unlisted = input.number()?;
        let begin = input;
        let count = input.count(LEAST)?;
        if count > MOST {
            return Err(begin.bad("more than 65,536 locks"));
        }
        let mut instances = Vec::new();
        for _ in 0..count {
            let mut piece = input.piece()?;
            let lock = lock(&mut piece, self.texts.len())?;
            let lock = self.lock(lock);
            let address = piece.number()?;
            let [waits, least_ns, most_ns] = list(&mut piece)?;
            let instance = Instance {
                lock,
                address,
                waits,
                least_ns,
                most_ns,
            };
            self.unfolded().instance(instance.texts_len());
            self.unfolded().check()?;
            instances.push(instance);
        }
        Ok((instances, unlisted))
    }
}
