//! One NATS user for each service, with what it needs and nothing else. Pure.

mod text;

use kryten_protocol::state::{StateBucket, is_bucket_name};
use kryten_protocol::subject::{
    self, DISCOVERY_POLL, EVENTS_STREAM, GROUP_RESTART, ROBOT_NOTICE, SubjectError,
};
use kryten_protocol::token::normalize;

pub(crate) use text::{ServerSettings, server_config};

/// The robots' bucket of who serves which channel.
const LEASES: &str = "kryten_leases";
/// The users that are always there.
pub(crate) const ROBOT: &str = "robot";
pub(crate) const USERSTATS: &str = "userstats";
pub(crate) const READER: &str = "reader";

/// Why no users can be made of what was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UsersError {
    #[error("{0:?} is no CyTube channel name; use 1 to 30 letters, digits, '-' or '_'")]
    Channel(String),
    #[error("{0:?} cannot be a user's name; use lower-case letters, digits, '-' or '_'")]
    Name(String),
    #[error("there would be two users {0}; give each its own name")]
    Twice(String),
    #[error(
        "{0:?} cannot be a bucket of a bot's own; use letters, digits, '-' or '_', and no name of the robot's"
    )]
    Bucket(String),
    #[error("there is no user {0} to send commands; the users are {1}")]
    NoSuchUser(String, String),
    #[error(transparent)]
    Subject(#[from] SubjectError),
}

/// A bot, and the buckets that it keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bot {
    pub(crate) name: String,
    pub(crate) buckets: Vec<String>,
}

impl std::str::FromStr for Bot {
    type Err = std::convert::Infallible;

    /// `NAME` keeps a bucket of its name, `NAME=BUCKET,BUCKET` those.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, buckets) = text.split_once('=').unwrap_or((text, text));
        Ok(Self {
            name: name.to_owned(),
            buckets: buckets.split(',').map(str::to_owned).collect(),
        })
    }
}

/// For whom users are made.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) channels: Vec<String>,
    /// The CyTube host, which is part of bucket names in the originals' documents.
    pub(crate) domain: String,
    pub(crate) bots: Vec<Bot>,
    /// Who may send the robot commands; `None` for every bot.
    pub(crate) commanders: Option<Vec<String>>,
    /// Whether all have the usual inbox, as programs need that cannot name their own.
    pub(crate) shared_inboxes: bool,
}

/// A user of the server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) name: String,
    /// What begins the subjects of answers to it; `None` for the usual.
    pub(crate) inbox_prefix: Option<String>,
    pub(crate) publish: Vec<String>,
    pub(crate) subscribe: Vec<String>,
    /// Whether it may answer who asks it.
    pub(crate) answers: bool,
    /// Whether it makes or checks the seals on events and state.
    pub(crate) seals: bool,
}

impl User {
    fn new(name: &str, wanted: &Wanted) -> Self {
        let inbox_prefix = (!wanted.shared_inboxes).then(|| format!("_INBOX_{name}"));
        let inbox = format!("{}.>", inbox_prefix.as_deref().unwrap_or("_INBOX"));
        Self {
            name: name.to_owned(),
            inbox_prefix,
            // To itself, by which it knows that the server has worked off what it sent.
            publish: vec![inbox.clone(), "$JS.API.STREAM.NAMES".to_owned()],
            subscribe: vec![inbox],
            answers: false,
            seals: false,
        }
    }

    fn may_publish<S: Into<String>>(&mut self, subjects: impl IntoIterator<Item = S>) {
        self.publish.extend(subjects.into_iter().map(Into::into));
    }

    fn may_hear<S: Into<String>>(&mut self, subjects: impl IntoIterator<Item = S>) {
        self.subscribe.extend(subjects.into_iter().map(Into::into));
    }

    /// A stream's messages, by all ways in which NATS clients ask for them.
    fn may_read_stream(&mut self, stream: &str) {
        let api = |endpoint: &str| format!("$JS.API.{endpoint}");
        self.may_publish([
            api(&format!("STREAM.INFO.{stream}")),
            api(&format!("STREAM.MSG.GET.{stream}")),
            api(&format!("DIRECT.GET.{stream}")),
            api(&format!("DIRECT.GET.{stream}.>")),
            api(&format!("CONSUMER.CREATE.{stream}")),
            api(&format!("CONSUMER.CREATE.{stream}.>")),
            api(&format!("CONSUMER.INFO.{stream}.*")),
            api(&format!("CONSUMER.MSG.NEXT.{stream}.*")),
            api(&format!("CONSUMER.DELETE.{stream}.*")),
        ]);
    }

    fn may_keep_bucket(&mut self, bucket: &str) {
        self.may_read_stream(&format!("KV_{bucket}"));
        self.may_publish([
            format!("$KV.{bucket}.>"),
            format!("$JS.API.STREAM.CREATE.KV_{bucket}"),
            format!("$JS.API.STREAM.PURGE.KV_{bucket}"),
        ]);
    }

    fn may_read_state(&mut self, wanted: &Wanted) {
        for bucket in state_buckets(&wanted.channels) {
            self.may_read_stream(&format!("KV_{bucket}"));
        }
        // Readers look for the older names, too, as long as the robot has not made its buckets.
        for channel in &wanted.channels {
            for kind in StateBucket::ALL {
                let older = kind
                    .names_to_try(&wanted.domain, channel)
                    .into_iter()
                    .skip(1);
                self.may_publish(older.map(|name| format!("$JS.API.STREAM.INFO.KV_{name}")));
            }
        }
    }

    fn may_read_events(&mut self, channels: &[String]) -> Result<(), SubjectError> {
        self.may_read_stream(EVENTS_STREAM);
        for channel in channels {
            self.may_hear([subject::channel_events(channel)?, subject::gap(channel)?]);
        }
        Ok(())
    }

    /// What every service says of itself and hears from others.
    fn is_service(&mut self) -> Result<(), SubjectError> {
        self.may_publish([subject::lifecycle(&self.name, "*")?]);
        self.may_hear([
            subject::command(&self.name)?,
            DISCOVERY_POLL.to_owned(),
            GROUP_RESTART.to_owned(),
        ]);
        self.answers = true;
        Ok(())
    }
}

/// The users.
pub(crate) fn users(wanted: &Wanted) -> Result<Vec<User>, UsersError> {
    check(wanted)?;
    let mut users = vec![robot(wanted)?, userstats(wanted)?];
    for wanted_bot in &wanted.bots {
        users.push(bot(wanted_bot, wanted)?);
    }
    users.push(reader(wanted)?);
    let names: Vec<String> = users.iter().map(|user| user.name.clone()).collect();
    let bots = || wanted.bots.iter().map(|bot| bot.name.clone()).collect();
    for commander in wanted.commanders.clone().unwrap_or_else(bots) {
        match users.iter_mut().find(|user| user.name == commander) {
            Some(user) => user.may_publish(command_subjects(&wanted.channels)?),
            None => return Err(UsersError::NoSuchUser(commander, names.join(", "))),
        }
    }
    Ok(users)
}

fn check(wanted: &Wanted) -> Result<(), UsersError> {
    if let Some(channel) = wanted.channels.iter().find(|name| !is_bucket_name(name)) {
        return Err(UsersError::Channel(channel.clone()));
    }
    let mut names = vec![ROBOT, USERSTATS, READER];
    let is_robots = |bucket: &String| {
        let is_of_channel = |kind: StateBucket| bucket.ends_with(&format!("_{}", kind.suffix()));
        let is_state =
            bucket.starts_with("kryten_") && StateBucket::ALL.into_iter().any(is_of_channel);
        is_state || bucket == LEASES
    };
    for bot in &wanted.bots {
        let is_name = !bot.name.is_empty() && normalize(&bot.name) == bot.name;
        // What the group is told, all services do.
        if !is_name || !is_bucket_name(&bot.name) || bot.name == "group" {
            return Err(UsersError::Name(bot.name.clone()));
        }
        if names.contains(&bot.name.as_str()) {
            return Err(UsersError::Twice(bot.name.clone()));
        }
        names.push(&bot.name);
        let mut buckets = bot.buckets.iter();
        if let Some(bucket) = buckets.find(|bucket| !is_bucket_name(bucket) || is_robots(bucket)) {
            return Err(UsersError::Bucket(bucket.clone()));
        }
    }
    Ok(())
}

fn state_buckets(channels: &[String]) -> impl Iterator<Item = String> {
    let of_channel = |channel: &String| StateBucket::ALL.map(|bucket| bucket.name(channel));
    channels.iter().flat_map(of_channel)
}

fn command_subjects(channels: &[String]) -> Result<Vec<String>, SubjectError> {
    let mut subjects = vec![subject::command(ROBOT)?];
    for channel in channels {
        subjects.push(subject::legacy_commands(channel)?);
    }
    subjects.extend(USER_LEVELS.map(str::to_owned));
    Ok(subjects)
}

/// The robot's rank, in all spellings of domain and channel.
const USER_LEVELS: [&str; 2] = ["kryten.user_level.>", "cytube.user_level.>"];

fn robot(wanted: &Wanted) -> Result<User, SubjectError> {
    let mut robot = User::new(ROBOT, wanted);
    robot.is_service()?;
    robot.seals = true;
    robot.may_hear(["kryten.lifecycle.*.*"]);
    robot.may_hear(USER_LEVELS);
    robot.may_publish([DISCOVERY_POLL, ROBOT_NOTICE]);
    robot.may_read_stream(EVENTS_STREAM);
    robot.may_publish([format!("$JS.API.STREAM.CREATE.{EVENTS_STREAM}")]);
    for channel in &wanted.channels {
        robot.may_publish([subject::channel_events(channel)?, subject::gap(channel)?]);
        robot.may_hear([subject::legacy_commands(channel)?]);
    }
    for bucket in state_buckets(&wanted.channels) {
        robot.may_keep_bucket(&bucket);
    }
    robot.may_keep_bucket(LEASES);
    Ok(robot)
}

fn userstats(wanted: &Wanted) -> Result<User, SubjectError> {
    let mut userstats = User::new(USERSTATS, wanted);
    userstats.is_service()?;
    userstats.seals = true;
    userstats.may_hear([subject::lifecycle(ROBOT, "startup")?]);
    userstats.may_read_events(&wanted.channels)?;
    // It may be started before the robot.
    userstats.may_publish([format!("$JS.API.STREAM.CREATE.{EVENTS_STREAM}")]);
    userstats.may_read_state(wanted);
    Ok(userstats)
}

fn bot(wanted_bot: &Bot, wanted: &Wanted) -> Result<User, SubjectError> {
    let mut bot = User::new(&wanted_bot.name, wanted);
    bot.is_service()?;
    bot.may_hear(["kryten.lifecycle.*.*"]);
    bot.may_read_events(&wanted.channels)?;
    bot.may_read_state(wanted);
    bot.may_publish([subject::command(USERSTATS)?]);
    for bucket in &wanted_bot.buckets {
        bot.may_keep_bucket(bucket);
    }
    Ok(bot)
}

fn reader(wanted: &Wanted) -> Result<User, SubjectError> {
    let mut reader = User::new(READER, wanted);
    reader.may_hear(["kryten.lifecycle.*.*"]);
    reader.may_read_events(&wanted.channels)?;
    reader.may_read_state(wanted);
    reader.may_publish([subject::command(USERSTATS)?]);
    Ok(reader)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(bots: &[&str], commanders: Option<&[&str]>) -> Wanted {
        Wanted {
            channels: vec!["Lounge".to_owned()],
            domain: "cytu.be".to_owned(),
            bots: bots.iter().map(|bot| bot.parse().unwrap()).collect(),
            commanders: commanders.map(|names| names.iter().map(|n| (*n).to_owned()).collect()),
            shared_inboxes: false,
        }
    }

    #[test]
    fn only_those_who_may_can_send_commands_and_nobody_hears_anothers_answers() {
        let made = users(&wanted(&["a", "b=x,y"], Some(&["b"]))).unwrap();
        for user in &made {
            let commands = ["kryten.robot.command", "kryten.commands.cytube.lounge.>"];
            let may = commands.map(|subject| user.publish.iter().any(|allowed| allowed == subject));
            assert_eq!(may, [user.name == "b"; 2], "{}", user.name);
            let inboxes: Vec<&String> = user
                .subscribe
                .iter()
                .filter(|s| s.contains("INBOX"))
                .collect();
            assert_eq!(inboxes, [&format!("_INBOX_{}.>", user.name)]);
            let writes = |prefix: &str| user.publish.iter().any(|s| s.starts_with(prefix));
            assert_eq!(writes("$KV.kryten_"), user.name == "robot");
            assert_eq!(writes("kryten.events."), user.name == "robot");
            assert_eq!(writes("$KV.x.>"), user.name == "b");
            assert!(!writes("$JS.API.STREAM.DELETE") && !writes("$JS.API.STREAM.UPDATE"));
        }
    }

    #[test]
    fn what_cannot_be_is_told() {
        for (bots, commanders, part) in [
            (&["Bot"][..], None, "cannot be a user's name"),
            (&["a.b"], None, "cannot be a user's name"),
            (&["group"], None, "cannot be a user's name"),
            (&["a=kryten_Other_state"], None, "cannot be a bucket"),
            (&["robot"], None, "two users robot"),
            (&["a", "a"], None, "two users a"),
            (&["a=kryten_Lounge_state"], None, "cannot be a bucket"),
            (&["a=kryten_leases"], None, "cannot be a bucket"),
            (&["a=*"], None, "cannot be a bucket"),
            (
                &["a"],
                Some(&["c"][..]),
                "no user c to send commands; the users are robot, userstats, a, reader",
            ),
        ] {
            let error = users(&wanted(bots, commanders)).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
        let mut channel = wanted(&[], None);
        channel.channels.push("no such!".to_owned());
        assert!(users(&channel).is_err());
    }
}
