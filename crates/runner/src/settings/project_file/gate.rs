//! The key `gate`: limits and waivers, with the place of each mistake.

use runner_shared::{mode::Mode, share::Share};
use store::gate::{BUDGETS, Budget, Limit, Pattern, Rule, Rules, Waiver, budget};

use super::{
    check::{Fields, Placed},
    keys,
};
use crate::settings::yaml::{Flaw, Position};

/// All that a project says about its gate.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct GateConfig {
    /// The run to compare with.
    pub base: Option<String>,
    /// Limits and waivers.
    pub rules: Rules,
}

/// Reads the mapping below `gate`.
pub(super) fn read(mut fields: Fields) -> Result<GateConfig, Flaw> {
    let base = fields.text(keys::BASE).map(|base| base.value);
    let rules = fields.list(keys::LIMITS).into_iter().map(rule).collect::<Result<_, _>>()?;
    let waivers = fields.list(keys::WAIVERS).into_iter().map(waiver).collect::<Result<_, _>>()?;
    Ok(GateConfig { base, rules: Rules { rules, waivers } })
}

fn rule(mut fields: Fields) -> Result<Rule, Flaw> {
    let at = fields.at;
    let benchmarks = pattern(&mut fields);
    let (mode, metric) = about(&mut fields)?;
    let mut rule = Rule {
        benchmarks,
        mode,
        metric,
        max_regression: fields.text(keys::MAX_REGRESSION).map(|it| loss(&it)).transpose()?,
        ..Rule::default()
    };
    for budget in BUDGETS {
        let Some(text) = fields.text(budget.word) else { continue };
        let limit = limit(&text, budget)?;
        check_mode(budget, rule.mode, text.at)?;
        rule.budgets.insert(budget.word, limit);
    }
    if rule.metric.is_some() && rule.max_regression.is_none() {
        return Err(Flaw::new(at, "`metric` needs `max-regression` beside it"));
    }
    if let Some(metric) = rule.metric.filter(|metric| !metric.is_compared()) {
        let compared = BUDGETS.iter().filter(|budget| budget.is_compared());
        let words: Vec<_> = compared.map(|budget| budget.word).collect();
        let what = format!(
            "`{}` is not compared, so it can have a budget, but no `max-regression`; compared are {}",
            metric.word,
            words.join(", ")
        );
        return Err(Flaw::new(at, what));
    }
    if rule.max_regression.is_none() && rule.budgets.is_empty() {
        let what =
            "an entry of `limits` needs a limit: `max-regression` or a budget such as `peak`";
        return Err(Flaw::new(at, what));
    }
    Ok(rule)
}

fn waiver(mut fields: Fields) -> Result<Waiver, Flaw> {
    let at = fields.at;
    let lacks = |key: &str| Flaw::new(at, format!("an entry of `waivers` needs `{key}`"));
    let reason = fields.text(keys::REASON).ok_or_else(|| lacks(keys::REASON))?;
    if reason.value.trim().is_empty() {
        return Err(Flaw::new(reason.at, "`reason` is blank"));
    }
    let until = fields.text(keys::UNTIL).ok_or_else(|| lacks(keys::UNTIL))?;
    let benchmarks = pattern(&mut fields).ok_or_else(|| lacks(keys::BENCHMARKS))?;
    let (mode, metric) = about(&mut fields)?;
    Ok(Waiver {
        benchmarks,
        mode,
        metric,
        reason: reason.value,
        until: until.value.parse().map_err(|err| wrong(&until, keys::UNTIL, &err))?,
    })
}

fn pattern(fields: &mut Fields) -> Option<Pattern> {
    fields.text(keys::BENCHMARKS).map(|text| text.value.as_str().into())
}

fn mode(fields: &mut Fields) -> Result<Option<store::Mode>, Flaw> {
    let text = fields.text(keys::MODE);
    text.map(|text| {
        let mode = Mode::parse(&text.value).map_err(|err| wrong(&text, keys::MODE, &err))?;
        Ok(mode.into())
    })
    .transpose()
}

/// The mode and the quantity of an entry, which has to be one of that mode.
fn about(fields: &mut Fields) -> Result<(Option<store::Mode>, Option<&'static Budget>), Flaw> {
    let mode = mode(fields)?;
    let Some(text) = fields.text(keys::METRIC) else { return Ok((mode, None)) };
    let metric = budget(&text.value).ok_or_else(|| {
        let words: Vec<_> = BUDGETS.iter().map(|budget| budget.word).collect();
        let what = format!("unknown `metric`; expected one of {}", words.join(", "));
        Flaw::new(text.at, what)
    })?;
    check_mode(metric, mode, text.at)?;
    Ok((mode, Some(metric)))
}

/// Refuses a quantity that the benchmarks of this mode don't have: it would never be looked at.
fn check_mode(budget: &Budget, mode: Option<store::Mode>, at: Position) -> Result<(), Flaw> {
    if mode.is_none_or(|mode| mode == budget.mode) {
        return Ok(());
    }
    let own = Mode::from(budget.mode).names().cli;
    Err(Flaw::new(at, format!("`{}` is a value of {own} mode", budget.word)))
}

/// A limit of a loss.
fn loss(text: &Placed<String>) -> Result<Limit, Flaw> {
    match text.value.trim() {
        "off" => Ok(Limit::Off),
        "0" | "0%" => Ok(Limit::Most(0.0)),
        share => {
            let share: Share =
                share.parse().map_err(|err| wrong(text, keys::MAX_REGRESSION, &err))?;
            Ok(Limit::Most(share.value()))
        }
    }
}

/// A limit of a value.
fn limit(text: &Placed<String>, budget: &Budget) -> Result<Limit, Flaw> {
    match text.value.trim() {
        "off" => Ok(Limit::Off),
        value => budget.read(value).map(Limit::Most).map_err(|err| wrong(text, budget.word, &err)),
    }
}

fn wrong(text: &Placed<String>, key: &str, err: &dyn std::error::Error) -> Flaw {
    let value = crate::settings::yaml::excerpt(&text.value);
    Flaw::new(text.at, format!("invalid value `{value}` for `{key}`: {err}"))
}
