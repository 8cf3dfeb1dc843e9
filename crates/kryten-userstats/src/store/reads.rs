//! The reads for queries and pages. Names compare exactly; a limit below 0 is none.

mod channels;
mod own;
mod per_channel;
mod person;
mod rankings;
mod totals;
mod users;

pub use channels::{MediaRow, Population, PopulationMean, VoteSum, Watermark, Watermarks};
pub use own::{ExactMark, GapRow, HourRow, Presence};
pub use per_channel::{AllTotals, ChannelTotals};
pub use person::{Meant, Part, PersonCounts};
pub use rankings::{EmoteCount, UserCount};
pub use totals::Totals;
pub use users::{ChannelActivity, ChannelCount, PhraseCount, UserActivity, UserSeen};
