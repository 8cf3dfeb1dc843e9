//! Commands that act on CyTube: request → typed command → frames, one at a time and not too fast → what CyTube said.
//!
//! In reading order. Pure:
//!
//! - [`command`]: what can be asked;
//! - [`parse`]: a request as one of these, or why it is none;
//! - [`allowed`]: which of them the configuration allows;
//! - [`media_url`]: which medium an address names;
//! - [`plan`]: the frames of a command, and by what its effect shows;
//! - [`effect`]: what is waited for, fed with each frame of CyTube;
//! - [`pace`]: the queue that keeps within CyTube's limits;
//! - [`playback`]: where the film is.
//!
//! Shells: `desk` (queue and waiting of one channel), `perform` (a command from its plan to its reply).

pub mod allowed;
pub mod command;
pub(crate) mod desk;
pub mod effect;
pub mod media_url;
pub mod pace;
pub mod parse;
pub(crate) mod perform;
pub mod plan;
pub mod playback;
