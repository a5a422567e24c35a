//! One loop at several offsets from the start of a cache line.
//!
//! Where the linker puts a short loop changes its speed: on some processors by 2 ns, more than what
//! is measured here. A comparison of two loops, each at one place, compares their places too. So
//! each loop is compiled once for each offset, and the median over the offsets is compared.

/// Number of copies of each loop.
pub const PLACEMENTS: usize = 8;

/// The copies of one loop, by their offset. Each runs the loop the given number of times.
pub type Placed = [fn(u64); PLACEMENTS];

/// The directives of [`begin_at`]: to the next cache line, and on by `offset` bytes of `nop`.
macro_rules! directives {
    () => {
        ".p2align 6, 0x90\n.skip {offset}, 0x90"
    };
}

/// Makes the code that follows begin `OFFSET` bytes after the start of a cache line.
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
            $function::<8>,
            $function::<16>,
            $function::<24>,
            $function::<32>,
            $function::<40>,
            $function::<48>,
            $function::<56>,
        ]
    };
}

#[cfg(test)]
mod tests {
    /// The address after the directives.
    #[cfg(target_arch = "x86_64")]
    #[inline(never)]
    fn copy<const OFFSET: usize>() -> usize {
        let here;
        // SAFETY: besides instructions that do nothing, it takes its own address.
        unsafe {
            std::arch::asm!(
                directives!(),
                "2: lea {here}, [rip + 2b]",
                offset = const OFFSET,
                here = out(reg) here,
                options(nomem, nostack, preserves_flags),
            );
        }
        here
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn each_copy_has_its_own_offset() {
        let copies = crate::placed!(copy);
        let offsets = copies.map(|copy| copy() % 64);
        assert_eq!(offsets, [0, 8, 16, 24, 32, 40, 48, 56]);
    }
}
