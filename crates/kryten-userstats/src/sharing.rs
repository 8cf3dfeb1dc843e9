//! Which of several instances on one database counts which channel. Pure; `instances` reads and writes the rows.
//!
//! Each instance moves its beat on again and again. Whoever looks measures with its own clock how long another one's
//! beat stands still, so no two clocks are compared. A lease says only who is to work: what may be written is decided by
//! the epoch, which only the holder of the lease may raise.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

/// How often an instance moves its beat on, and looks.
pub(crate) const BEAT: Duration = Duration::from_millis(1500);
/// An instance whose beat stands still for so long is dead.
const EXPIRY: Duration = Duration::from_secs(6);
/// What one look may add to the time that a beat stood still: whoever was suspended, or without the database, has seen
/// nothing of the others meanwhile.
const LONGEST_GLANCE: Duration = Duration::from_secs(3);

/// An instance as its row tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) id: String,
    /// Its process has ended, as far as can be known here.
    pub(crate) has_ended: bool,
    /// The channels that it would count, by subject token.
    pub(crate) channels: BTreeSet<String>,
    pub(crate) beat: i64,
}

/// What stands in the database.
#[derive(Debug, Clone, Default)]
pub(crate) struct Found {
    /// All instances, this one too.
    pub(crate) rows: Vec<Row>,
    /// Who holds which channel.
    pub(crate) leases: BTreeMap<String, String>,
}

/// This instance.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Me<'a> {
    pub(crate) id: &'a str,
    /// The channels that it would count; none while it cannot count.
    pub(crate) offers: &'a BTreeSet<String>,
    /// Channels that it is about to give away.
    pub(crate) giving: &'a BTreeSet<String>,
}

/// What is to be done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Instances that are dead, with their last beat.
    pub(crate) dead: Vec<(String, i64)>,
    /// Channels to take, and from whom; `None` for one that nobody held.
    pub(crate) take: Vec<(String, Option<String>)>,
    /// Channels to give away, after what is counted is committed.
    pub(crate) give: BTreeSet<String>,
    /// The others that live.
    pub(crate) alive: BTreeSet<String>,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    beat: i64,
    stood: Duration,
    /// It was seen to move: it lived when we did.
    has_moved: bool,
}

/// One who looks at the others. Moments are durations since any fixed start.
#[derive(Debug, Default)]
pub(crate) struct Lookout {
    seen: HashMap<String, Seen>,
    looked: Option<Duration>,
}

impl Lookout {
    pub(crate) fn look(&mut self, me: Me<'_>, found: &Found, now: Duration) -> Plan {
        let others: Vec<&Row> = found.rows.iter().filter(|row| row.id != me.id).collect();
        self.see(&others, now);
        let (mut dead, mut alive) = (Vec::new(), BTreeMap::new());
        for row in others {
            let seen = self.seen.get(&row.id);
            if row.has_ended || seen.is_some_and(|seen| seen.stood >= EXPIRY) {
                dead.push((row.id.clone(), row.beat));
            } else {
                alive.insert(row.id.as_str(), (row, seen.is_some_and(|s| s.has_moved)));
            }
        }
        let holds = |id: &str| found.leases.values().filter(|holder| *holder == id).count();
        let mut loads: BTreeMap<&str, usize> = alive.keys().map(|id| (*id, holds(id))).collect();
        loads.insert(me.id, holds(me.id));
        let mut take = Vec::new();
        for token in me.offers {
            let holder = found.leases.get(token).map(String::as_str);
            if holder.is_some_and(|holder| holder == me.id || alive.contains_key(holder)) {
                continue;
            }
            // One that was never seen to move may have been dead for long, and is not waited for.
            let could = alive
                .iter()
                .filter(|(_, (row, has_moved))| *has_moved && row.channels.contains(token));
            let rivals = could.map(|(id, _)| *id);
            let next = rivals.chain([me.id]).min_by_key(|id| (loads[id], *id));
            let next = next.unwrap_or(me.id);
            *loads.entry(next).or_default() += 1;
            if next == me.id {
                take.push((token.clone(), holder.map(str::to_owned)));
            }
        }
        let able: Vec<(&Row, usize)> = alive
            .values()
            .filter(|(_, has_moved)| *has_moved)
            .map(|(row, _)| (*row, loads[row.id.as_str()]))
            .collect();
        let give = match take.is_empty() {
            true => give(me, found, &able),
            false => BTreeSet::new(),
        };
        Plan {
            dead,
            take,
            give,
            alive: alive.into_keys().map(str::to_owned).collect(),
        }
    }

    fn see(&mut self, others: &[&Row], now: Duration) {
        let looked = self.looked.replace(now).unwrap_or(now);
        let glance = now.saturating_sub(looked).min(LONGEST_GLANCE);
        self.seen
            .retain(|id, _| others.iter().any(|row| row.id == *id));
        for row in others {
            let fresh = Seen {
                beat: row.beat,
                stood: Duration::ZERO,
                has_moved: false,
            };
            let seen = self.seen.entry(row.id.clone()).or_insert(fresh);
            if seen.beat == row.beat {
                seen.stood += glance;
            } else {
                *seen = Seen {
                    has_moved: true,
                    ..fresh
                };
            }
        }
    }
}

/// What is to be given away: all that cannot be counted here, else a part of what is more than another's share.
fn give(me: Me<'_>, found: &Found, others: &[(&Row, usize)]) -> BTreeSet<String> {
    let held = found.leases.iter().filter(|(_, holder)| *holder == me.id);
    let mine: Vec<&String> = held
        .map(|(token, _)| token)
        .filter(|token| !me.giving.contains(*token))
        .collect();
    let wanted = |token: &String| others.iter().any(|(row, _)| row.channels.contains(token));
    let useless: BTreeSet<String> = mine
        .iter()
        .filter(|token| !me.offers.contains(**token) && wanted(token))
        .map(|token| (*token).clone())
        .collect();
    if !useless.is_empty() {
        return useless;
    }
    let poorest = others
        .iter()
        .filter(|(row, _)| mine.iter().any(|token| row.channels.contains(*token)))
        .min_by_key(|(row, load)| (*load, &row.id));
    let Some((poorest, load)) = poorest else {
        return BTreeSet::new();
    };
    if mine.len() < load + 2 {
        return BTreeSet::new();
    }
    let surplus = ((mine.len() - load) / (others.len() + 1)).max(1);
    mine.into_iter()
        .rev()
        .filter(|token| poorest.channels.contains(*token))
        .take(surplus)
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests;
