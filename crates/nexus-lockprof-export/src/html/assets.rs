//! The files that make up a page.

/// The page up to the Content-Security-Policy.
pub(super) const HEAD: &str = include_str!("assets/head.html");

pub(super) const STYLES: [&str; 2] = [
    include_str!("assets/vendor/uplot.min.css"),
    include_str!("assets/page.css"),
];

/// From the end of the head to the scripts.
pub(super) const BODY: &str = include_str!("assets/body.html");

pub(super) const LIBRARIES: [&str; 2] = [
    include_str!("assets/vendor/uplot.min.js"),
    include_str!("assets/vendor/flame.min.js"),
];

/// All scripts as one: the pure parts first, which do not touch the browser and have tests that
/// need none.
pub(super) const SCRIPTS: [&str; 24] = [
    include_str!("assets/js/format.js"),
    include_str!("assets/js/model.js"),
    include_str!("assets/js/waiters.js"),
    include_str!("assets/js/behind.js"),
    include_str!("assets/js/rwlocks.js"),
    include_str!("assets/js/deadlocks.js"),
    include_str!("assets/js/order.js"),
    include_str!("assets/js/findings.js"),
    include_str!("assets/js/columns.js"),
    include_str!("assets/js/threads.js"),
    include_str!("assets/js/instances.js"),
    include_str!("assets/js/past.js"),
    include_str!("assets/js/charts.js"),
    include_str!("assets/js/dom.js"),
    include_str!("assets/js/plots.js"),
    include_str!("assets/js/detail.js"),
    include_str!("assets/js/heads.js"),
    include_str!("assets/js/table.js"),
    include_str!("assets/js/grid.js"),
    include_str!("assets/js/panes.js"),
    include_str!("assets/js/flame.js"),
    include_str!("assets/js/intervals.js"),
    include_str!("assets/js/live.js"),
    include_str!("assets/js/main.js"),
];

/// The licences of the libraries.
pub(super) const LICENSES: &str = include_str!("assets/vendor/LICENSES.txt");

#[cfg(test)]
mod tests {
    use super::*;

    /// No asset ends the element that contains it.
    #[test]
    fn each_stays_in_its_element() {
        for text in LIBRARIES.iter().chain(&SCRIPTS).chain(&STYLES) {
            let text = text.to_ascii_lowercase();
            for end in ["</script", "</style", "<!--"] {
                assert!(!text.contains(end), "{end} in {:?}", text.get(..60));
            }
        }
        assert!(!LICENSES.contains("-->") && !LICENSES.contains("--!>"));
    }
}
