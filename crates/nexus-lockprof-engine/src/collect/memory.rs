//! Reads words of this process that may not exist.

use std::mem::size_of;

/// The words at these addresses; `None` for what could not be read. Another thread may free or
/// change them meanwhile, so the result is a hint until the caller has made sure that it did not.
///
/// The system copies them, and says so if an address is not mapped. Where the system does not do
/// that, or may not (under a filter of system calls), nothing is read.
#[cfg(target_os = "linux")]
pub(crate) fn words(addresses: &[usize]) -> Vec<Option<usize>> {
    /// As many as one system call takes.
    const MOST: usize = 1024;
    let mut words = vec![None; addresses.len()];
    for (addresses, part) in addresses.chunks(MOST).zip(words.chunks_mut(MOST)) {
        let mut done = 0;
        while let (Some(left), Some(places)) = (addresses.get(done..), part.get_mut(done..)) {
            if left.is_empty() {
                break;
            }
            let mut found = vec![0_usize; left.len()];
            let Some(read) = copy(left, &mut found) else {
                return words;
            };
            for (place, word) in places.iter_mut().zip(found.iter().take(read)) {
                *place = Some(*word);
            }
            // The one behind the last that was read has no memory.
            done += read + 1;
        }
    }
    words
}

/// Copies the words until one has no memory. Returns how many it copied, or `None` if the system
/// does not copy at all.
#[cfg(target_os = "linux")]
fn copy(addresses: &[usize], into: &mut [usize]) -> Option<usize> {
    let from: Vec<libc::iovec> = addresses
        .iter()
        .map(|address| libc::iovec {
            iov_base: std::ptr::without_provenance_mut(*address),
            iov_len: size_of::<usize>(),
        })
        .collect();
    let to = libc::iovec {
        iov_base: into.as_mut_ptr().cast(),
        iov_len: size_of_val(into),
    };
    // SAFETY: the system writes at most what `to` says, which is `into`. It only reads from the
    // addresses, and returns an error where it cannot.
    let read = unsafe {
        libc::process_vm_readv(
            // Any living thread stands for the process. The main thread may have ended before it.
            libc::gettid(),
            &raw const to,
            1,
            from.as_ptr(),
            from.len() as libc::c_ulong,
            0,
        )
    };
    match usize::try_from(read) {
        Ok(read) => Some(read / size_of::<usize>()),
        // The first one has no memory.
        Err(_) if std::io::Error::last_os_error().raw_os_error() == Some(libc::EFAULT) => Some(0),
        Err(_) => None,
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn words(addresses: &[usize]) -> Vec<Option<usize>> {
    vec![None; addresses.len()]
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn words_that_are_there_are_read() {
        let there: Vec<usize> = (0..3_000).collect();
        let addresses: Vec<usize> = there
            .iter()
            .map(|word| std::ptr::from_ref(word).addr())
            .collect();
        assert_eq!(
            words(&addresses),
            there.into_iter().map(Some).collect::<Vec<_>>()
        );
    }

    #[test]
    fn words_that_are_not_there_are_none() {
        let there = 7_usize;
        let address = std::ptr::from_ref(&there).addr();
        let mixed = [8, address, 16, 24, address, 8];
        assert_eq!(words(&mixed), [None, Some(7), None, None, Some(7), None]);
        assert_eq!(words(&[]), []);
    }
}
