//! Who a thread is.

/// Longest name that the system keeps of a thread, in bytes.
const NAME: usize = 16;

/// What is known of a thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ThreadId {
    /// Its number in this process, from 1, which no other thread ever has.
    pub(crate) token: u64,
    /// The system's number, or 0 if there is none.
    pub(crate) system: u64,
    /// The name, filled up with zeros.
    pub(crate) name: [u8; NAME],
}

impl ThreadId {
    /// The calling thread.
    pub(crate) fn current(token: u64) -> Self {
        let (system, name) = system();
        ThreadId {
            token,
            system,
            name,
        }
    }

    /// The name, if it has one.
    pub(crate) fn name(&self) -> Option<String> {
        let name = self.name.split(|&byte| byte == 0).next()?;
        (!name.is_empty()).then(|| String::from_utf8_lossy(name).into_owned())
    }
}

/// The system's number and name of the calling thread. Allocates nothing.
#[cfg(target_os = "linux")]
fn system() -> (u64, [u8; NAME]) {
    let mut name = [0; NAME];
    // SAFETY: the call writes at most 16 bytes, with a zero at the end.
    unsafe { libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr()) };
    // SAFETY: both calls only return a number.
    let (thread, process) = unsafe { (libc::gettid(), libc::getpid()) };
    if thread == process {
        // The system calls it what the program is called, Rust calls it this.
        name = *b"main\0\0\0\0\0\0\0\0\0\0\0\0";
    }
    (u64::try_from(thread).unwrap_or_default(), name)
}

#[cfg(not(target_os = "linux"))]
fn system() -> (u64, [u8; NAME]) {
    (0, [0; NAME])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn the_system_knows_its_name() {
        let named = std::thread::Builder::new().name("a worker's long name".to_owned());
        let thread = named
            .spawn(|| ThreadId::current(1))
            .unwrap()
            .join()
            .unwrap();
        assert_eq!(thread.name().as_deref(), Some("a worker's long"));
        assert_ne!(thread.system, 0);
    }
}
