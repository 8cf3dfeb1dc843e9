//! Votes to skip the film.

use serde_json::{Value, json};

use super::{Room, To};

impl Room {
    /// A user wants to skip the film; with enough of them it is skipped.
    pub(crate) fn vote_to_skip(&mut self, name: &str, now: i64) {
        let allowed = self.options["allow_voteskip"].as_bool().unwrap_or(false);
        if !allowed || self.current.is_none() || self.user(name).is_none_or(|user| user.afk) {
            return;
        }
        self.voters.insert(name.to_lowercase());
        self.tell_voteskip();
        let (count, need, eligible) = self.skip_numbers();
        if count >= need {
            let ratio = self.skip_ratio();
            let total = self.user_count();
            let away = total - eligible;
            let notice = format!(
                "Voteskip passed: {count}/{eligible} skipped; eligible voters: {eligible} = total ({total}) - AFK ({away}) - no permission (0); ratio = {ratio}"
            );
            self.voteskip_line(&notice, now);
            self.voters.clear();
            self.play_next(now);
        }
    }

    pub(super) fn tell_voteskip(&mut self) {
        let (count, need, _) = self.skip_numbers();
        let need = if count == 0 { 0 } else { need };
        let least = self.permission("viewvoteskip");
        let numbers = json!({"count": count, "need": need});
        self.tell(To::RankAtLeast(least), "voteskip", numbers);
    }

    fn skip_ratio(&self) -> f64 {
        self.options
            .get("voteskip_ratio")
            .and_then(Value::as_f64)
            .unwrap_or(0.5)
    }

    /// Votes, votes needed, and how many may vote.
    fn skip_numbers(&self) -> (usize, usize, usize) {
        let away = self.users.iter().filter(|user| user.afk).count();
        let eligible = self.user_count().saturating_sub(away);
        let need = (eligible as f64 * self.skip_ratio()).ceil().max(1.0) as usize;
        (self.voters.len(), need, eligible)
    }
}
