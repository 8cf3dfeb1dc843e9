//! Who is not to be counted: what is known of them is dropped.

use std::collections::HashMap;

use super::{Privacy, Tally};

impl Tally {
    /// Who is not to be counted.
    pub fn privacy(&self) -> &Privacy {
        &self.privacy
    }

    /// Sets wishes that were read before what is known: whoever was forgotten by them and is known has come back.
    /// Returns under which names those are known who opted out, which one has stored who had not heard of it.
    pub fn begin_with(&mut self, privacy: Privacy) -> Vec<String> {
        let out = self.known(|name| privacy.is_out(name));
        self.follow(privacy, &out);
        out
    }

    /// Under which names those are known who by these wishes opt out, or are forgotten, since the ones that hold.
    pub fn gone_by(&self, privacy: &Privacy) -> Vec<String> {
        self.known(|name| privacy.has_gone_since(&self.privacy, name))
    }

    /// Sets who is not to be counted from now on. Nothing is remembered any more of those who opted out or were
    /// forgotten since; returns under which names they were known.
    pub fn set_privacy(&mut self, privacy: Privacy) -> Vec<String> {
        let gone = self.gone_by(&privacy);
        self.follow(privacy, &gone);
        gone
    }

    /// Names of users and of those who are somewhere.
    fn known(&self, is_meant: impl Fn(&str) -> bool) -> Vec<String> {
        let visitors = self.rooms.values().flat_map(HashMap::values);
        let visitors = visitors.flat_map(|room| room.visits.iter().map(|(name, _)| name));
        let names = self.names.iter().chain(visitors);
        let mut names: Vec<String> = names
            .filter(|name| is_meant(name))
            .map(str::to_owned)
            .collect();
        names.sort();
        names.dedup();
        names
    }

    fn follow(&mut self, privacy: Privacy, gone: &[String]) {
        for name in gone {
            self.names.remove(name);
        }
        for room in self.rooms.values_mut().flat_map(HashMap::values_mut) {
            for name in gone {
                room.visits.forget(name);
            }
            let votes = &mut room.memory.replayed_votes;
            votes.retain(|vote| !privacy.hides(&vote.voter, vote.at));
        }
        self.privacy = privacy;
    }
}
