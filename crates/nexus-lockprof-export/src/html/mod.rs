//! The page: one HTML file with everything in it, of a snapshot or of a running program.
//!
//! [`page`] has a snapshot in it and can be kept, mailed and opened from a file. [`live`] is the
//! same page for the root of the pull endpoint: it asks `./snapshot` again and again, draws
//! contention over time, and can reset and change the mode.
//!
//! Neither fetches anything from elsewhere: the page's Content-Security-Policy forbids it to the
//! browser. Strings of the program (names of locks, functions, files) are text in it and never
//! markup: see [`page`].
//!
//! What the page says it works out in the browser, from the snapshot's JSON: so the two pages are
//! one. Numbers above 2⁵³ are rounded there to what JavaScript's numbers have room for.
//!
//! The charts are drawn by uPlot and d3-flame-graph, vendored under `assets/vendor` by
//! `ci/vendor-page.sh`, with their licences, which are in each page too.

mod assets;
mod embed;

use std::fmt;

use nexus_lockprof_snapshot::Snapshot;

use embed::Embedded;

/// The page of one snapshot.
///
/// In the JSON that is in it every `<`, `>` and `&` is escaped as JSON has it, so that no name can
/// end the element it stands in; the browser is told not to run it, and the page makes text of what
/// it reads there.
///
/// A snapshot that has no JSON form (a weight that is no number) makes a page that says so.
///
/// ```
/// use nexus_lockprof_export::html;
/// use nexus_lockprof_snapshot::{Snapshot, SnapshotParts};
///
/// let snapshot = Snapshot::from_parts(SnapshotParts { pid: 42, ..SnapshotParts::default() });
/// let page = html::page(&snapshot).to_string();
/// assert!(page.starts_with("<!doctype html>"));
/// assert!(page.contains(r#""pid":42"#));
/// ```
#[must_use = "a page does nothing until it is displayed"]
pub fn page(snapshot: &Snapshot) -> impl fmt::Display + '_ {
    Page(Some(snapshot))
}

/// The page that asks for its snapshots at `./snapshot`, where it is served.
///
/// ```
/// let page = nexus_lockprof_export::html::live().to_string();
/// assert!(page.contains("connect-src 'self'"));
/// ```
#[must_use = "a page does nothing until it is displayed"]
pub fn live() -> impl fmt::Display {
    Page(None)
}

/// With a snapshot, or live.
struct Page<'a>(Option<&'a Snapshot>);

impl fmt::Display for Page<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let connect = match self.0 {
            Some(_) => "'none'",
            None => "'self'",
        };
        f.write_str(assets::HEAD)?;
        // What runs is in the page; nothing is fetched but, live, from where it came. Strings
        // cannot become markup, even by mistake.
        writeln!(
            f,
            r#"<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; connect-src {connect}; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'">"#
        )?;
        for style in assets::STYLES {
            writeln!(f, "<style>\n{style}</style>")?;
        }
        f.write_str(assets::BODY)?;
        if let Some(snapshot) = self.0 {
            let json = Embedded(snapshot);
            writeln!(
                f,
                r#"<script type="application/json" id="snapshot">{json}</script>"#
            )?;
        }
        for library in assets::LIBRARIES {
            writeln!(f, "<script>\n{library}</script>")?;
        }
        f.write_str("<script>\n\"use strict\";\n(() => {\n")?;
        for part in assets::SCRIPTS {
            f.write_str(part)?;
        }
        f.write_str("})();\n</script>\n")?;
        writeln!(f, "<!--\n{}-->\n</body>\n</html>", assets::LICENSES)
    }
}
