//! Commands on `kryten.robot.command` and on the older subject: the request, its effect in CyTube, the reply.

pub(crate) mod fixture;
mod moderation;
mod playlist;
mod refusals;
mod settings;
mod talking;
