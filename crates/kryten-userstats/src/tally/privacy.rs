//! Who is not to be counted, and from when to when.

use std::collections::HashMap;

use kryten_protocol::cytube::fold_name;
use kryten_protocol::time::WireTime;
use sha2::{Digest, Sha256};

/// What somebody wishes of what is known of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Not to be counted nor shown from now on.
    OptOut,
    /// To be counted and shown again.
    OptIn,
    /// Everything that was counted so far is to be gone.
    Forget,
}

impl Wish {
    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OptOut => "opt_out",
            Self::OptIn => "opt_in",
            Self::Forget => "forget",
        }
    }

    /// The one of this name.
    pub fn of(name: &str) -> Option<Self> {
        [Self::OptOut, Self::OptIn, Self::Forget]
            .into_iter()
            .find(|wish| wish.as_str() == name)
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Wishes {
    /// What happened until then does not count any more.
    forgotten: Option<i64>,
    out_since: Option<i64>,
    /// Spans of earlier wishes not to be counted.
    was_out: Vec<(i64, i64)>,
}

/// The wishes of everybody. Names are known by digest only, so that who is forgotten is not remembered by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Privacy {
    secret: String,
    wishes: HashMap<String, Wishes>,
}

impl Privacy {
    /// Nobody wishes anything; names are digested under this secret.
    pub fn new(secret: impl Into<String>) -> Self {
        Self {
            secret: secret.into(),
            wishes: HashMap::new(),
        }
    }

    /// Adds a wish; they come in the order of their times.
    pub fn add(&mut self, who: impl Into<String>, wish: Wish, at: WireTime) {
        let wishes = self.wishes.entry(who.into()).or_default();
        let at = at.micros();
        match wish {
            Wish::OptOut => {
                wishes.out_since.get_or_insert(at);
            }
            Wish::OptIn => {
                if let Some(since) = wishes.out_since.take() {
                    wishes.was_out.push((since, at));
                }
            }
            Wish::Forget => wishes.forgotten = wishes.forgotten.max(Some(at)),
        }
    }

    /// Whom a name means, in any case of its letters.
    pub fn who(&self, name: &str) -> String {
        let mut hash = Sha256::new();
        hash.update((self.secret.len() as u64).to_le_bytes());
        hash.update(self.secret.as_bytes());
        hash.update(fold_name(name).as_bytes());
        hex::encode(&hash.finalize()[..16])
    }

    /// Whether what this person did at a moment is not to be counted.
    pub fn hides(&self, name: &str, at: WireTime) -> bool {
        self.of(name).is_some_and(|wishes| {
            let at = at.micros();
            wishes.out_since.is_some()
                || wishes.forgotten.is_some_and(|until| at <= until)
                || wishes
                    .was_out
                    .iter()
                    .any(|(from, to)| (*from..=*to).contains(&at))
        })
    }

    /// Whether this person is not to be counted whatever comes.
    pub fn is_out(&self, name: &str) -> bool {
        self.out_since(name).is_some()
    }

    /// Since when this person is not to be counted.
    pub fn out_since(&self, name: &str) -> Option<WireTime> {
        let since = self.of(name)?.out_since?;
        Some(WireTime::from_micros(since))
    }

    /// Whether this person was forgotten, and may only come back by what they do themselves.
    pub fn is_forgotten(&self, name: &str) -> bool {
        self.of(name)
            .is_some_and(|wishes| wishes.forgotten.is_some())
    }

    /// Whether this person opted out or was forgotten since an earlier state of the wishes.
    pub fn has_gone_since(&self, earlier: &Self, name: &str) -> bool {
        let Some(wishes) = self.of(name) else {
            return false;
        };
        let before = earlier.wishes.get(&self.who(name));
        let was_out = before.is_some_and(|before| before.out_since.is_some());
        let forgotten = before.and_then(|before| before.forgotten);
        (wishes.out_since.is_some() && !was_out) || wishes.forgotten > forgotten
    }

    fn of(&self, name: &str) -> Option<&Wishes> {
        // Most channels have nobody who wishes anything.
        if self.wishes.is_empty() {
            return None;
        }
        self.wishes.get(&self.who(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> WireTime {
        WireTime::from_millis(second * 1000)
    }

    #[test]
    fn wishes_hold_for_their_time_and_in_any_case_of_the_name() {
        let mut privacy = Privacy::new("secret");
        let bob = privacy.who("Bob");
        assert_eq!(bob, privacy.who("bOB"));
        assert_ne!(bob, Privacy::new("other").who("bob"));
        privacy.add(&*bob, Wish::Forget, at(10));
        assert!(privacy.hides("bob", at(10)) && !privacy.hides("bob", at(11)));
        privacy.add(&*bob, Wish::OptOut, at(20));
        assert!(privacy.hides("bob", at(15)), "whatever was not counted yet");
        assert!(privacy.is_out("BOB") && !privacy.is_out("alice"));
        assert_eq!(privacy.out_since("bob"), Some(at(20)));
        privacy.add(&*bob, Wish::OptIn, at(30));
        let counted = [5, 15, 25, 35].map(|second| !privacy.hides("bob", at(second)));
        assert_eq!(counted, [false, true, false, true]);
    }

    #[test]
    fn only_new_wishes_make_somebody_go() {
        let mut before = Privacy::new("s");
        before.add(before.who("bob"), Wish::Forget, at(1));
        let mut after = before.clone();
        assert!(!after.has_gone_since(&before, "bob"));
        after.add(after.who("bob"), Wish::Forget, at(2));
        after.add(after.who("carol"), Wish::OptOut, at(2));
        assert!(after.has_gone_since(&before, "Bob") && after.has_gone_since(&before, "carol"));
        assert!(!after.has_gone_since(&before, "alice"));
    }
}
