//! The real kryten-py in a private Python environment, and a process that does with it what it is asked.
//!
//! - [`interpreter`]: the environment, made once and kept in the cache folder;
//! - [`PythonSide`]: a script that reads one JSON object a line and answers with one.
//!
//! kryten-py and kryten-robot both install a Python package called `kryten`, so the environment holds the first alone.
#![warn(missing_docs)]

mod environment;
mod side;

pub use environment::{EnvironmentError, interpreter};
pub use side::{PythonSide, SideError};
