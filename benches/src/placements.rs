//! One loop at several places within two cache lines.
//!
//! Where the linker puts a short loop changes its speed: on some processors by 2 ns, more than what
//! is measured here. A comparison of two loops, each at one place, compares their places too. So
//! each loop is compiled once for each place, and the median over the places is compared.
//!
//! The compiler aligns the head of a loop to 16 bytes, so the places are 16 bytes apart: others do
//! not occur.

/// Number of copies of each loop.
pub const PLACEMENTS: usize = 8;

/// The copies of one loop, by their offset. Each runs the loop the given number of times.
pub type Placed = [fn(u64); PLACEMENTS];

/// The directives of [`begin_at`]: to the next multiple of 128, and on by `offset` bytes of `nop`.
macro_rules! directives {
    () => {
        ".p2align 7, 0x90\n.skip {offset}, 0x90"
    };
}

/// Makes the code that follows begin `OFFSET` bytes after a multiple of 128. What stands between
/// that and the head of a loop moves the heads of all copies by the same distance.
///
/// Does nothing on processors for which it is not written. There, all copies are placed by chance.
#[inline(always)]
pub fn begin_at<const OFFSET: usize>() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: inserts only instructions that do nothing.
    unsafe {
        std::arch::asm!(
            directives!(),
            offset = const OFFSET,
            options(nomem, nostack, preserves_flags),
        );
    }
}

/// The copies of a function with a `const OFFSET: usize`: [`Placed`].
#[macro_export]
macro_rules! placed {
    ($function:ident) => {
        [
            $function::<0>,
            $function::<16>,
            $function::<32>,
            $function::<48>,
            $function::<64>,
            $function::<80>,
            $function::<96>,
            $function::<112>,
        ]
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The address of an instruction in the loop.
    #[cfg(target_arch = "x86_64")]
    #[inline(never)]
    fn copy<const OFFSET: usize>(n: u64) -> usize {
        let mut here = 0;
        begin_at::<OFFSET>();
        for turn in 0..n {
            std::hint::black_box(turn);
            // SAFETY: takes its own address.
            unsafe {
                std::arch::asm!(
                    "2: lea {here}, [rip + 2b]",
                    here = out(reg) here,
                    options(nomem, nostack, preserves_flags),
                );
            }
        }
        here
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn the_loops_of_the_copies_stand_16_bytes_apart() {
        let copies = crate::placed!(copy);
        let places = copies.map(|copy| copy(3) % 128);
        let expected = std::array::from_fn(|copy| (places[0] + 16 * copy) % 128);
        assert_eq!(places, expected);
    }
}
