//! The numbers that a verdict about times rests on: all that it takes to judge them once more.

use serde::Serialize;

/// The number of one run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Level {
    /// Its value: the median of the rounds.
    pub value: f64,
    /// Rounds that it comes from; 0 if they are not kept.
    pub rounds: usize,
    /// The logarithms of the 5 % quantile of the rounds, of the lower quartile and of the median.
    pub logs: [f64; 3],
    /// Half the width of the 99 % interval of the median, in logarithms; 0 if it is not known.
    pub half_width: f64,
    /// The distance between the quartiles of the rounds, of few rounds between the ends; `None` if that is not known.
    pub spread: Option<f64>,
}

/// The basis of a conclusion from times. All in logarithms; worse is above 0 whatever values are better.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Times {
    /// The runs of base.
    pub base: Vec<Level>,
    /// The runs of head.
    pub head: Vec<Level>,
    /// The difference of the medians, with enough runs the Hodges-Lehmann shift.
    pub estimate: f64,
    /// The part of it that short and typical rounds agree on.
    pub agreed: f64,
    /// Half the width of the 99 % interval of the difference, without the noise between runs or hours.
    pub half_width: f64,
    /// The distance between the quartiles of the rounds, or between the runs of a side, whatever is larger; `None` if
    /// it is not known.
    pub spread: Option<f64>,
    /// The difference that a hundredth of all pairs of equal programs exceeds.
    pub usual: f64,
    /// The difference that next to no pair of equal programs exceeds; `None` if nothing is certain.
    pub most: Option<f64>,
    /// With the noise within the runs: differences above this are told from none.
    pub resolution: f64,
    /// With the noise within the runs: differences above this are certain.
    pub limit: Option<f64>,
}
