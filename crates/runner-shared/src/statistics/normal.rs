//! The standard normal distribution: its distribution function and the inverse of it.

use std::f64::consts::PI;

/// Beyond this the series loses its digits and the continued fraction is short.
const TAIL: f64 = 3.0;

/// Probability of a value up to `x`.
///
/// Near the centre the Taylor series of Marsaglia, "Evaluating the normal distribution" (2004); in
/// the tails the continued fraction 26.2.14 of Abramowitz and Stegun, exact relative to itself.
pub fn cdf(x: f64) -> f64 {
    if x > TAIL {
        return 1.0 - tail(x);
    }
    if x < -TAIL {
        return tail(-x);
    }
    let (mut sum, mut term, mut odd) = (x, x, 1.0);
    while term.abs() > 1e-17 * sum.abs() {
        odd += 2.0;
        term *= x * x / odd;
        sum += term;
    }
    0.5 + sum * density(x)
}

/// Probability of a value above `x`, for `x` above 3.
fn tail(x: f64) -> f64 {
    let fraction = (1..=80).rev().fold(x, |below, k| x + f64::from(k) / below);
    density(x) / fraction
}

fn density(x: f64) -> f64 {
    (-0.5 * x * x).exp() / (2.0 * PI).sqrt()
}

/// The value that is not exceeded with probability `p`; infinite for 0 and 1.
///
/// Algorithm AS 241 (PPND16) of Wichura, Applied Statistics 37 (1988): 16 digits.
pub fn quantile(p: f64) -> f64 {
    let from_centre = p - 0.5;
    if from_centre.abs() <= 0.425 {
        let r = 0.180_625 - from_centre * from_centre;
        return from_centre * ratio(&CENTRE, r);
    }
    let smaller = p.min(1.0 - p);
    if smaller <= 0.0 {
        return f64::INFINITY.copysign(from_centre);
    }
    let r = (-smaller.ln()).sqrt();
    let size = if r <= 5.0 { ratio(&MIDDLE, r - 1.6) } else { ratio(&FAR, r - 5.0) };
    size.copysign(from_centre)
}

/// Coefficients of a quotient of two polynomials, highest power first.
struct Quotient {
    above: [f64; 8],
    below: [f64; 8],
}

fn ratio(of: &Quotient, r: f64) -> f64 {
    let value = |coefficients: &[f64; 8]| coefficients.iter().fold(0.0, |sum, c| sum * r + c);
    value(&of.above) / value(&of.below)
}

const CENTRE: Quotient = Quotient {
    above: [
        2.509_080_928_730_122_7e3,
        3.343_057_558_358_813e4,
        6.726_577_092_700_87e4,
        4.592_195_393_154_987e4,
        1.373_169_376_550_946e4,
        1.971_590_950_306_551_3e3,
        1.331_416_678_917_843_8e2,
        3.387_132_872_796_366_5,
    ],
    below: [
        5.226_495_278_852_854e3,
        2.872_908_573_572_194_3e4,
        3.930_789_580_009_271e4,
        2.121_379_430_158_659_7e4,
        5.394_196_021_424_751e3,
        6.871_870_074_920_579e2,
        4.231_333_070_160_091e1,
        1.0,
    ],
};
const MIDDLE: Quotient = Quotient {
    above: [
        7.745_450_142_783_414e-4,
        2.272_384_498_926_918_4e-2,
        2.417_807_251_774_506e-1,
        1.270_458_252_452_368_4,
        3.647_848_324_763_204_5,
        5.769_497_221_460_691,
        4.630_337_846_156_546,
        1.423_437_110_749_683_5,
    ],
    below: [
        1.050_750_071_644_416_9e-9,
        5.475_938_084_995_345e-4,
        1.519_866_656_361_645_7e-2,
        1.481_039_764_274_800_8e-1,
        6.897_673_349_851e-1,
        1.676_384_830_183_803_8,
        2.053_191_626_637_759,
        1.0,
    ],
};
const FAR: Quotient = Quotient {
    above: [
        2.010_334_399_292_288_1e-7,
        2.711_555_568_743_487_6e-5,
        1.242_660_947_388_078_4e-3,
        2.653_218_952_657_612_4e-2,
        2.965_605_718_285_048_7e-1,
        1.784_826_539_917_291_3,
        5.463_784_911_164_114,
        6.657_904_643_501_103,
    ],
    below: [
        2.044_263_103_389_939_8e-15,
        1.421_511_758_316_446e-7,
        1.846_318_317_510_054_8e-5,
        7.868_691_311_456_133e-4,
        1.487_536_129_085_061_5e-2,
        1.369_298_809_227_358e-1,
        5.998_322_065_558_88e-1,
        1.0,
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn close(got: f64, expected: f64) {
        assert!((got - expected).abs() <= 1e-13 * expected.abs(), "{got} != {expected}");
    }

    #[test]
    fn values_of_python_and_the_tables() {
        close(quantile(0.975), 1.959_963_984_540_054);
        close(quantile(0.995), 2.575_829_303_548_901);
        close(quantile(1e-6), -4.753_424_308_822_899);
        close(quantile(1e-20), -9.262_340_089_798_408);
        close(cdf(-1.0), 0.158_655_253_931_457_05);
        close(cdf(1.959_963_984_540_054), 0.975);
        close(cdf(-5.0), 2.866_515_718_791_939e-7);
        close(cdf(-10.0), 7.619_853_024_160_525e-24);
        assert_eq!((cdf(0.0), quantile(0.5)), (0.5, 0.0));
        assert_eq!((quantile(0.0), quantile(1.0)), (f64::NEG_INFINITY, f64::INFINITY));
        assert_eq!((cdf(-100.0), cdf(100.0)), (0.0, 1.0));
    }

    #[test]
    fn each_undoes_the_other() {
        for p in [1e-9, 1e-4, 0.01, 0.08, 0.3, 0.5, 0.77, 0.95, 0.9999] {
            assert!((cdf(quantile(p)) - p).abs() <= 1e-13 * p, "{p}");
        }
    }
}
