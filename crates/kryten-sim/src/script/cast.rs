//! Names, lines, emotes and films.

use super::Actor;

/// Names of no meaning to a detector: no phrase, no word of a vote.
const NAMES: [&str; 40] = [
    "owner",
    "modmary",
    "adminada",
    "alice",
    "bob",
    "carol",
    "dave",
    "erin",
    "frank",
    "grace",
    "heidi",
    "ivan",
    "judy",
    "mallory",
    "niaj",
    "olivia",
    "peggy",
    "rupert-77",
    "SYBIL",
    "trent",
    "ursula",
    "victor",
    "walter",
    "Xena_W",
    "yolanda",
    "zoe99",
    "Quentin_Q",
    "_under_",
    "BigPopcorn",
    "celluloid",
    "driveIn",
    "el_santo",
    "fog_machine",
    "goreHound",
    "hammer58",
    "italo-fan",
    "jaws_theme",
    "kaiju",
    "latenight",
    "matinee",
];

/// Emotes that are typed; they are never changed.
pub(super) const EMOTES: [&str; 10] = [
    "Kappa",
    "PogChamp",
    "lul",
    "wow_1",
    "popcorn",
    "GrindHype",
    "zzz",
    ":grind:",
    "D:",
    "Été",
];

/// How many of [`EMOTES`] are words, so that `#` and the name count as a use.
pub(super) const TYPED_EMOTES: usize = 7;

/// Lines that mean nothing to a detector.
pub(super) const PLAIN: [&str; 28] = [
    "hello everyone",
    "what is this one called",
    "who queued this",
    "the acting is something else",
    "I have seen this on tape once",
    "> implying this is art",
    "this soundtrack though",
    "the dubbing is out of sync again",
    "Tom & Jerry were better",
    "1 < 2 and 3 > 2",
    "ünïcode ☃ combining é ñ",
    "Привет всем",
    "مرحبا بالجميع",
    "日本語のメッセージです",
    "emoji 🎬🍿👻 family 👨‍👩‍👧‍👦",
    "https://example.com/a?b=1&c=2 look",
    "it's the one with the \"rubber\" bat",
    "that is not how boats work",
    "somebody get the popcorn",
    "brb",
    "back",
    "the boom mic is in shot",
    "two thumbs up from me",
    "C is my favourite letter",
    "one more and then to bed",
    "why is the moon so close",
    "I would watch a whole series of this",
    "he is right behind you",
];

const FIRST: [&str; 12] = [
    "Attack.of.the",
    "Curse of the",
    "Night of the",
    "Return_of_the",
    "Beast from the",
    "The Incredible",
    "Revenge of the",
    "Island of the",
    "Son of the",
    "I Married a",
    "Planet of the",
    "The Haunted",
];
const SECOND: [&str; 12] = [
    "Lobster People",
    "Killer Toaster",
    "Giant Shrew",
    "Mummy's Dentist",
    "Lunar Ape",
    "Swamp Janitor",
    "Radioactive Duck",
    "Invisible Butler",
    "Headless Plumber",
    "Atomic Beekeeper",
    "Vampire Accountant",
    "Clay Robot",
];
const ENDINGS: [&str; 4] = ["", ".mkv", " (1974)", "_(1981).mp4"];

/// The users of a channel of this size: the first three have ranks, the last sixth are guests.
pub(super) fn actors(count: usize) -> Vec<Actor> {
    (0..count)
        .map(|index| {
            let name = match NAMES.get(index) {
                Some(name) => (*name).to_owned(),
                None => format!("viewer_{index}"),
            };
            let rank = match index {
                0 => 5.0,
                1 => 2.0,
                2 => 3.0,
                guest if guest * 6 >= count * 5 => 0.0,
                _ => 1.0,
            };
            Actor { name, rank }
        })
        .collect()
}

/// The title of the film with this number; after some hundreds they come again.
pub(super) fn film_title(number: usize) -> String {
    let first = FIRST[number % 12];
    let second = SECOND[number / 12 % 12];
    let ending = ENDINGS[number / 3 % 4];
    format!("{first} {second}{ending}")
}
