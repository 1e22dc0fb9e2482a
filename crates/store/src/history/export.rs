//! Histories for other programs.

use serde_json::{Value, json};

use super::{Change, History, table::mode_word};
use crate::shown;

/// Returns the histories as JSON. Times are those of the starts of runs.
pub fn json(histories: &[History<'_>]) -> Value {
    json!({ "version": 1, "histories": histories.iter().map(one).collect::<Vec<_>>() })
}

fn one(history: &History<'_>) -> Value {
    let series = &history.series;
    let points = series.points.iter().map(|point| {
        let origin = history.origins.get(point);
        json!({
            "run": origin.map(|origin| origin.run.to_string()),
            "time": origin.map(|origin| shown::moment(origin.time_ms)),
            "time_ms": origin.map(|origin| origin.time_ms),
            "commit": origin.and_then(|origin| origin.commit.as_deref()),
            "branch": origin.and_then(|origin| origin.branch.as_deref()),
            "environment": history.origins.environment(point),
            "fingerprint": origin.map(|origin| &origin.fingerprint),
            "value": point.value,
            "low": point.interval.map(|(low, _)| low),
            "high": point.interval.map(|(_, high)| high),
        })
    });
    json!({
        "name": series.name,
        "uri": series.uri,
        "mode": mode_word(series.mode),
        "metric": series.metric,
        "unit": series.unit,
        "better": series.better,
        "points": points.collect::<Vec<_>>(),
        "changes": history.changes.iter().map(|it| change(history, it)).collect::<Vec<_>>(),
        "expected": history.expected.map(|expected| json!({
            "median": expected.median,
            "low": expected.low,
            "high": expected.high,
            "points": expected.points,
        })),
    })
}

fn change(history: &History<'_>, change: &Change) -> Value {
    let origin = history.origin(change.at);
    json!({
        "point": change.at,
        "run": origin.map(|origin| origin.run.to_string()),
        "commit": origin.and_then(|origin| origin.commit.as_deref()),
        "before": change.before,
        "after": change.after,
        "ratio": change.ratio(),
        "worse": change.is_worse(history.series.better),
        "p": change.p,
    })
}

/// Returns the values as CSV, a line each, with a head.
///
/// # Errors
///
/// None but those of the library, which has no reason for one here.
pub fn csv(histories: &[History<'_>]) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record([
        "name",
        "uri",
        "mode",
        "metric",
        "time",
        "run",
        "commit",
        "branch",
        "environment",
        "value",
        "low",
        "high",
        "change",
    ])?;
    for history in histories {
        let series = &history.series;
        for (place, point) in series.points.iter().enumerate() {
            let Some(origin) = history.origins.get(point) else { continue };
            let end = |end: Option<f64>| end.map(|end| end.to_string()).unwrap_or_default();
            let change = history.changes.iter().find(|change| change.at == place);
            writer.write_record([
                series.name.as_str(),
                &series.uri,
                mode_word(series.mode),
                &series.metric,
                &shown::moment(origin.time_ms),
                &origin.run.to_string(),
                origin.commit.as_deref().unwrap_or_default(),
                origin.branch.as_deref().unwrap_or_default(),
                &history.origins.environment(point).to_string(),
                &point.value.to_string(),
                &end(point.interval.map(|(low, _)| low)),
                &end(point.interval.map(|(_, high)| high)),
                &end(change.and_then(Change::ratio)),
            ])?;
        }
    }
    let bytes = writer.into_inner().map_err(|err| csv::Error::from(err.into_error()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
