//! Several instances in memory, each with a look at the same rows.

use super::*;

/// The database, and the instances that look at it.
#[derive(Default)]
struct World {
    found: Found,
    lookouts: BTreeMap<String, Lookout>,
    now: Duration,
}

fn tokens(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

impl World {
    fn joins(&mut self, id: &str, channels: &[&str]) {
        self.found.rows.push(Row {
            id: id.to_owned(),
            has_ended: false,
            channels: tokens(channels),
            beat: 1,
        });
        self.lookouts.insert(id.to_owned(), Lookout::default());
    }

    fn row(&mut self, id: &str) -> &mut Row {
        self.found.rows.iter_mut().find(|row| row.id == id).unwrap()
    }

    /// What one of them does with a look of its own, at once.
    fn turn(&mut self, id: &str) -> Plan {
        self.row(id).beat += 1;
        let offers = self.row(id).channels.clone();
        let me = Me {
            id,
            offers: &offers,
            giving: &BTreeSet::new(),
        };
        let lookout = self.lookouts.get_mut(id).unwrap();
        let plan = lookout.look(me, &self.found, self.now);
        for (token, from) in &plan.take {
            if self.found.leases.get(token) == from.as_ref() {
                self.found.leases.insert(token.clone(), id.to_owned());
            }
        }
        for token in &plan.give {
            self.found.leases.remove(token);
        }
        for (dead, _) in &plan.dead {
            self.found.rows.retain(|row| row.id != *dead);
        }
        plan
    }

    /// All of these look, each so many times.
    fn rounds(&mut self, ids: &[&str], count: u32) {
        for _ in 0..count {
            for id in ids {
                self.turn(id);
            }
            self.now += BEAT;
        }
    }

    fn of(&self, id: &str) -> Vec<&str> {
        let leases = self.found.leases.iter();
        let mine = leases.filter(|(_, holder)| *holder == id);
        mine.map(|(token, _)| token.as_str()).collect()
    }
}

#[test]
fn one_alone_takes_everything_at_once_and_shares_with_those_who_come() {
    let mut world = World::default();
    let six = ["a", "b", "c", "d", "e", "f"];
    world.joins("one", &six);
    world.turn("one");
    assert_eq!(world.of("one").len(), 6);
    world.joins("two", &six);
    world.rounds(&["one", "two"], 4);
    assert_eq!((world.of("one").len(), world.of("two").len()), (3, 3));
    world.joins("three", &six);
    world.rounds(&["one", "two", "three"], 6);
    for id in ["one", "two", "three"] {
        assert_eq!(world.of(id).len(), 2, "{id}");
    }
    let before = world.found.leases.clone();
    world.rounds(&["one", "two", "three"], 20);
    assert_eq!(world.found.leases, before, "nothing moves without a reason");
}

#[test]
fn one_channel_stays_where_it_is() {
    let mut world = World::default();
    world.joins("one", &["a"]);
    world.joins("two", &["a"]);
    world.rounds(&["one", "two"], 10);
    assert_eq!((world.of("one"), world.of("two")), (vec!["a"], vec![]));
}

#[test]
fn one_that_stands_still_is_dead_after_six_seconds_and_its_channels_are_divided() {
    let mut world = World::default();
    let four = ["a", "b", "c", "d"];
    for id in ["one", "two", "three"] {
        world.joins(id, &four);
    }
    world.rounds(&["one", "two", "three"], 8);
    assert!(!world.of("one").is_empty());
    world.rounds(&["two", "three"], 3);
    assert!(!world.of("one").is_empty(), "not yet");
    world.rounds(&["two", "three"], 3);
    assert_eq!((world.of("two").len(), world.of("three").len()), (2, 2));
}

#[test]
fn a_process_that_has_ended_is_not_waited_for() {
    let mut world = World::default();
    world.joins("one", &["a", "b"]);
    world.turn("one");
    world.row("one").has_ended = true;
    world.joins("two", &["a", "b"]);
    let plan = world.turn("two");
    assert_eq!(world.of("two"), ["a", "b"]);
    assert_eq!(plan.dead, [("one".to_owned(), 2)]);
    assert_eq!(plan.take[0], ("a".to_owned(), Some("one".to_owned())));
}

#[test]
fn whoever_was_suspended_itself_calls_nobody_dead() {
    let mut world = World::default();
    world.joins("one", &["a", "b"]);
    world.joins("two", &["a", "b"]);
    world.rounds(&["one", "two"], 4);
    world.now += Duration::from_secs(3600);
    assert!(world.turn("one").dead.is_empty());
    world.rounds(&["two", "one"], 4);
    assert_eq!((world.of("one").len(), world.of("two").len()), (1, 1));
}

#[test]
fn one_that_wakes_up_has_nothing_and_gets_its_share_back() {
    let mut world = World::default();
    world.joins("one", &["a", "b", "c", "d"]);
    world.joins("two", &["a", "b", "c", "d"]);
    world.rounds(&["one", "two"], 4);
    world.rounds(&["two"], 6);
    assert_eq!(world.of("two").len(), 4);
    world.found.rows.push(Row {
        id: "one".to_owned(),
        has_ended: false,
        channels: tokens(&["a", "b", "c", "d"]),
        beat: 100,
    });
    world.rounds(&["one", "two"], 5);
    assert_eq!((world.of("one").len(), world.of("two").len()), (2, 2));
}

#[test]
fn instances_share_only_what_both_have() {
    let mut world = World::default();
    world.joins("one", &["a", "b", "c", "d"]);
    world.joins("two", &["d", "x"]);
    world.rounds(&["one", "two"], 8);
    assert_eq!(world.of("one"), ["a", "b", "c"]);
    assert_eq!(world.of("two"), ["d", "x"]);
}

#[test]
fn one_that_cannot_count_gives_everything_away_if_somebody_can() {
    let mut world = World::default();
    world.joins("one", &["a", "b"]);
    world.turn("one");
    world.row("one").channels.clear();
    world.rounds(&["one"], 3);
    assert_eq!(world.of("one"), ["a", "b"], "nobody else is there");
    world.joins("two", &["a", "b"]);
    world.rounds(&["one", "two"], 3);
    assert_eq!(world.of("two"), ["a", "b"]);
}

#[test]
fn one_that_was_never_seen_alive_is_not_counted_on() {
    let mut world = World::default();
    world.joins("long gone", &["a", "b", "c", "d"]);
    world.joins("one", &["a", "b", "c", "d"]);
    world.turn("one");
    assert_eq!(world.of("one").len(), 4);
    world.rounds(&["one"], 6);
    assert_eq!(world.of("one").len(), 4);
    assert_eq!(world.found.rows.len(), 1, "its row is gone");
}
