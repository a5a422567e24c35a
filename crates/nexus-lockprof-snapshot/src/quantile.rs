//! Quantiles of a weighted sample. The definition is in [`Durations`](crate::Durations#quantiles).

use crate::Sample;

/// The quantiles `qs` of `sorted`, which ascends by value.
///
/// Takes two passes over the samples for any number of quantiles. Ignores samples whose weight is
/// not a number above 0.
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
        // Divides instead of testing `sum >= q * whole`. The quotient of two whole numbers is the
        // nearest double, and so is a `q` of 0.07, while 0.07 * 100.0 exceeds 7. Both loops add in
        // the same order, so the last `sum` equals `whole`, and a `q` of 1 is always reached.
        let share = sum / whole;
        for (found, q) in found.iter_mut().zip(qs) {
            if found.is_none() && share >= q.clamp(0.0, 1.0) {
                *found = Some(sample.value_ns);
            }
        }
    }
    found
}
