//! Keeps the profiler's `lock.hot` lines for the report.

use nexus_lockprof::{Event, Mutex};

/// The profiler's handler fills this. It runs inside `tick()` and `snapshot()`, in the calling
/// thread.
static LINES: Mutex<Vec<String>> = Mutex::named("hot", Vec::new());

/// Keeps no more lines than this, since a lock near its threshold can report all day.
const MOST_LINES: usize = 100;

/// Starts collecting.
pub(crate) fn listen() {
    nexus_lockprof::on_event(|event| {
        // `Event` may grow. Variants unknown to this program are not about hot locks.
        if let Event::Hot(hot) = event {
            keep(&mut LINES.lock(), hot.to_string());
        }
    });
}

/// The lines so far, oldest first.
pub(crate) fn lines() -> Vec<String> {
    LINES.lock().clone()
}

fn keep(lines: &mut Vec<String>, line: String) {
    if lines.len() < MOST_LINES {
        lines.push(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_lines_are_kept() {
        let mut lines = Vec::new();
        for n in 0..MOST_LINES + 5 {
            keep(&mut lines, n.to_string());
        }
        assert_eq!(lines.len(), MOST_LINES);
        assert_eq!(lines[0], "0");
    }
}
