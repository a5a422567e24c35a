//! Reads numbers and pieces from bytes. Nothing here allocates, and no length is trusted before the
//! bytes are there.

/// What is wrong with a file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// It ends at this offset, before its content does.
    Truncated { offset: usize },
    /// The value at this offset is invalid.
    Bad { offset: usize, what: &'static str },
    /// It has more of these than the limit.
    TooLarge { what: &'static str, limit: u64 },
}

/// Bytes, read from the front. Offsets count from the beginning of the file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Input<'a> {
    rest: &'a [u8],
    offset: usize,
}

type Read<T> = Result<T, Malformed>;

impl<'a> Input<'a> {
    pub(crate) const fn new(bytes: &'a [u8], offset: usize) -> Self {
        Self {
            rest: bytes,
            offset,
        }
    }

    pub(crate) const fn offset(&self) -> usize {
        self.offset
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// How many things of at least `least` bytes can follow.
    pub(crate) const fn room(&self, least: usize) -> usize {
        self.rest.len() / least
    }

    pub(crate) const fn bad(&self, what: &'static str) -> Malformed {
        Malformed::Bad {
            offset: self.offset,
            what,
        }
    }

    const fn truncated(&self) -> Malformed {
        Malformed::Truncated {
            offset: self.offset + self.rest.len(),
        }
    }

    #[inline]
    pub(crate) fn bytes(&mut self, length: usize) -> Read<&'a [u8]> {
        let Some((taken, rest)) = self.rest.split_at_checked(length) else {
            return Err(self.truncated());
        };
        self.rest = rest;
        self.offset += length;
        Ok(taken)
    }

    #[inline]
    pub(crate) fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        let Some((taken, rest)) = self.rest.split_first_chunk::<N>() else {
            return Err(self.truncated());
        };
        self.rest = rest;
        self.offset += N;
        Ok(*taken)
    }

    pub(crate) fn byte(&mut self) -> Read<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// An unsigned LEB128 number: seven bits per byte, lowest first. The eighth bit says that more
    /// follow.
    #[inline]
    pub(crate) fn number(&mut self) -> Read<u64> {
        if let Some((&byte, rest)) = self.rest.split_first()
            && byte < 0x80
        {
            self.rest = rest;
            self.offset += 1;
            return Ok(u64::from(byte));
        }
        self.long_number()
    }

    fn long_number(&mut self) -> Read<u64> {
        let mut value = 0_u64;
        for (index, &byte) in self.rest.iter().enumerate() {
            let bits = u64::from(byte & 0x7F);
            let shift = 7 * u32::try_from(index).unwrap_or(u32::MAX).min(10);
            if shift > 63 || (shift == 63 && bits > 1) {
                return Err(self.bad("a number above 2^64"));
            }
            value |= bits << shift;
            if byte < 0x80 {
                let taken = index + 1;
                self.rest = self.rest.get(taken..).unwrap_or_default();
                self.offset += taken;
                return Ok(value);
            }
        }
        Err(self.truncated())
    }

    pub(crate) fn small(&mut self) -> Read<u32> {
        let before = *self;
        u32::try_from(self.number()?).map_err(|_| before.bad("a number above 2^32"))
    }

    /// A number below `limit`; otherwise `what` is wrong.
    #[inline]
    pub(crate) fn below(&mut self, limit: usize, what: &'static str) -> Read<usize> {
        let before = *self;
        match usize::try_from(self.number()?) {
            Ok(number) if number < limit => Ok(number),
            _ => Err(before.bad(what)),
        }
    }

    /// A length or count of things that take at least `least` bytes each. Fails if they cannot fit
    /// into the rest.
    pub(crate) fn count(&mut self, least: usize) -> Read<usize> {
        let count = self.number()?;
        match usize::try_from(count) {
            Ok(count) if count <= self.room(least) => Ok(count),
            _ => Err(self.truncated()),
        }
    }

    /// A piece, preceded by its length.
    pub(crate) fn piece(&mut self) -> Read<Input<'a>> {
        let length = self.count(1)?;
        let offset = self.offset;
        Ok(Input::new(self.bytes(length)?, offset))
    }

    /// A double, lowest byte first.
    pub(crate) fn double(&mut self) -> Read<f64> {
        self.array().map(f64::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        let number = |bytes: &[u8]| Input::new(bytes, 100).number();
        assert_eq!(number(&[0]), Ok(0));
        assert_eq!(number(&[0x7F]), Ok(127));
        assert_eq!(number(&[0x80, 1]), Ok(128));
        let mut most = [0xFF; 10];
        most[9] = 1;
        assert_eq!(number(&most), Ok(u64::MAX));
        most[9] = 2;
        let what = "a number above 2^64";
        assert_eq!(number(&most), Err(Malformed::Bad { offset: 100, what }));
        assert_eq!(
            number(&[0xFF; 11]),
            Err(Malformed::Bad { offset: 100, what })
        );
        assert_eq!(number(&[]), Err(Malformed::Truncated { offset: 100 }));
        assert_eq!(number(&[0x80]), Err(Malformed::Truncated { offset: 101 }));
    }

    #[test]
    fn a_count_is_not_believed() {
        let mut input = Input::new(&[3, 0, 0], 0);
        assert_eq!(input.count(1), Err(Malformed::Truncated { offset: 3 }));
        let mut input = Input::new(&[2, 0, 0], 0);
        assert_eq!(input.count(2), Err(Malformed::Truncated { offset: 3 }));
        let mut input = Input::new(&[2, 0, 0], 0);
        assert_eq!(input.count(1), Ok(2));
    }
}
