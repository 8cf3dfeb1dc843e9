//! Polls.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::chat::escape;
use super::{Room, To};

#[derive(Debug, Clone)]
pub(crate) struct Poll {
    title: String,
    options: Vec<String>,
    initiator: String,
    timestamp: i64,
    is_hidden: bool,
    votes: BTreeMap<String, usize>,
}

impl Poll {
    /// `counts` are numbers; of a hidden poll texts, `"1?"` for those who may see it and `"?"` for the others.
    pub(super) fn json(&self, may_see: bool) -> Value {
        let counts: Vec<usize> = (0..self.options.len())
            .map(|option| self.votes.values().filter(|vote| **vote == option).count())
            .collect();
        let counts: Vec<Value> = counts
            .into_iter()
            .map(|count| match (self.is_hidden, may_see) {
                (false, _) => count.into(),
                (true, true) => format!("{count}?").into(),
                (true, false) => "?".into(),
            })
            .collect();
        json!({
            "title": self.title, "options": self.options, "counts": counts,
            "initiator": self.initiator, "timestamp": self.timestamp,
        })
    }
}

impl Room {
    pub(crate) fn open_poll(
        &mut self,
        title: &str,
        options: &[String],
        hidden: bool,
        by: &str,
        now: i64,
    ) {
        self.close_poll();
        self.poll = Some(Poll {
            title: escape(title),
            options: options.iter().map(|option| escape(option)).collect(),
            initiator: by.to_owned(),
            timestamp: now,
            is_hidden: hidden,
            votes: BTreeMap::new(),
        });
        self.tell_poll("newPoll");
    }

    /// A vote; another one of the same voter replaces it.
    pub(crate) fn vote(&mut self, voter: &str, option: i64) {
        let Some(poll) = &mut self.poll else {
            return;
        };
        if let Ok(option) = usize::try_from(option)
            && option < poll.options.len()
        {
            poll.votes.insert(voter.to_lowercase(), option);
            self.tell_poll("updatePoll");
        }
    }

    /// Closes the poll; a hidden one is shown first.
    pub(crate) fn close_poll(&mut self) {
        let Some(poll) = &mut self.poll else {
            return;
        };
        if std::mem::replace(&mut poll.is_hidden, false) {
            self.tell_poll("updatePoll");
        }
        self.poll = None;
        self.tell(To::All, "closePoll", Value::Null);
    }

    pub(super) fn tell_poll(&mut self, event: &str) {
        for connection in self.viewers.keys().copied().collect::<Vec<_>>() {
            self.tell_poll_to(connection, event);
        }
    }

    pub(super) fn tell_poll_to(&mut self, connection: super::ConnectionId, event: &str) {
        let may_see = self.viewer_rank(connection) >= self.permission("viewhiddenpoll");
        if let Some(poll) = &self.poll {
            let poll = poll.json(may_see);
            self.tell(To::One(connection), event, poll);
        }
    }

    /// `newPoll` of a client: what is wrong with it, if something is.
    pub(super) fn request_poll(
        &mut self,
        payload: &Value,
        by: &str,
        now: i64,
    ) -> Result<(), String> {
        let missing =
            |what: &str| format!("Unexpected error for message newPoll: Missing key: {what}");
        let title = payload["title"]
            .as_str()
            .ok_or_else(|| missing("string:title"))?;
        let options = payload["opts"]
            .as_array()
            .ok_or_else(|| missing("array:opts"))?;
        let hidden = payload["obscured"]
            .as_bool()
            .ok_or_else(|| missing("boolean:obscured"))?;
        let options: Vec<String> = options
            .iter()
            .filter_map(|option| Some(option.as_str()?.to_owned()))
            .collect();
        if options.len() > 50 {
            return Err("Polls are limited to a maximum of 50 options.".to_owned());
        }
        self.open_poll(title, &options, hidden, by, now);
        Ok(())
    }
}
