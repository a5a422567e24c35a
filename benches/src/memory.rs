//! A process's memory, according to Linux.

/// Kibibytes of resident anonymous memory; 0 if the system does not say.
#[must_use]
pub fn resident_kib() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    #[test]
    #[cfg(target_os = "linux")]
    fn what_is_touched_is_resident() {
        let before = super::resident_kib();
        let block = std::hint::black_box(vec![1_u8; 8 << 20]);
        assert!(super::resident_kib() >= before + 7_000);
        drop(block);
    }
}
