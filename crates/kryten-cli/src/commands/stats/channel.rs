//! `kryten stats channel`.

use clap::{Args, Subcommand, ValueEnum};
use jiff::{SignedDuration, Timestamp};
use kryten_protocol::userstats::{AllStatsLimits, InChannel, UserstatsCommand};
use serde_json::Value;

use super::show;
use crate::cli::at_least_one;
use crate::screen::Screen;

#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  kryten stats channel top
  kryten stats channel population Lounge --hours 6
  kryten stats channel hours --of kudos
  kryten stats channel votes --title 'The Big Movie 2024'")]
pub(super) enum ChannelWhat {
    /// Who said most
    Top {
        #[command(flatten)]
        of: Place,
        /// How many places
        #[arg(long, value_name = "N", default_value_t = 10, value_parser = at_least_one::<u64>)]
        limit: u64,
    },
    /// How many were there
    Population {
        #[command(flatten)]
        of: Place,
        /// The last so many hours
        #[arg(long, value_name = "N", default_value_t = 24.0, value_parser = positive)]
        hours: f64,
    },
    /// What was shown
    Media {
        #[command(flatten)]
        of: Place,
        /// How many
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = at_least_one::<u64>)]
        limit: u64,
    },
    /// When most and when fewest were there
    Watermarks {
        #[command(flatten)]
        of: Place,
        /// The last so many days; without it all
        #[arg(long, value_name = "N", value_parser = positive)]
        days: Option<f64>,
    },
    /// How films were liked
    Votes {
        #[command(flatten)]
        of: Place,
        /// One film only, by its whole title
        #[arg(long, value_name = "TITLE")]
        title: Option<String>,
    },
    /// What happened in each hour
    Hours(HoursArgs),
    /// The channel at a glance
    Summary {
        #[command(flatten)]
        of: Place,
    },
    /// Everything; as `kryten userstats all`
    All {
        #[command(flatten)]
        of: Place,
        /// How many places and films
        #[arg(long, value_name = "N", default_value_t = 10, value_parser = at_least_one::<u64>)]
        limit: u64,
    },
}

#[derive(Debug, Args)]
pub(super) struct Place {
    /// The channel; may be left out where only one is known
    #[arg(value_name = "CHANNEL", id = "of_channel")]
    channel: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kryten stats channel hours              the last two days
  kryten stats channel hours --of kudos --last 12
  kryten stats channel hours --last 672   four weeks, by weekday

Hours are told by the clocks of the channel (`timezone` in the service's configuration).")]
pub(super) struct HoursArgs {
    #[command(flatten)]
    place: Place,
    /// The last so many hours
    #[arg(long, value_name = "N", default_value_t = 48, value_parser = clap::value_parser!(i64).range(1..=1_000_000))]
    last: i64,
    /// What the chart shows
    #[arg(long, value_enum, default_value = "messages")]
    pub(super) of: Measure,
    /// One line for each hour, or for each weekday; without it weekdays from three days on
    #[arg(long, value_enum)]
    by: Option<By>,
}

impl HoursArgs {
    pub(super) fn by(&self) -> By {
        /// More lines than this nobody reads.
        const MOST_LINES: i64 = 72;
        let usual = match self.last <= MOST_LINES {
            true => By::Hour,
            false => By::Weekday,
        };
        self.by.unwrap_or(usual)
    }
}

/// What is counted of an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Measure {
    Messages,
    Kudos,
    Emotes,
    Votes,
    Media,
    /// The most users at once
    Users,
}

/// What has a line of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    Hour,
    Weekday,
}

impl By {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Weekday => "weekday and hour",
        }
    }
}

impl ChannelWhat {
    pub(super) fn channel(&self) -> &Option<String> {
        match self {
            Self::Top { of, .. }
            | Self::Population { of, .. }
            | Self::Media { of, .. }
            | Self::Watermarks { of, .. }
            | Self::Votes { of, .. }
            | Self::Summary { of }
            | Self::All { of, .. }
            | Self::Hours(HoursArgs { place: of, .. }) => &of.channel,
        }
    }

    pub(super) fn command(&self, of: InChannel, now: Timestamp) -> UserstatsCommand {
        match self {
            Self::Top { limit, .. } => UserstatsCommand::ChannelTopUsers {
                of,
                limit: Some(*limit),
            },
            Self::Population { hours, .. } => UserstatsCommand::ChannelPopulation {
                of,
                hours: Some(*hours),
            },
            Self::Media { limit, .. } => UserstatsCommand::ChannelMediaHistory {
                of,
                limit: Some(*limit),
            },
            Self::Watermarks { days, .. } => {
                UserstatsCommand::ChannelWatermarks { of, days: *days }
            }
            Self::Votes { title, .. } => UserstatsCommand::ChannelMovieVotes {
                of,
                media_title: title.clone(),
            },
            Self::Hours(hours) => {
                let span = SignedDuration::from_hours(hours.last - 1);
                let from = now.checked_sub(span).unwrap_or(Timestamp::UNIX_EPOCH);
                UserstatsCommand::TimeseriesChannel {
                    of,
                    // Whole hours, in the form of the original's table.
                    start_time: Some(from.strftime("%Y-%m-%d %H:00:00").to_string()),
                    end_time: None,
                }
            }
            Self::Summary { .. } => UserstatsCommand::StatsGlobal(of),
            Self::All { limit, .. } => {
                let limit = i64::try_from(*limit).unwrap_or(i64::MAX);
                UserstatsCommand::ChannelAllStats {
                    channel: Some(of.channel),
                    domain: of.domain,
                    limits: Some(AllStatsLimits {
                        top_users: limit,
                        media_history: limit,
                        leaderboards: limit,
                    }),
                }
            }
        }
    }

    pub(super) fn show(&self, screen: Screen, place: &str, data: &Value) -> String {
        let now = Timestamp::now();
        match self {
            Self::Top { .. } => show::boards::lines(screen, place, &data["top_users"]),
            Self::Population { hours, .. } => {
                show::channel::population(screen, place, Some(*hours), data, now)
            }
            Self::Media { .. } => show::channel::media(screen, place, &data["history"]),
            Self::Watermarks { .. } => show::channel::watermarks(screen, place, data),
            Self::Votes { title: None, .. } => show::channel::votes(screen, place, data),
            Self::Votes {
                title: Some(title), ..
            } => show::channel::votes_for(screen, place, title, data),
            Self::Hours(hours) => show::hours::all(screen, place, hours.of, hours.by(), data),
            Self::Summary { .. } => show::channel::summary(screen, place, data, now),
            Self::All { .. } => show::channel::everything(screen, place, data, now),
        }
    }
}

fn positive(text: &str) -> Result<f64, String> {
    let number: Option<f64> = text.parse().ok();
    number
        .filter(|number| number.is_finite() && *number > 0.0)
        .ok_or_else(|| format!("{text} is no number above 0"))
}
