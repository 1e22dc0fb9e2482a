//! Random numbers that are the same everywhere and for ever, so that every figure can be replayed.

/// xoshiro256** by Blackman and Vigna, "Scrambled linear pseudorandom number generators" (2018).
#[derive(Debug, Clone)]
pub struct Xoshiro256 {
    state: [u64; 4],
}

impl Xoshiro256 {
    /// Fills the state by `SplitMix64`, as its authors advise: it is never all zero.
    pub fn seeded(seed: u64) -> Self {
        let mut mix = seed;
        let mut next = || {
            mix = mix.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = mix;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        };
        Self { state: [next(), next(), next(), next()] }
    }

    /// 64 random bits.
    pub fn next_bits(&mut self) -> u64 {
        let [mut a, mut b, mut c, mut d] = self.state;
        let result = b.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let shifted = b << 17;
        c ^= a;
        d ^= b;
        b ^= c;
        a ^= d;
        c ^= shifted;
        d = d.rotate_left(45);
        self.state = [a, b, c, d];
        result
    }

    /// Two numbers below `bound` from one draw.
    ///
    /// Multiplied instead of divided (Lemire 2019) and not corrected: the bias is below
    /// `bound / 2^32`, nothing against the error of a bootstrap.
    pub fn two_below(&mut self, bound: u32) -> [u32; 2] {
        let bits = self.next_bits();
        let scale = |half: u64| u32::try_from((half * u64::from(bound)) >> 32).unwrap_or(0);
        [scale(bits >> 32), scale(bits & 0xffff_ffff)]
    }

    /// A float in 0 to 1, both excluded.
    pub fn open_unit(&mut self) -> f64 {
        (crate::walltime::as_float(self.next_bits() >> 12) + 0.5) / 4_503_599_627_370_496.0
    }

    /// A number of the standard normal distribution.
    pub fn normal(&mut self) -> f64 {
        super::normal::quantile(self.open_unit())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_that_of_the_reference_implementation() {
        // First output for the state 1, 2, 3, 4 by the authors' C code, computed by hand:
        // rotl(2 * 5, 7) * 9 = 11520; the second is 0, the third 1509978240.
        let mut random = Xoshiro256 { state: [1, 2, 3, 4] };
        assert_eq!(
            [random.next_bits(), random.next_bits(), random.next_bits()],
            [11520, 0, 1_509_978_240]
        );
        // The first number of SplitMix64 with the seed 0, as published.
        assert_eq!(Xoshiro256::seeded(0).state[0], 0xe220_a839_7b1d_cdaf);
    }

    #[test]
    fn indices_are_even_and_inside() {
        let mut random = Xoshiro256::seeded(1);
        let mut counts = [0_u32; 7];
        for _ in 0..35_000 {
            for index in random.two_below(7) {
                counts[usize::try_from(index).unwrap()] += 1;
            }
        }
        assert!(counts.iter().all(|count| (9_600..10_400).contains(count)), "{counts:?}");
        assert_eq!(random.two_below(1), [0, 0]);
    }
}
