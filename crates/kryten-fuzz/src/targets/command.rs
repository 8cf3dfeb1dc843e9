//! Requests and replies: what is written again is the same.

use kryten_protocol::command::{Reply, Request};
use kryten_protocol::robot::reply;
use kryten_protocol::userstats::reply as userstats;
use rand::rngs::StdRng;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::must;
use crate::corpus::COMMANDS;
use crate::mutate;

pub(super) fn make(random: &mut StdRng) -> Vec<u8> {
    mutate::message(random, &COMMANDS)
}

pub(super) fn check(input: &[u8]) -> Result<(), String> {
    same_again::<Request>(input)?;
    same_again::<Reply>(input)?;
    let Ok(whole) = serde_json::from_slice::<Value>(input) else {
        return Ok(());
    };
    // Every part of a reply that a client looks at; which one it is depends on what was asked.
    let data = whole.get("data").unwrap_or(&whole);
    let _ = (
        reply::failure(data),
        reply::queued(data),
        reply::userlist(data),
        reply::emotes(data),
    );
    let _ = (
        reply::playlist(data),
        reply::user(data),
        reply::text(data, "motd"),
        reply::object(data, "options"),
    );
    let _ = (
        reply::banlist(data),
        reply::channel_ranks(data),
        reply::chan_log(data),
    );
    let _ = (reply::search_results(data), reply::user_level(&whole));
    let _ = serde_json::from_value::<userstats::UserStats>(data.clone());
    Ok(())
}

/// What is read, written and read again is the same.
pub(super) fn same_again<T>(input: &[u8]) -> Result<(), String>
where
    T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let Ok(read) = serde_json::from_slice::<T>(input) else {
        return Ok(());
    };
    let written = serde_json::to_vec(&read)
        .map_err(|error| format!("{read:?} cannot be written: {error}"))?;
    let again: T = serde_json::from_slice(&written)
        .map_err(|error| format!("{read:?} cannot be read again: {error}"))?;
    must(again == read, || {
        format!("{again:?} is read again instead of {read:?}")
    })
}
