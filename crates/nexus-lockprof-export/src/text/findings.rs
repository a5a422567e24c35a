//! The findings above the table.

use nexus_lockprof_snapshot::{Finding, Snapshot};

use crate::readable::{fit, names, number};

/// The findings with a head that names the program and the time, then an empty line. No lines
/// without findings.
pub(super) fn lines(
    findings: &[Finding],
    snapshot: &Snapshot,
    most: usize,
    width: usize,
) -> Vec<String> {
    if findings.is_empty() || most == 0 {
        return Vec::new();
    }
    let mut lines = vec![fit::wrapped(&head(snapshot), width)];
    for (number, finding) in findings.iter().take(most).enumerate() {
        lines.push(paragraph(
            &format!("{}. ", number + 1),
            &finding.text,
            width,
        ));
        lines.push(remedy(finding, width));
    }
    let hidden = findings.len().saturating_sub(most);
    if hidden > 0 {
        let noun = if hidden == 1 { "finding" } else { "findings" };
        lines.push(format!("... and {hidden} more {noun}"));
    }
    lines.push(String::new());
    lines
}

/// The text and the remedy of a finding in lines of at most `width` terminal columns.
#[must_use]
pub fn finding(finding: &Finding, width: usize) -> Vec<String> {
    let text = paragraph("", &finding.text, width);
    let lines = format!("{text}\n{}", remedy(finding, width));
    lines.lines().map(str::to_owned).collect()
}

/// What to do, and what it would bring if that is known.
fn remedy(finding: &Finding, width: usize) -> String {
    let remedy = paragraph("   To do: ", &finding.remedy, width);
    match finding.expected.is_empty() {
        true => remedy,
        false => {
            let expected = paragraph("   What if: ", &finding.expected, width);
            format!("{remedy}\n{expected}")
        }
    }
}

/// `Findings for api-server, 12.3s elapsed:`
fn head(snapshot: &Snapshot) -> String {
    let of = match (snapshot.program(), snapshot.merged(), snapshot.pid()) {
        (Some(name), ..) => names::shown(name),
        (None, merged, _) if merged > 1 => format!("{} snapshots", number::count(merged)),
        (None, _, 0) => "this program".to_owned(),
        (None, _, pid) => format!("process {pid}"),
    };
    format!("Findings for {of}, {}:", period(snapshot))
}

/// The time that the snapshot covers.
pub(super) fn period(snapshot: &Snapshot) -> String {
    let elapsed = number::duration(snapshot.elapsed_ns());
    match snapshot.base_collection() {
        None => format!("{elapsed} elapsed"),
        Some(_) => format!("an interval of {elapsed}"),
    }
}

/// The text in lines. The first begins with `mark`, the others are indented by three columns.
pub(super) fn paragraph(mark: &str, text: &str, width: usize) -> String {
    const INDENT: &str = "   ";
    // `wrapped` breaks lines between words only. It indents by two columns, and knows nothing of
    // the mark's own spaces.
    let room = width.saturating_sub(INDENT.len());
    let longest = room.saturating_sub(INDENT.len());
    let words = text.split(' ').map(|word| fit::middle(word, longest));
    let words: Vec<String> = words.collect();
    let lines = fit::wrapped(&format!("{}{}", mark.trim_start(), words.join(" ")), room);
    let start = &mark[..mark.len() - mark.trim_start().len()];
    format!("{start}{}", lines.replace("\n  ", &format!("\n{INDENT}")))
}
