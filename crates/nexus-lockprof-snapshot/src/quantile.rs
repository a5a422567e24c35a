//! Quantiles of a weighted sample. The definition is in [`Durations`](crate::Durations#quantiles).

use crate::Sample;

/// The quantiles `qs` of `sorted`, which ascends by value.
///
/// Two passes over the samples, however many quantiles there are. Samples whose weight is not a
/// number above 0 count for nothing.
pub(crate) fn quantiles<const N: usize>(sorted: &[Sample], qs: [f64; N]) -> [Option<u64>; N] {
    let weighted = || {
        sorted
            .iter()
            .filter(|s| s.weight > 0.0 && s.weight.is_finite())
    };
    let whole: f64 = weighted().map(|s| s.weight).sum();
    let mut found = [None; N];
    let mut sum = 0.0;
    for sample in weighted() {
        sum += sample.weight;
        // Dividing, not `sum >= q * whole`: the quotient of two whole numbers is the double nearest
        // to it, which is what a `q` of 0.07 is too, while 0.07 * 100.0 is more than 7. The same
        // additions in the same order make the last `sum` equal `whole`, so a `q` of 1 is always
        // reached.
        let share = sum / whole;
        for (found, q) in found.iter_mut().zip(qs) {
            if found.is_none() && share >= q.clamp(0.0, 1.0) {
                *found = Some(sample.value_ns);
            }
        }
    }
    found
}
