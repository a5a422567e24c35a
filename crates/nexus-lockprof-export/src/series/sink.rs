//! [`Sink`]: where metrics go.

use super::family::Family;
use super::{Labels, Times, Value};

/// The target of metrics. A family is followed by its series.
pub(crate) trait Sink {
    type Error;

    fn family(&mut self, family: &Family) -> Result<(), Self::Error>;

    /// A series of a counter, gauge or info.
    fn number(
        &mut self,
        family: &Family,
        labels: Labels<'_>,
        value: Value,
    ) -> Result<(), Self::Error>;

    /// A series of a histogram, which is not empty.
    fn histogram(
        &mut self,
        family: &Family,
        labels: Labels<'_>,
        times: &Times<'_>,
    ) -> Result<(), Self::Error>;
}
