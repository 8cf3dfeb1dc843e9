//! CyTube's answer to where its socket is: an address that a websocket can be opened at, or an error.

use kryten_cytube::socketconfig;
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::json;

use super::must;
use crate::mutate;

/// The status, a space, the body.
pub(super) fn make(random: &mut StdRng) -> Vec<u8> {
    let status = [200, 200, 200, 204, 404, 500, 0, 65535][random.random_range(0..8)];
    let servers = json!({"servers": [
        {"url": "https://a.example:8443", "secure": true},
        {"url": "http://b.example", "secure": false, "ipv6": true},
    ]});
    let corpus = [
        servers,
        json!({"error": "Channel does not exist"}),
        json!({"servers": []}),
    ];
    let mut input = format!("{status} ").into_bytes();
    input.extend(mutate::message(random, &corpus));
    input
}

pub(super) fn check(input: &[u8]) -> Result<(), String> {
    let space = input.iter().position(|byte| *byte == b' ');
    let (status, body) = input.split_at(space.unwrap_or(0));
    let status = String::from_utf8_lossy(status).parse().unwrap_or(200);
    let address = match socketconfig::read("https://a.example/socketconfig/x.json", status, body) {
        Ok(address) => address,
        Err(error) => {
            return must(!error.to_string().is_empty(), || {
                "an error without words".into()
            });
        }
    };
    must(
        address.starts_with("ws://") || address.starts_with("wss://"),
        || format!("{address:?} is no address of a websocket"),
    )?;
    must(
        address.ends_with("/socket.io/?EIO=4&transport=websocket")
            && !address.contains(char::is_whitespace),
        || format!("{address:?} is asked for"),
    )
}
