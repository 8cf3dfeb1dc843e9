//! Has every side do the same work in turn, and compares what they came to.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::ensure;
use serde_json::Value;

use crate::figure::Figure;
use crate::sides::{Side, Sync};
use crate::spread::Spread;

/// Some work that every side can do.
pub(crate) trait Work {
    /// What is measured of one visit: what is done, and what is counted.
    fn measures(&self) -> Vec<Measure>;

    /// Has one side do it once; the number is that of the round.
    async fn visit(&mut self, side: Side, round: usize) -> anyhow::Result<Visit>;
}

/// One thing that is measured.
#[derive(Debug, Clone)]
pub(crate) struct Measure {
    pub(crate) work: String,
    pub(crate) unit: &'static str,
    /// How many units a visit does.
    pub(crate) count: u32,
}

/// What came out when a side did the work once.
#[derive(Debug)]
pub(crate) struct Visit {
    /// As many as there are measures.
    pub(crate) times: Vec<Duration>,
    /// What must be equal for all.
    pub(crate) proof: Value,
}

/// Runs the rounds; the figures are in the order of the measures.
pub(crate) async fn run(
    work: &mut impl Work,
    sides: &[Side],
    sync: Sync,
    rounds: usize,
) -> anyhow::Result<Vec<Figure>> {
    let measures = work.measures();
    let mut times: BTreeMap<Side, Vec<Vec<Duration>>> = BTreeMap::new();
    for round in 0..rounds {
        let mut order = sides.to_vec();
        if round % 2 == 1 {
            order.reverse();
        }
        let mut expected: Option<(Side, Value)> = None;
        for side in order {
            let visit = work.visit(side, round).await?;
            ensure!(
                visit.times.len() == measures.len(),
                "{side:?} was not measured in full"
            );
            match &expected {
                None => expected = Some((side, visit.proof)),
                Some((first, proof)) => ensure!(
                    *proof == visit.proof,
                    "{side:?} did other work than {first:?}: {} is not {proof}",
                    visit.proof
                ),
            }
            times.entry(side).or_default().push(visit.times);
        }
    }
    let figures = measures.iter().enumerate().map(|(place, measure)| {
        let seconds = |side: Side| -> Vec<f64> {
            let visits = times.get(&side).map(Vec::as_slice).unwrap_or_default();
            visits
                .iter()
                .map(|times| times[place].as_secs_f64())
                .collect()
        };
        let ours = seconds(Side::Ours);
        let mut figure = Figure {
            work: measure.work.clone(),
            sync,
            unit: measure.unit.to_owned(),
            rounds,
            rates: BTreeMap::new(),
            ratios: BTreeMap::new(),
            targets: Vec::new(),
            notes: Vec::new(),
        };
        for side in sides {
            let theirs = seconds(*side);
            let rates = theirs
                .iter()
                .map(|seconds| f64::from(measure.count) / seconds);
            let rates = Spread::of(rates);
            figure.rates.extend(rates.map(|rates| (*side, rates)));
            let ratios = ours.iter().zip(&theirs).map(|(ours, theirs)| theirs / ours);
            if let (false, Some(ratios)) = (*side == Side::Ours, Spread::of(ratios)) {
                figure.ratios.insert(*side, ratios);
            }
        }
        figure
    });
    Ok(figures.collect())
}
