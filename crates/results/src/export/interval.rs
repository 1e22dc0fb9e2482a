//! A confidence interval as JSON.

use serde::Serialize;

use crate::model::Interval;

/// Both ends, in the unit of what lies between them.
#[derive(Serialize)]
pub(super) struct JsonInterval {
    low: f64,
    high: f64,
}

impl JsonInterval {
    pub(super) fn of(interval: Interval) -> Self {
        let Interval { low, high } = interval;
        Self { low, high }
    }
}
