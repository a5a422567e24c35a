//! The page: one self-contained HTML file for a snapshot or a running program.
//!
//! [`page`] contains a snapshot; you can keep it, mail it and open it from a file. [`live`] is the
//! same page for the root of the pull endpoint. It polls `./snapshot`, draws contention over time,
//! and can reset the profiler and change its mode.
//!
//! Neither fetches anything from elsewhere: the page's Content-Security-Policy forbids it. The
//! program's strings (names of locks, functions, files) are text and never markup: see [`page`].
//!
//! The browser computes all that the page shows from the snapshot's JSON, so one page serves both
//! uses. JavaScript's numbers round values above 2⁵³.
//!
//! uPlot and d3-flame-graph draw the charts. `ci/vendor-page.sh` vendors them under
//! `assets/vendor`, with their licences, which each page also contains.

mod assets;
mod embed;

use std::fmt;

use nexus_lockprof_snapshot::Snapshot;

use embed::Embedded;

/// The page of one snapshot.
///
/// Its JSON escapes every `<`, `>` and `&`, so no name can end the element that contains it. The
/// browser does not run that element, and the page shows what it reads there as text.
///
/// A snapshot without a JSON form (a weight that is not a number) makes a page that says so.
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

/// The page that polls `./snapshot` next to where it is served.
///
/// ```
/// let page = nexus_lockprof_export::html::live().to_string();
/// assert!(page.contains("connect-src 'self'"));
/// ```
#[must_use = "a page does nothing until it is displayed"]
pub fn live() -> impl fmt::Display {
    Page(None)
}

/// A page with a snapshot, or live.
struct Page<'a>(Option<&'a Snapshot>);

impl fmt::Display for Page<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let connect = match self.0 {
            Some(_) => "'none'",
            None => "'self'",
        };
        f.write_str(assets::HEAD)?;
        // Scripts and styles are in the page. Only a live page fetches, from its own origin.
        // Strings cannot become markup, even by mistake.
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
