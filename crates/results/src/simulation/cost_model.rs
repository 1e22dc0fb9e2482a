//! Models that turn counts into time. All are estimates, and none is the number of the service.

use runner_shared::walltime::as_float;

use super::events::Events;

/// A linear model: `base + data·(Dr+Dw) + l1_miss·(L1m−LLm) + ll_miss·LLm` cycles, where
/// `L1m = I1mr+D1mr+D1mw` and `LLm = ILmr+DLmr+DLmw`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CostModel {
    /// Name on the command line and in reports.
    pub id: &'static str,
    /// The formula, for people.
    pub formula: &'static str,
    /// Event that is the base.
    pub base: &'static str,
    /// Cycles per base event.
    pub base_cycles: f64,
    /// Cycles per access to data.
    pub data: f64,
    /// Cycles per access that missed the first cache, but not the last.
    pub l1_miss: f64,
    /// Cycles per access that missed the last cache.
    pub ll_miss: f64,
    /// Cycles per nanosecond.
    pub gigahertz: f64,
}

/// Every model there is; the first is the default.
pub const COST_MODELS: &[CostModel] = &[
    CostModel {
        id: "codspeed-like",
        formula: "(Ir + Dr + Dw) + 105·LLm cycles at 3.6 GHz",
        base: Events::INSTRUCTIONS,
        base_cycles: 1.0,
        data: 1.0,
        // Published figures fit anything from 0 to 5, a benchmark with many such misses fits 0.
        l1_miss: 0.0,
        ll_miss: 105.0,
        gigahertz: 3.6,
    },
    CostModel {
        id: "kcachegrind",
        formula: "Ir + 10·L1m + 100·LLm cycles at 3.6 GHz",
        base: Events::INSTRUCTIONS,
        base_cycles: 1.0,
        data: 0.0,
        l1_miss: 10.0,
        ll_miss: 110.0,
        gigahertz: 3.6,
    },
    CostModel {
        id: "iai",
        formula: "(Ir + Dr + Dw − L1m) + 5·(L1m − LLm) + 35·LLm cycles at 3.6 GHz",
        base: Events::INSTRUCTIONS,
        base_cycles: 1.0,
        data: 1.0,
        l1_miss: 4.0,
        ll_miss: 34.0,
        gigahertz: 3.6,
    },
    CostModel {
        id: "throughput",
        formula: "Ct/100 + Dr + Dw + 105·LLm cycles at 3.6 GHz (needs cycle estimation)",
        base: "Ct",
        base_cycles: 0.01,
        data: 1.0,
        l1_miss: 0.0,
        ll_miss: 105.0,
        gigahertz: 3.6,
    },
    CostModel {
        id: "latency",
        formula: "Cl/100 + Dr + Dw + 105·LLm cycles at 3.6 GHz (needs cycle estimation)",
        base: "Cl",
        base_cycles: 0.01,
        data: 1.0,
        l1_miss: 0.0,
        ll_miss: 105.0,
        gigahertz: 3.6,
    },
];

/// The model of this name.
pub fn cost_model(id: &str) -> Option<&'static CostModel> {
    COST_MODELS.iter().find(|model| model.id == id)
}

/// A time by a model, and where it goes to. The three shares add up to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Cycles.
    pub cycles: f64,
    /// Nanoseconds.
    pub nanos: f64,
    /// Share of executing instructions.
    pub instructions: f64,
    /// Share of what the caches answer: accesses to data, and misses of the first cache.
    pub cache: f64,
    /// Share of waiting for memory: misses of the last cache.
    pub memory: f64,
}

impl Estimate {
    /// Whole cycles.
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "never negative, and too many become the most there are"
    )]
    pub(super) fn whole_cycles(self) -> u64 {
        self.cycles.round() as u64
    }
}

impl CostModel {
    /// The model that is used if nobody asks for another.
    pub const DEFAULT: &'static Self = match COST_MODELS.first() {
        Some(model) => model,
        None => &Self {
            id: "none",
            formula: "0",
            base: Events::INSTRUCTIONS,
            base_cycles: 0.0,
            data: 0.0,
            l1_miss: 0.0,
            ll_miss: 0.0,
            gigahertz: 1.0,
        },
    };

    /// The time of these counts; `None` if an event is missing that the model needs, or all are 0.
    pub fn estimate(&self, events: &Events) -> Option<Estimate> {
        let sum = |names: &[&str]| {
            names.iter().try_fold(0_u64, |sum, name| sum.checked_add(events.get(name)?))
        };
        let base = events.get(self.base)?;
        let data = sum(&["Dr", "Dw"])?;
        let missed_first = sum(&["I1mr", "D1mr", "D1mw"])?;
        let missed_last = sum(&["ILmr", "DLmr", "DLmw"])?;

        let instructions = self.base_cycles * as_float(base);
        let cache = self.data * as_float(data)
            + self.l1_miss * as_float(missed_first.saturating_sub(missed_last));
        let memory = self.ll_miss * as_float(missed_last);
        let cycles = instructions + cache + memory;
        (cycles > 0.0).then(|| Estimate {
            cycles,
            nanos: cycles / self.gigahertz,
            instructions: instructions / cycles,
            cache: cache / cycles,
            memory: memory / cycles,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(counts: &[(&str, u64)]) -> Events {
        Events::new(counts.iter().map(|(name, count)| ((*name).into(), Some(*count))))
    }

    /// `Ir`, `Dr`, `Dw` and `L1m` = `LLm` of benchmarks whose time the service has published.
    #[track_caller]
    fn shows(counts: [u64; 4], nanos: f64) {
        let [ir, dr, dw, misses] = counts;
        let zero = ["D1mr", "D1mw", "DLmr", "DLmw"].map(|name| (name, 0));
        let mut all = vec![("Ir", ir), ("Dr", dr), ("Dw", dw), ("I1mr", misses), ("ILmr", misses)];
        all.extend(zero);
        let estimate = CostModel::DEFAULT.estimate(&events(&all)).unwrap();
        assert!((estimate.nanos / nanos - 1.0).abs() < 0.006, "{} != {nanos}", estimate.nanos);
        let shares = estimate.instructions + estimate.cache + estimate.memory;
        assert!((shares - 1.0).abs() < 1e-12, "{shares}");
    }

    #[test]
    fn published_times_are_met() {
        shows([35, 1, 1, 4], 126.94);
        shows([1731, 268, 357, 9], 916.94);
        shows([194_816, 24_476, 31_241, 14], 70_000.0);
        shows([23_961_394, 3_010_349, 3_842_389, 19], 8_560_000.0);
    }

    #[test]
    fn formulas_are_those_of_their_tools() {
        let counts = events(&[
            ("Ir", 1000),
            ("Dr", 200),
            ("Dw", 100),
            ("I1mr", 5),
            ("D1mr", 15),
            ("D1mw", 10),
            ("ILmr", 1),
            ("DLmr", 2),
            ("DLmw", 3),
            ("Ct", 50_000),
            ("Cl", 200_000),
        ]);
        for (id, expected) in [
            ("kcachegrind", 1000.0 + 10.0 * 30.0 + 100.0 * 6.0),
            ("iai", (1300.0 - 30.0) + 5.0 * 24.0 + 35.0 * 6.0),
            ("codspeed-like", 1300.0 + 105.0 * 6.0),
            ("throughput", 500.0 + 300.0 + 630.0),
            ("latency", 2000.0 + 300.0 + 630.0),
        ] {
            let cycles = cost_model(id).unwrap().estimate(&counts).unwrap().cycles;
            assert!((cycles - expected).abs() < 1e-9, "{id}: {cycles} != {expected}");
        }
    }

    #[test]
    fn a_missing_event_is_no_estimate() {
        assert_eq!(CostModel::DEFAULT.estimate(&events(&[("Ir", 5)])), None);
        assert!(cost_model("guess").is_none());
    }
}
