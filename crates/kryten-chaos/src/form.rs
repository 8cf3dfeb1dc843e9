//! What a run is made of: how many nats-servers, robots and instances of the statistics, and which database. Pure.

use std::fmt;

use clap::Args;

use crate::database::Kind;

/// What is run.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Form {
    /// How many nats-servers: 1, or 3 that form a cluster and keep everything three times
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = one_or_three)]
    pub(crate) nats: u8,
    /// Where the statistics count
    #[arg(long, value_enum, default_value_t = Kind::Sqlite)]
    pub(crate) database: Kind,
    /// How many robots each channel has; all but one stand by
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=2))]
    pub(crate) robots: u8,
    /// How many instances of the statistics each channel has
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=2))]
    pub(crate) instances: u8,
    /// Everything at once: `--nats 3 --database postgres --robots 2 --instances 2`
    #[arg(long)]
    all: bool,
}

impl Form {
    /// With `--all` put into what it means.
    pub(crate) fn whole(self) -> Self {
        match self.all {
            false => self,
            true => Self {
                nats: 3,
                database: Kind::Postgres,
                robots: 2,
                instances: 2,
                all: true,
            },
        }
    }

    pub(crate) fn is_cluster(self) -> bool {
        self.nats > 1
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} nats-server(s), {:?}, {} robot(s) and {} instance(s) of the statistics for each channel",
            self.nats, self.database, self.robots, self.instances
        )
    }
}

fn one_or_three(text: &str) -> Result<u8, String> {
    match text {
        "1" => Ok(1),
        "3" => Ok(3),
        _ => Err("1, or 3 for a cluster".to_owned()),
    }
}
