//! Text from outside reaches the terminal only in printable form.

use std::process::{Command, Stdio};

use nexus_lockprof_snapshot::is_printable;

/// Sets a terminal's title, begins a line, reverses the direction of text, and begins an 8-bit
/// control sequence.
const EVIL: &str = "x\u{1b}]0;t\u{7}\n\u{202e}\u{9b}5m";

#[test]
fn arguments() {
    for args in [
        &[EVIL][..],
        &["run", "--mode", EVIL],
        &["run", "--top", EVIL],
        &["run", "--out", &format!("/no/{EVIL}")],
        &["build", "--out", EVIL],
        &["run", "--manifest-path", EVIL],
        &["run", "--only", EVIL, "--except", EVIL],
    ] {
        // Without a project, it prints cargo's error and has cargo's exit code.
        let output = Command::new(env!("CARGO_BIN_EXE_cargo-lockprof"))
            .arg("lockprof")
            .args(args)
            .current_dir("/")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(!output.status.success(), "{args:?}");
        for text in [output.stdout, output.stderr] {
            let text = String::from_utf8(text).unwrap();
            let bad = text.chars().find(|&c| c != '\n' && !is_printable(c));
            assert_eq!(bad, None, "{args:?}: {text:?}");
        }
    }
}
