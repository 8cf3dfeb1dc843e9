//! The library's list of commands and the robot's are of the same commands.

use std::collections::BTreeSet;
use std::path::Path;

use kryten_robot::commands::allowed::AllowedCommands;
use kryten_robot::commands::parse::{Action, action_of, names_of};

/// What the robot takes and the library has no method for: other names of the same, what kryten-py has under names
/// that lead to nothing, and what only operators need (`RobotCommand::Other` sends them).
const ROBOT_ONLY: [&str; 8] = [
    "halt",
    "playlist.delete",
    "playlist.move",
    "playlist.queue",
    "renameemote",
    "setemotes",
    "unkick",
    // The library says `/unmute`, which the original takes as well.
    "unmute",
];

/// Each name that `RobotCommand`, `StateQuery` and `SystemCommand` have on the wire.
fn of_the_library() -> BTreeSet<String> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../kryten-protocol/src/robot/request.rs");
    let source = std::fs::read_to_string(path).unwrap();
    let bodies = source.split("fn name(&self)").skip(1);
    let arms = bodies.flat_map(|body| {
        body.split("\n    }\n")
            .next()
            .unwrap()
            .split("=> \"")
            .skip(1)
    });
    arms.map(|arm| arm.split('"').next().unwrap().to_owned())
        .collect()
}

#[test]
fn the_robot_takes_each_command_of_the_library_and_the_library_has_each_of_the_robots() {
    let library = of_the_library();
    assert!(library.len() > 50, "{library:?}");
    let mut known = BTreeSet::new();
    for name in &library {
        match action_of(name) {
            Some(action) => drop(known.insert(names_of(action)[0])),
            // A pattern that stands for no command is refused.
            None => drop(AllowedCommands::read(None, std::slice::from_ref(name)).unwrap()),
        }
    }
    let robot: BTreeSet<&str> = Action::all().map(|action| names_of(action)[0]).collect();
    let unknown: Vec<&str> = robot.difference(&known).copied().collect();
    assert_eq!(unknown, ROBOT_ONLY);
}
