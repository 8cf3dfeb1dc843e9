//! Which chapter of the book helps with a failure.

use kryten_client::ConnectError;
use kryten_robot::RobotError;
use kryten_robot::config::RobotConfigError;
use kryten_servers::FindError;
use kryten_userstats::{ConfigError, UserstatsError};

/// Chapters as the book's contents name them.
const RUN: &str = "Run it";
const ROBOT: &str = "Swap the robot";
const USERSTATS: &str = "Swap the statistics";
const OPERATE: &str = "Operate it";

/// The chapter for the first cause that has one.
pub(crate) fn chapter_of(error: &anyhow::Error) -> Option<&'static str> {
    error.chain().find_map(|cause| {
        if cause.is::<FindError>() {
            Some(RUN)
        } else if cause.is::<RobotConfigError>() {
            Some(ROBOT)
        } else if cause.is::<ConfigError>() {
            Some(USERSTATS)
        } else if cause.is::<ConnectError>()
            || cause.is::<RobotError>()
            || cause.is::<UserstatsError>()
        {
            Some(OPERATE)
        } else {
            None
        }
    })
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn each_chapter_is_in_the_book() {
        let contents = include_str!("../../../book/src/SUMMARY.md");
        for chapter in [RUN, ROBOT, USERSTATS, OPERATE] {
            assert!(contents.contains(&format!("- [{chapter}](")), "{chapter}");
        }
    }

    #[test]
    fn a_cause_deep_inside_has_its_chapter_and_most_failures_have_none() {
        let failed: Result<(), _> = Err(RobotError::NoChannel);
        let error = failed.context("the robot cannot start").unwrap_err();
        assert_eq!(chapter_of(&error), Some(OPERATE));
        assert_eq!(chapter_of(&anyhow::anyhow!("no such key")), None);
    }
}
