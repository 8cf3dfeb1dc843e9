//! The rows of the table, one file each.

mod p1;
mod p2;
mod p3;
mod p4;
mod p5;
mod p6;
mod p7;
mod p8;
mod p9;
mod r5;

use std::time::Duration;

use anyhow::Context;
use serde_json::Value;

use crate::figure::Figure;
use crate::grid::Grid;
use crate::sides::Bench;
use crate::theatre::Programs;

/// A row that can be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Row {
    P1,
    P2,
    P3,
    P4,
    P5,
    P6,
    P7,
    P8,
    P9,
    R5,
}

/// What the command line asks for: one row, or all of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowName(Option<Row>);

impl RowName {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text == "all" {
            return Ok(Self(None));
        }
        let row = Row::ALL
            .into_iter()
            .find(|row| row.name() == text.to_lowercase());
        let names = || Row::ALL.map(Row::name).join(", ");
        row.map_or_else(
            || Err(format!("rows are {} and all", names())),
            |row| Ok(Self(Some(row))),
        )
    }

    pub(crate) fn rows(self) -> Vec<Row> {
        self.0.map_or(Row::ALL.to_vec(), |row| vec![row])
    }
}

impl Row {
    pub(crate) const ALL: [Self; 10] = [
        Self::P1,
        Self::P2,
        Self::P3,
        Self::P4,
        Self::P5,
        Self::P6,
        Self::P7,
        Self::P8,
        Self::P9,
        Self::R5,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::P1 => "p1",
            Self::P2 => "p2",
            Self::P3 => "p3",
            Self::P4 => "p4",
            Self::P5 => "p5",
            Self::P6 => "p6",
            Self::P7 => "p7",
            Self::P8 => "p8",
            Self::P9 => "p9",
            Self::R5 => "r5",
        }
    }

    /// What the Python side of a row about the library runs; rows about the services have none.
    pub(crate) fn script(self) -> Option<&'static str> {
        match self {
            Self::P1 => Some(p1::SCRIPT),
            Self::P2 => Some(p2::SCRIPT),
            Self::P3 => Some(p3::SCRIPT),
            _ => None,
        }
    }

    pub(crate) async fn run(self, bench: Bench, quick: bool) -> anyhow::Result<Vec<Figure>> {
        match self {
            Self::P1 => p1::run(bench, quick).await,
            Self::P2 => p2::run(bench, quick).await,
            Self::P3 => p3::run(bench, quick).await,
            _ => Ok(Vec::new()),
        }
    }

    /// Runs a row about the services.
    pub(crate) async fn run_services(
        self,
        programs: &Programs,
        quick: bool,
    ) -> anyhow::Result<Grid> {
        match self {
            Self::P4 => p4::run(programs, quick).await,
            Self::P5 => p5::run(programs, quick).await,
            Self::P7 => p7::run(programs, quick).await,
            Self::P6 => p6::run(programs, quick).await,
            Self::P8 => p8::run(programs, quick).await,
            Self::P9 => p9::run(programs, quick).await,
            Self::R5 => r5::run(programs, quick).await,
            Self::P1 | Self::P2 | Self::P3 => Ok(Grid::default()),
        }
    }
}

/// A time that the Python side has measured.
fn seconds_of(value: &Value) -> anyhow::Result<Duration> {
    let seconds = value.as_f64().context("the Python side measured no time")?;
    Ok(Duration::try_from_secs_f64(seconds)?)
}
