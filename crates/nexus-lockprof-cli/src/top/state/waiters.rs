//! How much of the screen belongs to those who wait.

/// Looks at the target for which the pane keeps its size.
const KEPT: u32 = 5;

/// The height of the pane of those who wait. It grows at once. It shrinks only when fewer have
/// waited for some looks in a row, so that the rows below it stay in place while waits come and go.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct WaitersPane {
    height: u16,
    /// Looks since the pane was last full.
    unused: u32,
}

impl WaitersPane {
    /// Another look at the target.
    pub(crate) fn look(&mut self) {
        self.unused = self.unused.saturating_add(1);
    }

    /// The height, in which there is room for `lines` if it is not more than `most`.
    pub(crate) fn fit(&mut self, lines: u16, most: u16) -> u16 {
        if lines >= self.height || self.unused > KEPT {
            (self.height, self.unused) = (lines, 0);
        }
        self.height.min(most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_at_once_and_shrinks_slowly() {
        let mut pane = WaitersPane::default();
        assert_eq!(pane.fit(0, 10), 0);
        assert_eq!(pane.fit(3, 10), 3);
        assert_eq!(pane.fit(7, 5), 5);
        for _ in 0..KEPT {
            pane.look();
            assert_eq!(pane.fit(2, 10), 7);
        }
        pane.look();
        assert_eq!(pane.fit(2, 10), 2);
        pane.look();
        assert_eq!(pane.fit(0, 10), 2);
    }
}
