//! The real Python originals in private environments, and a process that does with kryten-py what it is asked.
//!
//! - [`Environment`]: what is installed, made once and kept in the cache folder;
//! - [`PythonSide`]: a script that reads one JSON object a line and answers with one.
//!
//! kryten-py and kryten-robot both install a Python package called `kryten`, so each has an environment of its own.
#![warn(missing_docs)]

mod environment;
mod side;

pub use environment::{
    CLI, Environment, EnvironmentError, LIBRARY, OLD_SOCKETIO, ROBOT, USERSTATS,
};
pub use side::{PythonSide, SideError};
