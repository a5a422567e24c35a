//! [`Sink`]: where metrics go.

use super::family::{Family, QUANTILES};
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

    /// A series of a summary, with the value of each of the [`QUANTILES`] in nanoseconds, if any.
    fn summary(
        &mut self,
        family: &Family,
        labels: Labels<'_>,
        quantiles: [Option<u64>; QUANTILES.len()],
        times: &Times,
    ) -> Result<(), Self::Error>;
}
