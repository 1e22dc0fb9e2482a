//! The values of a run in the index: one sequence of bytes for each metric, a few bytes for each benchmark.
//!
//! So the history of many benchmarks over many runs reads one row for each run, and not one for each value. A value is:
//! the distance to the number of the benchmark before it, flags, the number of its metric, the value, and the ends of its
//! interval if it has one. Whole numbers end in zeros as floating point numbers, which are left out.

use super::super::IndexError;
use crate::{Better, Metric, MetricUnit};

/// A value of a benchmark in a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Figure {
    /// Number of the benchmark in the index.
    pub benchmark: u32,
    /// Number of the metric in the index.
    pub metric: u32,
    /// The value.
    pub value: Metric,
}

const UNITS: [MetricUnit; 6] = [
    MetricUnit::Nanoseconds,
    MetricUnit::Bytes,
    MetricUnit::Number,
    MetricUnit::Cycles,
    MetricUnit::Share,
    MetricUnit::PerSecond,
];

/// Bits of the flags: three for the unit, then these.
const HIGHER: u8 = 1 << 3;
const NEITHER: u8 = 1 << 4;
const INTERVAL: u8 = 1 << 5;

/// Returns the bytes of figures, which are sorted by benchmark.
pub(super) fn encode(figures: &[Figure]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(figures.len() * 16);
    let mut before = 0;
    for Figure { benchmark, metric, value } in figures {
        put_number(&mut bytes, benchmark.wrapping_sub(before));
        before = *benchmark;
        let ends = value.low.zip(value.high);
        bytes.push(flags(value, ends.is_some()));
        put_number(&mut bytes, *metric);
        let digits = value.value.to_be_bytes();
        let zeros = digits.iter().rev().take_while(|byte| **byte == 0).count();
        let length = digits.len() - zeros;
        bytes.push(u8::try_from(length).unwrap_or(u8::MAX));
        bytes.extend(digits.iter().take(length));
        if let Some((low, high)) = ends {
            bytes.extend(low.to_be_bytes());
            bytes.extend(high.to_be_bytes());
        }
    }
    bytes
}

/// Calls `take` with each of the figures.
pub(super) fn decode(mut bytes: &[u8], mut take: impl FnMut(Figure)) -> Result<(), IndexError> {
    let mut benchmark = 0_u32;
    while !bytes.is_empty() {
        benchmark = benchmark.wrapping_add(number(&mut bytes)?);
        let [flags] = array(&mut bytes)?;
        let metric = number(&mut bytes)?;
        let [length] = array(&mut bytes)?;
        let mut digits = [0; 8];
        let given = bytes.split_off(..usize::from(length)).ok_or(IndexError::Damage)?;
        digits.get_mut(..given.len()).ok_or(IndexError::Damage)?.copy_from_slice(given);
        let ends = if flags & INTERVAL == 0 {
            None
        } else {
            Some((f64::from_be_bytes(array(&mut bytes)?), f64::from_be_bytes(array(&mut bytes)?)))
        };
        let value = Metric {
            value: f64::from_be_bytes(digits),
            low: ends.map(|(low, _)| low),
            high: ends.map(|(_, high)| high),
            unit: *UNITS.get(usize::from(flags & 7)).ok_or(IndexError::Damage)?,
            better: better(flags),
        };
        take(Figure { benchmark, metric, value });
    }
    Ok(())
}

fn flags(value: &Metric, has_interval: bool) -> u8 {
    let unit = match value.unit {
        MetricUnit::Nanoseconds => 0,
        MetricUnit::Bytes => 1,
        MetricUnit::Number => 2,
        MetricUnit::Cycles => 3,
        MetricUnit::Share => 4,
        MetricUnit::PerSecond => 5,
    };
    let better = match value.better {
        Better::Lower => 0,
        Better::Higher => HIGHER,
        Better::Neither => NEITHER,
    };
    let interval = if has_interval { INTERVAL } else { 0 };
    unit | better | interval
}

const fn better(flags: u8) -> Better {
    if flags & HIGHER != 0 {
        Better::Higher
    } else if flags & NEITHER != 0 {
        Better::Neither
    } else {
        Better::Lower
    }
}

/// Seven bits in each byte, the lowest first; the eighth says that more follow.
fn put_number(bytes: &mut Vec<u8>, mut number: u32) {
    loop {
        let [low, ..] = (number & 0x7f).to_le_bytes();
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
}

fn number(bytes: &mut &[u8]) -> Result<u32, IndexError> {
    let mut number = 0;
    for shift in (0..32).step_by(7) {
        let [byte] = array(bytes)?;
        number |= u32::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(IndexError::Damage)
}

fn array<const LENGTH: usize>(bytes: &mut &[u8]) -> Result<[u8; LENGTH], IndexError> {
    let (first, rest) = bytes.split_first_chunk().ok_or(IndexError::Damage)?;
    *bytes = rest;
    Ok(*first)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(bytes: &[u8]) -> Result<Vec<Figure>, IndexError> {
        let mut figures = Vec::new();
        decode(bytes, |figure| figures.push(figure)).map(|()| figures)
    }

    fn figure() -> impl Strategy<Value = Figure> {
        let ends = proptest::option::of((any::<f64>(), any::<f64>()));
        let value = prop_oneof![any::<u32>().prop_map(f64::from), -1e300..1e300];
        (any::<u32>(), any::<u32>(), value, ends, 0..6_usize, 0..3_u8).prop_map(
            |(benchmark, metric, value, ends, unit, better)| {
                let better = [Better::Lower, Better::Higher, Better::Neither][usize::from(better)];
                let (low, high) = (ends.map(|ends| ends.0), ends.map(|ends| ends.1));
                let value = Metric { value, low, high, unit: UNITS[unit], better };
                Figure { benchmark, metric, value }
            },
        )
    }

    proptest! {
        #[test]
        fn figures_survive(mut figures in prop::collection::vec(figure(), 0..20)) {
            figures.sort_by_key(|figure| figure.benchmark);
            prop_assert_eq!(decoded(&encode(&figures)).unwrap(), figures);
        }

        #[test]
        fn any_bytes_are_figures_or_damage(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let is_bounded = decoded(&bytes).map_or(true, |figures| figures.len() <= bytes.len());
            prop_assert!(is_bounded);
        }
    }

    #[test]
    fn a_count_takes_few_bytes_and_a_cut_is_damage() {
        let value = Metric { value: 1000.0, ..Default::default() };
        let figures = [Figure { benchmark: 7, metric: 1, value }];
        let bytes = encode(&figures);
        assert_eq!(bytes.len(), 7, "number, flags, metric, length, and three of eight bytes");
        assert!(decoded(&bytes[..6]).is_err());
        let mut odd = bytes.clone();
        odd[3] = 9;
        odd.extend([0; 9]);
        assert!(decoded(&odd).is_err(), "nine bytes are no number");
    }
}
