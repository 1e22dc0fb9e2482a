//! Learns the noise between runs from earlier runs of the same programs.

use super::{
    class::{Class, classify},
    floors::Floors,
    judge::quantities,
    model::{Run, Settings, Verdict},
    pairing::pair,
};

impl Floors {
    /// Learns from these runs of a project, the oldest first: each pair of neighbours is looked at, and all benchmarks
    /// count of which the same programs and libraries were run with the same arguments on the same kind of machine, but for
    /// differences that are certain: those come from what was read.
    pub fn learn(runs: &[Run<'_>]) -> Self {
        let mut floors = Self::default();
        for neighbours in runs.windows(2) {
            let [one, other] = neighbours else { continue };
            let (paired, _) = pair(&[*one], &[*other]);
            for of in paired {
                let Some((base, head)) = of.base.first().zip(of.head.first()) else { continue };
                let mode = head.part.mode;
                if classify(mode, base, head).0 != Class::SameBinary {
                    continue;
                }
                for found in quantities(mode, &of, &Settings::default(), 0).0 {
                    // Of the same programs, too: they had other input.
                    if matches!(found.verdict, Verdict::Regressed | Verdict::Improved) {
                        continue;
                    }
                    let Some(ratio) = found.ratio.filter(|ratio| *ratio > 0.0) else { continue };
                    floors.add((mode, head.benchmark.uri.clone(), found.key), ratio.ln().abs());
                }
            }
        }
        floors
    }
}
