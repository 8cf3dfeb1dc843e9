//! Lifecycle messages and gaps: what is written again is the same.

use kryten_protocol::gap::Gap;
use kryten_protocol::lifecycle::Announcement;
use rand::rngs::StdRng;

use super::command::same_again;
use crate::corpus::LIFECYCLE;
use crate::mutate;

pub(super) fn make(random: &mut StdRng) -> Vec<u8> {
    mutate::message(random, &LIFECYCLE)
}

pub(super) fn check(input: &[u8]) -> Result<(), String> {
    same_again::<Announcement>(input)?;
    same_again::<Gap>(input)
}
