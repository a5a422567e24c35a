//! Student's t, and learning a variance from others.

/// The chance that a Student's t with this many degrees of freedom is further from 0, on either
/// side, than `t`.
pub(super) fn two_sided(t: f64, freedom: f64) -> f64 {
    if t.is_infinite() {
        return 0.0;
    }
    beta(freedom / (freedom + t * t), freedom / 2.0, 0.5).clamp(0.0, 1.0)
}

/// The regularised incomplete beta function, by its continued fraction (Numerical Recipes, 6.4).
fn beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return x.clamp(0.0, 1.0);
    }
    let front =
        (libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b) + a * x.ln() + b * (-x).ln_1p())
            .exp();
    // Use the side where the fraction converges fast.
    if x < (a + 1.0) / (a + b + 2.0) {
        front * fraction(x, a, b) / a
    } else {
        1.0 - front * fraction(1.0 - x, b, a) / b
    }
}

fn fraction(x: f64, a: f64, b: f64) -> f64 {
    const ROUNDS: u32 = 300;
    const CLOSE: f64 = 1e-14;
    const TINY: f64 = 1e-300;
    let away_from_0 = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / away_from_0(1.0 - (a + b) * x / (a + 1.0));
    let mut result = d;
    for round in 1..=ROUNDS {
        let m = f64::from(round);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut factor = 1.0;
        for step in [even, odd] {
            d = 1.0 / away_from_0(1.0 + step * d);
            c = away_from_0(1.0 + step / c);
            factor = d * c;
            result *= factor;
        }
        if (factor - 1.0).abs() < CLOSE {
            break;
        }
    }
    result
}

/// The derivative of the logarithm of the gamma function.
fn digamma(mut x: f64) -> f64 {
    let mut sum = 0.0;
    while x < 10.0 {
        sum -= 1.0 / x;
        x += 1.0;
    }
    let s = 1.0 / (x * x);
    sum + x.ln() - 0.5 / x - s * (1.0 / 12.0 - s * (1.0 / 120.0 - s / 252.0))
}

/// The derivative of `digamma`.
fn trigamma(mut x: f64) -> f64 {
    let mut sum = 0.0;
    while x < 10.0 {
        sum += 1.0 / (x * x);
        x += 1.0;
    }
    let s = 1.0 / (x * x);
    sum + 1.0 / x + s / 2.0 + s / x * (1.0 / 6.0 - s * (1.0 / 30.0 - s / 42.0))
}

/// Where `trigamma` is `y`. It falls from infinity to 0.
fn trigamma_inverse(y: f64) -> f64 {
    let (mut low, mut high) = (1e-6_f64, 1e6_f64);
    // In logarithms, because the magnitude varies widely.
    for _ in 0..100 {
        let middle = (low * high).sqrt();
        if trigamma(middle) > y {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low * high).sqrt()
}

/// What variances of one kind have in common: a variance, and how many degrees of freedom it is
/// worth as a guess of another one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Prior {
    pub(super) variance: f64,
    pub(super) freedom: f64,
}

impl Prior {
    /// No knowledge.
    pub(super) const NONE: Self = Self {
        variance: 0.0,
        freedom: 0.0,
    };

    /// A prior from variances with this many degrees of freedom each. It is worth more the more
    /// alike they are, beyond what so few degrees would show. (G. K. Smyth, Linear models and
    /// empirical Bayes methods, 2004, section 6.2.) It is never worth more than a variance's own
    /// data.
    pub(super) fn of(variances: &[f64], freedom: f64) -> Self {
        const FEW: usize = 3;
        let number = variances.len() as f64;
        let is_none = |variance: &f64| variance.is_nan() || *variance <= 0.0;
        if variances.len() < FEW || variances.iter().any(is_none) {
            return Self::NONE;
        }
        let half = freedom / 2.0;
        let logs: Vec<f64> = variances
            .iter()
            .map(|variance| variance.ln() - digamma(half) + half.ln())
            .collect();
        let mean = logs.iter().sum::<f64>() / number;
        let spread = logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>() / (number - 1.0);
        let excess = spread - trigamma(half);
        let half_prior = match excess > 0.0 {
            true => trigamma_inverse(excess).min(half),
            false => half,
        };
        Self {
            variance: (mean + digamma(half_prior) - half_prior.ln()).exp(),
            freedom: 2.0 * half_prior,
        }
    }

    /// A variance of this kind, combined with its own data.
    pub(super) fn and(self, variance: f64, freedom: f64) -> Self {
        let both = self.freedom + freedom;
        Self {
            variance: (self.freedom * self.variance + freedom * variance) / both,
            freedom: both,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::PI;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-8 * b.abs().max(1e-3)
    }

    #[test]
    fn tables_of_student() {
        // Two-sided quantiles, as in any table.
        for (t, freedom, p) in [
            (12.706_204_736_432_1, 1.0, 0.05),
            (2.776_445_105_197_8, 4.0, 0.05),
            (4.604_094_871_415_9, 4.0, 0.01),
            (2.306_004_135_033_4, 8.0, 0.05),
            (1.959_963_984_540_1, 1e9, 0.05),
            (0.0, 4.0, 1.0),
            (f64::INFINITY, 4.0, 0.0),
        ] {
            assert!(
                (two_sided(t, freedom) - p).abs() < 1e-6,
                "{t} {freedom}: {}",
                two_sided(t, freedom)
            );
            assert_eq!(two_sided(-t, freedom), two_sided(t, freedom));
        }
        // 2 degrees of freedom have a formula.
        for t in [0.1_f64, 1.0, 5.0, 50.0, 5_000.0] {
            let exact = 1.0 - t / (2.0 + t * t).sqrt();
            assert!((two_sided(t, 2.0) - exact).abs() < 1e-12, "{t}");
        }
    }

    #[test]
    fn gamma_functions() {
        const EULER: f64 = 0.577_215_664_901_532_9;
        assert!(near(digamma(1.0), -EULER));
        assert!(near(digamma(0.5), -EULER - 2.0 * 2.0_f64.ln()));
        assert!(near(trigamma(1.0), PI * PI / 6.0));
        assert!(near(trigamma(0.5), PI * PI / 2.0));
        for x in [0.01, 0.5, 2.0, 40.0] {
            assert!(near(trigamma_inverse(trigamma(x)), x), "{x}");
        }
    }

    #[test]
    fn alike_variances_tell_of_one_another() {
        let alike = Prior::of(&[1.0, 1.1, 0.9, 1.0, 1.05], 4.0);
        assert_eq!(alike.freedom, 4.0, "not more than its own");
        let unlike = Prior::of(&[1e-6, 1.0, 1e-3, 10.0, 1e-8], 4.0);
        assert!(unlike.freedom < 0.5, "{unlike:?}");
        // Alone it looks like an accident; beside the others it is one of them.
        let moderated = alike.and(0.001, 4.0);
        assert!(
            moderated.variance > 0.4 && moderated.freedom == 8.0,
            "{moderated:?}"
        );
        assert_eq!(
            Prior::of(&[1.0], 4.0).and(0.5, 4.0),
            Prior {
                variance: 0.5,
                freedom: 4.0
            }
        );
    }
}
